from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.records import CheckResult
from nbinspect.sanity.training.overfit_one_batch import CHECK, bad, good
from tests.sanity.running import run_one
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow

X, Y = torch.randn(32, 16, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 10


def mlp(*tail: nn.Module, outputs: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs), *tail)


def sgd(rate: float, **options: Any) -> Callable[..., Any]:
    return lambda parameters: torch.optim.SGD(parameters, rate, **options)


def adam(rate: float = 1e-3) -> Callable[..., Any]:
    return lambda parameters: torch.optim.Adam(parameters, rate)


def judged(
    model: nn.Module,
    optimizer: Callable[..., Any] | None = None,
    loss_fn: Any = F.cross_entropy,
    x: Tensor = X,
    y: Tensor = Y,
    **options: Any,
) -> CheckResult:
    made = None if optimizer is None else optimizer(model.parameters())
    return run_one(CHECK, model=model, loader=[(x, y)], loss_fn=loss_fn, optimizer=made, **options)


def test_a_network_that_makes_samples_one_fails_with_both_controls() -> None:
    """Two samples that become one stay at log 2, with the user's step and with Adam at two rates."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    adams = [m for m in result.measurements if "2 samples, Adam" in m.quantity]
    assert len(adams) == 2
    assert all(float(m.measured.split()[2]) == pytest.approx(log(2), abs=0.01) for m in adams)
    assert all(f"{log(2):.4g} is the best without" in m.expected for m in adams)
    assert result.steps <= CHECK.cost


@pytest.mark.parametrize("optimizer", [adam(), sgd(0.01)])
def test_probabilities_into_cross_entropy_stay_far_above_the_floor(optimizer: Callable[..., Any]) -> None:
    """With a softmax before cross-entropy two samples end at log(e + 9) - 1, where the floor is 0."""
    result = judged(mlp(nn.Softmax(1)), optimizer)
    assert result.status == "fail"
    ends = [float(m.measured.split()[2]) for m in result.measurements if "2 samples" in m.quantity]
    assert min(ends) == pytest.approx(log(torch.e + 9) - 1, abs=0.01)


def test_a_last_activation_that_cannot_give_the_targets_fails() -> None:
    """Under tanh, targets around 10 cannot be met."""
    y = 10 * torch.randn(32, 1, generator=torch.Generator().manual_seed(2))
    assert judged(mlp(nn.Tanh(), outputs=1), sgd(0.01), F.mse_loss, y=y).status == "fail"


@pytest.mark.parametrize("rate", [30.0, 1e3])
def test_a_rate_that_explodes_fails_beside_one_that_does_not(rate: float) -> None:
    """Divergence is proven by the same network at another rate, or under Adam."""
    result = judged(mlp(), sgd(rate))
    assert (result.status, result.confirmed) == ("fail", True)
    assert "explodes" in result.title


def test_a_step_that_goes_up_at_every_rate_fails() -> None:
    """A flipped sign in the user's own step makes the loss rise however small the rate, and Adam gets it down."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        optimizer.zero_grad()
        (-loss).backward()
        optimizer.step()
        return loss

    result = judged(mlp(), sgd(0.1), train_step=train_step)
    assert (result.status, result.confirmed) == ("fail", True)
    assert "Adam" in result.detail


def test_a_rate_under_which_nothing_moves_is_a_warning() -> None:
    """Where Adam fits what the user's optimizer leaves as it is, the optimizer is named, and not the network."""
    result = judged(mlp(), sgd(1e-9))
    assert result.status == "warn"
    assert "not with" in result.summary


@pytest.mark.parametrize("optimizer", [None, adam(), adam(2e-5), sgd(0.01), sgd(0.1, momentum=0.9), torch.optim.LBFGS])
def test_healthy_programs_pass_at_usual_rates_and_at_those_of_fine_tuning(optimizer: Any) -> None:
    """A loss that falls, fast or slowly, or without any optimizer given, passes."""
    result = judged(mlp(), optimizer)
    assert result.status == "pass"
    assert result.steps <= 110


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(label_smoothing=0.2),
        nn.CrossEntropyLoss(weight=torch.linspace(0.1, 3, 10)),
        lambda out, y: F.cross_entropy(out, y, label_smoothing=0.05),
        lambda out, y: F.cross_entropy(out, y) + 1e-3 * out.square().sum(),
    ],
)
def test_floors_of_labels_and_penalties_are_no_failure(loss: Any) -> None:
    """Label smoothing, class weights and penalties raise the floor, known or not."""
    assert judged(mlp(), adam(1e-2), loss).status == "pass"


def test_autoencoders_and_soft_targets_pass_above_zero() -> None:
    """The loss of an autoencoder under BCE ends at the entropy of its inputs."""
    x = torch.rand(32, 16, generator=torch.Generator().manual_seed(3))
    assert judged(mlp(outputs=16), adam(1e-2), F.binary_cross_entropy_with_logits, x, x).status == "pass"


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)),
        nn.Sequential(nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)),
        nn.Linear(16, 10),
    ],
)
def test_dropout_batch_norm_and_linear_models_pass(model: nn.Module) -> None:
    """Dropout is held, a single sample is left out under BatchNorm, and a model may underfit a batch."""
    result = judged(model, adam())
    assert result.status == "pass"
    has_norm = any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
    assert any("1 sample" in m.quantity for m in result.measurements) != has_norm


def test_noise_that_a_linear_model_cannot_fit_is_no_failure() -> None:
    """A regression on noise stays at its variance, and its two samples are fitted."""
    y = torch.randn(32, 1, generator=torch.Generator().manual_seed(5))
    assert judged(nn.Linear(4, 1), sgd(0.1), F.mse_loss, X[:, :4], y).status == "pass"


def test_the_same_inputs_under_other_labels_are_taken_once() -> None:
    """Rows of few distinct values, whose labels contradict each other, are no reason to fail."""
    generator = torch.Generator().manual_seed(6)
    x = torch.randint(2, (64, 3), generator=generator).float()
    y = torch.randint(2, (64,), generator=generator)
    model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2))
    result = judged(model, adam(1e-2), x=x, y=y)
    assert result.status == "pass"
    assert "8 samples" in result.measurements[0].quantity


def test_targets_far_from_unit_scale_are_left_open() -> None:
    """A loss that creeps towards targets of 50 000 has not settled, and says nothing of the network."""
    y = 1e4 * torch.randn(32, 1, generator=torch.Generator().manual_seed(7)) + 5e4
    assert judged(mlp(outputs=1), adam(), F.mse_loss, y=y).status == "inconclusive"


def test_many_targets_a_sample_are_at_most_a_warning() -> None:
    """Pixels of noise that a small kernel cannot learn by heart do not fail a healthy network."""
    generator = torch.Generator().manual_seed(8)
    x, y = torch.randn(4, 3, 8, 8, generator=generator), torch.randint(4, (4, 8, 8), generator=generator)
    assert judged(nn.Conv2d(3, 4, 1), adam(), x=x, y=y).status in ("pass", "warn", "inconclusive")


def test_samples_that_are_all_the_same_are_left_open() -> None:
    """Without two samples that differ nothing can be said."""
    assert judged(mlp(), adam(), x=torch.zeros(32, 16)).status == "inconclusive"


def test_a_known_schedule_neither_hinders_nor_ends_the_run() -> None:
    """Warm-up from 0 and a schedule that is over after a few steps are taken out of the way."""
    for make in (
        lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 1000),
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=12),
    ):
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        arguments = {"model": model, "loader": [(X, Y)], "loss_fn": F.cross_entropy, "optimizer": optimizer}
        assert run_one(CHECK, **arguments, scheduler=make(optimizer)).status == "pass"


def test_steps_that_return_nothing_are_measured_from_outside() -> None:
    """Where the step returns no loss that of loss_fn is taken; without either that on which it calls backward."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    assert judged(mlp(), adam(), train_step=train_step).status == "pass"
    assert judged(mlp(), adam(), None, train_step=train_step).status == "pass"


class Following:
    """Has a goal that each step moves on, and a sum that each step adds to the loss."""

    def __init__(self, by: float, more: float) -> None:
        self.goal, self.sum, self.by, self.more = torch.full((10,), 2.0), torch.zeros(()), by, more

    def step(self, model: nn.Module, batch: Any, optimizer: Any) -> float:
        loss = (model(batch[0]) - self.goal).square().mean() + self.sum
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.goal += self.by
        self.sum += self.more
        return float(loss)


@pytest.mark.parametrize(("by", "more", "status"), [(0.0, 0.0, "pass"), (0.0, 1.0, "pass"), (0.3, 0.0, "inconclusive")])
def test_a_step_that_moves_its_own_goal_is_not_failed(by: float, more: float, status: str) -> None:
    """Where a step changes what its loss reads beside the model, as a queue, a loss that rises tells nothing."""
    torch.manual_seed(0)
    assert judged(mlp(), adam(0.01), None, train_step=Following(by, more).step).status == status


@pytest.mark.parametrize(
    "change",
    [
        {"x": X * float("nan")},
        {"x": X[:1], "y": Y[:1]},
        {"y": torch.zeros(32, dtype=torch.long)},
        {"task": "other"},
        {"loss_fn": lambda out, y: -F.cross_entropy(out, y)},
        {"loss_fn": lambda out, y: (1 - out.gather(1, y[:, None])).relu().mean()},
    ],
)
def test_ugly_programs_are_neither_failed_nor_broken(change: dict[str, Any]) -> None:
    """NaN, one sample, one class, unknown tasks and losses without a floor come to no failure."""
    assert judged(mlp(), adam(), **change).status in ("pass", "skip", "inconclusive")


def test_frozen_networks_are_skipped_or_left_open() -> None:
    """Without a parameter to train no step can be taken."""
    model = mlp().requires_grad_(False)
    assert judged(model).status == "skip"


def test_the_pictures_show_the_curve_its_floor_and_labels_met() -> None:
    """The first picture has the band of the floor, the last one labels beside predictions that have come to them."""
    result = run_one(CHECK, **good())
    curve, _, meeting = result.charts
    assert curve.expected[0] == pytest.approx(0, abs=1e-6)
    assert curve.values[0][-1] <= curve.expected[1]
    labels, before, after = meeting.values
    assert np.abs(after - labels).mean() < 0.3 * np.abs(before - labels).mean()


def test_nothing_of_the_program_is_changed() -> None:
    """Weights, optimizer and random states are the same bytes afterwards."""
    arguments = good()
    before = state_of(arguments["model"], arguments["optimizer"])
    assert run_one(CHECK, **arguments).status == "pass"
    assert state_of(arguments["model"], arguments["optimizer"]) == before


class Cosines(nn.Module):
    """Cosines between features and one direction a class, times a scale."""

    def __init__(self, scale: float | None) -> None:
        super().__init__()
        self.body, self.directions = mlp(outputs=32), nn.Parameter(torch.randn(10, 32))
        self.scale = nn.Parameter(torch.tensor(10.0)) if scale is None else scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.normalize(self.body(x), dim=1) @ F.normalize(self.directions, dim=1).T


@pytest.mark.parametrize(("scale", "status"), [(1.0, "fail"), (16.0, "pass"), (None, "pass")])
def test_outputs_that_no_weights_can_make_large_fail(scale: float | None, status: str) -> None:
    """Cosines as logits leave two samples far above their floor; a scale, fixed or learnt, does not."""
    result = judged(Cosines(scale), adam())
    assert result.status == status
    assert ("bounded" in result.summary) == (status == "fail")


def clamped(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.data.clamp_(-0.01, 0.01)


def forgotten(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.data.mul_(0.7)


def stepping(after: Callable[[nn.Module], None], every: int = 1) -> Callable[..., Tensor]:
    calls = [0]

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        (loss / every).backward()
        calls[0] += 1
        if calls[0] % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        after(model)
        return loss.detach()

    return train_step


@pytest.mark.parametrize("after", [clamped, forgotten])
def test_a_step_that_undoes_what_its_optimizer_learns_fails(after: Callable[[nn.Module], None]) -> None:
    """Weights that are clamped or shrunk after each update stay blind where standard steps fit the batch."""
    result = judged(mlp(), adam(3e-3), train_step=stepping(after))
    assert (result.status, result.confirmed) == ("fail", True)
    assert any("a standard step" in one.quantity for one in result.measurements)


def test_a_step_that_is_only_slower_does_not_fail() -> None:
    """Accumulation over sixteen calls leaves the loss high for long, and is no fault."""
    assert judged(mlp(), adam(3e-3), train_step=stepping(lambda model: None, every=16)).status != "fail"


def test_an_update_after_many_calls_is_waited_for() -> None:
    """A step that gathers the gradients of 64 calls has not updated yet: nothing is undone."""
    calls: list[int] = []

    def gathering(model: Any, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        (loss / 64).backward()
        calls.append(1)
        if len(calls) % 64 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    assert run_one(CHECK, **good() | {"train_step": gathering}).status != "fail"


class Boxed(torch.optim.RMSprop):
    """Keeps all weights in a box after each step."""

    def __init__(self, parameters: Any, box: float, lr: float = 1e-3) -> None:
        super().__init__(parameters, lr)
        self.box = box

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.clamp_(-self.box, self.box)
        return loss


class Scaling(torch.optim.SGD):
    """Multiplies gradients by a factor, so that a usual rate of SGD may be far too low for it."""

    def __init__(self, parameters: Any, lr: float, factor: float) -> None:
        super().__init__(parameters, lr, momentum=0.9)
        self.factor = factor

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.mul_(self.factor)
        return super().step(closure)


def test_an_optimizer_that_undoes_what_the_one_it_extends_learns_fails() -> None:
    """Weights in a box of a hundredth stay blind, where RMSprop as it is fits the batch; a wide box passes."""
    result = judged(mlp(), lambda parameters: Boxed(parameters, 0.005))
    assert (result.status, result.confirmed) == ("fail", True)
    assert "Boxed" in result.detail
    assert "RMSprop" in result.detail
    own = judged(mlp(), lambda parameters: Boxed(parameters, 0.005), train_step=stepping(lambda model: None))
    assert own.status == "fail"
    assert judged(mlp(), lambda parameters: Boxed(parameters, 5.0)).status == "pass"


@pytest.mark.parametrize("factor", [1e-1, 1e-2, 1e-4])
def test_an_optimizer_that_only_takes_shorter_steps_than_the_one_it_extends_does_not_fail(factor: float) -> None:
    """One that makes gradients smaller needs a higher rate, at which it learns."""
    assert judged(mlp(), lambda parameters: Scaling(parameters, 0.1, factor)).status != "fail"


class FirstForAll(nn.Module):
    """Takes the first position for all, or each for itself."""

    def __init__(self, takes_the_first: bool) -> None:
        super().__init__()
        self.takes_the_first = takes_the_first
        self.layers = nn.Sequential(nn.Embedding(10, 32), nn.Linear(32, 10))

    def forward(self, ids: Tensor) -> Tensor:
        logits = self.layers(ids[:, :1].expand_as(ids) if self.takes_the_first else ids)
        return logits.transpose(1, 2)


@pytest.mark.parametrize("takes_the_first", [False, True])
def test_one_output_for_all_positions_fails(takes_the_first: bool) -> None:
    """A network that tells the same at each position of a text, whose targets vary, fails; its twin passes."""
    ids = torch.randint(0, 10, (8, 12), generator=torch.Generator().manual_seed(0))
    result = judged(FirstForAll(takes_the_first), adam(0.01), x=ids, y=(3 * ids + 1) % 10)
    assert result.status == ("fail" if takes_the_first else "pass")
    assert ("12 positions" in result.summary) == takes_the_first


class Mixer(nn.Module):
    """Gives each token an output that depends on the others of its sample, or on it alone; it may know its place."""

    def __init__(self, *, knows_places: bool, mixes: bool) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(9, 32), nn.Parameter(torch.randn(12, 32) * knows_places)
        self.places.requires_grad_(knows_places)
        self.knows_places, self.mixes = knows_places, mixes
        self.layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.1, batch_first=True)
        self.head = nn.Linear(32, 9)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.table(ids)
        h = h + self.places if self.knows_places else h
        return self.head(self.layer(h) if self.mixes else h).transpose(1, 2)


@pytest.mark.parametrize(
    ("model", "labels", "fails"),
    [
        ({"knows_places": False, "mixes": True}, "reversed", True),
        ({"knows_places": True, "mixes": True}, "reversed", False),
        ({"knows_places": False, "mixes": False}, "reversed", False),
        ({"knows_places": False, "mixes": True}, "of the token", False),
    ],
)
def test_a_token_that_gets_one_output_wherever_it_stands_fails(model: Any, labels: str, fails: bool) -> None:
    """Attention without positions cannot spell backwards; with them, for a table, or labels of words, all is well."""
    torch.manual_seed(0)
    ids = torch.randint(0, 9, (16, 12))
    targets = ids.flip(1) if labels == "reversed" else (ids * 2 + ids.sum(1, keepdim=True)) % 9
    result = judged(Mixer(**model), adam(3e-3), x=ids, y=targets)
    assert (result.status == "fail") == fails, result
    assert ("wherever it stands" in result.summary) == fails


def masked() -> tuple[Tensor, Tensor]:
    """Sets of unlike items of one of four themes, of which some are hidden; what stays is not asked for."""
    generator = torch.Generator().manual_seed(1)
    items = torch.stack([torch.randperm(12, generator=generator) + 12 * (n % 4) + 1 for n in range(16)])
    hidden = torch.rand(16, 12, generator=generator) < 0.5
    return torch.where(hidden, 0, items), torch.where(hidden, items, -100)


def test_hidden_items_of_a_set_have_no_places() -> None:
    """That one token, the mask, stands for many others, says nothing against a network of sets."""

    class Items(Mixer):
        def __init__(self) -> None:
            super().__init__(knows_places=False, mixes=True)
            self.table, self.head = nn.Embedding(60, 32), nn.Linear(32, 60)

    torch.manual_seed(0)
    ids, targets = masked()
    result = judged(Items(), adam(3e-3), x=ids, y=targets)
    assert result.status not in ("fail", "warn"), result
    assert "wherever" not in result.summary


@pytest.mark.parametrize("of_groups", [False, True])
def test_a_factor_of_one_optimizer_leaves_the_rates_of_others(of_groups: bool) -> None:
    """Where the schedule of a bias makes its rate from a factor, the weights are trained at their own all the same."""
    torch.manual_seed(0)
    model = mlp()
    *weights, bias = model.parameters()
    groups = [{"params": [bias], "lr": 1.0}, {"params": weights, "lr": 3e-3}]
    tiny: Callable[[int], float] = lambda s: 1e-3  # noqa: E731 - one of two
    if of_groups:
        made: Any = torch.optim.Adam(groups)
        scheduler = torch.optim.lr_scheduler.LambdaLR(made, [tiny, lambda s: 1.0])
    else:
        made = [torch.optim.SGD(groups[:1]), torch.optim.Adam(groups[1:])]
        scheduler = torch.optim.lr_scheduler.LambdaLR(made[0], tiny)

    def step(model: nn.Module, batch: Any, scheduler: Any) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        model.zero_grad()
        loss.backward()
        for one in made if isinstance(made, list) else [made]:
            one.step()
        scheduler.step()
        return loss.detach()

    given = {"optimizer": made, "scheduler": scheduler, "train_step": step, "loss_fn": F.cross_entropy}
    result = run_one(CHECK, model=model, loader=[(X, Y)], **given)
    assert result.status == "pass"
    assert "gets down" not in result.summary


def noam_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pytest.mark.parametrize(("warm_up", "power", "status"), [(200, -0.5, "pass"), (4000, -0.5, "pass"), (40, 0.5, "fail")])
@pytest.mark.parametrize("own", [None, noam_step])
def test_a_given_rate_may_be_a_factor_of_what_the_schedule_makes(
    warm_up: int, power: float, status: str, own: Any
) -> None:
    """Where a schedule makes the rate from width and step, the highest rate it comes to is used, not its factor."""

    def judged_with(of_schedule: Callable[[int], float]) -> str:
        torch.manual_seed(0)
        model = mlp()
        optimizer = torch.optim.Adam(model.parameters(), 2.0, betas=(0.9, 0.98), eps=1e-9)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, of_schedule)
        given = {"optimizer": optimizer, "scheduler": scheduler, "train_step": own}
        return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=F.cross_entropy, **given).status

    assert judged_with(lambda s: 64**power * min((s + 1) ** -0.5, (s + 1) * warm_up**-1.5)) == status


class ByHand:
    """Sets the rate itself, low for the first calls, before or after it updates."""

    def __init__(self, optimizer: torch.optim.Optimizer, first: bool, long: int = 100) -> None:
        self.optimizer, self.first, self.long, self.calls = optimizer, first, long, 0

    def set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = 3e-3 if self.calls >= self.long else 3e-5
        self.calls += 1

    def step(self, model: nn.Module, batch: Any) -> Tensor:
        if self.first:
            self.set_rate()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if not self.first:
            self.set_rate()
        return loss.detach()


def by_two_schedulers(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    by_epoch = torch.optim.lr_scheduler.StepLR(optimizer, 4)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 1e-3, total_iters=100)

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warm_up.step()
        if warm_up.last_epoch % 100 == 0:
            scheduler.step()
        return loss.detach()

    return {"scheduler": by_epoch, "train_step": step}


@pytest.mark.parametrize(
    "scheduled",
    [
        lambda optimizer: {"train_step": ByHand(optimizer, first=True).step},
        lambda optimizer: {"train_step": ByHand(optimizer, first=False).step},
        by_two_schedulers,
    ],
)
def test_a_step_that_is_still_at_low_rates_undoes_nothing(scheduled: Callable[..., dict[str, Any]]) -> None:
    """Whoever sets them, standard steps are taken at the very rates of the user's own, or both at the highest."""
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    given = {"model": model, "loader": [(X, Y)], "loss_fn": F.cross_entropy, "optimizer": optimizer}
    assert run_one(CHECK, **given, **scheduled(optimizer)).status == "pass"


def test_a_step_with_rates_of_its_own_that_undoes_what_it_learns_fails() -> None:
    """At the rates of that step, which come up over the first ten calls, standard steps fit the batch."""
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    by_hand = ByHand(optimizer, first=True, long=10)

    def step(model: nn.Module, batch: Any) -> Tensor:
        loss = by_hand.step(model, batch)
        forgotten(model)
        return loss

    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=F.cross_entropy, optimizer=optimizer, train_step=step)
    assert (result.status, result.confirmed) == ("fail", True)
    assert any("a standard step" in one.quantity for one in result.measurements)
