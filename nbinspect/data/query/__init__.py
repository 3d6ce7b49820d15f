"""Filters over columns: a language in which no code can be written."""
