"""Rules about how a run is spread over the machine."""
