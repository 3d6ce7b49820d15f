"""Data and models that are known to work, and the swap that tells which of a user's two is at fault."""
