"""One file for each kind of trial; each is a pure state machine."""
