"""Lines of the user's code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A line of the user's code."""

    file: str
    line: int
    function: str
    """As Python qualifies it: ``Net.forward``."""
    first: int
    """The line on which that function begins; with `file` it finds the `SourceCode`."""


@dataclass(frozen=True)
class SourceCode:
    """A function of the user's, as text."""

    file: str
    function: str
    first: int
    lines: tuple[str, ...]
