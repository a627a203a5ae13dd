"""Facts from signals: one file for each concern."""
