"""Rules about the learning rate and its companions."""
