from __future__ import annotations

from torch import nn

from nbinspect.dynamics.history import History
from nbinspect.dynamics.instruments import Instrument
from nbinspect.dynamics.measuring import Measuring
from nbinspect.subject import make_subject


def test_an_instrument_that_raises_is_told_once_and_left_out() -> None:
    """What an instrument raises is said, by its kind where it has no words, and it is not used again."""
    told: list[str] = []
    calls: list[int] = []

    def broken(step: int) -> None:
        calls.append(step)
        raise AssertionError

    measuring = Measuring(
        make_subject(nn.Linear(2, 2)),
        History(),
        [Instrument("odd", 0.5, 0.0, broken)],
        tell=lambda: None,
        report=told.append,
        share=1.0,
        per_step=0.0,
    )
    measuring.begin()
    measuring.last(3)
    assert calls[-1] == 0
    assert len(told) == 1
    assert told[0].startswith(f"odd: it is not measured any more: AssertionError at {__file__}")
