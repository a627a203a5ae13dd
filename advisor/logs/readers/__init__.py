"""Readers: one file a format, each a function that puts what a log holds into a frame."""
