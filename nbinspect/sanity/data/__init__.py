"""Checks of batches, before any pass."""
