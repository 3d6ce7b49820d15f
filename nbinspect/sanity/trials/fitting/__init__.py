"""Batches that are learnt by heart: how low, by which curve, and what keeps a network from it."""
