"""Checks of the untrained network on one batch."""
