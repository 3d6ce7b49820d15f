from __future__ import annotations

import copy
import functools
import linecache
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.capture.forward import record_forward
from nbinspect.records import Step
from nbinspect.subject import make_subject


class Calls(nn.Module):
    """Runs a function as its forward."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.fc, self.act = nn.Linear(4, 4), nn.ReLU(inplace=True)
        self.register_buffer("table", torch.ones(4))

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def steps_of(function: Callable[..., Any], **options: Any) -> list[Step]:
    """The steps inside the forward that runs a function of (module, x)."""
    model, x = Calls(function), torch.ones(3, 4)
    found = record_forward(make_subject(model, [x]), x, **options)
    assert found.failure is None
    return list(found.steps)[1:]


def origins(steps: list[Step]) -> list[tuple[str, list[str]]]:
    """The name of each operation with what it was given."""
    return [(step.name, [use.origin for use in step.inputs]) for step in steps if step.kind == "operation"]


def line_of(text: str) -> int:
    """The line of this file that holds a text first."""
    with open(__file__, encoding="utf-8") as source:  # noqa: PTH123 - one line is enough
        return next(number for number, line in enumerate(source, 1) if text in line)


def test_origins_follow_views_and_writes() -> None:
    """A tensor written through a view is known as made by that write, under whatever name it is used."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        a = x + net.table  # 1
        v = a[0]  # 2
        v.mul_(2)  # 3
        b = a.exp()  # 4
        a[:, 1] = 0  # 5
        return v.sum() + b  # 6, 7

    assert origins(steps_of(forward)) == [
        ("Tensor.add", ["batch", "table"]),
        ("Tensor.__getitem__", ["step 1"]),
        ("Tensor.mul_", ["step 2"]),
        ("Tensor.exp", ["step 3"]),
        ("Tensor.__setitem__", ["step 3"]),
        ("Tensor.sum", ["step 5"]),
        ("Tensor.add", ["step 6", "step 4"]),
    ]


def test_origins_name_parameters_and_results_of_modules() -> None:
    """Parameters and buffers go by name, results by the operation in the module, tensors from elsewhere are said so."""
    elsewhere = torch.ones(4)

    def forward(net: Calls, x: Tensor) -> Tensor:
        y = net.act(net.fc(x))
        return (
            torch.add(y, elsewhere, out=torch.empty(3, 4)) if not y.requires_grad else y * net.fc.weight[0] + elsewhere
        )

    assert origins(steps_of(forward)) == [
        ("F.linear", ["batch", "fc.weight", "fc.bias"]),
        ("F.relu", ["step 2"]),
        ("Tensor.__getitem__", ["fc.weight"]),
        ("Tensor.mul", ["step 4", "step 5"]),
        ("Tensor.add", ["step 6", "made outside the pass"]),
    ]


def test_at_module_level_origins_are_modules() -> None:
    """With modules as the only steps, a module that works in place has made what it returns."""
    steps = steps_of(lambda net, x: net.fc(net.act(net.fc(x))), level="module")
    assert [(step.name, step.call, [use.origin for use in step.inputs]) for step in steps] == [
        ("Linear", 0, ["batch"]),
        ("ReLU", 0, ["step 1"]),
        ("Linear", 1, ["step 2"]),
    ]


def test_recurrence_leads_from_step_to_step() -> None:
    """In a loop each step is given what the one before it made."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        for _ in range(4):
            x = torch.tanh(x)
        return x

    assert origins(steps_of(forward)) == [("torch.tanh", [name]) for name in ("batch", "step 1", "step 2", "step 3")]


def test_a_result_written_to_out_is_a_write() -> None:
    """With `out=` the tensor that was written to is made by that step, and is what later steps use."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        place = torch.zeros(3, 4)
        torch.mul(x, 3, out=place)
        return place + 1

    steps = steps_of(forward)
    assert origins(steps)[2] == ("Tensor.add", ["step 2"])
    assert [step.in_place for step in steps] == [False, True, False]


def test_notes_tell_views_writes_and_values_that_leave() -> None:
    """Views, inputs handed on, writes in place and values that go to Python are marked."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        y = x.clone()
        y.view(-1)
        y.contiguous()
        y.add_(1)
        float(y.sum())
        F.relu(y, inplace=True)
        return y

    steps = {step.name: step for step in steps_of(forward)}
    assert steps["Tensor.view"].note == "a view of its input"
    assert steps["Tensor.contiguous"].note == "its input, unchanged"
    assert steps["Tensor.__float__"].note == "leaves the graph: 24.0"
    written = {name for name, step in steps.items() if step.in_place}
    assert written == {"Tensor.add_", "F.relu"}


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_writes_are_seen_without_autograd(context: Any) -> None:
    """In-place operations are marked and measured right where no version is counted."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        y = x - 2
        F.relu(y, inplace=True)
        F.dropout(y, 0.5, training=False)
        return y

    with context():
        steps = steps_of(forward)
    assert [step.in_place for step in steps] == [False, True, False]
    means = [step.outputs[0].moments.mean for step in steps if step.outputs[0].moments is not None]
    assert means == [-1, 0, 0]


def test_steps_know_their_modules_and_depth() -> None:
    """Each step tells the module it ran in, its parent, how deep it is and how often the module was called before."""
    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    net[1].append(net[0])
    x = torch.ones(2, 4)
    steps = record_forward(make_subject(net, [x]), x).steps
    assert [(s.index, s.name, s.path, s.call, s.parent, s.depth) for s in steps] == [
        (0, "Sequential", "", 0, None, 0),
        (1, "Linear", "0", 0, 0, 1),
        (2, "F.linear", "0", 0, 1, 2),
        (3, "Sequential", "1", 0, 0, 1),
        (4, "Linear", "1.0", 0, 3, 2),
        (5, "F.linear", "1.0", 0, 4, 3),
        (6, "Tanh", "1.1", 0, 3, 2),
        (7, "torch.tanh", "1.1", 0, 6, 3),
        (8, "Linear", "0", 1, 3, 2),
        (9, "F.linear", "0", 0, 8, 3),
    ]
    assert steps[1].parameters == steps[2].parameters == ("0.weight", "0.bias")
    assert all(step.seconds >= 0 for step in steps)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function as a decorator does."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def test_places_are_the_very_lines() -> None:
    """The line of a step is that of the call in the user's code, in lambdas, comprehensions and decorated functions."""
    double = lambda t: t * 2  # noqa: E731 - a lambda is what is tested

    @decorated
    def forward(net: Calls, x: Tensor) -> Tensor:
        parts = [part.exp() for part in x.unbind(0)]
        y = torch.stack(
            parts,
        )
        return net.fc(double(y))

    steps = {step.name: step for step in steps_of(forward)}
    wanted = {
        "Tensor.exp": "parts = [part.exp" + "() for",
        "torch.stack": "y = torch." + "stack(",
        "Tensor.mul": "double = lambda t: t " + "* 2",
        "F.linear": "return net.fc(double" + "(y))",
    }
    for name, text in wanted.items():
        place = steps[name].place
        assert place is not None
        assert (place.file, place.line) == (__file__, line_of(text)), name


def test_code_of_a_notebook_cell_has_its_source() -> None:
    """Code that exists in the line cache alone, as a cell's does, has places and text."""
    text = "def forward(net, x):\n    y = x + 1\n    return y.relu()\n"
    name = "/tmp/ipykernel_1/123.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {}
    exec(compile(text, name, "exec"), space)
    model, x = Calls(space["forward"]), torch.ones(3, 4)
    found = record_forward(make_subject(model, [x]), x)
    places = [step.place for step in found.steps[1:]]
    assert [(place.file, place.line) for place in places if place] == [(name, 2), (name, 3)]
    source = next(source for source in found.sources if source.file == name)
    assert source.lines == tuple(text.splitlines())


def test_an_assignment_shows_what_it_made() -> None:
    """The output of `x[…] = …` is the tensor that was written to."""

    def forward(net: Calls, x: Tensor) -> Tensor:
        y = x.clone()
        y[0] = 5
        return y

    step = steps_of(forward)[1]
    assert step.outputs[0].shape == (3, 4)
    assert step.outputs[0].moments is not None
    assert step.outputs[0].moments.max == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
def test_a_part_that_the_forward_copies_goes_without_the_hooks(copied: Callable[[Any], Any]) -> None:
    """What is copied in mid-pass, as for an inner loop, runs by itself: its operations are steps, its call is none."""
    steps = steps_of(lambda net, x: net.fc(copied(net.fc)(x)))
    assert [step.path for step in steps if step.kind == "module"] == ["fc"]
    assert [step.path for step in steps if step.name == "F.linear"] == ["", "fc"]
