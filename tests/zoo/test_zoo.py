"""A fixed part of the zoo, and what the zoo itself must be."""

from __future__ import annotations

import zlib
from collections import Counter

import pytest

from tests.zoo.every import every_program
from tests.zoo.outcome import outcome_of
from tests.zoo.program import Program

pytestmark = pytest.mark.slow

PROGRAMS = every_program()
PART = [program for program in PROGRAMS if zlib.crc32(program.name.encode()) % 432 == 73]


def test_the_zoo_is_large_and_mostly_of_others() -> None:
    """At least 60 broken and 40 healthy programs, as many kept aside, no name twice; half of the healthy of others."""
    healthy = [program for program in PROGRAMS if program.is_healthy]
    assert len(PROGRAMS) - len(healthy) >= 60
    assert len(healthy) >= 40
    assert max(Counter(program.name for program in PROGRAMS).values()) == 1
    assert sum(program.source != "own" for program in healthy) >= len(healthy) / 2
    assert sum(program.is_aside and not program.is_healthy for program in PROGRAMS) >= 60
    assert sum(program.is_aside and program.is_healthy for program in PROGRAMS) >= 40


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PART, ids=lambda program: program.name)
def test_healthy_programs_raise_no_alarm_and_no_check_breaks(program: Program) -> None:
    """No check fails on a healthy program, and none ends in an error on any program."""
    outcome = outcome_of(program)
    assert not outcome.errors, outcome.told
    if program.is_healthy:
        assert not outcome.failed, outcome.told
