"""Rules about the device and the throughput."""
