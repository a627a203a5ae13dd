"""The batch of each step dealt out to several processes."""
