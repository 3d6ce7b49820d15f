from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nbinspect.dynamics.quantities import LayerNorms, layers_of


def stepped(model: nn.Module, loss: torch.Tensor, rate: float = 0.1) -> tuple[nn.Module, nn.Module, object]:
    """The model before, the model after a step of SGD, and the norms around it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    loss.backward()
    before = copy.deepcopy(model)
    norms = LayerNorms(model)
    norms.begin()
    optimizer.step()
    return before, model, norms.end()


def norm(tensors: list[torch.Tensor]) -> float:
    return float(sum(tensor.detach().double().square().sum() for tensor in tensors) ** 0.5)


def test_norms_are_those_of_each_layer() -> None:
    """Gradient, weight and update norms equal those worked out in float64, layer by layer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))
    before, after, norms = stepped(model, model(torch.randn(4, 5)).square().mean())
    for name in ("0", "2"):
        old, new = before.get_submodule(name), after.get_submodule(name)
        change = norm([b - a for a, b in zip(old.parameters(), new.parameters(), strict=True)])
        assert norms.gradient[name] == pytest.approx(norm([p.grad for p in new.parameters()]), rel=1e-5)
        assert norms.weight[name] == pytest.approx(norm(list(old.parameters())), rel=1e-5)
        assert norms.ratio[name] == pytest.approx(change / norm(list(old.parameters())), rel=1e-4)
    assert norms.total_gradient == pytest.approx(norm([p.grad for p in after.parameters()]), rel=1e-5)


def test_sparse_gradients_and_unused_parameters_are_no_obstacle() -> None:
    """A sparse gradient has the norm of its dense form, and a parameter without a gradient is left out."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"words": nn.Embedding(10, 3, sparse=True), "unused": nn.Linear(3, 3)})
    loss = model["words"](torch.tensor([1, 1, 4])).square().sum()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss.backward()
    norms = LayerNorms(model)
    norms.begin()
    optimizer.step()
    found = norms.end()
    assert set(found.gradient) == {"words"}
    assert found.gradient["words"] == pytest.approx(norm([model["words"].weight.grad.to_dense()]), rel=1e-5)


def test_large_parameters_are_sampled_evenly() -> None:
    """The update ratio of a parameter of two million values is right within some per cent."""
    torch.manual_seed(0)
    model = nn.Linear(2000, 1000, bias=False)
    before, after, norms = stepped(model, model(torch.randn(2, 2000)).square().mean())
    exact = norm([after.weight - before.weight]) / norm([before.weight])
    assert norms.ratio["weight"] == pytest.approx(exact, rel=0.05)


def test_a_step_without_gradients_has_no_norms() -> None:
    """Where no parameter has a gradient there is nothing to tell."""
    norms = LayerNorms(nn.Linear(2, 2))
    norms.begin()
    assert norms.end() is None


def test_weights_of_zero_have_no_ratio() -> None:
    """A layer whose weights are zero has a NaN for its ratio, and no error."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(model.weight)
    _, _, norms = stepped(model, model(torch.ones(1, 2)).sum())
    assert norms.ratio["weight"] != norms.ratio["weight"]


def test_deep_networks_are_told_in_few_layers() -> None:
    """Hundreds of modules are gathered under those that hold them, and no more than 32 are told."""
    names = [f"blocks.{n}.part{m}.weight" for n in range(12) for m in range(8)] + ["head.weight"]
    layers = layers_of(names)
    assert set(layers) == {f"blocks.{n}" for n in range(12)} | {"head"}
    wide = layers_of([f"{n}.weight" for n in range(100)])
    assert len(set(wide)) == 32
    assert wide[-1] == "the others"
