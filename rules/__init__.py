"""Rules: pure functions from facts to at most one finding."""

FLOOR_MARK = "training-advisor/rules"
"""Tells our `rules` from a stranger's package of the same name."""
