"""Comparison of runs: what is better, what is worse, and what cannot be told apart from noise."""
