from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.unused_result import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


class Parts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.drop, self.norm, self.act = nn.Dropout(0.5), nn.BatchNorm1d(8), nn.ReLU(inplace=True)
        self.lstm, self.attention = nn.LSTM(8, 8), nn.MultiheadAttention(8, 2)
        self.many = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.kept: list[Tensor] = []


def result(forward: Callable[[Any, Tensor], Any], loss_fn: Any = None) -> CheckResult:
    kind = type("Net", (Parts,), {"forward": forward})
    return run_one(CHECK, model=kind(), loader=[(ROWS, CLASSES)], loss_fn=loss_fn or nn.CrossEntropyLoss())


def method(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    h.relu()
    return self.head(h)


def function(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    F.relu(h)
    return self.head(h)


def layer(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    self.second(h)
    return self.head(h)


def dropout(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    if self.training:
        self.drop(h)
    return self.head(h)


def statistics(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    self.norm(h)
    return self.head(h)


def loop(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    for one in self.many:
        one(h)
    return self.head(h)


def replaced(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    out = self.second(h)
    out = self.head(h)
    return out  # noqa: RET504 - a result that is replaced is the point


def replaced_later(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    out = torch.relu(
        self.second(h),
    )
    size = h.shape[0]
    out = self.head(h)
    return out[:size]


def rounds(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    for one in self.many:
        out = one(h)
    return self.head(out)


def summed(self: Any, x: Tensor) -> Tensor:
    h = torch.relu(self.first(x))
    out = self.second(h)
    out + h
    return self.head(out)


def rounds_bent(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    for one in self.many:
        out = one(h).relu()
    return self.head(out)


@pytest.mark.parametrize(
    ("forward", "text", "where"),
    [
        (summed, "out + h", "Tensor.add"),
        (rounds_bent, "one(h).relu()", "Tensor.relu"),
        (method, "h.relu()", "Tensor.relu"),
        (function, "F.relu(h)", "F.relu"),
        (layer, "self.second(h)", "second"),
        (dropout, "self.drop(h)", "drop"),
        (statistics, "self.norm(h)", "norm"),
        (loop, "one(h)", "many.0"),
        (replaced, "self.second(h)", "second"),
        (rounds, "one(h)", "many.0"),
        (replaced_later, "torch.relu(self.second(h))", "torch.relu"),
    ],
)
def test_names_the_call_whose_result_is_dropped(forward: Callable[..., Any], text: str, where: str) -> None:
    """A call alone on its line, or whose variable is overwritten unread, is named with its line."""
    found = result(forward)
    assert found.status == "fail"
    assert found.where == where
    assert text in found.title
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert text.partition("(")[0] in file.readlines()[found.place.line - 1]


def test_writes_the_line_with_the_result_kept() -> None:
    """The remedy gives the result back to the variable that the call was made on, or was given."""
    assert result(method).code == "- h.relu()\n+ h = h.relu()"
    assert result(layer).code == "- self.second(h)\n+ h = self.second(h)"


def test_names_the_line_that_overwrites() -> None:
    """Of a replaced result the line of the replacement is told."""
    found = result(replaced)
    assert found.place is not None
    assert f"line {found.place.line + 1}" in found.detail


def passed_by(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    dropped = self.drop(h)  # noqa: F841 - that nothing reads it is the point
    return self.head(h)


def passed_by_first(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    dropped = self.drop(h)  # noqa: F841 - that nothing reads it is the point
    h.relu()
    return self.head(h)


def only_measured(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    dropped = self.drop(h)
    assert dropped.shape == h.shape
    return self.head(h)


def sum_under_another_name(self: Any, x: Tensor) -> Tensor:
    dropped = torch.relu(self.first(x))
    out = self.second(dropped)
    if out.shape != dropped.shape:
        out = out + x
    else:
        dropped = out + dropped
    return self.head(out)


def sum_that_goes_on(self: Any, x: Tensor) -> Tensor:
    dropped = torch.relu(self.first(x))
    out = self.second(dropped)
    if out.shape == dropped.shape:
        dropped = out + dropped
    return self.head(dropped)


def rounds_that_go_on(self: Any, x: Tensor) -> Tensor:
    dropped = out = self.first(x)
    for one in self.many:
        out = one(dropped)
        dropped = out + dropped
    return self.head(out)


@pytest.mark.parametrize(
    ("forward", "status"),
    [
        (passed_by, "warn"),
        (passed_by_first, "fail"),
        (only_measured, "pass"),
        (sum_under_another_name, "warn"),
        (sum_that_goes_on, "pass"),
        (rounds_that_go_on, "pass"),
    ],
)
def test_a_variable_that_nothing_reads_any_more_is_a_warning(forward: Callable[..., Any], status: str) -> None:
    """A result whose name nothing after it reads is told, unless a certain fault comes after it."""
    found = result(forward)
    assert found.status == status
    assert ("nothing after that reads `dropped`" in found.detail) == (status == "warn")


def states(self: Any, x: Tensor) -> Tensor:
    h, (_state, _cell) = self.lstm(self.first(x)[None])
    mixed, _weights = self.attention(h, h, h)
    left, _right = mixed[0].chunk(2, 1)
    best, _where = left.max(1)
    return self.head(mixed[0]) + best[:, None]


def in_place(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    self.act(h)
    h.mul_(2)
    F.relu(h, inplace=True)
    torch.add(h, 1, out=torch.empty(12, 8)) if not h.requires_grad else None
    return self.head(h)


def views(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    h.view(-1)
    h.contiguous()
    h.size(0)
    h.to("cpu")
    out = self.head(h)
    h.transpose(0, 1)
    return out


def kept(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    self.kept.append(h.mean())
    self.last = self.second(h)
    repr(h.mean())
    float(h.detach().std())
    return self.head(h)


def discarded(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    _ = self.second(h)
    _ = self.drop(h)
    return self.head(h)


def left_over(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    extra = self.second(h)
    assert extra.shape == h.shape
    extra = self.head(h)
    return extra  # noqa: RET504 - the variable is read by the assertion between


def measured_anew(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    out = self.second(h)
    out = self.head(h)[: len(out)]
    return out  # noqa: RET504 - the variable is read where it is given another value


def branches(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    out = self.second(h)
    if x.shape[0] > 100:
        return self.head(out)
    out = h
    return self.head(out)


def loops(self: Any, x: Tensor) -> Tensor:
    h, before = self.first(x), None
    for one in self.many:
        if before is not None and before.shape != h.shape:
            h = before
        before = one(h)
    return self.head(h)


def read_off(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    for _ in range(3):
        h = torch.relu(h @ self.first.weight.new_ones(h.shape[1], h.shape[1]))
        out = torch.tanh(h)
    return self.head(out)


def chained(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    for one in self.many:
        h = one(h)
    for _ in range(3):
        out = self.second(h)
    return self.head(out)


def captured(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)

    def shape() -> Any:
        return out.shape

    out = self.second(h)
    assert shape() == h.shape
    out = self.head(h)
    return out


def helped(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    shown(self.second(h))
    return self.head(h)


def shown(tensor: Tensor) -> None:
    assert len(tensor.shape) == 2


def warmed(self: Any, x: Tensor) -> Tensor:
    h = self.first(x)
    with torch.no_grad():
        self.norm(h)
    return self.head(h)


@pytest.mark.parametrize(
    "forward",
    [
        states,
        in_place,
        views,
        kept,
        discarded,
        left_over,
        measured_anew,
        branches,
        loops,
        read_off,
        chained,
        captured,
        helped,
        warmed,
    ],
)
def test_silent(forward: Callable[..., Any]) -> None:
    """States, indices, parts, sizes, views, writes in place, kept, read or discarded results are no defect."""
    assert result(forward).status == "pass"


class Gathers(nn.Module):
    """Gives its penalty by the way, and is called for that."""

    def __init__(self) -> None:
        super().__init__()
        self.penalties: list[Tensor] = []

    def forward(self, h: Tensor) -> Tensor:
        self.penalties.append(h.pow(2).mean())
        return h * 1


def test_modules_that_keep_something_are_silent() -> None:
    """A module of the user's that is called for what it notes down is no dropped layer."""

    class Net(Parts):
        def __init__(self) -> None:
            super().__init__()
            self.gathers = Gathers()

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x)
            self.gathers(h)
            return self.head(h)

    assert run_one(CHECK, model=Net(), loader=[(ROWS, CLASSES)], loss_fn=nn.CrossEntropyLoss()).status == "pass"


def test_features_taken_by_hooks_are_silent() -> None:
    """A layer that is called for a hook's sake is no dropped one."""

    class Net(Parts):
        def __init__(self) -> None:
            super().__init__()
            self.second.register_forward_hook(lambda module, given, made: None)

        forward = layer

    assert run_one(CHECK, model=Net(), loader=[(ROWS, CLASSES)], loss_fn=nn.CrossEntropyLoss()).status == "pass"


def test_a_loss_function_is_read_too() -> None:
    """A call for nothing in the user's loss is found there."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        out.log_softmax(1)
        return F.nll_loss(out, y)

    found = result(lambda self, x: self.head(torch.relu(self.first(x))), loss_fn)
    assert found.status == "fail"
    assert found.where == "Tensor.log_softmax"


def test_a_model_without_text_passes() -> None:
    """Where the text of the forward is not to be had nothing is said."""
    space: dict[str, Any] = {"nn": nn}
    text = "class Hidden(nn.Linear):\n    def forward(self, x):\n        x.relu()\n        return super().forward(x)\n"
    exec(compile(text, "<nowhere>", "exec"), space)
    found = run_one(CHECK, model=space["Hidden"](4, 3), loader=[(ROWS, CLASSES)], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "pass"


def step_that_scales_nothing(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    x, y = batch
    x.div(2)
    return taken(model, x, y, optimizer)


def step_that_logs(model: nn.Module, batch: Any, optimizer: Any) -> dict[str, Any]:
    x, y = batch
    x = x.div(2)
    out = model(x)
    right = (out.argmax(1) == y).float().mean()
    LOGGED.append(right.item())
    return {"loss": taken(model, x, y, optimizer), "right": right}


LOGGED: list[float] = []


def taken(model: nn.Module, x: Tensor, y: Tensor, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def test_a_step_of_ones_own_is_read_too() -> None:
    """A result that the user's own training step drops is told; what it keeps for a log is not."""

    def of(step: Any) -> Any:
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        batch = (torch.randn(8, 4), torch.randint(3, (8,)))
        return run_one(CHECK, model=model, loader=[batch], train_step=step, optimizer=optimizer)

    found = of(step_that_scales_nothing)
    assert (found.status, found.where) == ("fail", "Tensor.div")
    assert of(step_that_logs).status == "pass"
