"""Where a pass is suspended: places, conditions on planted faults, and silence on healthy models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.errors import InputError
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import MODELS, Nested, Net, made, normal

Opened = Callable[..., ForwardStepper]


class Runs(nn.Module):
    """Runs any function, with a layer before it."""

    def __init__(self, function: Callable[[Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.layer(x)) + 0


def hits(stepper: ForwardStepper, *where: Any, **options: Any) -> list[str]:
    """The names of the steps at which a run is suspended by breakpoints."""
    for place in where:
        stepper.break_on(place, **options)
    found = []
    while stepper.run() is not None:
        assert stepper.hit
        found.append(stepper.step.name)
    assert stepper.failure is None, stepper.failure
    return found


def test_places_are_lines_modules_classes_and_operations(opened: Opened) -> None:
    """Each kind of place suspends at its steps and nowhere else."""
    lines, first = inspect.getsourcelines(Net.forward)
    line = first + next(n for n, text in enumerate(lines) if "F.relu" in text)
    assert hits(opened(Net(), normal(4, 3, 8, 8)), line) == ["Conv2d", "BatchNorm2d", "F.relu"]
    assert hits(opened(Net(), normal(4, 3, 8, 8)), f"models.py:{line}") == ["Conv2d", "BatchNorm2d", "F.relu"]
    assert hits(opened(Net(), normal(4, 3, 8, 8)), f"stepping/models.py:{line}") == ["Conv2d", "BatchNorm2d", "F.relu"]
    assert hits(opened(Net(), normal(4, 3, 8, 8)), f"odels.py:{line}") == []
    assert hits(opened(Net(), normal(4, 3, 8, 8)), "bn") == ["BatchNorm2d"]
    assert hits(opened(Nested(), normal(2, 3, 6, 6)), "Conv2d") == ["Conv2d", "Conv2d"]
    assert hits(opened(Nested(), normal(2, 3, 6, 6)), "F.relu", "Tensor.mean") == ["F.relu", "F.relu", "Tensor.mean"]


def test_breakpoints_count_switch_off_and_stop_other_commands(opened: Opened) -> None:
    """Hits are counted, a breakpoint that is off is silent, and one inside a module suspends over and run_to."""
    stepper = opened(Nested(), normal(2, 3, 6, 6))
    point = stepper.break_on("F.relu")
    assert stepper.over().name == "F.relu"
    assert stepper.hit == "F.relu"
    assert stepper.over().name == "ReLU"
    assert stepper.hit is None
    assert stepper.run_to("Tensor.mean").name == "F.relu"
    assert point.hits == 2
    point.on = False
    stepper.restart()
    assert stepper.run_to("Tensor.mean").name == "Tensor.mean"
    assert stepper.hit is None
    assert point.hits == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("Conv2", "did you mean 'Conv2d'"), ("nonfinite", "did you mean 'non-finite'"), ("???", "conditions are"),
     (1.5, "got a float"), (True, "got a bool"), (None, "got a NoneType")],
)  # fmt: skip
def test_places_that_there_are_not_are_refused(opened: Opened, wrong: Any, said: str) -> None:
    """The message gives the nearest place or the conditions, and nothing is added."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        stepper.break_on(wrong)
    assert stepper.breakpoints == []


@pytest.mark.parametrize("level", ["operation", "module"])
@pytest.mark.parametrize("name", MODELS)
def test_conditions_are_silent_on_healthy_models(opened: Opened, name: str, level: Any) -> None:
    """Masks, zero states, softmax over many and dropout are no alarm, in train mode too."""
    model, batch = made(name)
    stepper = opened(model, batch, level=level)
    assert hits(stepper, "non-finite", "all-zero", "dead", "saturated", share=0.9) == []


def attend(mask: Tensor) -> Callable[[Tensor], Tensor]:
    """Attention written out, whose masked scores are −inf."""

    def function(x: Tensor) -> Tensor:
        scores = x @ x.T
        return (scores.masked_fill(~mask, -torch.inf) / 2).softmax(-1) @ x

    return function


def add_mask(x: Tensor) -> Tensor:
    mask = torch.full((4, 4), -torch.inf).triu(1)
    return ((x @ x.T) + mask).softmax(-1) @ x


def test_masks_are_silent_and_a_row_without_any_is_not(opened: Opened) -> None:
    """Scores of −inf that are laid, added or handed on are no alarm; the softmax of a row of them alone is."""
    assert hits(opened(Runs(attend(torch.ones(4, 4).tril().bool())), normal(4, 4)), "non-finite") == []
    assert hits(opened(Runs(add_mask), normal(4, 4)), "non-finite") == []
    nothing = torch.ones(4, 4).tril(-1).bool()  # the first row attends to nothing
    stepper = opened(Runs(attend(nothing)), normal(4, 4))
    assert hits(stepper, "non-finite") == ["Tensor.softmax"]


def test_non_finite_values_stop_where_they_are_made(opened: Opened) -> None:
    """A logarithm of zero, an overflow, a NaN that is laid and one in place each stop once."""

    def in_place(x: Tensor) -> Tensor:
        x = x * 1
        x.sub_(x.max()).log_()
        x.add_(1).mul_(2)
        return x * 2

    assert hits(opened(Runs(lambda x: F.relu(x * 0).log() * 2 + 1), normal(4, 4)), "non-finite") == ["Tensor.log"]
    assert hits(opened(Runs(lambda x: (x * 1e4).exp() - 1), normal(4, 4)), "non-finite") == ["Tensor.exp"]
    assert hits(opened(Runs(in_place), normal(4, 4)), "non-finite") == ["Tensor.log_"]
    laid = Runs(lambda x: x.masked_fill(x > 0, torch.nan) * 2)
    assert hits(opened(laid, normal(4, 4)), "non-finite") == ["Tensor.masked_fill"]


@pytest.mark.parametrize("level", ["operation", "module"])
def test_non_finite_values_that_come_from_outside_stop_where_they_enter(opened: Opened, level: Any) -> None:
    """A NaN in the batch or in a weight stops the first step that lets it in, and no module around that."""
    x = normal(4, 4)
    x[1, 2] = torch.nan
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2))
    inner, outer = ("F.linear", "F.linear") if level == "operation" else ("Linear", "Linear")
    stepper = opened(model, x, level=level)
    assert hits(stepper, "non-finite") == [inner]
    with torch.no_grad():
        model[1].weight[0, 0] = torch.nan
    stepper = opened(model, normal(4, 4), level=level)
    stepper.break_on("non-finite")
    assert stepper.run().name == outer
    assert stepper.step.path == "1"
    assert level == "module" or "1.weight" in stepper.hit
    assert stepper.run() is None


def test_zeros_dead_units_saturation_and_a_moved_batch_axis_are_found(opened: Opened) -> None:
    """Each condition stops at the planted fault, with the share that was asked for."""
    assert hits(opened(Runs(lambda x: x * 0 + 1), normal(4, 4)), "all-zero") == ["Tensor.mul"]
    model = Runs(F.relu)
    with torch.no_grad():
        model.layer.bias[:] = torch.tensor([-100.0, -100.0, -100.0, 100.0])
    assert hits(opened(model, normal(16, 4)), "dead") == ["F.relu"]
    assert hits(opened(model, normal(16, 4)), "dead", share=0.9) == []
    assert hits(opened(Runs(lambda x: torch.tanh(x * 1e4)), normal(8, 4)), "saturated") == ["torch.tanh"]
    stepper = opened(Runs(lambda x: x.view(4, 8)), normal(8, 4))
    stepper.break_on("batch-axis")
    assert stepper.run().name == "Tensor.view"
    assert "(8, 4) into (4, 8)" in stepper.hit


def test_dead_units_are_sought_along_the_axis_of_the_operation(opened: Opened) -> None:
    """The last axis after a linear layer, the second after a convolution; a batch of one is no proof of death."""
    linear = Runs(F.relu)
    convolved = nn.Sequential(nn.Conv1d(4, 8, 3), nn.ReLU())
    with torch.no_grad():
        linear.layer.bias[:3] = -100
        convolved[0].bias[:6] = -100
    stepper = opened(linear, normal(4, 6, 4))
    stepper.break_on("dead")
    assert stepper.run().name == "F.relu"
    assert "3 of 4 units" in stepper.hit
    stepper = opened(convolved, normal(4, 4, 9))
    stepper.break_on("dead")
    assert stepper.run().name == "F.relu"
    assert "6 of 8 units" in stepper.hit
    assert hits(opened(linear, normal(1, 4)), "dead") == []


def test_states_that_begin_with_zeros_are_silent(opened: Opened) -> None:
    """Neither what multiplies a first state, nor a running average at zero, nor a gate that begins closed stops."""

    class States(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.gate = nn.Linear(4, 4), nn.Parameter(torch.zeros(1))
            self.register_buffer("average", torch.zeros(4))

        def forward(self, x: Tensor) -> Tensor:
            h = self.layer(x)
            state = torch.zeros(4, 4)
            for _ in range(3):
                state = state.clone() * h
            self.average.mul_(0.9).add_(h.detach().mean(0), alpha=0.1)
            mask = (h > 100).float()
            return h + self.gate * h + state + h * mask

    assert hits(opened(States(), normal(4, 4)), "all-zero") == ["Tensor.mul"]  # by the mask that masks all


def test_infinities_of_positions_are_silent(opened: Opened) -> None:
    """The logarithm of a position of zero, which buckets of relative positions discard, is no alarm; of data it is."""

    def bucketed(x: Tensor) -> Tensor:
        place = torch.arange(4) - torch.zeros(4, dtype=torch.long)
        far = torch.log(place.float() / 2) / 3
        return x + torch.where(place < 2, place, far.to(torch.long))

    assert hits(opened(Runs(bucketed), normal(4, 4)), "non-finite") == []
    assert hits(opened(Runs(lambda x: (x - x.detach()).log() + 1), normal(4, 4)), "non-finite") == ["Tensor.log"]


@pytest.mark.parametrize("condition", ["non-finite", "all-zero", "dead", "saturated", "batch-axis"])
def test_conditions_pass_over_what_has_no_values_to_read(opened: Opened, condition: str) -> None:
    """Parameters of lazy modules before their first use, and tensors inside `vmap`, do not switch a condition off."""

    def mapped(x: Tensor) -> Tensor:
        return torch.func.vmap(lambda row: torch.sigmoid(row).relu() * row.sum())(x)

    for model in (nn.Sequential(nn.LazyLinear(4), nn.ReLU()), Runs(mapped)):
        stepper = opened(model, normal(4, 4))
        found = stepper.break_on(condition)
        while stepper.run() is not None:
            assert "raised" not in (stepper.hit or "")
        assert found.on


def test_predicates_take_the_tensor_and_the_step(opened: Opened) -> None:
    """A function of the tensor, of tensor and step, or with further defaults suspends where it holds."""
    x = normal(4, 3, 8, 8)
    assert hits(opened(Net(), x), lambda t: t.dim() == 2 and t.shape[1] == 5) == ["F.linear", "Linear", "Net"]
    assert hits(opened(Net(), x), lambda t, step: step.name == "F.relu") == ["F.relu"]
    assert hits(opened(Net(), x), lambda t, size=5: t.dim() > 1 and t.shape[-1] == size)[0] == "F.linear"


def test_a_predicate_that_raises_says_so_and_is_switched_off(opened: Opened) -> None:
    """The pass is suspended there once, with the exception, and goes on to its end."""

    def broken(tensor: Tensor) -> bool:
        return bool(tensor > 0)

    stepper = opened(Net(), normal(4, 3, 8, 8))
    point = stepper.break_on(broken)
    stepper.run()
    assert "broken raised RuntimeError: Boolean value" in stepper.hit
    assert "switched off" in stepper.hit
    assert not point.on
    assert stepper.run() is None
    assert stepper.failure is None
