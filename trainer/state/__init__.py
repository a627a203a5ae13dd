"""The state of a run: taken, put back, and kept on disk."""
