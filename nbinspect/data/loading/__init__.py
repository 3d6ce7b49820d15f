"""A whole loader gone through undisturbed, whatever its samples and workers do."""
