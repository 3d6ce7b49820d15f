"""Where an error comes from."""
