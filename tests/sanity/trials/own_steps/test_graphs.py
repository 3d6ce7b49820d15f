from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.trials.own_steps.graphs import Alive, alive_after_steps
from tests.sanity.trials.ways import parts, program_of, work


@pytest.fixture
def nothing_aside() -> Iterator[None]:
    """The garbage collector as users have it: these tests set aside what was there before them."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.mark.parametrize(
    ("counts", "slope"),
    [((10, 20, 30), 5.0), ((10, 10, 10), 0.0), ((10, 20, 20), 0.0), ((10, 90, 100), 0.0), ((7,), 0.0)],
)
def test_growth_is_even(counts: tuple[int, ...], slope: float) -> None:
    """Each step must add about as much; what fills and stops, or came once, is no growth."""
    alive = Alive((4, 6, 8)[: len(counts)], counts, counts)
    assert alive.nodes_a_step == slope


def test_what_was_alive_before_is_not_counted(nothing_aside: None) -> None:
    """A graph that the user keeps is no growth, and the garbage collector is as it was."""
    model, optimizer, loader = parts()
    own = [model(loader[0][0]) for _ in range(5)]
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=work)
    alive = alive_after_steps(program, batches, (2, 3))
    assert alive.nodes == (0, 0)
    assert alive.goes_back
    assert gc.get_freeze_count() == 0
    assert len(own) == 5


def test_a_step_that_raises_otherwise_is_a_missing_need(nothing_aside: None) -> None:
    """Only going back into an earlier graph is an answer."""
    model, _, loader = parts()
    calls = [0]

    def step(batch: Any) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise RuntimeError("<b>no</b>")
        torch.zeros(())

    program, batches = program_of(model, loader, train_step=step)
    with pytest.raises(MissingNeed, match="no"):
        alive_after_steps(program, batches, (2, 3))
    assert gc.get_freeze_count() == 0
