"""Trainings that are not ours: their logs are read into curves, put to the same rules, and told as a diagnosis."""
