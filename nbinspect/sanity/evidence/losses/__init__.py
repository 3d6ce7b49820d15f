"""What a loss is given, what it takes, and what it would be by chance."""
