from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.reference.models import cnn, mlp, recurrent, transformer, unet

INPUTS = {
    "mlp": (lambda: mlp(20, 5), torch.randn(64, 20)),
    "cnn": (lambda: cnn(3, 5), torch.randn(64, 3, 16, 16)),
    "recurrent": (lambda: recurrent(6, 5), torch.randn(64, 12, 6)),
    "transformer": (lambda: transformer(50, 5), torch.randint(50, (64, 12))),
    "unet": (lambda: unet(3, 5), torch.randn(16, 3, 16, 16)),
}


@pytest.mark.parametrize("name", INPUTS)
def test_first_outputs_prefer_nothing(name: str) -> None:
    """Untrained outputs lie near zero, so that the loss begins at that of a guess."""
    make, inputs = INPUTS[name]
    outputs = make()(inputs).detach()
    assert float(outputs.abs().mean()) < 0.5
    assert float(outputs.std(0).mean()) > 1e-3


@pytest.mark.parametrize("name", INPUTS)
def test_gradients_reach_every_layer_alike(name: str) -> None:
    """Each weight gets a gradient, and none of the weight matrices far less than the others."""
    make, inputs = INPUTS[name]
    model = make()
    model(inputs).square().mean().backward()
    sizes = [float(p.grad.norm() / p.detach().norm().clamp_min(1e-6)) for p in model.parameters() if p.dim() > 1]
    assert min(sizes) > 0
    assert max(sizes) / min(sizes) < 3e4


@pytest.mark.parametrize("name", INPUTS)
def test_depth_is_where_one_begins(name: str) -> None:
    """Networks have three to twelve layers with weights, and fewer than a million parameters."""
    model = INPUTS[name][0]()
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.GRU | nn.Embedding)]
    assert 2 <= len(layers) <= 12
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000


def test_a_step_of_a_recurrent_network_sees_those_before_it_alone() -> None:
    """Outputs for each step stay when later steps change."""
    model, series = recurrent(3, 2, per_step=True), torch.randn(2, 10, 3)
    changed = torch.cat([series[:, :6], series[:, 6:] + 1], 1)
    assert torch.allclose(model(series)[:, :6], model(changed)[:, :6], atol=1e-6)
    assert not torch.allclose(model(series)[:, 6:], model(changed)[:, 6:], atol=1e-3)


def test_no_seed_waits_for_an_accelerator() -> None:
    """A network that is made before an accelerator is first used leaves no seed behind for it."""
    waiting = list(torch.cuda._lazy_seed_tracker.get_calls())
    mlp(4, 2)
    assert list(torch.cuda._lazy_seed_tracker.get_calls()) == waiting
