"""The terminal UI: it watches a run by its files and writes nothing but wishes."""
