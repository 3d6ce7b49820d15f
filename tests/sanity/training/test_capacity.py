from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.records import CheckResult
from nbinspect.sanity.training.capacity import CHECK, bad, good
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def test_more_width_that_changes_nothing_is_a_warning_with_both_losses() -> None:
    """Samples that have become one stay at log 4 at any width."""
    result = run_one(CHECK, **bad())
    assert result.status == "warn"
    single, wide = (float(m.measured.split()[2]) for m in result.measurements[:2])
    assert single == pytest.approx(1.386, abs=0.05)
    assert wide == pytest.approx(1.386, abs=0.05)
    assert result.charts[0].names == ("Adam at 0.05", "twice the width") or len(result.charts[0].names) == 2


def test_a_batch_that_is_fitted_or_still_moves_costs_no_step_of_its_own() -> None:
    """A wide network, and one at a rate under which the loss falls slowly, pass."""
    assert run_one(CHECK, **good()).status == "pass"
    slow = good()
    slow["optimizer"] = torch.optim.Adam(slow["model"].parameters(), 1e-3)
    assert run_one(CHECK, **slow).status == "pass"


def test_linear_networks_and_unknown_floors_get_no_warning() -> None:
    """A linear regression on noise does not bend however wide; a loss with a penalty has no floor that is known."""
    generator = torch.Generator().manual_seed(2)
    model, batch = nn.Linear(4, 1), (torch.randn(64, 4, generator=generator), torch.randn(64, 1, generator=generator))
    linear: dict[str, Any] = {"model": model, "loader": [batch], "loss_fn": F.mse_loss}
    assert run_one(CHECK, **linear, optimizer=torch.optim.SGD(model.parameters(), 0.1)).status == "pass"

    def penalised(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets) + outputs.square().mean()

    assert run_one(CHECK, **good() | {"loss_fn": penalised}).status == "inconclusive"


@pytest.mark.parametrize(("units", "classes", "status"), [(2, 10, "warn"), (16, 10, "pass"), (2, 3, "pass")])
def test_too_few_units_for_the_classes_are_a_warning(units: int, classes: int, status: str) -> None:
    """Two units, each on or off, hardly tell ten classes apart, and four do better; for three classes they may do."""
    torch.manual_seed(4)
    held = load_digits()
    x, y = torch.tensor(held.data[128:160] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[128:160]) % classes
    hidden = nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU())
    model = nn.Sequential(hidden, nn.Linear(units, classes))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    found = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == status, found
    assert status == "pass" or "narrow" in found.title
    assert found.steps <= 150 + CHECK.cost


class Bucketed(nn.Module):
    """Looks identities up in so many buckets."""

    def __init__(self, buckets: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.table, self.head = nn.Embedding(buckets, 16), nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.table(ids * 7919 % self.buckets).flatten(1)).squeeze(1)


@pytest.mark.parametrize(("buckets", "status"), [(2, "warn"), (31, "pass"), (1009, "pass")])
def test_samples_that_no_weights_can_tell_apart_are_a_warning(buckets: int, status: str) -> None:
    """Pairs of identities in two buckets get at most four outputs; a few that collide among many are no finding."""
    torch.manual_seed(5)
    cells = torch.randperm(900)[:32]
    ids, y = torch.stack([cells // 30, cells % 30], 1), (torch.randn(900) > 0).float()[cells]
    model = Bucketed(buckets)
    found = run_one(
        CHECK,
        model=model,
        loader=[(ids, y)],
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), 3e-3),
    )
    assert found.status == status, found
    if status == "warn":
        groups: dict[tuple[int, ...], list[float]] = {}
        for key, label in zip((ids * 7919 % buckets).tolist(), y.tolist(), strict=True):
            groups.setdefault(tuple(key), []).append(label)
        unmet = sum(min(sum(labels), len(labels) - sum(labels)) for labels in groups.values())
        assert [one.measured for one in found.measurements] == [f"{len(groups)}", f"{unmet / 32:.0%}"]


class Pooled(nn.Module):
    """Takes the means of so many pixels, and tells classes from them."""

    def __init__(self, size: int, kinds: int = 10) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(size)
        self.layers = nn.Sequential(nn.Linear((8 // size) ** 2, 32), nn.ReLU(), nn.Linear(32, kinds))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.pool(x).flatten(1))


@pytest.mark.parametrize(("size", "classes", "is_told"), [(8, 10, True), (4, 10, False), (2, 10, False), (8, 2, False)])
def test_one_value_of_many_that_reaches_the_weights_is_a_warning(size: int, classes: int, is_told: bool) -> None:
    """The mean of a whole image hardly tells ten digits; two kinds it may, and the means of its parts do."""
    held = load_digits()
    x, y = torch.tensor(held.images[:32] / 8 - 1, dtype=torch.float32)[:, None], torch.tensor(held.target[:32])
    torch.manual_seed(4)
    model = Pooled(size, classes)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    found = run_one(CHECK, model=model, loader=[(x, y % classes)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert ("single value" in found.title) == is_told, found


def test_a_score_that_is_learnt_or_given_may_be_one_value() -> None:
    """Classes in an order may be told from one learnt score, or from the only value that there is."""
    held = load_digits()
    x, y = torch.tensor(held.data[:32] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[:32]) // 2
    torch.manual_seed(4)
    for model, given in (
        (nn.Sequential(nn.Linear(64, 1), nn.Linear(1, 5)), x),
        (nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 5)), x.mean(1, keepdim=True)),
    ):
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        found = run_one(CHECK, model=model, loader=[(given, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
        assert "single value" not in found.title


class Codes(nn.Module):
    """Takes each sample for the nearest of a few learnt codes, or hands on single bits where it is not trained."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.encoder, self.codes, self.head = nn.Linear(64, 8), nn.Parameter(torch.randn(8, 8)), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        found = self.encoder(x)
        if self.kind == "codes":
            nearest = self.codes[torch.cdist(found, self.codes).argmin(1)]
            return self.head(found + (nearest - found).detach())
        if self.kind == "bits" and not self.training:
            found = nn.functional.one_hot(found.argmax(1), 8).float()
        return self.head(found)


@pytest.mark.parametrize("seed", range(3))
def test_outputs_that_other_weights_tell_apart_are_no_finding(seed: int) -> None:
    """Codes, hard choices, a unit that is silent, a sigmoid at its end and one huge sample give one output to many."""
    held = load_digits()
    x, y = torch.tensor(held.data[:32] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[:32])
    far = x.clone()
    far[0] *= 3e6
    torch.manual_seed(seed)
    for model, given, labels, loss_fn in (
        (Codes("codes"), x, y, nn.CrossEntropyLoss()),
        (Codes("bits"), x, y, nn.CrossEntropyLoss()),
        (nn.Sequential(nn.Linear(64, 1), nn.ReLU(), nn.Linear(1, 10)), x, y, nn.CrossEntropyLoss()),
        (nn.Sequential(nn.Linear(64, 1), nn.Sigmoid(), nn.Flatten(0)), 800 * x, (y % 2).float(), nn.BCELoss()),
        (nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)), far, y, nn.CrossEntropyLoss()),
    ):
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        found = run_one(CHECK, model=model, loader=[(given, labels)], loss_fn=loss_fn, optimizer=optimizer)
        assert "become one" not in found.title, found


class Controlled(nn.Module):
    """Begins a state at the first value of a path, and lets the others move it."""

    def __init__(self) -> None:
        super().__init__()
        self.begin, self.field, self.head = nn.Linear(1, 16), nn.Linear(16, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        state, changes = self.begin(x[:, :1]), x.diff(dim=1)
        for at in range(changes.shape[1]):
            state = state + self.field(state).tanh() * changes[:, at : at + 1]
        return self.head(state)


@pytest.mark.parametrize("seed", range(3))
def test_values_that_join_what_came_of_the_first_one_count(seed: int) -> None:
    """The path of a controlled equation is seen whole, though its first weights are given one value."""
    held = load_digits()
    x, y = torch.tensor(held.data[:32] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[:32])
    torch.manual_seed(seed)
    model = Controlled()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    found = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert "single value" not in found.title, found


@pytest.mark.parametrize("seed", range(3))
def test_one_value_that_higher_rates_learn_from_is_no_finding(seed: int) -> None:
    """How bright an image is tells day from dusk and night, if slowly at a usual rate of Adam."""
    torch.manual_seed(seed)
    y = torch.arange(48) % 3
    x = 0.3 * torch.randn(48, 1, 8, 8) + (y - 1.0)[:, None, None, None]
    model = Pooled(8, 3)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    found = run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)
    assert found.status == "pass", found


def through(units: int, *, beside: int = 0) -> CheckResult:
    """A classifier of digits that all goes through so many units, and others beside them."""
    torch.manual_seed(4)
    held = load_digits()
    x, y = torch.tensor(held.data[128:192] / 8 - 1, dtype=torch.float32), torch.tensor(held.target[128:192])

    class Waisted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(64, units), nn.Sequential(nn.Linear(units, 32), nn.ReLU())
            self.beside = nn.Linear(64, beside) if beside else None
            self.head = nn.Linear(32 + beside, 10)

        def forward(self, x: Tensor) -> Tensor:
            made = self.leave(self.enter(x).tanh())
            return self.head(made if self.beside is None else torch.cat([made, self.beside(x).tanh()], 1))

    model = Waisted()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer)


def test_one_unit_in_the_middle_is_a_warning_at_its_line() -> None:
    """All that the head is given goes through one unit, and eight such networks fit what one cannot."""
    found = through(1)
    assert found.status == "warn"
    assert "1 value" in found.summary
    assert found.place is not None
    assert found.steps <= 150 + CHECK.cost


@pytest.mark.parametrize(("units", "beside"), [(16, 0), (1, 32)])
def test_enough_units_or_a_way_around_few_pass(units: int, beside: int) -> None:
    """Sixteen units do, and so does one that is a part of what the head is given, as of a gate."""
    assert through(units, beside=beside).status == "pass"


@pytest.mark.parametrize(("bends", "status"), [(True, "warn"), (False, "pass")])
def test_one_hidden_unit_is_a_warning_where_the_data_need_more(bends: bool, status: str) -> None:
    """One unit fits what depends on one direction, and not a product of two inputs."""
    torch.manual_seed(6)
    x = torch.randn(64, 4)
    y = (x[:, :1] * x[:, 1:2] + torch.sin(2 * x[:, 2:3])) if bends else x[:, :1] - x[:, 2:3]
    model = nn.Sequential(nn.Linear(4, 1), nn.Tanh(), nn.Linear(1, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    assert run_one(CHECK, model=model, loader=[(x, y)], loss_fn=nn.MSELoss(), optimizer=optimizer).status == status
