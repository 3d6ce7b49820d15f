from __future__ import annotations

from math import log
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.init.loss_at_init import CHECK, bad
from tests.sanity.running import run_one

X, Y = torch.randn(64, 16, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 10


def confident(times: float = 20.0) -> nn.Linear:
    model = nn.Linear(16, 10)
    with torch.no_grad():
        model.weight.mul_(4 * times)
    return model


def test_a_confident_beginner_fails_with_the_value_of_chance() -> None:
    """Logits of a large scale fail, and the expected value is the logarithm of the number of classes."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert f"{log(10):.4g}" in result.measurements[0].expected
    assert result.place is None or result.place.file


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_reduction_and_smoothing_are_those_of_the_users_loss(reduction: str, smoothing: float) -> None:
    """A healthy network passes under any reduction and smoothing, weighted and with ignored targets."""
    loss = nn.CrossEntropyLoss(
        reduction=reduction, label_smoothing=smoothing, weight=torch.rand(10) + 0.1, ignore_index=3
    )
    assert run_one(CHECK, model=nn.Linear(16, 10), loader=[(X, Y)], loss_fn=loss).status == "pass"
    assert run_one(CHECK, model=confident(), loader=[(X, Y)], loss_fn=loss).status == "fail"


def test_a_head_drawn_from_a_unit_normal_fails_where_the_loss_shows_it() -> None:
    """Weights of N(0, 1) that double the loss fail with their size; so large logits of usual weights are a warning."""
    torch.manual_seed(0)
    large, usual = nn.Linear(64, 10), nn.Linear(64, 10)
    nn.init.normal_(large.weight)
    x = torch.rand(64, 64)
    result = run_one(CHECK, model=large, loader=[(0.8 * x, Y)], loss_fn=nn.CrossEntropyLoss())
    assert (result.status, result.where) == ("fail", "weight")
    assert result.measurements[2].measured == f"{8 * float(large.weight.detach().square().mean().sqrt()):.4g}"
    with torch.no_grad():
        usual.weight.copy_(large.weight / 8)
    warned = run_one(CHECK, model=usual, loader=[(6.4 * x, Y)], loss_fn=nn.CrossEntropyLoss())
    assert 2 < float(result.measurements[0].measured) / log(10) < 3
    assert warned.status == "warn"


def test_a_loss_written_as_a_function_is_computed_anew() -> None:
    """The options of a call inside the user's own function are found from its value."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, reduction="sum", ignore_index=0)

    assert run_one(CHECK, model=nn.Linear(16, 10), loader=[(X, Y)], loss_fn=loss).status == "pass"
    assert run_one(CHECK, model=confident(), loader=[(X, Y)], loss_fn=loss).status == "fail"


def test_biases_that_begin_at_the_prior_pass() -> None:
    """A bias at the log-odds of imbalanced classes gives a loss below that of equal logits."""
    targets = (torch.arange(64) < 3).long()
    model = nn.Linear(16, 2)
    with torch.no_grad():
        model.bias.copy_(torch.tensor([61 / 64, 3 / 64]).log())
        model.weight.mul_(0.1)
    assert run_one(CHECK, model=model, loader=[(X, targets)], loss_fn=nn.CrossEntropyLoss()).status == "pass"


def test_binary_logits_and_probabilities_are_compared_with_one_half() -> None:
    """Both binary losses pass on a linear layer, and fail on one that is certain."""
    targets = (torch.arange(64) % 2).float()[:, None]
    small = nn.Sequential(nn.Linear(16, 1))
    assert run_one(CHECK, model=small, loader=[(X, targets)], loss_fn=nn.BCEWithLogitsLoss()).status == "pass"
    squashed = nn.Sequential(nn.Linear(16, 1), nn.Sigmoid())
    assert run_one(CHECK, model=squashed, loader=[(X, targets)], loss_fn=nn.BCELoss()).status == "pass"
    with torch.no_grad():
        small[0].weight.mul_(100)
    assert run_one(CHECK, model=small, loader=[(X, targets)], loss_fn=nn.BCEWithLogitsLoss()).status == "fail"


def test_an_offset_of_the_targets_is_no_matter_of_this_check() -> None:
    """Targets around 50 under a zero bias pass here, and outputs of a huge scale fail."""
    targets = 50 + torch.randn(64, 1)
    assert run_one(CHECK, model=nn.Linear(16, 1), loader=[(X, targets)], loss_fn=nn.MSELoss()).status == "pass"
    wild = nn.Linear(16, 1)
    with torch.no_grad():
        wild.weight.mul_(1e4)
    assert run_one(CHECK, model=wild, loader=[(X, torch.randn(64, 1))], loss_fn=nn.MSELoss()).status == "fail"


class Margin(nn.Module):
    """Logits with an angular margin at the true class, of scale 64."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10, 16))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(x), F.normalize(self.weight))
        return 64 * (cosine - 0.5 * F.one_hot(y, 10))


def test_a_margin_on_the_true_class_is_not_failed() -> None:
    """A head that is given the targets begins far above chance on purpose."""
    result = run_one(
        CHECK,
        model=Margin(),
        loader=[(X, Y)],
        loss_fn=nn.CrossEntropyLoss(),
        forward=lambda model, batch: model(*batch),
    )
    assert result.status == "inconclusive"


class Decoder(nn.Module):
    """Goes on from the target before each, as a decoder is taught; the head's weights have this spread."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.words, self.mixed, self.head = nn.Embedding(11, 32), nn.GRU(32, 32, batch_first=True), nn.Linear(32, 10)
        nn.init.normal_(self.head.weight, std=std)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        before = F.pad(y + 1, (1, 0))[:, :-1]
        return self.head(self.mixed(self.words(before) + x[:, None])[0]).transpose(1, 2)


@pytest.mark.parametrize(("std", "status"), [(8.0, "fail"), (0.1, "pass")])
def test_targets_that_a_decoder_goes_on_from_excuse_no_large_head(std: float, status: str) -> None:
    """Targets that only come in before the last layer do not make its logits large."""
    torch.manual_seed(0)
    x, y = torch.randn(64, 32), torch.randint(10, (64, 6))
    result = run_one(
        CHECK,
        model=Decoder(std),
        loader=[(x, y)],
        loss_fn=nn.CrossEntropyLoss(),
        forward=lambda model, batch: model(*batch),
        split=lambda batch: (batch, batch[1]),
        task="classification",
    )
    assert result.status == status


def test_a_trained_network_an_unknown_loss_and_an_unknown_task_are_not_judged() -> None:
    """The check skips or cannot tell, and says why."""
    model = confident()
    optimizer = torch.optim.Adam(model.parameters())
    F.cross_entropy(model(X), Y).backward()
    optimizer.step()
    optimizer.zero_grad()
    trained = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert trained.status == "skip"
    assert "1 steps" in trained.summary
    own = run_one(CHECK, model=confident(), loader=[(X, Y)], loss_fn=lambda o, y: (o.exp().sum(1) - y).abs().mean())
    assert own.status == "inconclusive"
    other = run_one(CHECK, model=confident(), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), task="other")
    assert other.status == "skip"
    assert run_one(CHECK, model=confident(), loader=[X]).status in ("skip", "inconclusive")


@pytest.mark.parametrize(("std", "status"), [(8.0, "fail"), (0.05, "pass")])
def test_a_step_of_ones_own_begins_at_chance_too(std: float, status: str) -> None:
    """The loss of a train_step is held against chance where no loss_fn is given."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    torch.manual_seed(0)
    model = nn.Linear(8, 5)
    nn.init.normal_(model.weight, std=std)
    batch = (torch.randn(64, 8), torch.arange(64) % 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert run_one(CHECK, model=model, loader=[batch], train_step=step, optimizer=optimizer).status == status


def test_logits_of_a_partly_frozen_network_are_a_warning_unless_the_head_was_drawn_too_large() -> None:
    """What is tuned for other targets begins far above chance; that is no defect, and a large new head is one."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 10))
    with torch.no_grad():
        model[0].weight.mul_(20)
    given: dict[str, Any] = {"model": model, "loader": [(X, Y)], "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, **given).status == "fail"
    model[0].requires_grad_(False)
    assert run_one(CHECK, **given).status == "warn"
    with torch.no_grad():
        model[2].weight.mul_(20)
    assert run_one(CHECK, **given).status == "fail"


class Sums(nn.Module):
    """Sums what a layer makes of the nodes of a graph, so that the logits begin large though no weight does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(x.flatten(0, 1)).relu().view(*x.shape).sum(1))


@pytest.mark.parametrize(("rate", "status"), [(0.03, "warn"), (1e-6, "fail")])
def test_large_logits_that_the_first_steps_shrink_are_a_warning(rate: float, status: str) -> None:
    """A sum over many nodes makes large logits of usual weights: a defect where the first steps do not shrink them."""
    torch.manual_seed(0)
    nodes, model = torch.randn(32, 20, 16) + torch.nn.functional.one_hot(torch.arange(32) % 10, 16)[:, None], Sums()
    optimizer = torch.optim.Adam(model.parameters(), rate)
    loader = [(nodes, torch.arange(32) % 10)]
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == status


class ByHand(nn.Module):
    """Multiplies by a weight of its own, drawn from a unit normal."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 10, generator=torch.Generator().manual_seed(0)) * 4)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


def test_large_weights_of_a_product_by_hand_fail_though_steps_shrink_them() -> None:
    """Where the size of the last layer's weights is not known to be usual, no steps excuse the first loss."""
    model = ByHand()
    optimizer = torch.optim.Adam(model.parameters(), 1.0)
    found = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == "fail"


class Cosines(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 64 * F.normalize(x, dim=1) @ F.normalize(self.weight, dim=1).T


def test_cosines_times_a_number_are_as_large_as_that_makes_them() -> None:
    """A network whose logits are scaled cosines, as of faces, begins far above chance on purpose."""
    assert run_one(CHECK, model=Cosines(16, 10), loader=[(X, Y)], loss_fn=F.cross_entropy).status == "inconclusive"
