"""The fault bench: faulty and healthy trainings, run untouched, advised, mended by hand and mended at random."""
