"""Rules about what a run spends beside training."""
