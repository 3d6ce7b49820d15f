from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.output_range import CHECK
from tests.sanity.running import run_one

N = 40
WIDE = torch.linspace(-2, 2, N)[:, None]
CLASSES = torch.arange(N) % 4


class Ending(nn.Module):
    def __init__(self, outputs: int, end: Any) -> None:
        super().__init__()
        self.fc, self.end = nn.Linear(4, outputs), end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.fc(x))


class Rectified(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc(x))


def result_of(end: Any, targets: Tensor = WIDE, loss_fn: Any = None) -> CheckResult:
    torch.manual_seed(0)
    model = end if isinstance(end, Rectified) else Ending(4 if targets.dim() == 1 else 1, end)
    return run_one(CHECK, model=model, loader=[(torch.randn(N, 4), targets)], loss_fn=loss_fn or nn.MSELoss())


def test_a_relu_under_negative_targets_has_a_floor_and_a_line() -> None:
    """The share of targets out of reach, the floor and the line without the ReLU are told."""
    result = result_of(Rectified())
    floor = sum(float(y) ** 2 for y in WIDE if y < 0) / N
    assert result.status == "fail"
    assert result.summary == "50% of the targets out of reach"
    assert float(result.measurements[2].measured) == pytest.approx(floor, rel=1e-3)
    assert result.code == "- return F.relu(self.fc(x))\n+ return self.fc(x)"
    assert result.charts[0].values[0].sum() == N


@pytest.mark.parametrize("end", [torch.tanh, torch.sigmoid, nn.Softplus(), nn.ReLU6(), lambda z: z.tanh().view(-1, 1)])
@pytest.mark.parametrize("loss_fn", [nn.MSELoss(), nn.SmoothL1Loss(), lambda a, y: (y - a).abs().mean()])
def test_each_bounded_activation_is_found(end: Any, loss_fn: Any) -> None:
    """Every bounded activation fails on targets far outside, under losses of PyTorch's and by hand."""
    assert result_of(end, loss_fn=loss_fn).status == "fail"


@pytest.mark.parametrize(
    ("end", "targets"),
    [
        (torch.tanh, WIDE / 2),
        (torch.sigmoid, (WIDE + 2) / 4),
        (torch.relu, WIDE + 2),
        (lambda z: 3 * torch.tanh(z), WIDE),
        (lambda z: torch.sigmoid(z) * 4 - 2, WIDE),
        (lambda z: z, WIDE * 100),
        (nn.LeakyReLU(), WIDE),
        (torch.sigmoid, torch.cat([torch.full((1, 1), 1.0005), (WIDE[1:] + 2) / 4])),
    ],
)
def test_silent_where_the_targets_lie_inside(end: Any, targets: Tensor) -> None:
    """Targets inside of the range, also of one that is scaled afterwards, pass."""
    assert result_of(end, targets).status == "pass"


def test_stray_targets_are_a_warning() -> None:
    """A few targets a little outside are shown, and no failure."""
    targets = (WIDE + 2) / 4
    targets[:2] = -0.05
    assert result_of(torch.sigmoid, targets).status == "warn"


@pytest.mark.parametrize(
    ("end", "targets", "span"),
    [
        (lambda z: z.tanh().tanh(), WIDE / 2.05, "-0.761594 to 0.761594"),
        (lambda z: z.relu().sigmoid(), (WIDE + 2) / 4, "0.5 to 1"),
        (lambda z: z.sigmoid().view(-1, 1).sigmoid(), (WIDE + 2) / 4, "0.5 to 0.731059"),
    ],
)
def test_two_activations_have_the_range_of_both(end: Any, targets: Tensor, span: str) -> None:
    """Targets that the last activation alone could give, and not after another one, fail with the range of both."""
    result = result_of(end, targets)
    assert result.status == "fail"
    assert result.measurements[0].expected == span
    assert "one of the two" in result.remedy


@pytest.mark.parametrize(
    ("end", "targets"),
    [
        (lambda z: z.tanh().tanh(), WIDE / 2.7),
        (lambda z: z.relu().tanh(), (WIDE + 2) / 4.1),
        (lambda z: (3 * z.tanh()).tanh(), WIDE / 2.05),
        (lambda z: z.tanh().exp(), (WIDE + 2) / 2 + 0.4),
    ],
)
def test_two_activations_that_reach_every_target_pass(end: Any, targets: Tensor) -> None:
    """Targets inside of the range of both, and a scale in between, pass."""
    assert result_of(end, targets).status == "pass"


@pytest.mark.parametrize(
    ("end", "loss_fn", "status"),
    [
        (torch.relu, nn.CrossEntropyLoss(), "fail"),
        (torch.tanh, nn.CrossEntropyLoss(), "fail"),
        (nn.Dropout(0.5), nn.CrossEntropyLoss(), "fail"),
        (nn.Dropout(0.0), nn.CrossEntropyLoss(), "pass"),
        (lambda z: torch.relu(z).log_softmax(1), nn.NLLLoss(), "fail"),
        (nn.GELU(), nn.CrossEntropyLoss(), "warn"),
        (lambda z: z, nn.CrossEntropyLoss(), "pass"),
        (lambda z: 30 * torch.tanh(z / 30), nn.CrossEntropyLoss(), "pass"),
        (lambda z: torch.relu(z)[:, :, None, None].mean((2, 3)), nn.CrossEntropyLoss(), "pass"),
        (lambda z: z.softmax(1), nn.CrossEntropyLoss(), "pass"),
    ],
)
def test_logits_are_to_be_left_alone(end: Any, loss_fn: Any, status: str) -> None:
    """An activation or dropout on logits is found; soft caps, pooled activations and probabilities are not."""
    assert result_of(end, CLASSES, loss_fn).status == status


def test_the_floor_of_tanh_under_cross_entropy_is_told() -> None:
    """The floor is the loss of 1 for the right class and -1 for the others."""
    result = result_of(torch.tanh, CLASSES, nn.CrossEntropyLoss())
    best = F.cross_entropy(2 * F.one_hot(CLASSES, 4).float() - 1, CLASSES).item()
    assert result.measurements[0].measured == f"{best:.3f} nats"
    assert best == pytest.approx(math.log1p(3 * math.exp(-2)), rel=1e-5)


def test_dropout_that_is_off_is_no_dropout() -> None:
    """A model in eval mode passes."""
    model = Ending(4, nn.Dropout(0.5)).eval()
    batch = (torch.randn(N, 4), CLASSES)
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "pass"


@pytest.mark.parametrize("targets", [WIDE * float("nan"), WIDE * 0, (WIDE > 0).long()])
def test_ugly_targets_raise_nothing(targets: Tensor) -> None:
    """NaN, constant and whole targets end in an answer without a failure."""
    loss_fn = lambda a, y: ((a - y) ** 2).mean()  # noqa: E731 - as users write it
    assert result_of(torch.sigmoid, targets, loss_fn).status == "pass"


class Answers(nn.Module):
    """Tells of each question how likely it is answered, and of one a sample which it was asked."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.body, self.head, self.drop, self.late = nn.Linear(8, 16), nn.Linear(16, 5), nn.Dropout(), late

    def forward(self, x: Tensor, asked: Tensor) -> Tensor:
        h = torch.relu(self.body(x))
        logits = self.drop(self.head(h)) if self.late else self.head(self.drop(h))
        return (torch.sigmoid(logits) * nn.functional.one_hot(asked, 5)).sum(-1)


@pytest.mark.parametrize(("late", "status"), [(True, "fail"), (False, "pass")])
def test_dropout_before_the_sigmoid_is_dropout_on_the_outputs(late: bool, status: str) -> None:
    """Logits that are dropped before a sigmoid give one half at random, also where one of them is chosen."""
    batch = (torch.randn(32, 8), torch.arange(32) % 5, (torch.arange(32) % 2).float())
    result = run_one(CHECK, model=Answers(late=late), loader=[batch], loss_fn=nn.BCELoss())
    assert result.status == status


class Projected(nn.Module):
    """An LSTM whose outputs are projected to one number, with a sigmoid behind it or without."""

    def __init__(self, end: Any) -> None:
        super().__init__()
        self.lstm, self.end = nn.LSTM(4, 16, proj_size=1, batch_first=True), end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.lstm(x)[0][:, -1])


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("end", "targets"), [(nn.Identity(), WIDE), (nn.Sigmoid(), (WIDE + 2) / 4)])
def test_nothing_bounds_what_an_lstm_projects(end: Any, targets: Tensor) -> None:
    """A projection gives any number, and the sigmoid of one any share."""
    result = run_one(CHECK, model=Projected(end), loader=[(torch.randn(N, 5, 4), targets)], loss_fn=nn.MSELoss())
    assert result.status == "pass"
