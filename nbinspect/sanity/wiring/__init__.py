"""Checks of a forward pass, its operations and its graph."""
