"""What stands, what is done about it, and why: pure functions of signals and history."""
