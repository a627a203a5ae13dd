"""The finished model made smaller, written, read back, and scored beside the original."""
