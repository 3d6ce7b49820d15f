from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.unregistered_parameters import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


def result(model: nn.Module, loss_fn: Any = None, **more: Any) -> CheckResult:
    program = {"model": model, "loader": [(ROWS, CLASSES)], "loss_fn": loss_fn or nn.CrossEntropyLoss(), **more}
    return run_one(CHECK, **program)


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 8), nn.Linear(8, 8)]
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)


def test_names_the_plain_list_and_writes_the_line_that_registers_it() -> None:
    """Layers in a plain list are counted and named, with the line of `__init__` and what to write there."""
    found = result(Listed())
    assert found.status == "fail"
    assert found.title == "self.layers is not registered"
    assert found.measurements[0].measured == f"4 ({4 * 8 + 8 + 8 * 8 + 8} values)"
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert file.readlines()[found.place.line - 1].strip() == "self.layers = [nn.Linear(4, 8), nn.Linear(8, 8)]"
    assert found.code.endswith("\n+ self.layers = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 8)])")


class Block:
    """Holds layers, and is no module."""

    def __init__(self) -> None:
        self.fc = nn.Linear(4, 3)


class Holder(nn.Module):
    def __init__(self, value: Any, use: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.held, self.use, self.head = value, use, nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.use(self.held, x))


@pytest.mark.parametrize(
    ("make", "use", "remedy"),
    [
        (lambda: {"a": nn.Linear(4, 3)}, lambda held, x: held["a"](x), "nn.ModuleDict"),
        (lambda: (nn.Linear(4, 3), nn.Linear(3, 3)), lambda held, x: held[1](held[0](x)), "nn.ModuleList"),
        (lambda: [nn.Parameter(torch.randn(4, 3))], lambda held, x: x @ held[0], "nn.ParameterList"),
        (lambda: torch.randn(4, 3, requires_grad=True), lambda held, x: x @ held, "nn.Parameter"),
        (Block, lambda held, x: held.fc(x), "nn."),
        (lambda: nn.Parameter(torch.randn(4, 3)) * 0.02, lambda held, x: x @ held, "nn.Parameter"),
        (lambda: nn.Parameter(torch.randn(4, 3)).to(torch.float64), lambda held, x: x @ held.float(), "nn.Parameter"),
    ],
)
def test_every_way_of_holding_weights_unlisted_fails(make: Any, use: Any, remedy: str) -> None:
    """Dicts, lists, bare tensors, plain objects and parameters scaled or moved are found, with what to use instead."""
    found = result(Holder(make(), use))
    assert found.status == "fail"
    assert found.where == "held"
    assert remedy in found.remedy


def test_held_inside_a_submodule_is_named_by_path() -> None:
    """The attribute is told with the path of the module that holds it."""
    assert result(nn.Sequential(Listed(), nn.Linear(3, 3))).where == "0.layers"


def test_layers_made_in_forward_fail() -> None:
    """A layer that forward builds begins anew in each pass."""

    class Anew(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(4, 8)

        def forward(self, x: Tensor) -> Tensor:
            return nn.Linear(8, 3)(torch.relu(self.body(x)))  # anew

    found = result(Anew())
    assert found.status == "fail"
    assert found.place is not None
    with open(found.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# anew" in file.readlines()[found.place.line - 1]


def test_layers_made_at_the_first_call_are_a_warning() -> None:
    """A layer that forward builds once and keeps is listed as soon as one pass has run."""

    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head: nn.Module | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.head is None:
                self.head = nn.Linear(x.shape[1], 3)
            return self.head(x)

    assert result(Lazy()).status == "warn"
    ready = Lazy()
    ready(ROWS)
    assert result(ready).status == "pass"


def test_a_layer_outside_of_the_model_is_a_warning() -> None:
    """Weights that another optimizer may hold are worth a look; held by the one given they are fine."""
    outside = nn.Linear(4, 3)
    model = Holder(None, lambda _, x: outside(x))
    assert result(model).status == "warn"
    both = torch.optim.SGD([*model.parameters(), *outside.parameters()], lr=0.1)
    assert result(model, optimizer=both).status == "pass"


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)),
        Holder(nn.ModuleList([nn.Linear(4, 3)]), lambda held, x: held[0](x)),
        Holder([torch.randn(4, 3)], lambda held, x: x @ held[0]),
        Holder([nn.Linear(4, 3).requires_grad_(False)], lambda held, x: held[0](x)),
    ],
)
def test_listed_and_frozen_weights_pass(model: nn.Module) -> None:
    """Registered layers, constants and frozen layers in a list are fine."""
    assert result(model).status == "pass"


def test_parameters_of_a_loss_module_pass() -> None:
    """A loss may have weights of its own."""

    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.log_sigma = nn.Parameter(torch.zeros(()))

        def forward(self, out: Tensor, y: Tensor) -> Tensor:
            return F.cross_entropy(out, y) * torch.exp(-self.log_sigma) + self.log_sigma

    assert result(nn.Linear(4, 3), Weighted()).status == "pass"


def test_a_loss_that_looks_through_another_network_passes() -> None:
    """A perceptual loss goes through weights that nobody trains."""
    eyes = nn.Linear(3, 5)
    assert result(nn.Linear(4, 3), lambda out, y: eyes(out).pow(2).mean()).status == "pass"


def test_inputs_and_inner_loops_pass() -> None:
    """Inputs that require a gradient, and fast weights made from slow ones, are no forgotten parameters."""

    class Forces(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            slow = super().forward(x)
            (force,) = torch.autograd.grad(slow.sum(), x, create_graph=True)
            fast = self.weight.detach().clone().requires_grad_()
            return slow + force.sum() + F.linear(x, fast)

    assert result(Forces(4, 3)).status == "pass"


def test_weights_in_a_list_that_the_optimizer_holds_are_a_warning() -> None:
    """They are trained, though neither saved nor moved."""
    model = Listed()
    held = [*model.parameters(), *(p for layer in model.layers for p in layer.parameters())]
    assert result(model, optimizer=torch.optim.SGD(held, lr=0.1)).status == "warn"


def test_a_model_hidden_on_purpose_is_a_warning() -> None:
    """One module in a list, and a published one, may be hidden so that nobody trains it."""
    hidden = Holder([nn.Linear(4, 3)], lambda held, x: held[0](x))
    assert result(hidden).status == "warn"
    config = BertConfig(vocab_size=20, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    bert = Holder({"bert": BertModel(config)}, lambda held, x: held["bert"](CLASSES[None]).pooler_output[:, :3])
    assert result(bert, lambda out, y: out.sum()).status == "warn"


def test_without_a_graph_it_is_skipped() -> None:
    """A loss that carries no graph says nothing of what it depends on."""
    assert result(nn.Linear(4, 3), lambda out, y: F.cross_entropy(out.detach(), y).item()).status in ("pass", "skip")
    assert result(nn.Flatten(), lambda out, y: out.sum()).status == "skip"


class Remembers(nn.Module):
    """Keeps what its last pass gave, with its graph."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(4, 3), None

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.layer(x)
        return self.last


def test_an_output_that_is_kept_is_no_weight() -> None:
    """What a pass leaves on the module is made of listed weights alone."""
    model = Remembers()
    model(torch.randn(12, 4))
    assert result(model).status == "pass"


class Layered(nn.Module):
    """Layers in a plain list; called, it gives classes without a graph, and `loss_of` is what trains it."""

    def __init__(self, kind: Any = list) -> None:
        super().__init__()
        self.layers, self.head = kind([nn.Linear(4, 8), nn.Linear(8, 8)]), nn.Linear(8, 3)

    def logits(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.head(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x).argmax(1)


@pytest.mark.parametrize(("kind", "held", "status"), [(list, 0, "fail"), (list, 2, "warn"), (nn.ModuleList, 0, "pass")])
def test_the_users_own_step_tells_where_outputs_have_no_graph(kind: Any, held: int, status: str) -> None:
    """Weights that the step's loss reaches fail where nothing trains them, and warn where its own optimizer does."""
    model = Layered(kind)
    others = [p for layer in list(model.layers)[:held] for p in layer.parameters()]
    own = torch.optim.SGD(others, lr=0.1) if others else None

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model.logits(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        if own is not None:
            own.step()
        return loss

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    found = run_one(CHECK, model=model, loader=[(ROWS, CLASSES)], train_step=step, optimizer=optimizer)
    assert found.status == status
    assert status == "pass" or found.where == "layers"


def test_parts_that_an_optimizer_of_their_own_trains_at_a_later_step_warn() -> None:
    """The maker's turn comes first: its loss goes through judges in a list, which an optimizer holds."""
    model = Layered()
    judges = torch.optim.SGD([p for layer in model.layers for p in layer.parameters()], lr=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    turns = {"taken": 0}

    def step(model: Any, batch: Any) -> Tensor:
        loss = F.cross_entropy(model.logits(batch[0]), batch[1])
        own = judges if turns["taken"] % 2 else optimizer
        turns["taken"] += 1
        own.zero_grad()
        loss.backward()
        own.step()
        return loss

    found = run_one(CHECK, model=model, loader=[(ROWS, CLASSES)], train_step=step, optimizer=[optimizer, judges])
    assert found.status == "warn"


class AtAScale(Listed):
    """Is told by how much."""

    def forward(self, x: Tensor, scale: float) -> Tensor:  # type: ignore[override] # another call
        return super().forward(scale * x)


def test_layers_that_the_users_step_calls_beside_the_model_are_its_own() -> None:
    """Of a program that its own step alone runs, a list in the model fails, a layer with its optimizer does not."""
    before = nn.Linear(4, 4)

    def of(model: nn.Module) -> CheckResult:
        optimizer = torch.optim.SGD([*model.parameters(), *before.parameters()], lr=0.1)

        def train_step(batch: Any) -> None:
            optimizer.zero_grad()
            F.cross_entropy(model(before(batch[0]), 1.0), batch[1]).backward()
            optimizer.step()

        return run_one(CHECK, model=model, loader=[(ROWS, CLASSES)], optimizer=optimizer, train_step=train_step)

    model = AtAScale()
    assert of(model).status == "fail"
    model.layers = nn.ModuleList(model.layers)  # type: ignore[assignment] # as the remedy says
    assert of(model).status == "pass"
