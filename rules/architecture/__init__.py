"""Rules about the layers."""
