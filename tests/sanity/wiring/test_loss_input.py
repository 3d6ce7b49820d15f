from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.loss_input import CHECK
from tests.sanity.running import run_one

CLASSES = torch.arange(32) % 10
BITS = (torch.arange(32) % 2).float()[:, None]


class Headed(nn.Module):
    def __init__(self, head: Callable[[Tensor], Tensor], outputs: int = 10) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(4, outputs), head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.fc(x))


class Softened(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.fc(x), 1).view(-1, 10)


def result_of(head: Any, loss_fn: Any, targets: Tensor = CLASSES, outputs: int = 10) -> CheckResult:
    torch.manual_seed(0)
    model = head if isinstance(head, nn.Module) else Headed(head, outputs)
    return run_one(CHECK, model=model, loader=[(torch.randn(32, 4), targets)], loss_fn=loss_fn)


def by_hand(p: Tensor, y: Tensor) -> Tensor:
    return -(y * torch.log(p + 1e-8) + (1 - y) * torch.log(1 - p + 1e-8)).mean()


def twice(p: Tensor, y: Tensor) -> Tensor:
    return -F.log_softmax(p, 1)[range(32), y].mean()


def test_softmax_before_cross_entropy_has_a_floor_and_a_line() -> None:
    """The softmax is named with its line, the lowest loss that it allows, and the line without it."""
    result = result_of(Softened(), nn.CrossEntropyLoss())
    perfect = F.cross_entropy(torch.eye(10)[CLASSES], CLASSES).item()
    assert (result.status, result.title) == ("fail", "Softmax before cross-entropy")
    assert result.measurements[0].measured == f"{perfect:.3f} nats" == "1.461 nats"
    assert result.measurements[0].expected == "0.000 nats"
    assert result.place is not None
    line = Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1].strip()
    assert result.code == f"- {line}\n+ return self.fc(x).view(-1, 10)"
    assert result.where == "torch.softmax"


def test_a_softmax_in_a_sequence_is_replaced_by_its_path() -> None:
    """Where no line holds the softmax, the remedy names the module."""
    model = nn.Sequential(nn.Linear(4, 10), nn.Softmax(dim=1))
    result = result_of(model, nn.CrossEntropyLoss())
    assert result.code.startswith("+ model[1] = nn.Identity()")


@pytest.mark.parametrize(
    ("head", "loss_fn", "targets", "outputs", "title"),
    [
        (torch.sigmoid, nn.CrossEntropyLoss(), CLASSES, 10, "Sigmoid before cross-entropy"),
        (lambda z: z.exp() / z.exp().sum(1)[:, None], F.cross_entropy, CLASSES, 10, "Probabilities into cross-entropy"),
        (torch.sigmoid, nn.BCEWithLogitsLoss(), BITS, 1, "Sigmoid before BCE with logits"),
        (lambda z: z, nn.BCELoss(), BITS, 1, "Logits into binary cross-entropy"),
        (lambda z: z, nn.NLLLoss(), CLASSES, 10, "Logits into NLL"),
        (lambda z: z.softmax(1), nn.NLLLoss(), CLASSES, 10, "Softmax before NLL"),
        (lambda z: z, by_hand, BITS, 1, "Logits into log"),
        (lambda z: z.softmax(1), twice, CLASSES, 10, "Softmax before log softmax"),
        (lambda z: F.log_softmax(z.softmax(1), 1), nn.NLLLoss(), CLASSES, 10, "Softmax before log softmax"),
    ],
)  # fmt: skip
def test_every_misfit_is_named(head: Any, loss_fn: Any, targets: Tensor, outputs: int, title: str) -> None:
    """Probabilities for logits and logits for probabilities are found in every loss, also in those written by hand."""
    result = result_of(head, loss_fn, targets, outputs)
    assert (result.status, result.title) == ("fail", title)
    assert result.remedy


@pytest.mark.parametrize(
    ("head", "loss_fn", "targets", "outputs"),
    [
        (lambda z: z, nn.CrossEntropyLoss(), CLASSES, 10),
        (lambda z: F.log_softmax(z, 1), nn.CrossEntropyLoss(), CLASSES, 10),
        (lambda z: F.log_softmax(z, 1), nn.NLLLoss(), CLASSES, 10),
        (lambda z: z.softmax(1), lambda p, y: F.nll_loss(torch.log(p), y), CLASSES, 10),
        (lambda z: z.softmax(1), lambda p, y: F.cross_entropy(torch.log(p), y), CLASSES, 10),
        (lambda z: 10 * torch.sigmoid(z), nn.CrossEntropyLoss(), CLASSES, 10),
        (torch.sigmoid, nn.BCELoss(), BITS, 1),
        (lambda z: z, nn.BCEWithLogitsLoss(), BITS, 1),
        (torch.sigmoid, by_hand, BITS, 1),
        (torch.sigmoid, nn.MSELoss(), BITS, 1),
    ],
)
def test_silent_on_what_fits(head: Any, loss_fn: Any, targets: Tensor, outputs: int) -> None:
    """Log-probabilities into NLL and cross-entropy, and every other pair that fits, pass."""
    assert result_of(head, loss_fn, targets, outputs).status == "pass"


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (nn.Identity(), "Logits into CTC"),
        (nn.Softmax(-1), "Softmax before CTC"),
        (nn.LogSoftmax(-1), ""),
    ],
)
def test_ctc_takes_log_probabilities(head: nn.Module, title: str) -> None:
    """Scores of frames that enter CTC straight from a layer, or as probabilities, are found."""

    def loss_fn(frames: Tensor, letters: Tensor) -> Tensor:
        sizes = torch.full((8,), 12), torch.full((8,), 3)
        return F.ctc_loss(frames.transpose(0, 1), letters, *sizes)

    batch = (torch.randn(8, 12, 4), 1 + torch.arange(24).view(8, 3) % 9)
    result = run_one(CHECK, model=nn.Sequential(nn.Linear(4, 10), head), loader=[batch], loss_fn=loss_fn)
    assert (result.status, result.title) == (("fail", title) if title else ("pass", ""))
    assert "log_softmax" in result.remedy or not title


def test_silent_on_attention_and_distillation() -> None:
    """A softmax inside the network, and one that makes the targets, are no misfits."""

    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.fc = nn.Linear(4, 4), nn.Linear(4, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(torch.softmax(self.query(x) @ x.T, 1) @ x)

    teacher = torch.softmax(torch.randn(32, 10), 1)
    loss_fn = lambda z, y: F.cross_entropy(z, torch.softmax(teacher, 1)) + F.kl_div(z.log_softmax(1), teacher)  # noqa: E731 - as users write it
    with pytest.warns(UserWarning, match="batchmean"):
        assert result_of(Attends(), loss_fn).status == "pass"


def test_label_smoothing_has_no_floor_of_its_own() -> None:
    """With smoothed labels the finding stands, and no floor is claimed."""
    result = result_of(Softened(), nn.CrossEntropyLoss(label_smoothing=0.1))
    assert result.status == "fail"
    assert [one.quantity for one in result.measurements] == ["values given to the loss"]


def test_positive_weights_count_in_the_floor() -> None:
    """The floor of BCE on probabilities is that of the loss with its positive weight."""
    weight = torch.tensor([3.0])
    result = result_of(torch.sigmoid, nn.BCEWithLogitsLoss(pos_weight=weight), BITS, 1)
    expected = (3 * math.log1p(math.exp(-1)) + math.log(2)) / 2
    assert result.measurements[0].measured == f"{expected:.3f} nats"


def test_a_loss_for_show_is_left_alone() -> None:
    """A cross-entropy that no part of the loss is made of is not judged."""

    def loss_fn(z: Tensor, y: Tensor) -> Tensor:
        F.cross_entropy(z.softmax(1), y)
        return F.cross_entropy(z, y)

    assert result_of(lambda z: z, loss_fn).status == "pass"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_ugly_values_raise_nothing(value: float) -> None:
    """Outputs that are not finite are no misfit."""
    assert result_of(lambda z: z * value, nn.CrossEntropyLoss()).status == "pass"


def evaluated_by(measure: Callable[[Tensor, Tensor], Tensor]) -> Callable[[nn.Module, Any], dict[str, float]]:
    @torch.no_grad()
    def eval_step(model: nn.Module, batch: Any) -> dict[str, float]:
        return {"loss": measure(model(batch[0]), batch[1]).item()}

    return eval_step


def test_probabilities_in_a_loss_of_the_evaluation_are_found() -> None:
    """A softmax before the cross-entropy of the user's evaluation fails with its line, though training has none."""
    x, y = torch.randn(16, 4), torch.arange(16) % 3
    eval_step = evaluated_by(lambda out, y: F.cross_entropy(torch.softmax(out, dim=1), y))
    model = nn.Linear(4, 3)
    before = model.weight.detach().clone()
    found = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), eval_step=eval_step)
    assert found.status == "fail"
    assert found.title == "Softmax before cross-entropy in eval_step"
    assert found.place is not None
    assert found.is_apart
    assert torch.equal(model.weight, before)


def test_an_evaluation_of_a_whole_loader_is_left_after_a_few_batches() -> None:
    """What its first batches show is enough; the model is as it was, though the evaluation did not come to its end."""
    loader = [(torch.randn(16, 4), torch.arange(16) % 3) for _ in range(20)]
    model = nn.Linear(4, 3)

    def eval_step() -> float:
        losses = [F.cross_entropy(torch.softmax(model(x), dim=1), y).item() for x, y in loader]
        raise RuntimeError(str(losses))

    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss(), eval_step=eval_step)
    assert found.status == "fail"
    assert model.training


@pytest.mark.parametrize(
    "measure",
    [
        F.cross_entropy,
        lambda out, y: F.nll_loss(torch.log(torch.softmax(out, dim=1)), y),
        lambda out, y: F.cross_entropy(out, y) + 0 * torch.softmax(out, dim=1).amax(1).mean(),
        lambda out, y: F.cross_entropy(out, torch.softmax(out, dim=1)),
        lambda out, y: torch.softmax(out, dim=1).gather(1, y[:, None]).mean(),
        lambda out, y: out.missing,
    ],
)
def test_silent_on_evaluations_that_fit(measure: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Logits, logarithms, confidences beside the loss and soft targets pass, and so does what cannot be run."""
    x, y = torch.randn(16, 4), torch.arange(16) % 3
    arguments = {"model": nn.Linear(4, 3), "loader": [(x, y)], "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, **arguments, eval_step=evaluated_by(measure)).status == "pass"


def test_without_a_loss_it_is_skipped() -> None:
    """A program without a loss has nothing to ask."""
    result = run_one(CHECK, model=nn.Linear(4, 1), loader=[torch.randn(8, 4)])
    assert result.status == "skip"


class Judge(nn.Module):
    """Tells real from made, and which class, by logits or by probabilities."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.real, self.kind = nn.Linear(4, 1), nn.Sequential(nn.Linear(4, 3), last)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.real(x), self.kind(x)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("last", "status"), [(nn.Softmax(1), "fail"), (nn.Identity(), "skip")])
def test_a_step_of_several_losses_is_read_as_a_whole(last: nn.Module, status: str, whole: bool) -> None:
    """Where two networks take turns, a softmax before the cross-entropy of one is found in the step itself."""
    made, judge = nn.Linear(2, 4), Judge(last)
    optimizers = {"made": torch.optim.Adam(made.parameters()), "judge": torch.optim.Adam(judge.parameters())}

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        x, y = batch
        fake = made(torch.randn(len(x), 2))
        optimizers["made"].zero_grad()
        nn.functional.softplus(-judge(fake)[0]).mean().backward()
        optimizers["made"].step()
        optimizers["judge"].zero_grad()
        real, kinds = judge(x)
        with torch.no_grad():
            nn.functional.cross_entropy(kinds.softmax(1), y)
        loss = nn.functional.softplus(-real).mean() + nn.functional.cross_entropy(kinds, y)
        loss.backward()
        optimizers["judge"].step()
        return loss

    model = nn.ModuleDict({"made": made, "judge": judge}) if whole else judge
    loader = [(torch.randn(16, 4), torch.arange(16) % 3)]
    assert run_one(CHECK, model=model, loader=loader, optimizer=optimizers, train_step=step).status == status
