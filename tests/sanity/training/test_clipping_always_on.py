from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from nbinspect.sanity.training.clipping_always_on import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import loss_of, network, program, scaled, usual


def clipping(to: float, scale: float = 1.0) -> Callable[..., Any]:
    """A step that clips the gradient of its loss, times a scale, to a norm."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = scale * loss_of(model, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), to)
        optimizer.step()
        return loss

    return step


def test_clipping_that_is_always_on_fails() -> None:
    """The share that is left, and both losses, are told, with the line that clips."""
    result = run_one(CHECK, **program(clipping(0.001)))
    assert result.status == "fail"
    assert result.confirmed
    assert result.measurements[0].measured == "6 of 6"
    assert float(result.measurements[1].measured) < 0.01
    assert float(result.measurements[3].measured) < float(result.measurements[2].measured)
    assert result.place is not None
    assert "clip_grad_norm_" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    assert result.code.startswith("- nn.utils.clip_grad_norm_")


def test_clipping_by_value_counts_too() -> None:
    """What is read is the gradient that the optimizer finds, whatever cut it."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 1e-4)
        optimizer.step()
        return loss

    assert run_one(CHECK, **program(step)).status == "fail"


@pytest.mark.parametrize("step", [usual, clipping(1.0), clipping(0.3), None])
def test_usual_clipping_is_silent(step: Any) -> None:
    """None, rare and moderate clipping pass."""
    assert run_one(CHECK, **program(step)).status == "pass"


def test_clipping_under_adam_is_no_failure() -> None:
    """Adam divides by the gradient's size, so that clipping changes next to nothing."""
    model = network()
    adam = torch.optim.Adam(model.parameters(), 0.01)
    assert run_one(CHECK, **program(clipping(0.001), model, optimizer=adam)).status in ("pass", "warn")


def test_warm_up_with_clipping_at_one_is_silent() -> None:
    """Large gradients of the first steps, clipped at 1.0 while the rate rises, are usual for transformers."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: min(1.0, (at + 1) / 100))
    step = clipping(1.0, scale=30.0)
    result = run_one(CHECK, **program(step, model, optimizer=optimizer, scheduler=schedule))
    assert result.status == "pass"


def test_gradients_that_are_divided_are_silent() -> None:
    """A mean taken by hand after the backward pass divides every gradient by the same number."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        (len(batch[0]) * loss).backward()
        for parameter in model.parameters():
            parameter.grad /= len(batch[0])
        optimizer.step()
        return loss

    assert run_one(CHECK, **program(step)).status == "pass"


@pytest.mark.parametrize("given", [True, False])
def test_the_scale_of_a_scaler_is_taken_out(given: bool) -> None:
    """A scale of 65536 is not clipping, whether the scaler is given or reached by the step."""
    scaler = torch.amp.GradScaler("cpu")

    def own(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        return scaled(model, batch, optimizer, scaler)

    arguments = program(scaled, scaler=scaler) if given else program(own)
    assert run_one(CHECK, **arguments).status == "pass"


def scaled_by_hand(*, clips_first: bool) -> Any:
    """A step whose loss is scaled, and whose gradients are clipped before they are scaled back, or after it."""

    def scale_back(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.grad.div_(4096)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        (loss * 4096).backward()
        if not clips_first:
            scale_back(model)
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        if clips_first:
            scale_back(model)
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize(("clips_first", "status"), [(True, "fail"), (False, "pass")])
def test_clipping_before_a_scale_is_taken_out_fails(clips_first: bool, status: str) -> None:
    """Without the clipping alone, and with the scale still taken out after it, the loss falls; torch's is as it was."""
    before = nn.utils.clip_grad_norm_
    assert run_one(CHECK, **program(scaled_by_hand(clips_first=clips_first))).status == status
    assert nn.utils.clip_grad_norm_ is before


class Clipped(torch.optim.SGD):
    """Clips whatever it is given before its own step."""

    norm = 0.001

    def step(self, closure: Any = None) -> Any:
        clip_grad_norm_([one for group in self.param_groups for one in group["params"]], self.norm)
        return super().step(closure)


class Loosely(Clipped):
    """Clips what is far too long."""

    norm = 10.0


class Wrapped(torch.optim.Optimizer):
    """Clips, and leaves the step to another optimizer."""

    def __init__(self, parameters: Any, rate: float) -> None:
        super().__init__(list(parameters), {"lr": rate})
        self.base = torch.optim.SGD(self.param_groups, lr=rate)

    def step(self, closure: Any = None) -> Any:
        clip_grad_norm_([one for group in self.param_groups for one in group["params"]], 0.001)
        return self.base.step(closure)


@pytest.mark.parametrize("is_hooked", [True, False])
@pytest.mark.parametrize(("kind", "status"), [(Clipped, "fail"), (Wrapped, "fail"), (Loosely, "pass")])
def test_clipping_inside_an_optimizer_is_seen(kind: Any, status: str, *, is_hooked: bool, monkeypatch: Any) -> None:
    """What an optimizer cuts before the step of its parent class counts, whether torch has hooked that one or not."""
    torch.optim.SGD(network().parameters(), 0.1)
    step = torch.optim.SGD.step
    if not is_hooked:
        step = step.__wrapped__
    monkeypatch.setattr(torch.optim.SGD, "step", step)
    model = network()
    assert run_one(CHECK, **program(usual, model, optimizer=kind(model.parameters(), 0.1))).status == status
    assert is_hooked is False or torch.optim.SGD.step is step
