"""All that one optimizer step is made of."""
