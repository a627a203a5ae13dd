"""Runs without the full screen: progress lines, JSON lines, and which viewer a terminal gets."""
