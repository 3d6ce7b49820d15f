"""Every program of the zoo."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.zoo.program import PROGRAMS, Program

_KINDS = ("*_pairs*.py", "lookalikes*.py", "unseen_*.py")


def every_program() -> list[Program]:
    """Return all programs, in the order of their files."""
    for pattern in _KINDS:
        for path in sorted(Path(__file__).parent.glob(pattern)):
            importlib.import_module(f"tests.zoo.{path.stem}")
    return list(PROGRAMS)
