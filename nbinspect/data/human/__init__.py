"""What a person makes of the same samples."""
