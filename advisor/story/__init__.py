"""The story of a run: folds of its events and ledger that the screen, the lines and the report share."""
