"""What is noted of each sample as it comes by."""
