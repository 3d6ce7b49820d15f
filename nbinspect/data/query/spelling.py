"""Columns and conditions as a query spells them."""

from __future__ import annotations


def equals(column: str, word: str) -> str:
    """Return the query for samples whose class or text is this word."""
    return f"{spelled(column)} == {word!r}"


def spelled(column: str) -> str:
    """Return the name of a column as a query spells it."""
    return column if column.isidentifier() else "`" + column.replace("`", "``") + "`"
