"""What the output of a sample depends on: its input, other samples, later places, padding."""
