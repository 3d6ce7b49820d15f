"""Every program of the zoo.

Those of `own` were written beside the checks, those of `aside` by people who had not seen them; a part that was kept
aside, and has been read since, lies in `retired`.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.zoo.program import PROGRAMS, Program


def every_program() -> list[Program]:
    """Return all programs, in the order of their files."""
    for part in ("own", "retired", "aside"):
        for path in sorted((Path(__file__).parent / part).glob("*.py")):
            importlib.import_module(f"tests.zoo.{part}.{path.stem}")
    return list(PROGRAMS)
