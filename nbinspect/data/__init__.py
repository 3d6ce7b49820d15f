"""A data set, sample by sample: read once through the user's own loader, and described in columns."""
