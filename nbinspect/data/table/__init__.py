"""Columns as tables and as texts."""
