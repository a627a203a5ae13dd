"""What the trainer said and the sensors saw, folded into bounded windows."""
