"""Rules about training against held-out data."""
