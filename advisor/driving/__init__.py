"""The process that drives a run: it listens, writes the ledger, and supervises the trainer."""
