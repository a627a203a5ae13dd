"""Rules about numbers that run away."""
