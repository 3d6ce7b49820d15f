from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.sanity.backward.exploding_gradients import CHECK, bad
from tests.sanity.backward.test_vanishing_gradients import Scaled, deep
from tests.sanity.running import run_one

X, Y = torch.randn(32, 32, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4


def judged(model: nn.Module) -> str:
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_the_factor_is_that_of_gradients_over_weights() -> None:
    """The measured factor is the one that backward on the model itself gives."""
    arguments = bad()
    result = run_one(CHECK, **arguments)
    model, (x, y) = arguments["model"], arguments["loader"][0]
    nn.CrossEntropyLoss()(model(x), y).backward()
    layers = [*model.layers, model.head]
    ratios = [float(layer.weight.grad.norm() / layer.weight.detach().norm()) for layer in layers]
    assert result.status == "fail"
    assert float(result.measurements[0].measured) == pytest.approx(min(ratios[:2]) / max(ratios[-2:]), rel=1e-3)
    assert result.where == "layers.0.weight"


def test_usual_networks_pass() -> None:
    """Deep rectified networks, with raw bytes as inputs too, and branches that begin near zero pass."""
    assert judged(deep(nn.ReLU, 10)) == "pass"
    raw = [(255 * X.abs(), Y)]
    assert run_one(CHECK, model=deep(nn.ReLU, 6), loader=raw, loss_fn=nn.CrossEntropyLoss()).status == "pass"
    for scale in (0.0, 1e-6, 1.0):
        assert judged(Scaled(scale)) == "pass"


def test_a_shallow_network_has_no_depth() -> None:
    """A linear model passes, one without a backward is skipped."""
    assert judged(nn.Linear(32, 4)) == "pass"
    assert run_one(CHECK, model=nn.Linear(32, 4), loader=[(X, Y)]).status == "skip"
