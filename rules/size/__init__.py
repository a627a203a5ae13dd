"""Rules about the size of the finished model."""
