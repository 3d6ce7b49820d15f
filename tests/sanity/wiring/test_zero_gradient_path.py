from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.wiring.zero_gradient_path import CHECK
from tests.sanity.running import run_one

ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


class Net(nn.Module):
    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self.encoder(x)))


def line_of(place: Place | None) -> str:
    assert place is not None
    with open(place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        return file.readlines()[place.line - 1]


def result(between: Callable[[Tensor], Tensor], loss_fn: Any = None, **more: Any) -> CheckResult:
    torch.manual_seed(0)
    program = {"model": Net(between), "loader": [(ROWS, CLASSES), (ROWS.flip(0), CLASSES)], **more}
    return run_one(CHECK, loss_fn=loss_fn or nn.CrossEntropyLoss(), **program)


@pytest.mark.parametrize(
    ("between", "name"),
    [
        (torch.round, "torch.round"),
        (lambda h: h.sign(), "Tensor.sign"),
        (lambda h: torch.floor(h * 4) / 4, "torch.floor"),
        (lambda h: torch.div(h, 0.25, rounding_mode="floor"), "torch.div"),
        (lambda h: h.ceil(), "Tensor.ceil"),
        (lambda h: h.trunc(), "Tensor.trunc"),
        (lambda h: torch.bernoulli(h.sigmoid()), "torch.bernoulli"),
        (lambda h: (h + 50).clamp(0, 1), "Tensor.clamp"),
        (lambda h: (h - 50).clamp(0, 1), "Tensor.clamp"),
        (lambda h: (h > 0).float(), "Tensor.gt"),
        (lambda h: h.ge(0).to(h.dtype), "Tensor.ge"),
        (lambda h: h.long().float(), "Tensor.long"),
        (lambda h: F.one_hot(h.argmax(1), 8).float(), "Tensor.argmax"),
    ],
)
def test_names_the_operation_of_derivative_zero(between: Callable[[Tensor], Tensor], name: str) -> None:
    """The encoder's two parameters, which autograd gives zeros or nothing, lie behind the operation that is named."""
    found = result(between)
    assert found.status == "fail"
    assert found.where == name
    assert "encoder" in found.title
    assert found.measurements[0].measured == "2 of 4"
    assert "(lambda h" in line_of(found.place) or "self.between" in line_of(found.place)


def test_a_clipped_loss_fails() -> None:
    """A loss that lies above its clip sends nothing back to any parameter."""
    found = result(torch.relu, lambda out, y: torch.clamp(F.cross_entropy(out, y), max=0.5))
    assert found.status == "fail"
    assert found.where == "torch.clamp"
    assert found.measurements[0].measured == "4 of 4"
    assert found.measurements[1].expected.endswith("it gives 0.5 on every element")
    assert "clip_grad_norm_" in found.remedy


def test_an_accuracy_as_loss_fails() -> None:
    """A loss made of comparisons has a derivative of zero wherever it has one."""
    found = result(torch.relu, lambda out, y: (out[:, 0].gt(0).float() - y.eq(0).float()).abs().mean())
    assert found.status == "fail"
    assert found.where == "Tensor.gt"


@pytest.mark.parametrize(
    "between",
    [
        torch.relu,
        lambda h: h + (h.round() - h).detach(),
        lambda h: h + (h.sign() - h).detach(),
        lambda h: h * (h > 0).float(),
        lambda h: torch.where(h > 0, h, 0.1 * h),
        lambda h: h.clamp(-1, 1),
        lambda h: h + torch.floor(h),
        lambda h: F.gumbel_softmax(h, hard=True),
        lambda h: h.masked_fill(h < 0, 0.0),
    ],
)
def test_straight_through_and_masks_are_silent(between: Callable[[Tensor], Tensor]) -> None:
    """Steps beside which the gradient has another way are healthy."""
    assert result(between).status == "pass"


def test_a_loss_clipped_on_some_samples_is_silent() -> None:
    """A robust loss that clips outliers still learns from the others."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        each = F.cross_entropy(out, y, reduction="none")
        return each.clamp(max=float(each.detach().median())).mean()

    assert result(torch.relu, loss_fn).status == "pass"


def test_a_satisfied_hinge_is_silent() -> None:
    """A hinge loss of zero has nothing left to learn, which is no defect."""
    assert result(torch.relu, lambda out, y: (out.sum(1) - 100).clamp(min=0).mean()).status == "pass"


def test_free_bits_are_silent() -> None:
    """A term held at its floor leaves the gradient of the other term."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(out, y) + torch.clamp(0.001 * out.pow(2).mean(), min=1.0)

    assert result(torch.relu, loss_fn).status == "pass"


def test_accuracy_beside_the_loss_is_silent() -> None:
    """Thresholds for a metric do not stand between loss and network."""

    def loss_fn(out: Tensor, y: Tensor) -> Tensor:
        assert 0 <= float((out.argmax(1) == y).float().mean()) <= 1
        return F.cross_entropy(out, y)

    assert result(torch.relu, loss_fn).status == "pass"


def test_dead_gradients_without_a_step_are_another_check() -> None:
    """Zeros that no operation of derivative zero explains are left to the checks of units."""
    assert result(lambda h: torch.relu(h - 100)).status == "pass"
    assert result(lambda h: torch.relu(h.clamp(max=0.1) - 100)).status == "pass"
    assert result(lambda h: torch.relu(h - 100) + torch.round(h)).status == "pass"


def test_unseen_passes_are_skipped() -> None:
    """A loss of several values, and a network without parameters, leave nothing to ask."""
    assert result(torch.round, nn.CrossEntropyLoss(reduction="none")).status == "skip"
    found = run_one(CHECK, model=nn.Flatten(), loader=[(ROWS, ROWS)], loss_fn=nn.MSELoss())
    assert found.status == "skip"


def test_several_losses_are_inconclusive() -> None:
    """Where the user's step goes backward twice, another loss may reach what lies behind the rounding."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        model(batch[0]).sum().backward()
        model.encoder(batch[0]).sum().backward()

    assert result(torch.round, train_step=train_step).status == "inconclusive"
    assert result(torch.relu, train_step=train_step).status == "pass"


def hard_dice(masks: Tensor, wanted: Tensor) -> Tensor:
    return 1 - 2 * (masks * wanted).sum() / (masks.sum() + wanted.sum()).clamp_min(1)


def hot() -> Tensor:
    return F.one_hot(CLASSES, 3).float()


@pytest.mark.parametrize(("term", "name"), [
    (lambda z: 0.5 * (z.argmax(1) != CLASSES).float().mean(), "Tensor.ne"),
    (lambda z: 1 - (z.argmax(1) == CLASSES).sum() / len(z), "Tensor.eq"),
    (lambda z: hard_dice((z.sigmoid() > 0.5).float(), hot()), "Tensor.gt"),
    (lambda z: hard_dice(z.sigmoid().round(), hot()), "Tensor.round"),
    (lambda z: torch.stack([(z > 0).float().mean(), z.square().mean()]).sum(), "Tensor.gt"),
])  # fmt: skip
def test_a_term_of_the_loss_without_a_gradient_fails(term: Callable[[Tensor], Tensor], name: str) -> None:
    """A score of hard choices beside a loss that learns is named with the choice and its value."""

    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(z, y) + term(z)

    found = result(torch.tanh, loss_fn)
    assert (found.status, found.title) == ("fail", "A term of the loss sends nothing back")
    assert found.where in (name, "Tensor.argmax")
    assert found.place is not None


def unseen(z: Tensor) -> Tensor:
    with torch.no_grad():
        return z.square().mean()


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize(("term", "status", "name"), [
    (lambda z: torch.tensor([z.square().mean(), z.abs().mean()]).sum(), "fail", "torch.tensor"),
    (unseen, "warn", "torch.no_grad"),
])  # fmt: skip
def test_a_copied_or_unseen_term_of_the_loss(term: Callable[[Tensor], Tensor], status: str, name: str) -> None:
    """Terms that torch.tensor joins fail; those without a graph warn, as they may be there to be reported."""
    found = result(torch.tanh, lambda z, y: F.cross_entropy(z, y) + term(z))
    assert (found.status, found.where) == (status, name)


class Penalised(Net):
    """Adds the norm of its weights to its loss, as tensors of the graph or by their values."""

    def __init__(self, values: Callable[[Tensor], Tensor]) -> None:
        super().__init__(torch.tanh)
        self.values = values

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        logits = super().forward(x)
        penalty = torch.stack([self.values(one).norm() for one in self.parameters()]).sum()
        return {"loss": F.cross_entropy(logits, labels) + 0.01 * penalty, "logits": logits}


@pytest.mark.parametrize(("values", "status"), [
    (lambda one: one.data, "fail"),
    (lambda one: one.detach(), "fail"),
    (lambda one: one, "pass"),
])  # fmt: skip
def test_a_penalty_on_the_values_of_weights_fails(values: Callable[[Tensor], Tensor], status: str) -> None:
    """Weight decay by .data shows in the loss and decays nothing."""
    torch.manual_seed(0)
    found = run_one(CHECK, model=Penalised(values), loader=[{"x": ROWS, "labels": CLASSES}])
    assert found.status == status


def ponder(z: Tensor) -> Tensor:
    """Steps until a threshold and what is left over, as adaptive computation has them."""
    halted = z.sigmoid().cumsum(1) > 1.2
    return ((~halted).sum(1).float() + 1 - (z.sigmoid() * ~halted).sum(1)).mean()


def unseen_cost(z: Tensor) -> Tensor:
    """The loss of a structured machine, whose cost is that of the places at which its scores are taken."""
    with torch.no_grad():
        found = (z + 1 - hot()).argmax(1)
        cost = (found != CLASSES).float()
    return (cost + z[range(12), found] - z[range(12), CLASSES]).mean()


def biweight(z: Tensor) -> Tensor:
    """A loss of two pieces, each with a mask of its own, one of them constant."""
    off = z - hot()
    return ((1 - (1 - off**2) ** 3) * (off.abs() <= 1)).mean() + (off.abs() > 1).float().mean()


@pytest.mark.parametrize("term", [
    ponder,
    unseen_cost,
    biweight,
    lambda z: (z.log_softmax(1) - unseen(z)).mean(),
    lambda z: (z - z.floor()).mean(),
    lambda z: ((d := 9 * z) - 6.28 * torch.floor((d + 3.14) / 6.28)).mean(),
    lambda z: (z.square().mean() - z.abs().mean()).detach(),
    lambda z: ((z > 0).float() - z.sigmoid()).detach().mean() + z.sigmoid().mean(),
    lambda z: z.square().mean() - z.square().mean().detach() + unseen(z),
    lambda z: (z * (z > 0)).mean(),
    lambda z: torch.div(z, 0.25).mean(),
    lambda z: z.square().mean() / (z > 0).sum().clamp_min(1),
    lambda z: 0 * (z.argmax(1) == CLASSES).float().mean(),
    lambda z: (CLASSES > 1).float().mean(),
    lambda z: (z * torch.exp2(-(k := z.abs().amax().log2().floor()))).square().mean() + k,
])  # fmt: skip
def test_terms_that_are_trained_or_meant_to_be_constant_are_silent(term: Callable[[Tensor], Tensor]) -> None:
    """Masks, counts whose masks train others, straight-through values, targets, and what is detached in words."""

    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(z, y) + term(z)

    assert result(torch.tanh, loss_fn).status == "pass"


def trained_by(model: nn.Module) -> dict[str, Any]:
    """A step of one's own that calls the model with more than the batch has."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    return {"optimizer": optimizer, "train_step": train_step}


def test_views_that_can_no_longer_be_followed_are_no_error() -> None:
    """Parametrized weights are written to, and viewed, with and without a graph."""
    norm = torch.nn.utils.parametrizations
    model = nn.Sequential(norm.orthogonal(nn.Linear(4, 8)), nn.ReLU(), norm.spectral_norm(nn.Linear(8, 3)))
    batch = (ROWS, CLASSES)
    assert run_one(CHECK, model=model, loader=[batch], **trained_by(model)).status == "pass"


class Pooling(nn.Module):
    """Pools the steps of a sequence with weights that are made of scores, one of each step."""

    def __init__(self, pool: Callable[[Tensor, Tensor], Tensor], classes: int = 3) -> None:
        super().__init__()
        self.states, self.scores, self.head = nn.Linear(4, 8), nn.Linear(8, 1), nn.Linear(8, classes)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        states = torch.tanh(self.states(x))
        return self.head(self.pool(self.scores(states), states))


def pooled(pool: Callable[[Tensor, Tensor], Tensor], steps: int = 5, size: int = 24) -> Any:
    torch.manual_seed(0)
    batch = (torch.randn(size, steps, 4), torch.arange(size) % 3)
    return run_one(CHECK, model=Pooling(pool), loader=[batch], loss_fn=nn.CrossEntropyLoss())


@pytest.mark.parametrize("pool", [
    lambda scores, states: (F.softmax(scores, -1) * states).sum(1),
    lambda scores, states: (scores.softmax(2) * states).sum(dim=1),
    lambda scores, states: (states * nn.Softmax(dim=-1)(scores)).sum(-2),
    lambda scores, states: (F.dropout(torch.softmax(scores.squeeze(-1).unsqueeze(2), -1), 0.1) * states).sum(1),
    lambda scores, states: torch.bmm(F.softmax(scores, 2).transpose(1, 2), states)[:, 0],
    lambda scores, states: (F.softmax(scores, -1).permute(0, 2, 1) @ states).squeeze(1),
    lambda scores, states: torch.einsum("bt,btd->bd", scores.softmax(-1).squeeze(-1), states),
    lambda scores, states: (F.softmax(scores.transpose(0, 1), -1) * states.transpose(0, 1)).sum(0),
])  # fmt: skip
def test_weights_of_a_sum_that_a_softmax_over_one_element_made_fail(pool: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Weights that are all 1 send exactly zero to the scores; the line is that of the softmax."""
    found = pooled(pool)
    assert found.status == "fail", found
    assert "axis of one element" in found.detail
    assert "of 5" in found.remedy
    assert found.place is not None
    assert found.place.file == __file__


@pytest.mark.parametrize("pool", [
    lambda scores, states: (F.softmax(scores, 1) * states).sum(1),
    lambda scores, states: (scores.sigmoid() * states).sum(1),
    lambda scores, states: (F.softmax(scores, -1)[..., None] * states[..., None, :]).sum(-2).mean(1),
    lambda scores, states: (scores.softmax(-1) @ torch.ones(1, 8) * states).mean(1),
])  # fmt: skip
def test_weights_over_the_axis_that_is_summed_are_silent(pool: Callable[[Tensor, Tensor], Tensor]) -> None:
    """So are gates, and a mixture of one expert, whose weight is 1 on purpose, and summed over that one."""
    assert pooled(pool).status == "pass"


@pytest.mark.parametrize(("steps", "size"), [(1, 24), (5, 1)])
def test_one_step_or_one_sample_is_no_axis_too_few(steps: int, size: int) -> None:
    """Over sequences of length one each weight is 1 by right; a batch of one sample changes nothing."""
    assert pooled(lambda scores, states: (F.softmax(scores, 1) * states).sum(1), steps, size).status == "pass"
    assert pooled(lambda scores, states: (F.softmax(scores, -1) * states).sum(1), 1, size).status == "pass"


def test_a_head_of_one_class_on_purpose_is_silent() -> None:
    """Its loss is 0 and trains nothing, beside a head of several classes."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.many, self.one = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            states = torch.tanh(self.body(x))
            return self.many(states), self.one(states).softmax(1)

    def loss_fn(outputs: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        return F.cross_entropy(outputs[0], y) - (outputs[1].log() * torch.ones(24, 1)).sum(1).mean()

    loader = [(torch.randn(24, 4), torch.arange(24) % 3)]
    assert run_one(CHECK, model=Heads(), loader=loader, loss_fn=loss_fn).status == "pass"
