from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nbinspect.sanity.trials.running.following import followers

G = torch.Generator().manual_seed(4)


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=G)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 0.9999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_an_average_follows(decay: float, dtype: torch.dtype) -> None:
    """A tensor that goes a part of the way to a trainable one of its shape follows it, whatever rounding adds."""
    before, goal = drawn(6, 5).to(dtype), drawn(6, 5).to(dtype)
    now = decay * before + (1 - decay) * goal
    changed = [] if torch.equal(now, before) else ["mean.w"]  # bfloat16 loses a ten-thousandth
    tensors = {"mean.w": now, "w": goal.clone().requires_grad_()}
    assert followers(changed, tensors, {"mean.w": before, "w": goal}) == set(changed)


def test_what_goes_elsewhere_does_not() -> None:
    """Decay, clamping, noise, going too far, and following a frozen tensor are no averages."""
    before, goal = drawn(6, 5), drawn(6, 5)
    for now in (0.9 * before, before.clamp(-0.1, 0.1), before + drawn(6, 5), before + 2 * (goal - before)):
        tensors = {"frozen": now, "w": goal.clone().requires_grad_()}
        assert not followers(["frozen"], tensors, {"frozen": before, "w": goal})
    frozen = {"mean": goal.clone(), "w": goal.clone()}
    assert not followers(["mean"], frozen, {"mean": before, "w": goal})


def test_the_goal_may_be_the_one_before_the_update() -> None:
    """An average that is moved before the optimizer steps follows too; other shapes are no goal."""
    before, old, new = drawn(4), drawn(4), drawn(4)
    tensors = {"mean": before + 0.1 * (old - before), "w": new.requires_grad_(), "x": drawn(3).requires_grad_()}
    assert followers(["mean"], tensors, {"mean": before, "w": old, "x": drawn(3)}) == {"mean"}


def test_an_average_of_what_stands_still_follows() -> None:
    """A twin of a part that is not trained differs from it by rounding alone, and still follows it."""
    before = drawn(40, 5)
    now = 0.99 * before + (1 - 0.99) * before
    assert not torch.equal(now, before)
    tensors = {"mean.w": now, "w": before.clone().requires_grad_()}
    assert followers(["mean.w"], tensors, {"mean.w": before, "w": before}) == {"mean.w"}
    tensors["mean.w"] = 0.999 * before
    assert not followers(["mean.w"], tensors, {"mean.w": before, "w": before})
