"""The advisor: profiles, watches, decides, tries, judges and shows."""

FLOOR_MARK = "training-advisor/advisor"
"""Tells our `advisor` from a stranger's package of the same name."""
