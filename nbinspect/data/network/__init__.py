"""What a network makes of each sample, and where it errs."""
