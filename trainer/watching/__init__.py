"""What is measured while the run goes on, without a synchronisation."""
