"""Data: sources, splits, the order of the epoch, and feeds that can be rebuilt in place."""
