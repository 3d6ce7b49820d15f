"""What checks share: measurements, and ways to follow values, gradients and lines of source."""
