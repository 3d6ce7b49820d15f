from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from nbinspect.dynamics.alerts import trained_layers
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


def test_layers_that_are_replaced_or_added_are_measured_from_then_on() -> None:
    """Norms are of the parameters that the model has at the step, what has changed is told once, and none is held."""
    model = nn.ModuleDict({"body": nn.Linear(5, 3), "head": nn.Linear(3, 2)})
    norms = LayerNorms(model)

    def measured() -> set[str]:
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        norms.begin()
        found = norms.end()
        for name, layer in model.items():
            assert found.weight[name] == pytest.approx(norm(list(layer.parameters())), rel=1e-5)
        return set(found.weight)

    assert measured() == {"body", "head"}
    assert not norms.news()
    old = weakref.ref(model["head"].weight)
    model["head"], model["extra"] = nn.Linear(3, 7), nn.Linear(2, 2)
    gc.collect()
    assert old() is None
    assert measured() == {"body", "head", "extra"}
    told = norms.news()
    assert told == "the model has other parameters from here on: 'head' has been replaced, 'extra' is new"
    assert not norms.news()
    model["body"].requires_grad_(False)
    for parameter in model["body"].parameters():
        parameter.grad = None
    norms.begin()
    assert set(norms.end().weight) == {"head", "extra"}
    assert not norms.news()
    del model["extra"]
    norms.begin()
    assert norms.news() == "the model has other parameters from here on: 'extra' is gone"


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128, torch.float64, torch.bfloat16])
def test_parameters_of_any_type_are_measured(dtype: torch.dtype) -> None:
    """A complex parameter has the norm of its real and imaginary parts, and a double one its own."""
    torch.manual_seed(0)
    model = nn.Linear(5, 3, bias=False, dtype=dtype)
    loss = model(torch.randn(4, 5, dtype=dtype)).abs().square().mean()
    before, after, norms = stepped(model, loss)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    old, new, gradient = (tensor.detach().to(wide) for tensor in (before.weight, after.weight, after.weight.grad))
    assert norms.weight["weight"] == pytest.approx(float(old.norm()), rel=1e-3)
    assert norms.gradient["weight"] == pytest.approx(float(gradient.norm()), rel=1e-3)
    assert norms.ratio["weight"] == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-2)


def test_wrappers_have_no_part_in_the_names_of_layers() -> None:
    """Under DataParallel and torch.compile, around all of a model or a part of it, layers have the user's own names."""
    inner = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    inner[1] = torch.compile(inner[1], backend="eager")
    for model in (nn.DataParallel(inner), torch.compile(inner, backend="eager")):
        _, _, norms = stepped(inner, inner[0](torch.ones(1, 2)).sum() + inner[1](torch.ones(1, 2)).sum())
        own = LayerNorms(model)
        own.begin()
        assert set(own.end().weight) == set(norms.weight) == {"0", "1"}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        assert trained_layers(model, [optimizer]) == ["0", "1"]
