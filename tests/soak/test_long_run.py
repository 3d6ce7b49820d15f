from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.soak.long_run import LongRun

pytestmark = pytest.mark.slow

EARLY, MIDDLE, STEPS = 20_000, 30_000, 60_000
"""What is kept in bounds has filled up by the first; an object that is left at each telling makes 1,480 by the last."""


def test_a_long_run_takes_no_more_memory_than_a_short_one(tmp_path: Path, record_property: Any) -> None:
    """After a third of 60,000 steps neither process nor messages to the page grow, and the log grows evenly."""
    run = LongRun(tmp_path)
    early, middle, late = run.train(STEPS, (EARLY, MIDDLE, STEPS))
    run.close()
    record_property("held", [vars(held) for held in (early, middle, late)])
    assert late.process - early.process < 7e6
    assert late.objects - early.objects < 700
    assert late.message < 40_000
    assert late.whole < 500_000
    a_step = (late.log - middle.log) / (STEPS - MIDDLE)
    assert a_step == pytest.approx((middle.log - early.log) / (MIDDLE - EARLY), rel=0.2)
    assert run.follow.record.steps == STEPS
    assert sum(1 for each in run.follow.record.traces if each.name == "loss") == 1
