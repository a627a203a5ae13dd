"""Recorded runs: small real trainings, and the ledger that each must give when it is heard again."""
