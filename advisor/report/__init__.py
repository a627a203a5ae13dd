"""The diagnosis report: a fold of the ledger and the events."""
