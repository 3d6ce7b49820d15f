"""Checks that train a little, on copies."""
