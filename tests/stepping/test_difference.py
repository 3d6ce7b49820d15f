"""The first step where two models part ways, on planted differences and on none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.errors import InputError
from nbinspect.stepping.difference import first_difference
from tests.stepping.models import MODELS, Net, made, normal, subject
from tests.stepping.threads import passes_alive


@pytest.mark.parametrize("name", MODELS)
def test_equal_models_do_not_differ(name: str) -> None:
    """Two copies agree to the last bit in every step, random numbers included, and leave no thread and no trace."""
    model, batch = made(name)
    state = torch.get_rng_state()
    found = first_difference(model, copy.deepcopy(model), batch)
    assert not found
    assert found.reason == "none"
    assert str(found) == f"no difference in {found.compared} steps"
    assert found.compared > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert not passes_alive()


def test_two_that_raise_at_once_are_not_called_alike() -> None:
    """Where both raise before any step, the text says that nothing was compared, and with what they raised."""

    class Refuses(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.flatten(1) * 2

    model = Refuses()
    found = first_difference(model, model, [torch.zeros(2, 3)], training=(True, False))
    assert found.compared == 0
    assert "nothing was compared" in str(found)
    assert "AttributeError" in str(found)
    assert "no difference" not in str(found)


def test_memory_that_nobody_has_written_to_is_no_difference() -> None:
    """Neither in a tensor that is made empty, nor in one that is filled piece by piece, nor in a view of it."""

    class Fills(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            total = x
            for width in range(1, 9):  # small ones: what lies there hardly ever is the same twice
                out = torch.empty(4, 3 * width).view(width, 12).view(4, 3 * width)
                for column in range(3 * width):
                    out[:, column] = total.mean(1)
                total = total + out.mean()
            return total

    assert not first_difference(Fills(), Fills(), normal(4, 5))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:torch.quantize_per_tensor")
def test_what_has_no_plain_values_is_compared_or_passed_over() -> None:
    """Quantised values are compared as the numbers that they stand for; nested ones, and those in `vmap`, are not."""

    class Rare(nn.Module):
        def __init__(self, zero: int) -> None:
            super().__init__()
            self.zero = zero

        def forward(self, x: Tensor) -> Tensor:
            nested = torch.nested.as_nested_tensor([x[0], x[1, :2]]) * 2
            doubled = torch.func.vmap(lambda row: row * 2)(x)
            return torch.quantize_per_tensor(doubled + nested.unbind()[0], 0.1, self.zero, torch.quint8)

    x = normal(2, 4)
    assert not first_difference(Rare(5), Rare(5), x)
    found = first_difference(Rare(5), Rare(250), x)
    assert found.steps[0].name == "torch.quantize_per_tensor"
    assert found.greatest > 0


def test_a_changed_weight_is_found_where_it_is_used() -> None:
    """The step that uses it is named, with the differences that NumPy works out, and the weight among its inputs."""
    a = Net().eval()
    b = copy.deepcopy(a)
    with torch.no_grad():
        b.fc.weight[2, 5] += 0.5
    x = normal(4, 3, 8, 8)
    found = first_difference(a, b, x)
    assert found.reason == "values"
    assert [step.name for step in found.steps] == ["F.linear", "F.linear"]
    with torch.no_grad():
        one, other = a(x).double().numpy(), b(x).double().numpy()
    gap = abs(one - other)
    assert found.greatest == pytest.approx(gap.max())
    assert found.share == pytest.approx((gap > 0).mean())
    assert found.relative == pytest.approx(gap.max() / max(abs(one).max(), abs(other).max()))
    apart = {each.name: each.greatest for each in found.inputs}
    assert [name for name, greatest in apart.items() if greatest] == ["args[1]: fc.weight"]
    assert apart["args[1]: fc.weight"] == pytest.approx(0.5)
    assert "F.linear in fc" in str(found)
    assert "fc.weight (by up to 0.5) differs" in str(found)
    assert not first_difference(a, b, x, atol=1e3)


def test_a_changed_buffer_is_found_at_both_levels() -> None:
    """A checkpoint whose running mean differs parts ways in the normalisation, also where modules alone are steps."""
    a = Net().eval()
    b = copy.deepcopy(a)
    b.bn.running_mean[3] += 1
    found = first_difference(a, b, normal(4, 3, 8, 8))
    assert found.steps[0].name == "F.batch_norm"
    found = first_difference(a, b, normal(4, 3, 8, 8), level="module")
    assert found.steps[0].name == "BatchNorm2d"
    assert [each.name for each in found.inputs if each.greatest] == ["bn.running_mean"]


def test_eval_against_train_differs_in_dropout() -> None:
    """The first step that differs is the dropout, of the one model in two modes, whose own mode stays."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    found = first_difference(model, model, normal(8, 4), training=(False, True))
    assert found.steps[0].name == "F.dropout"
    assert all(not each.greatest for each in found.inputs)
    assert "what it was given is the same" in str(found)
    assert model.training


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_another_dtype_alone_is_no_difference(dtype: torch.dtype) -> None:
    """Rounding of the coarser type is allowed for, a planted change is not, and given tolerances count as given."""
    torch.manual_seed(0)
    a = nn.Sequential(nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
    b = copy.deepcopy(a).to(dtype)
    x = normal(8, 16)
    assert not first_difference(a, b, x), str(first_difference(a, b, x))
    with torch.no_grad():
        b[2].weight[0] += 2
    found = first_difference(a, b, x)
    assert found.steps[1].path == "2"
    assert found.steps[1].outputs[0].dtype == str(dtype).removeprefix("torch.")
    if dtype is not torch.float64:
        assert first_difference(a, copy.deepcopy(a).to(dtype), x, atol=0.0).steps[0].path == "0"


def test_another_architecture_is_a_difference() -> None:
    """Another operation, another shape, more steps, and a failure in one of them are each told as what they are."""
    x = normal(3, 4)
    first = nn.Linear(4, 4)
    relu, tanh = nn.Sequential(first, nn.ReLU()), nn.Sequential(first, nn.Tanh())
    found = first_difference(relu, tanh, x)
    assert (found.reason, found.steps[0].name, found.steps[1].name) == ("step", "F.relu", "torch.tanh")
    found = first_difference(nn.Linear(4, 4), nn.Linear(4, 5), x)
    assert found.reason == "shape"
    assert "(3, 4) in a, and (3, 5) in b" in str(found)

    class More(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.times = times

        def forward(self, batch: Tensor) -> Tensor:
            for _ in range(self.times):
                batch = batch + 1
            return batch

    more = [subject(More(n), forward=lambda model, batch: model.forward(batch)) for n in (2, 3)]
    found = first_difference(more[0], more[1], x)
    assert (found.reason, found.compared, found.steps[0]) == ("length", 2, None)
    assert "a ends after 2 steps" in str(found)
    found = first_difference(nn.Sequential(first, nn.Linear(5, 2)), nn.Sequential(first, nn.Linear(4, 2)), x)
    assert found.reason == "failure"
    assert "a raises RuntimeError" in str(found)


def test_calls_go_as_the_batch_is_given() -> None:
    """A tuple goes as positional arguments, a dict as named ones, and an Inspector's batch as its loader gives it."""

    class Two(nn.Module):
        def forward(self, x: Tensor, *, scale: Any = 1.0) -> Tensor:
            return x * scale

    assert not first_difference(Two(), Two(), {"x": torch.ones(2), "scale": torch.ones(1)})
    assert (
        not first_difference(nn.Bilinear(2, 2, 1), b := nn.Bilinear(2, 2, 1), (torch.ones(1, 2), torch.ones(1, 2))) or b
    )
    net = Net().eval()
    loader = [(normal(4, 3, 8, 8), torch.arange(4))]
    inspected = subject(net, F.cross_entropy)
    object.__setattr__(inspected, "loader", loader)
    assert not first_difference(inspected, inspected)


def test_infinities_and_nan_in_both_are_no_difference() -> None:
    """NaN against NaN agrees, NaN against a number differs without bound."""

    class Divides(nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, x: Tensor) -> Tensor:
            return x / self.by

    x = torch.tensor([0.0, 1.0, -1.0])
    assert not first_difference(Divides(0.0), Divides(0.0), x)
    found = first_difference(Divides(0.0), Divides(1.0), x)
    assert found.greatest == float("inf")
    assert found.share == 1.0


def test_what_is_no_model_is_refused() -> None:
    """Neither a class, nor a state dict, nor a missing batch, nor a negative tolerance is taken."""
    with pytest.raises(InputError, match=r"a: expected a torch\.nn\.Module"):
        first_difference(Net().state_dict(), Net(), normal(1, 3, 8, 8))
    with pytest.raises(InputError, match="b: expected"):
        first_difference(Net(), Net, normal(1, 3, 8, 8))
    with pytest.raises(InputError, match="batch: expected"):
        first_difference(Net(), Net())
    with pytest.raises(InputError, match="atol"):
        first_difference(Net(), Net(), normal(1, 3, 8, 8), atol=-1.0)
