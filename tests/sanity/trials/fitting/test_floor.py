from __future__ import annotations

from math import isclose, log

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.sanity.trials.fitting.floor import UNKNOWN, Goal, goal_of, over_samples
from nbinspect.subject import make_subject

X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
Y = torch.arange(32) % 4


def recorded(model: nn.Module, loss_fn: object, x: Tensor = X, y: Tensor = Y) -> Recorded:
    subject = make_subject(model, [(x, y)], loss_fn)
    return record(Program(subject, Limits(60)), make_batch(subject, (x, y)))


def lowest(loss: object, shape: tuple[int, ...], *, alike: bool = False) -> float:
    """The lowest loss of any outputs, or of any that are the same for every sample, by descent on the outputs alone."""
    free = torch.zeros((1, *shape[1:]) if alike else shape, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([free], lr=1, max_iter=400, line_search_fn="strong_wolfe", tolerance_grad=1e-12)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(free.expand(shape))
        value.backward()
        return value

    optimizer.step(closure)
    return float(closure().detach())


def test_hard_labels_have_the_floor_zero_and_the_entropy_of_the_classes() -> None:
    """Of four classes alike in number the floor is 0, and the best constant has log 4."""
    goal = goal_of(recorded(nn.Linear(8, 4), nn.CrossEntropyLoss()))
    assert goal.floor == pytest.approx(0, abs=1e-6)
    assert goal.blind == pytest.approx(log(4), rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothing_weights_and_reduction_are_those_of_the_call(
    reduction: str, smoothing: float, weighted: bool
) -> None:
    """Floor and best constant agree with a descent on free outputs, whatever the options of cross-entropy."""
    weight = torch.tensor([0.5, 1.0, 2.0, 3.0]) if weighted else None
    loss = nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing, reduction=reduction)
    goal = goal_of(recorded(nn.Linear(8, 4), loss))
    exact = nn.CrossEntropyLoss(
        weight=None if weight is None else weight.double(), label_smoothing=smoothing, reduction=reduction
    )
    assert goal.floor == pytest.approx(lowest(lambda out: exact(out, Y), (32, 4)), abs=2e-3)
    assert goal.blind == pytest.approx(lowest(lambda out: exact(out, Y), (32, 4), alike=True), rel=1e-4)


def test_smoothing_in_a_function_is_found_by_its_value_or_not_at_all() -> None:
    """A smoothing of 0.1 written in a function is found, one that is unusual leaves the floor unknown."""

    def smoothed(share: float) -> object:
        return lambda out, y: F.cross_entropy(out, y, label_smoothing=share)

    found = goal_of(recorded(nn.Linear(8, 4), smoothed(0.1)))
    assert found.floor == pytest.approx(
        goal_of(recorded(nn.Linear(8, 4), nn.CrossEntropyLoss(label_smoothing=0.1))).floor
    )
    assert goal_of(recorded(nn.Linear(8, 4), smoothed(0.03))) == UNKNOWN


def test_a_head_of_zeros_does_not_hide_the_smoothing() -> None:
    """On equal logits every smoothing has the same loss; the floor is then unknown, and known without smoothing."""
    model = nn.Linear(8, 4)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    assert goal_of(recorded(model, lambda out, y: F.cross_entropy(out, y, label_smoothing=0.1))) == UNKNOWN
    assert goal_of(recorded(model, F.cross_entropy)).floor == pytest.approx(0, abs=1e-6)


def test_soft_targets_of_both_kinds_raise_the_floor_to_their_entropy() -> None:
    """Under cross-entropy and BCE the floor is the mean entropy of the targets, as for an autoencoder."""
    shares = torch.rand(32, 4, generator=torch.Generator().manual_seed(2)).softmax(1)
    entropy = float(-(shares.double() * shares.double().log()).sum(1).mean())
    assert goal_of(recorded(nn.Linear(8, 4), nn.CrossEntropyLoss(), y=shares)).floor == pytest.approx(entropy, rel=1e-5)
    bits = torch.rand(32, 8, generator=torch.Generator().manual_seed(3))
    p = bits.double()
    entropy = float(-(p * p.log() + (1 - p) * (1 - p).log()).mean())
    assert goal_of(recorded(nn.Linear(8, 8), nn.BCEWithLogitsLoss(), y=bits)).floor == pytest.approx(entropy, rel=1e-5)
    probabilities = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid())
    assert goal_of(recorded(probabilities, nn.BCELoss(), y=bits)).floor == pytest.approx(entropy, rel=1e-5)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(delta=0.5)])
def test_distances_have_the_floor_zero_and_the_spread_of_the_targets(loss: nn.Module) -> None:
    """The best constant of a regression is the mean or the median, at each output of its own."""
    y = torch.randn(32, 3, generator=torch.Generator().manual_seed(4)) + torch.tensor([0.0, 5.0, -2.0])
    goal = goal_of(recorded(nn.Linear(8, 3), loss, y=y))
    assert goal.floor == 0
    best = lowest(lambda out: loss(out, y.double()), (32, 3), alike=True)
    assert best <= goal.blind <= best * 1.1


def test_ignored_labels_count_for_nothing() -> None:
    """Targets that are ignored neither raise the floor nor enter the best constant."""
    y = torch.where(torch.arange(32) < 16, Y % 2, -100)
    goal = goal_of(recorded(nn.Linear(8, 4), nn.CrossEntropyLoss(), y=y))
    assert isclose(goal.floor, 0, abs_tol=1e-6)
    assert goal.blind == pytest.approx(log(2), rel=1e-6)


def test_tokens_have_a_best_constant_at_each_position() -> None:
    """Targets that differ between positions alone can be had without inputs, also where they are flattened."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.table(x)

    x = torch.arange(8 * 6).reshape(8, 6) % 5
    y = torch.arange(6).expand(8, 6).contiguous()
    goal = goal_of(recorded(Tokens(), lambda out, y: F.cross_entropy(out.flatten(0, 1), y.flatten()), x, y))
    assert goal.blind == pytest.approx(0, abs=1e-6)
    assert goal.gap is None


def test_the_samples_axis_may_be_the_second() -> None:
    """Values of (T, N) and flattened ones of T * N are averaged over the samples, not over time."""
    values = torch.arange(12.0).reshape(3, 4)
    expected = values.mean(1, keepdim=True).expand(3, 4)
    assert torch.equal(over_samples(values, 4, 1, torch.mean), expected)
    assert torch.equal(over_samples(values.flatten(), 4, 1, torch.mean), expected.flatten())
    assert over_samples(torch.zeros(5), 4, 0, torch.mean) is None


def test_a_loss_with_a_penalty_or_of_the_users_own_is_not_known() -> None:
    """Where the loss is more than one call of PyTorch's, or none, or a density, nothing is claimed."""
    for loss in (
        lambda out, y: F.cross_entropy(out, y) + 0.1 * out.square().mean(),
        lambda out, y: -out.log_softmax(1).gather(1, y[:, None]).mean(),
        lambda out, y: -F.cross_entropy(out, y),
    ):
        assert goal_of(recorded(nn.Linear(8, 4), loss)) == UNKNOWN
    assert Goal(0.0, 0.0).gap is None


@pytest.mark.parametrize("gives", ["log-probabilities", "logits"])
def test_nll_of_what_are_no_log_probabilities_has_no_known_floor(gives: str) -> None:
    """NLL of logits falls without end, so that neither floor nor best constant is known."""
    last = [nn.LogSoftmax(1)] if gives == "log-probabilities" else []
    goal = goal_of(recorded(nn.Sequential(nn.Linear(8, 4), *last), nn.NLLLoss()))
    assert (goal is UNKNOWN) == (gives == "logits")
