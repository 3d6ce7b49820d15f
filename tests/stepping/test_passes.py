"""What a pass keeps in memory, and what it lets go."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import Net, normal

pytestmark = pytest.mark.slow

Opened = Callable[..., ForwardStepper]


class Long(nn.Module):
    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.steps):
            x = x * 1.01
        return x


def test_tensors_of_steps_that_have_passed_are_freed(opened: Opened) -> None:
    """Without a graph only the tensor at the cursor lives."""
    with torch.no_grad():
        stepper = opened(Long(20), normal(64, 64))
    passed = []
    for _ in range(20):
        stepper.into()
        assert all(one() is None for one in passed[:-1])
        passed.append(weakref.ref(stepper.tensor))
    stepper.run()
    gc.collect()
    assert [one() for one in passed[:-1]] == [None] * 19


def test_a_failed_pass_holds_no_tensors(opened: Opened) -> None:
    """The exception's own frames are let go of with it."""
    stepper = opened(Net(), normal(4, 3, 10, 10))
    stepper.run_to("F.relu")
    live = weakref.ref(stepper.tensor)
    stepper.run()
    assert stepper.state == "failed"
    gc.collect()
    assert live() is None


def test_at_most_8_kb_are_kept_of_a_step(opened: Opened) -> None:
    """The memory that grows with the number of steps stays under the bound that is stated."""

    def kept(steps: int) -> int:
        with torch.no_grad():
            stepper = opened(Long(steps), normal(64, 128))
        stepper.run()
        stepper.steps  # noqa: B018 - which fetches the statistics
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        kept(50)
        before = tracemalloc.get_traced_memory()[0]
        few = kept(100) - before
        more = kept(800) - before
    finally:
        tracemalloc.stop()
    assert (more - 2 * few) / 600 < 8192


def test_subsamples_are_of_512_values_at_most(opened: Opened) -> None:
    """What passes are compared by is thinned, also of steps whose statistics nobody has asked for."""
    stepper = opened(Long(2000), normal(64, 128))
    stepper.run()
    going = stepper._pass
    assert len(going._fresh_samples) <= 2 * 1024
    stepper.steps  # noqa: B018 - which fetches the statistics
    assert len(going.samples) >= 2000
    assert max(len(values) for values in going.samples.values()) <= 512
