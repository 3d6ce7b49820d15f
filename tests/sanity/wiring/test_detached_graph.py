from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.wiring.detached_graph import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


class Net(nn.Module):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8))
        self.head, self.codes, self.way = nn.Linear(8, 3), nn.Embedding(8, 8), way
        self.codes.requires_grad_(way == "argmax")

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "no_grad":
            with torch.no_grad():
                h = self.encoder(x)  # cut: no_grad
        else:
            h = self.encoder(x)
        if self.way == "detach":
            h = h.detach()  # cut: detach
        if self.way == "data":
            h = torch.relu(h.data)  # cut: data
        if self.way == "numpy":
            h = torch.from_numpy(h.detach().numpy())  # cut: numpy
        if self.way == "copied":
            h = torch.tensor(h.tolist())  # cut: copied
        if self.way == "argmax":
            h = self.codes(h.argmax(1))  # cut: argmax
        return self.head(h)


def line_of(place: Place | None) -> str:
    assert place is not None
    with open(place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        return file.readlines()[place.line - 1]


def result(model: nn.Module, loss_fn: Any = None, **more: Any) -> CheckResult:
    return run_one(CHECK, model=model, loader=[(ROWS, CLASSES)], loss_fn=loss_fn or nn.CrossEntropyLoss(), **more)


@pytest.mark.parametrize("way", ["no_grad", "detach", "data", "numpy", "copied", "argmax"])
def test_names_what_cuts_off_the_encoder(way: str) -> None:
    """Each way of leaving the graph is named with its line, and counts the encoder's four parameters."""
    found = result(Net(way))
    assert found.status == "fail"
    assert f"# cut: {way}" in line_of(found.place)
    assert found.title.startswith("encoder")
    assert found.measurements[0].measured == ("4 of 7" if way == "argmax" else "4 of 6")


def test_writes_the_line_without_the_detach() -> None:
    """The remedy is the user's own line without the call that cuts."""
    assert result(Net("detach")).code == "- h = h.detach()  # cut: detach\n+ h = h  # cut: detach"


@pytest.mark.parametrize(
    "loss_fn",
    [
        lambda out, y: F.cross_entropy(out, y).detach(),
        lambda out, y: F.cross_entropy(out, y).item(),
        lambda out, y: torch.tensor(F.cross_entropy(out, y).item()),
        lambda out, y: F.cross_entropy(out.data, y),
        lambda out, y: F.cross_entropy(out, y).detach().requires_grad_(),
        lambda out, y: torch.tensor((out.detach().numpy() ** 2).mean(), requires_grad=True),
        lambda out, y: (out.argmax(1) != y).float().mean(),
    ],
)
def test_a_loss_without_a_graph_fails(loss_fn: Any) -> None:
    """A loss that no gradient can leave reaches none of the six trainable parameters."""
    found = result(Net("whole"), loss_fn)
    assert found.status == "fail"
    assert found.title == "The loss carries no graph"
    assert found.measurements[0].measured == "0 of 6"
    assert "lambda out, y" in line_of(found.place)


def test_a_whole_network_connected_passes() -> None:
    """Nothing is cut off where nothing detaches."""
    assert result(Net("whole")).status == "pass"


def test_frozen_parts_are_silent() -> None:
    """A backbone that is frozen by its flags, or left out of the optimizer, may run without a graph."""
    frozen = Net("no_grad")
    frozen.encoder.requires_grad_(False)
    assert result(frozen).status == "pass"
    head_only = Net("no_grad")
    assert result(head_only, optimizer=torch.optim.SGD(head_only.head.parameters(), lr=0.1)).status == "pass"


def test_a_backbone_of_a_library_without_a_graph_is_a_warning() -> None:
    """Features of a published model under no_grad are mostly meant; held by the optimizer they are a defect."""

    class Probe(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            config = BertConfig(
                vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
            )
            self.bert, self.head = BertModel(config, add_pooling_layer=False), nn.Linear(8, 3)

        def forward(self, ids: Tensor) -> Tensor:
            with torch.no_grad():
                h = self.bert(ids).last_hidden_state
            return self.head(h[:, 0])

    model = Probe()
    program = {"model": model, "loader": [(torch.randint(20, (6, 5)), CLASSES[:6])], "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, **program).status == "warn"
    assert run_one(CHECK, **program, optimizer=torch.optim.Adam(model.parameters())).status == "fail"


class Teacher(nn.Module):
    """A student that learns what a moving average of it says, neither frozen by flags."""

    def __init__(self) -> None:
        super().__init__()
        self.student = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
        self.teacher = copy.deepcopy(self.student)
        with torch.no_grad():
            for parameter in self.teacher.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            wanted = self.teacher(x)
        return self.student(x), wanted


def test_a_moving_average_teacher_is_silent() -> None:
    """A twin of a trained module that runs without a graph follows it by hand."""
    found = result(Teacher(), lambda out, y: ((out[0] - out[1]) ** 2).mean())
    assert found.status == "pass"


class TwoEncoders(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(4, 8), nn.Linear(4, 8), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.left(x), self.right(x).detach()], 1))


def test_two_encoders_of_one_shape_are_no_twins() -> None:
    """A second encoder with weights of its own that is detached by mistake is found."""
    found = result(TwoEncoders())
    assert found.status == "fail"
    assert found.title.startswith("right")


class Quantised(nn.Module):
    """A straight-through bottleneck with a code book that has its own loss."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.codes, self.decoder = nn.Linear(4, 8), nn.Embedding(6, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        code = self.codes(torch.cdist(h, self.codes.weight).argmin(1))
        extra = F.mse_loss(code, h.detach()) + 0.25 * F.mse_loss(h, code.detach())
        return self.decoder(h + (code - h).detach()), extra


def test_straight_through_code_books_are_silent() -> None:
    """Stopped gradients that leave every parameter with some gradient are no defect."""
    found = run_one(CHECK, model=Quantised(), loader=[(ROWS, ROWS)], loss_fn=lambda o, y: F.mse_loss(o[0], y) + o[1])
    assert found.status == "pass"


class Distilled(nn.Module):
    """Learns what a fixed random network says, as exploration bonuses do."""

    def __init__(self) -> None:
        super().__init__()
        self.target, self.predictor = nn.Linear(4, 5), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5))

    def forward(self, x: Tensor) -> Tensor:
        return F.mse_loss(self.predictor(x), self.target(x).detach())


def test_stopped_targets_are_silent() -> None:
    """What a prediction is compared with may be detached, also where it comes from weights that are not frozen."""
    assert result(Distilled(), lambda loss, y: loss).status == "pass"


def test_several_losses_are_inconclusive() -> None:
    """Where the user's step goes backward twice, one loss need not reach everything."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        model(batch[0]).sum().backward()
        model.encoder(batch[0]).sum().backward()

    assert result(Net("detach"), train_step=train_step).status == "inconclusive"
    assert result(Net("whole"), train_step=train_step).status == "pass"


def test_logged_numbers_are_silent() -> None:
    """Numbers taken for a log beside the loss cut nothing off."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        loss = F.cross_entropy(out, y)
        out.argmax(1).eq(y).float().mean().item()
        loss.detach().item()
        return loss

    assert result(Net("whole"), loss_fn).status == "pass"


class Heads(nn.Module):
    """Two heads, the second of which a loss may leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.relu(self.trunk(x))
        return self.first(h), self.second(h)


LOG: list[float] = []


def logging_loss(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    LOG.append(F.cross_entropy(out[1], y).item())
    return F.cross_entropy(out[0], y)


def loss_with_numbers(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    return F.cross_entropy(out[0], y) + F.cross_entropy(out[1], y).item()


def loss_picked_by_numbers(out: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
    rows = [row for row, score in enumerate(out[1][:, 0].tolist()) if score > 0]
    return F.cross_entropy(out[0][rows], y[rows]) if rows else out[0].sum()


def test_a_head_that_is_only_logged_is_not_cut_off() -> None:
    """A number that leaves for a log does not stand before the loss; one that comes back into it does."""
    assert result(Heads(), logging_loss).status == "pass"
    for loss_fn in (loss_with_numbers, loss_picked_by_numbers):
        torch.manual_seed(0)
        found = result(Heads(), loss_fn)
        assert found.status == "fail"
        assert "second" in found.summary


@pytest.mark.parametrize("model", [nn.Flatten(), nn.Linear(4, 3).requires_grad_(False)])
def test_nothing_to_train_is_skipped(model: nn.Module) -> None:
    """Without trainable parameters there is nothing to cut off."""
    found = result(model, lambda out, y: out.sum())
    assert found.status == "skip"
    assert "require a gradient" in found.summary


def test_a_vector_loss_is_skipped() -> None:
    """A loss of several values has no backward pass to look at."""
    assert result(Net("detach"), nn.CrossEntropyLoss(reduction="none")).status == "skip"
