from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.records import CheckResult
from nbinspect.sanity.training.regularised_debug_run import CHECK, bad
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 10


def dropping(share: float) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(share)),
        *(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(share), nn.Linear(64, 10)),
    )


def judged(model: nn.Module, optimizer: Callable[..., Any], **options: Any) -> CheckResult:
    named = {"loss_fn": F.cross_entropy, "optimizer": optimizer(model.parameters()), **options}
    return run_one(CHECK, model=model, loader=[(X, Y)], **named)


def adam(**options: Any) -> Callable[..., Any]:
    return lambda parameters: torch.optim.Adam(parameters, 0.01, **options)


def test_dropout_that_leaves_hardly_a_unit_fails_with_both_ways_of_the_loss() -> None:
    """The finding names the dropout and its share, and is proven by a run without it."""
    result = run_one(CHECK, **bad())
    assert (result.status, result.confirmed, result.where) == ("fail", True, "2.p")
    kept, free = (float(m.measured.split()[2]) for m in result.measurements[1:])
    assert free < 0.25 * 1.3863 + 0.05
    assert kept > 0.9 * 1.3863


def test_weight_decay_that_outweighs_the_loss_fails() -> None:
    """A decay that pulls every weight to zero keeps the loss at chance."""
    result = judged(dropping(0.0), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=50))
    assert result.status == "fail"
    assert "weight decay 50" in result.detail


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize(
    "optimizer", [adam(), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), lambda p: torch.optim.AdamW(p, 1e-3)]
)
def test_moderate_dropout_passes(share: float, optimizer: Callable[..., Any]) -> None:
    """Usual shares of dropout let a batch be learnt, at usual rates."""
    assert judged(dropping(share), optimizer).status == "pass"


def test_moderate_weight_decay_costs_no_step_of_its_own() -> None:
    """Where nothing but weight decay is on, the shared run has the answer."""
    result = judged(dropping(0.0), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1))
    assert result.status == "pass"
    assert "weight decay 0.1" in result.summary


def test_slow_programs_and_unknown_floors_are_left_open() -> None:
    """Where neither run fits the batch, or the floor is not known, nothing is claimed."""
    assert judged(dropping(0.5), lambda p: torch.optim.SGD(p, 1e-4)).status == "inconclusive"
    penalised = judged(dropping(0.9), adam(), loss_fn=lambda out, y: F.cross_entropy(out, y) + out.square().mean())
    assert penalised.status == "inconclusive"


def test_programs_without_regularisation_are_skipped() -> None:
    """There is nothing to switch off."""
    assert judged(dropping(0.0), adam()).status == "skip"


class ByHand(nn.Module):
    """Drops or adds noise in the forward pass itself, by a function of PyTorch's or by its own arithmetic."""

    def __init__(self, way: str, size: float) -> None:
        super().__init__()
        self.way, self.size = way, size
        self.first, self.head = nn.Linear(16, 512), nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.first(x))
        if self.way == "function":
            x = F.dropout(x, self.size, self.training)
        elif self.way == "mask":
            x = x * (torch.rand_like(x) > self.size) / (1 - self.size)
        elif self.way == "noise":
            x = x + self.size * torch.randn_like(x)
        return self.head(x)


@pytest.mark.parametrize(
    ("way", "size", "status"),
    [
        ("function", 0.98, "fail"),
        ("function", 0.3, "pass"),
        ("mask", 0.98, "warn"),
        ("mask", 0.3, "pass"),
        ("noise", 30.0, "warn"),
        ("noise", 0.1, "pass"),
        ("none", 0.0, "skip"),
    ],
)
def test_regularisation_in_the_forward_pass_itself_is_judged(way: str, size: float, status: str) -> None:
    """A dropout that is called as a function is switched off; of other draws it tells whether they must be repeated."""
    torch.manual_seed(0)
    result = judged(ByHand(way, size), adam())
    assert result.status == status, result
    assert status != "fail" or "F.dropout 0.98" in result.detail


def test_dropout_that_slows_a_batch_down_to_a_crawl_is_a_warning() -> None:
    """What is fitted in a few steps without dropout of 0.85, and hardly begun in more with it, is worth a look."""
    torch.manual_seed(0)
    assert judged(dropping(0.85), adam()).status == "warn"


class OwnDropout(nn.Module):
    """Drops whole units by its own arithmetic, while it is in train mode; so does what it is given, or in any mode."""

    def __init__(self, share: float, *, always: bool = False) -> None:
        super().__init__()
        self.share, self.always = share, always

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.training or self.always):
            return x
        return x * (torch.rand_like(x) > self.share) / (1 - self.share)


@pytest.mark.parametrize(
    ("share", "always", "status"),
    [(0.98, False, "fail"), (0.3, False, "pass"), (0.98, True, "warn"), (0.0, False, "skip")],
)
def test_a_layer_of_ones_own_that_acts_in_train_mode_alone_is_switched_off(
    share: float, always: bool, status: str
) -> None:
    """Dropout written anew, which hands on what it gets in eval mode, is judged as torch's; in any mode it draws."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 512), nn.ReLU(), OwnDropout(share, always=always), nn.Linear(512, 10))
    result = judged(net, adam())
    assert result.status == status, result
    assert status != "fail" or (result.where, "2 (OwnDropout)" in result.detail) == ("2", True)


def test_what_corrupts_the_inputs_themselves_is_not_switched_off() -> None:
    """A corruption that is to be undone hides the inputs in train mode alone: that is the task, and no finding."""
    torch.manual_seed(0)
    net = nn.Sequential(OwnDropout(0.97), nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 16))
    options = {"loss_fn": F.mse_loss, "optimizer": adam()(net.parameters())}
    assert run_one(CHECK, model=net, loader=[(X, X)], **options).status not in ("fail", "warn")


def test_a_layer_that_changes_the_shape_or_the_values_in_eval_mode_is_not_switched_off() -> None:
    """What draws in train mode and takes the mean in eval mode does something in both."""

    class Drawn(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean, spread = x.chunk(2, 1)
            return mean + 30 * spread * torch.randn_like(mean) if self.training else mean

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 128), Drawn(), nn.ReLU(), nn.Linear(64, 10))
    assert judged(net, adam()).status != "fail"


def test_usual_shares_under_which_a_batch_is_not_learnt_are_a_warning() -> None:
    """Where weights drawn far too large make a little dropout count, it is not the dropout that is to be changed."""

    def loud(share: float) -> CheckResult:
        torch.manual_seed(0)
        model = nn.Sequential(
            *(nn.Linear(16, 512), nn.Tanh(), nn.Dropout(share), nn.Linear(512, 512), nn.Tanh(), nn.Dropout(share)),
            nn.Linear(512, 10),
        )
        for layer in (model[0], model[3], model[6]):
            nn.init.normal_(layer.weight)
        return judged(model, lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=0.01))

    found = loud(0.5)
    assert found.status == "warn", found
    assert "usual" in found.detail
    assert loud(0.9).status == "fail"


def test_a_batch_that_is_fitted_a_little_later_without_dropout_is_told_from_one_that_is_not_with_it() -> None:
    """A slower rate needs a few steps more to show that the batch is fitted without what hides it."""
    torch.manual_seed(0)
    assert judged(dropping(0.97), lambda p: torch.optim.Adam(p, 0.0012)).status == "fail"


class Penalised:
    """A step that adds something to its loss: squares of the weights, whichever way, or a second loss on the data."""

    def __init__(self, way: str, size: float) -> None:
        self.way, self.size = way, size

    def __call__(self, model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        outputs = model(batch[0])
        loss = F.cross_entropy(outputs, batch[1])
        squares = [value.square().sum() for value in model.parameters()]
        if self.way == "one by one":
            for value in squares:
                loss += self.size * value
        elif self.way == "stacked":
            loss = torch.stack([loss, self.size * torch.stack(squares).sum()]).sum()
        elif self.way == "outputs":
            loss = loss + self.size * outputs.square().mean()
        else:
            loss = loss + self.size * sum(squares)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()


@pytest.mark.parametrize(
    ("way", "size", "status"),
    [
        ("at once", 0.5, "fail"),
        ("one by one", 0.5, "fail"),
        ("stacked", 0.5, "fail"),
        ("at once", 1e-4, "skip"),
        ("outputs", 10.0, "skip"),
    ],
)
def test_a_penalty_on_the_weights_in_the_step_is_switched_off(way: str, size: float, status: str) -> None:
    """What a step adds that is made of weights alone is left out of its gradient; a small one is not in the way."""
    torch.manual_seed(0)
    result = judged(dropping(0.0), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), train_step=Penalised(way, size))
    assert result.status == status, result
    if status == "fail":
        assert "penalty on the weights" in result.detail
        assert result.place is not None
        assert result.place.function.endswith("__call__")


def test_a_step_that_is_slow_without_its_penalty_too_is_no_failure() -> None:
    """A rate at which nothing is learnt in few steps says nothing of a penalty."""
    torch.manual_seed(0)
    result = judged(dropping(0.0), lambda p: torch.optim.SGD(p, 1e-4), train_step=Penalised("at once", 0.5))
    assert result.status == "inconclusive"
