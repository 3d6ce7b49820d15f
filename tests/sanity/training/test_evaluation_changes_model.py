from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.sanity.training.evaluation_changes_model import CHECK
from tests.sanity.running import run_one
from tests.sanity.states import state_of
from tests.sanity.training.steps import loss_of, network, program, usual


def looks(model: nn.Module, batch: Any) -> float:
    model.eval()
    with torch.no_grad():
        return loss_of(model, batch).item()


def stays_in_train_mode(model: nn.Module, batch: Any) -> float:
    with torch.no_grad():
        return loss_of(model, batch).item()


def goes_back(model: nn.Module, batch: Any) -> float:
    model.eval()
    loss = loss_of(model, batch)
    loss.backward()
    return loss.item()


def normed() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def test_an_evaluation_that_trains_fails() -> None:
    """A training step taken for an evaluation changes every parameter, and what the model does next."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    arguments = program(usual, model, optimizer=optimizer, eval_step=usual)
    before = state_of(model, optimizer)
    result = run_one(CHECK, **arguments)
    assert result.status == "fail"
    assert result.confirmed
    assert result.measurements[0].measured == "8", "four parameters and their gradients"
    assert float(result.measurements[1].measured) > 0
    assert state_of(model, optimizer) == before


def test_what_is_evaluated_is_a_batch_of_the_validation_loader() -> None:
    """Where training batches are of another form, as two views of each sample, the evaluation is judged on its own."""

    def of_views(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        (one, other), labels = batch
        optimizer.zero_grad()
        loss = loss_of(model, (one, labels)) + loss_of(model, (other, labels))
        loss.backward()
        optimizer.step()
        return loss

    rows, labels = torch.randn(8, 4), torch.arange(8) % 3
    loaders = {"loader": [((rows, rows + 0.1), labels)], "val_loader": [(rows, labels)]}
    for own, status in ((looks, "pass"), (goes_back, "fail")):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        arguments = program(of_views, model, optimizer=optimizer, eval_step=own) | loaders
        assert run_one(CHECK, **arguments).status == status


def zeroing_later(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def test_gradients_that_are_left_fail() -> None:
    """What an evaluation leaves in .grad fails, whether the step clears at its end and uses it, or clears first."""
    later = run_one(CHECK, **program(zeroing_later, eval_step=goes_back))
    assert later.status == "fail"
    assert "gradients" in later.summary
    assert float(later.measurements[1].measured) == 0.0, "outputs do not depend on gradients"
    assert float(later.measurements[2].measured) > 0
    assert run_one(CHECK, **program(usual, eval_step=goes_back)).status == "fail"


@pytest.mark.parametrize("model", [network(), normed()])
def test_an_evaluation_that_looks_is_silent(model: nn.Module) -> None:
    """Eval mode and no gradients change nothing, whichever mode the model is left in."""
    assert run_one(CHECK, **program(usual, model, eval_step=looks)).status == "pass"


def test_statistics_that_eval_mode_would_keep_are_a_warning() -> None:
    """BatchNorm moved in train mode is told with the check that owns it."""
    result = run_one(CHECK, **program(usual, normed(), eval_step=stays_in_train_mode))
    assert result.status == "warn"
    assert "train-eval-mode" in result.detail
    assert result.where.startswith("1.")
    assert run_one(CHECK, **program(usual, network(), eval_step=stays_in_train_mode)).status == "pass"


def test_weights_that_are_swapped_and_put_back_are_silent() -> None:
    """An evaluation of averaged weights that restores the others leaves no trace."""
    model = network()
    mean = {name: 0.5 * tensor for name, tensor in model.state_dict().items()}

    def averaged(batch: Any) -> float:
        own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(mean)
        loss = looks(model, batch)
        model.load_state_dict(own)
        return loss

    assert run_one(CHECK, **program(usual, model, eval_step=averaged)).status == "pass"


def freezing(*, whole: bool, back: bool) -> Any:
    """An evaluation that switches requires_grad off, of all or of one parameter, and on again or not."""

    def step(model: nn.Module, batch: Any) -> float:
        model.eval()
        parameters = list(model.parameters())[: None if whole else 1]
        for parameter in parameters:
            parameter.requires_grad_(requires_grad=False)
        loss = loss_of(model, batch).item()
        for parameter in parameters:
            parameter.requires_grad_(requires_grad=back)
        return loss

    return step


@pytest.mark.parametrize("whole", [True, False])
def test_parameters_that_it_freezes_fail(whole: bool) -> None:
    """What evaluation freezes and leaves so is trained no more; freed again, here or in the step, it is well."""

    def thawing(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        model.requires_grad_(requires_grad=True)
        return usual(model, batch, optimizer)

    result = run_one(CHECK, **program(usual, eval_step=freezing(whole=whole, back=False)))
    assert result.status == "fail"
    assert "requires_grad" in result.summary
    assert "torch.no_grad()" in result.remedy
    assert run_one(CHECK, **program(usual, eval_step=freezing(whole=whole, back=True))).status == "pass"
    assert run_one(CHECK, **program(thawing, eval_step=freezing(whole=whole, back=False))).status == "pass"


def test_a_counter_is_a_warning_at_most() -> None:
    """A buffer that counts, and that nothing depends on, is no failure."""

    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.seen += 1
            return self.inner(x)

    assert run_one(CHECK, **program(usual, Counts(), eval_step=looks)).status == "warn"


def test_it_needs_no_optimizer() -> None:
    """An evaluation alone can be judged; one that raises, and none at all, are skipped."""
    model = network()

    def spoils(batch: Any) -> float:
        with torch.no_grad():
            model[0].weight.mul_(0.5)
            return F.cross_entropy(model(batch[0]), batch[1]).item()

    def raises(batch: Any) -> float:
        raise ValueError("<b>no</b>")

    assert run_one(CHECK, **program(None, model, optimizer=None, eval_step=spoils)).status == "fail"
    assert run_one(CHECK, **program(None, optimizer=None, eval_step=raises)).status == "skip"
    assert run_one(CHECK, **program(usual)).status == "skip"


@pytest.mark.parametrize(("back", "status"), [("", "fail"), ("evaluation", "pass"), ("step", "warn")])
def test_an_average_that_stays_in_the_model_fails(back: str, status: str) -> None:
    """It is no other than the weights until they move; where the next step puts these back, it is worth a look."""
    model, own = network(), {}
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def restore() -> None:
        model.load_state_dict(own)
        own.clear()

    def averaging(batch: Any, optimizer: Any) -> Any:
        if own:
            restore()
        loss = usual(model, batch, optimizer)
        for name, tensor in model.state_dict().items():
            mean[name].lerp_(tensor, 0.1)
        return loss

    def averaged(batch: Any) -> float:
        if back:
            own.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
        model.load_state_dict(mean)
        loss = looks(model, batch)
        if back == "evaluation":
            restore()
        return loss

    assert run_one(CHECK, **program(averaging, model, eval_step=averaged)).status == status


class Follows(nn.Module):
    """Keeps a buffer up to date in every mode, and adds it to what it is given."""

    def __init__(self, kind: str, size: int = 16) -> None:
        super().__init__()
        self.kind, self.inner = kind, network()
        self.register_buffer("kept", torch.zeros(size if kind == "of each sample" else 1, 4))
        self.register_buffer("ready", torch.tensor(0.0))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "of each sample":
            self.kept.mul_(0.5).add_(0.5 * x.detach())
        elif self.kind == "of the last one":
            self.kept.copy_(x[-1:].detach())
        elif self.kind == "of the first batch":
            if not self.ready:
                self.kept.copy_(x.detach().mean(0, keepdim=True))
                self.ready.fill_(1.0)
        elif self.kind == "of nothing":
            self.kept.add_(0.1)
        elif self.training or self.kind == "of all":
            self.kept.mul_(0.9).add_(0.1 * x.detach().mean(0, keepdim=True))
        return self.inner(x + self.kept)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("of all", "fail"),
        ("while training", "pass"),
        ("of each sample", "warn"),
        ("of the last one", "warn"),
        ("of nothing", "warn"),
        ("of the first batch", "pass"),
    ],
)
def test_statistics_that_follow_the_evaluated_data_fail(kind: str, status: str) -> None:
    """A mean of what is evaluated teaches the model; a state of each sample, a count or a first set-up may be meant."""
    result = run_one(CHECK, **program(usual, Follows(kind), eval_step=looks))
    assert result.status == status, result
    assert status != "fail" or "self.training" in result.code


class Normalises(nn.Module):
    """Keeps the mean of its inputs in a plain attribute, in every mode or while training, or what came last."""

    def __init__(self, way: str, *, as_number: bool = False) -> None:
        super().__init__()
        self.way, self.as_number, self.inner = way, as_number, network()
        self.mean, self.last, self.seen = (0.0 if as_number else torch.zeros(4)), torch.zeros(4), 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen, self.last = self.seen + 1, x.mean(0)
        if self.way == "at first" and self.seen == 1:
            self.mean = x.mean(0)
        elif self.way == "always" or (self.way == "while training" and self.training):
            now = x.mean().item() if self.as_number else x.mean(0)
            self.mean = 0.9 * self.mean + 0.1 * now
        return self.inner(x - self.mean)


@pytest.mark.parametrize("as_number", [True, False])
@pytest.mark.parametrize(("way", "status"), [("always", "fail"), ("while training", "pass"), ("at first", "pass")])
def test_statistics_in_plain_attributes_count_too(way: str, status: str, as_number: bool) -> None:
    """A running mean that is no buffer learns from what is evaluated too; a last value and a count change nothing."""
    torch.manual_seed(0)
    result = run_one(CHECK, **program(usual, Normalises(way, as_number=as_number), eval_step=looks))
    assert result.status == status, result
    assert status != "fail" or result.where == "mean"
