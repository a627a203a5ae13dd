"""What changes a network, its inputs or its targets while the code of its class stays as it is."""
