"""What is found in a data set that was scanned."""
