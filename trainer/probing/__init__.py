"""Short experiments on a copy of the state of a run."""
