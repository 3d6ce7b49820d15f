from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.silent_broadcast import CHECK
from tests.sanity.running import run_one

N = 12
Y = torch.linspace(-1, 1, N)


def squared(prediction: Tensor, target: Tensor) -> Tensor:
    return ((prediction - target) ** 2).mean()  # meets


class Squeezing(nn.Module):
    def __init__(self, loss_shape: Callable[[Tensor], Tensor], outputs: int = 1) -> None:
        super().__init__()
        self.fc, self.shape = nn.Linear(4, outputs), loss_shape

    def forward(self, x: Tensor) -> Tensor:
        return self.shape(self.fc(x))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        value = self.value(x).squeeze(1)
        return (value * torch.sigmoid(self.gate(x))).mean(1)


def result_of(loss_fn: Any, targets: Tensor = Y, model: nn.Module | None = None) -> CheckResult:
    torch.manual_seed(0)
    model = nn.Linear(4, 1) if model is None else model
    return run_one(CHECK, model=model, loader=[(torch.randn(len(targets), 4), targets)], loss_fn=loss_fn)


def test_the_squared_error_of_every_pair_is_found() -> None:
    """A difference of (N, 1) and (N,) fails at its line, with both losses."""
    torch.manual_seed(0)
    model, x = nn.Linear(4, 1), torch.randn(N, 4)
    result = run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=squared)
    assert result.status == "fail"
    assert (result.measurements[0].measured, result.measurements[0].expected) == ("144", "12")
    with torch.no_grad():
        outputs = model(x)
        pairs = sum((float(o) - float(y)) ** 2 for o in outputs for y in Y) / N**2
        right = sum((float(o) - float(y)) ** 2 for o, y in zip(outputs, Y, strict=True)) / N
    assert float(result.measurements[1].measured) == pytest.approx(pairs, rel=1e-3)
    assert float(result.measurements[1].expected.split()[0]) == pytest.approx(right, rel=1e-3)
    assert result.place is not None
    assert "# meets" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    assert "outputs.squeeze(1)" in result.code


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(
    "loss_fn", [nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(), nn.MSELoss(reduction="sum")]
)
def test_losses_of_torch_are_found(loss_fn: nn.Module) -> None:
    """The losses of PyTorch that broadcast, with a warning alone, fail too."""
    assert result_of(loss_fn).status == "fail"


def test_other_spellings_are_found() -> None:
    """Targets (N, 1), cross-entropies written by hand, densities and masks of pixels are found as well."""
    flat = Squeezing(lambda z: z.squeeze(1))
    normal = lambda mu, y: -torch.distributions.Normal(mu, 1.0).log_prob(y).mean()  # noqa: E731 - as users write it
    by_hand = lambda z, y: -(y * torch.log(z.sigmoid()) + (1 - y) * torch.log(1 - z.sigmoid())).mean()  # noqa: E731 - the same
    huber = lambda a, y: torch.where((a - y).abs() < 1, (a - y) ** 2 / 2, (a - y).abs() - 0.5).mean()  # noqa: E731 - the same
    assert result_of(squared, Y[:, None], flat).status == "fail"
    assert result_of(normal).status == "fail"
    assert result_of(by_hand, (Y > 0).float()).status == "fail"
    assert result_of(huber).status == "fail"
    pixels = nn.Conv2d(1, 1, 1)
    batch = (torch.randn(4, 1, 5, 5), torch.randn(4, 5, 5))
    assert run_one(CHECK, model=pixels, loader=[batch], loss_fn=squared).status == "fail"


def test_the_forward_is_looked_at_too() -> None:
    """A gate (N, 1) on values (N,) whose products are averaged mixes samples."""
    result = result_of(squared, model=Gated())
    assert result.status == "fail"
    assert result.where == "Tensor.mul"


def ranked(s: Tensor, y: Tensor) -> Tensor:
    s = s.squeeze(1)
    return (torch.relu(1 - (s.unsqueeze(1) - s)) * (y.unsqueeze(1) > y)).mean()


def spread(s: Tensor, y: Tensor) -> Tensor:
    flat = s.squeeze(1)
    column = flat.unsqueeze(1)
    return (flat - column).abs().mean() + 0 * y.sum()


def all_pairs(s: Tensor, y: Tensor) -> Tensor:
    return ((s.squeeze(1)[:, None] - s.squeeze(1)) - (y[:, None] - y)).abs().mean()


def contrastive(s: Tensor, y: Tensor) -> Tensor:
    scores = s + y
    return (torch.logsumexp(scores, 1) - scores.diagonal()).mean()


def quantiles(q: Tensor, y: Tensor) -> Tensor:
    levels = torch.tensor([0.1, 0.5, 0.9])
    error = y - q
    return torch.maximum(levels * error, (levels - 1) * error).mean()


@pytest.mark.parametrize("loss_fn", [ranked, spread, all_pairs, contrastive])
def test_silent_on_pairwise_losses(loss_fn: Any) -> None:
    """Losses that pair a tensor with itself, mask the pairs or compare rows of them are meant so."""
    assert result_of(loss_fn).status == "pass"


def test_silent_on_quantiles() -> None:
    """Targets (N, 1) against quantiles (N, K) broadcast as they should, also where K is N."""
    assert result_of(quantiles, Y[:, None], nn.Linear(4, 3)).status == "pass"
    levels = torch.linspace(0.1, 0.9, N)
    pinball = lambda q, y: torch.maximum(levels * (y - q), (levels - 1) * (y - q)).mean()  # noqa: E731 - as users write it
    assert result_of(pinball, Y[:, None], nn.Linear(4, N)).status == "pass"


class Affine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.ones(N)), nn.Parameter(torch.zeros(1))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        first = (x - self.mean)[:, :1]
        centred = first * self.scale + self.bias  # (N, 1) with a weight of N features
        return (centred * (x[:, 1] > 0)[:, None]).mean(1)


class Centred(nn.Module):
    """Mixes a statistic of C features, C = N, into one value a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.gate = nn.Linear(4, N), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.gate(x) * self.fc(x).mean(0)).mean(1)


@pytest.mark.parametrize("model", [Affine(), Centred()])
def test_silent_on_affine_broadcasting_of_equal_sizes(model: nn.Module) -> None:
    """Bias, scale and mask of as many features as there are samples are told from samples on half of the batch."""
    assert result_of(squared, model=model).status == "pass"


@pytest.mark.parametrize(
    "loss_fn",
    [nn.CrossEntropyLoss(), lambda z, y: F.mse_loss(z, F.one_hot(y, 4).float()), lambda z, y: z.mean() + y.sum() * 0],
)
def test_silent_on_classification(loss_fn: Any) -> None:
    """Losses on (N, C) with classes pass."""
    assert result_of(loss_fn, torch.arange(N) % 4, nn.Linear(4, 4)).status == "pass"


def test_one_sample_cannot_tell() -> None:
    """A batch of one sample pairs nothing."""
    assert result_of(squared, Y[:1]).status == "pass"


def test_an_axis_put_in_on_purpose_is_a_warning() -> None:
    """Outputs against targets with the axis written on the very line may be meant, and are shown."""
    result = result_of(lambda a, y: (a.squeeze(1)[:, None] - y).abs().mean())
    assert result.status == "warn"


@pytest.mark.parametrize(("axes", "status"), [(1, "fail"), (2, "pass")])
def test_a_density_of_a_row_under_columns_fails(axes: int, status: str) -> None:
    """A Gaussian likelihood of columns fails for a row of targets, and passes for a column."""
    targets = Y if axes == 1 else Y[:, None]
    result = run_one(
        CHECK,
        model=nn.Linear(4, 1),
        loader=[(torch.randn(N, 4), targets)],
        loss_fn=lambda mean, y: F.gaussian_nll_loss(mean, y, torch.ones_like(mean)),
    )
    assert result.status == status


class ActorCritic(nn.Module):
    """A policy and a value of it, which take turns in one step; the value is (N, 1) or (N,)."""

    def __init__(self, squeezed: bool) -> None:
        super().__init__()
        self.policy, self.value, self.squeezed = nn.Linear(4, 2), nn.Linear(6, 1), squeezed

    def worth(self, x: Tensor, act: Tensor) -> Tensor:
        value = self.value(torch.cat([x, act], 1))
        return value.squeeze(1) if self.squeezed else value


def taking_turns(squeezed: bool, *, logged: bool = False) -> CheckResult:
    """The check on a step of two losses; `logged` compares (N,) with (N, 1) for a number that is only shown."""
    torch.manual_seed(0)
    model = ActorCritic(squeezed)
    of_value = torch.optim.SGD(model.value.parameters(), lr=0.1)
    of_policy = torch.optim.SGD(model.policy.parameters(), lr=0.1)
    shown: list[float] = []

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        x, act, reward = batch
        of_value.zero_grad()
        with torch.no_grad():
            goal = reward + 0.9 * model.worth(x, model.policy(x))
        loss = squared(model.worth(x, act), goal)
        if logged:
            shown.append(float(squared(model.worth(x, act)[:, None].detach(), reward)))
        loss.backward()
        of_value.step()
        of_policy.zero_grad()
        (-model.worth(x, model.policy(x)).mean()).backward()
        of_policy.step()
        return loss

    loader = [(torch.randn(N, 4), torch.randn(N, 2), Y)]
    optimizers = {"value": of_value, "policy": of_policy}
    forward = lambda model, batch: model.policy(batch[0])  # noqa: E731
    return run_one(CHECK, model=model, loader=loader, train_step=step, optimizer=optimizers, forward=forward)


def test_each_loss_of_a_step_that_has_several_is_looked_at() -> None:
    """A goal of (N, N) for a value of (N, 1) fails, though another loss follows; the place is the line of the goal."""
    result = taking_turns(squeezed=False)
    assert result.status == "fail"
    assert result.place is not None
    assert result.place.function.endswith("step")
    assert taking_turns(squeezed=True).status == "pass"


def test_a_number_that_is_only_shown_is_no_loss() -> None:
    """What a step of several losses compares for its log trains nothing."""
    assert taking_turns(squeezed=True, logged=True).status == "pass"


def test_two_networks_that_judge_each_other_are_silent() -> None:
    """Losses that compare a judge's values of two batches with their means pair no samples."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"maker": nn.Linear(4, 4), "judge": nn.Linear(4, 1)})
    first = torch.optim.SGD(model["maker"].parameters(), lr=0.1)
    second = torch.optim.SGD(model["judge"].parameters(), lr=0.1)

    def step(model: Any, batch: Tensor, optimizer: Any) -> Tensor:
        real, made = model["judge"](batch), model["judge"](model["maker"](batch))
        second.zero_grad()
        loss = F.softplus(-(real - made.mean(0, keepdim=True))).mean() + F.softplus(made - real.mean(0)).mean()
        loss.backward(retain_graph=True)
        first.zero_grad()
        F.softplus(-model["judge"](model["maker"](batch))).mean().backward()
        first.step()
        second.step()
        return loss

    result = run_one(
        CHECK, model=model, loader=[torch.randn(N, 4)], train_step=step, optimizer={"maker": first, "judge": second}
    )
    assert result.status in ("pass", "skip")


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_goal_of_pairs_in_a_loss_of_torch_is_found() -> None:
    """A goal that became (N, N) before it meets values (N,) in F.mse_loss fails where it was made."""

    def loss(value: Tensor, batch: Tensor) -> Tensor:
        reward, done = batch[:, :1], batch[:, 1]
        goal = reward + 0.9 * value.detach().squeeze(1) * (1 - done)  # (N, 1) with (N,)
        return F.mse_loss(value.squeeze(1), goal)

    result = result_of(loss, torch.rand(N, 2))
    assert result.status == "fail"
    assert result.where == "Tensor.add"


def test_silent_on_a_loss_of_torch_for_distances() -> None:
    """Distances of all pairs against goals for all pairs are meant."""

    def loss(value: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss((value - y).abs(), (y[:, None] - y).abs())

    assert result_of(loss).status == "pass"


class Values(nn.Module):
    """Learns the values of states from rewards, with a target network beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.later = nn.Linear(3, 1), nn.Linear(3, 1).requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.now(x)


@pytest.mark.parametrize(("axes", "status"), [(1, "fail"), (2, "pass")])
def test_rewards_in_a_row_beside_columns_of_values_fail(axes: int, status: str) -> None:
    """Rewards (N,) that come as NumPy arrays make N × N goals of the values (N, 1) that they are added to."""
    generator = np.random.default_rng(0)
    batch = tuple(generator.normal(size=shape) for shape in ((16, 3), (16, 3), (16, 1)))

    def step(model: Values, batch: Any, optimizer: Any) -> Tensor:
        state, after, reward = (torch.FloatTensor(part) for part in batch)
        goal = (reward.squeeze(1) if axes == 1 else reward) + 0.9 * model.later(after)
        loss = (model(state) - goal.detach()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    model = Values()
    optimizer = torch.optim.Adam(model.now.parameters())
    assert run_one(CHECK, model=model, loader=[batch], optimizer=optimizer, train_step=step).status == status


class Encoders(nn.Module):
    """Two encoders, and how far what they make of one lies from what they make of the other."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, outputs), nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        first = self.one(x).unsqueeze(1)
        second = self.other(x)
        return -(first - second).square().sum(-1)


def test_distances_that_classes_are_told_by_are_pairs() -> None:
    """A sum over the features leaves the pairs, which cross-entropy tells apart."""
    loader = [(torch.randn(N, 4), torch.arange(N))]
    assert run_one(CHECK, model=Encoders(3), loader=loader, loss_fn=F.cross_entropy).status == "pass"


def test_distances_that_are_averaged_are_plain_values() -> None:
    """Outputs (N, 1, K) against targets (N, K) make N × N distances where N were meant."""

    def loss(value: Tensor, y: Tensor) -> Tensor:
        return (value - y).square().sum(-1).sqrt().mean()

    loader = [(torch.randn(N, 4), torch.randn(N, 3))]
    model = Squeezing(lambda out: out.unsqueeze(1), 3)
    assert run_one(CHECK, model=model, loader=loader, loss_fn=loss).status == "fail"


def test_scores_that_are_all_ranked_against_each_other_are_pairs() -> None:
    """Each score of one kind is to be above every one of the other: the axis is put in for that, on another line."""
    model = Encoders(1)

    def step(model: Encoders, batch: Any, optimizer: Any) -> Tensor:
        wanted = model.one(batch[0]).squeeze(1)
        others = model.other(batch[0]).squeeze(1)
        wanted = wanted.unsqueeze(1)
        loss = F.relu(1 - wanted + others).mean()
        beside = wanted.square().mean() + others.square().mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        beside.backward()
        optimizer.step()
        return loss

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = run_one(CHECK, model=model, loader=[(torch.randn(N, 4),)], optimizer=optimizer, train_step=step)
    assert found.status == "pass"


def kernel(one: Tensor, other: Tensor) -> Tensor:
    return torch.exp(-((one - other) ** 2)).mean()


def test_a_line_that_pairs_rows_with_columns_elsewhere_means_to_pair() -> None:
    """A discrepancy of two samples by a kernel, which its line takes of all pairs, is no silent broadcast."""

    def discrepancy(outputs: Tensor, targets: Tensor) -> Tensor:
        return kernel(outputs, outputs.T) - 2 * kernel(outputs, targets)

    assert result_of(discrepancy, model=nn.Linear(4, 1)).status == "pass"
    assert result_of(kernel, model=nn.Linear(4, 1)).status == "fail"


@pytest.mark.parametrize(("shape", "status"), [((1, -1), "fail"), ((-1, 1), "pass")])
def test_a_row_of_targets_against_a_column_of_outputs_fails(shape: tuple[int, int], status: str) -> None:
    """Targets that are laid out as a row meet every output, and the mean of that is best by one output for all."""
    result = result_of(lambda a, y: ((a - y.view(shape)) ** 2).mean())
    assert result.status == status
    assert ("targets.reshape(outputs.shape)" in result.code) == (status == "fail")


def energy(a: Tensor, y: Tensor) -> Tensor:
    between = (a - y.view(1, -1)).abs().mean()
    among = (a - a.view(1, -1)).abs().mean()
    return 2 * between - among


def discrepancy(a: Tensor, y: Tensor) -> Tensor:
    across = torch.exp(-((a - y.view(1, -1)) ** 2)).mean()
    return torch.exp(-((a - a.view(1, -1)) ** 2)).mean() - 2 * across


def nearest(a: Tensor, y: Tensor) -> Tensor:
    return (a - y.view(1, -1)).abs().amin(1).mean()


def weighed(a: Tensor, y: Tensor) -> Tensor:
    near = (y.view(-1, 1) - y.view(1, -1)).abs() < 0.5
    return (((a - y.view(1, -1)) ** 2) * near).mean()


@pytest.mark.parametrize("loss_fn", [energy, discrepancy, nearest, weighed])
def test_silent_on_distances_between_outputs_and_targets_as_sets(loss_fn: Any) -> None:
    """Energy distances, kernel discrepancies and neighbours compare all with all, by rows and columns, on purpose."""
    assert result_of(loss_fn).status == "pass"
