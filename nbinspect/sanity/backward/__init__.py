"""Checks of one or two backward passes."""
