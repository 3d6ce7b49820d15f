from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.soak.long_run import HOUR_STEPS, LongRun

STEPS = HOUR_STEPS // 10


def test_a_long_run_takes_no_more_memory_than_a_short_one(tmp_path: Path, record_property: Any) -> None:
    """After a tenth of 100,000 steps neither process nor messages to the page grow, and the log grows evenly."""
    run = LongRun(tmp_path)
    early, middle, late = run.train(STEPS, (STEPS // 10, STEPS // 2, STEPS))
    run.close()
    record_property("held", [vars(held) for held in (early, middle, late)])
    assert late.process - early.process < 16e6
    assert late.objects - early.objects < 2000
    assert late.message < 40_000
    assert late.whole < 500_000
    a_step = (late.log - middle.log) / (STEPS // 2)
    assert a_step == pytest.approx((middle.log - early.log) / (STEPS // 2 - STEPS // 10), rel=0.2)
    assert run.follow.record.steps == STEPS
    assert sum(1 for each in run.follow.record.traces if each.name == "loss") == 1
