"""Sensors: each reads one source; no thresholds, no opinions."""
