from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import check
from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.training.learning_rate import CHECK, bad, good
from nbinspect.sanity.trials.rates.rate_evidence import RateEvidence
from nbinspect.sanity.trials.rates.rates import RangeTest
from nbinspect.subject import make_subject
from tests.sanity.running import run_one
from tests.sanity.states import state_of
from tests.zoo.every import every_program

pytestmark = pytest.mark.slow


def digits() -> tuple[Tensor, Tensor]:
    held = load_digits()
    return torch.tensor(held.images / 16, dtype=torch.float32)[:, None], torch.tensor(held.target)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def pictures() -> nn.Sequential:
    first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(first, nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


class Worded(nn.Module):
    """A transformer for short sequences, called with tokens alone."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertConfig, BertForSequenceClassification

        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        self.model = BertForSequenceClassification(BertConfig(vocab_size=40, num_labels=2, **sizes))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(input_ids=x).logits


def program(model: nn.Module | None = None, rate: float = 1e-3, kind: Any = torch.optim.Adam, **more: Any) -> Any:
    """A network on digits, shuffled, in batches of 32."""
    own = model or network()
    loader: Any = DataLoader(TensorDataset(*digits()), batch_size=32, shuffle=True)
    return {
        "model": own,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": kind(own.parameters(), lr=rate),
    } | more


def tokens() -> Any:
    """Sequences of which the class is told by a word."""
    x = torch.randint(1, 40, (640, 8))
    return DataLoader(TensorDataset(x, (x < 10).any(1).long()), batch_size=32, shuffle=True)


def by_hand(some: dict[str, Any], steps: int = 50) -> tuple[float, float | None]:
    """Suggestion and divergence by a plain loop, with the loss on all of eight batches after each step."""
    model, loss_fn = copy.deepcopy(some["model"]), some["loss_fn"]
    optimizer = type(some["optimizer"])(model.parameters(), lr=1e-6)
    pairs = list(islice(some["loader"], 8))
    x, y = torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])
    rates, losses, batches = [10 ** (-6 + 7 * n / (steps - 1)) for n in range(steps)], [], cycle(pairs)
    start = loss_fn(model(x), y).item()
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        a, b = next(batches)
        optimizer.zero_grad()
        loss_fn(model(a), b).backward()
        optimizer.step()
        losses.append(loss_fn(model(x), y).item())
        if not losses[-1] < 5 * start:
            break
    lowest = min(range(len(losses)), key=losses.__getitem__)
    fall = start - losses[lowest]
    kept = [rate for rate, loss in zip(rates, losses, strict=False) if loss < losses[lowest] + 0.1 * fall]
    lost = [rate for rate, loss in zip(rates[lowest:], losses[lowest:], strict=False) if not loss < start + 0.5 * fall]
    return kept[-1] / 10, lost[0] if lost else None


def told(found: Any, quantity: str) -> float:
    return next(float(one.measured) for one in found.measurements if quantity in one.quantity)


@pytest.mark.parametrize("kind", ["perceptron", "convolutions", "transformer"])
def test_it_agrees_with_a_range_test_written_by_hand(kind: str) -> None:
    """Suggestion and divergence are those of a plain loop over a fixed set, to within a factor of three."""
    model = {"perceptron": network, "convolutions": pictures, "transformer": Worded}[kind]()
    some = program(model) | ({"loader": tokens()} if kind == "transformer" else {})
    suggested, diverged = by_hand(some)
    found = run_one(CHECK, **some)
    assert suggested / 3 <= told(found, "suggested") <= suggested * 3
    assert diverged is not None
    assert diverged / 3 <= told(found, "diverges") <= diverged * 3


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_a_rate_that_explodes_fails(kind: Any) -> None:
    """At 100 the loss explodes on a copy, and at the suggested rate it does not: both are told."""
    found = run_one(CHECK, **program(rate=100.0, kind=kind))
    assert found.status == "fail"
    assert found.confirmed
    assert "explodes" in found.summary
    assert found.steps <= CHECK.cost
    assert told(found, "at 100") > 2.3 > told(found, "at the suggested rate")
    assert found.code.startswith("lr=")


def deep(seed: int, depth: int, rate: float, kind: Any) -> dict[str, Any]:
    """A perceptron with several hidden layers, on four classes told by three of twenty numbers."""
    torch.manual_seed(seed)
    x = torch.randn(1500, 20)
    loader: Any = DataLoader(TensorDataset(x, 2 * (x[:, 0] * x[:, 1] > 0) + (x[:, 2] > 0).long()), 64, shuffle=True)
    hidden = [layer for n in range(depth) for layer in (nn.Linear(64 if n else 20, 64), nn.ReLU())]
    return program(nn.Sequential(*hidden, nn.Linear(64, 4)), rate, kind, loader=loader)


@pytest.mark.parametrize(("seed", "depth"), [(4, 3), (6, 3), (5, 4)])
def test_a_jump_that_passes_is_no_explosion(seed: int, depth: int) -> None:
    """The first steps of RMSprop at its default rate throw the loss up; steps later it is well below its start."""
    found = run_one(CHECK, **deep(seed, depth, 0.01, torch.optim.RMSprop))
    assert found.status == "pass", found
    assert found.steps <= CHECK.cost


def test_a_jump_that_takes_longer_to_pass_is_no_explosion() -> None:
    """Where the loss is still above its start after twenty steps, twenty more tell that it falls below."""
    torch.manual_seed(0)
    x = torch.randn(1500, 20)
    loader: Any = DataLoader(TensorDataset(x, x[:, :1] * x[:, 1:2] + x[:, 2:3]), 64, shuffle=True)
    hidden = [layer for n in range(4) for layer in (nn.Linear(128 if n else 20, 128), nn.ReLU())]
    model, loss_fn = nn.Sequential(*hidden, nn.Linear(128, 1)), nn.MSELoss()
    found = run_one(CHECK, **program(model, 0.01, torch.optim.RMSprop, loader=loader, loss_fn=loss_fn))
    assert found.status == "pass", found
    assert "40 steps" in found.summary
    assert found.steps <= CHECK.cost


def test_a_jump_that_does_not_pass_is_an_explosion() -> None:
    """The same network under RMSprop at 3, or plain descent at 30, never comes down again."""
    for kind, rate in ((torch.optim.RMSprop, 3.0), (torch.optim.SGD, 30.0)):
        found = run_one(CHECK, **deep(4, 3, rate, kind))
        assert found.status == "fail", found
        assert found.steps <= CHECK.cost


def test_one_step_is_told_as_one() -> None:
    """A run that ends after its first step is told of in the singular."""
    loader = [(1e3 * torch.randn(32, 8), torch.randn(32, 1)) for _ in range(8)]
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))
    found = run_one(CHECK, **program(model, 100.0, torch.optim.SGD, loader=loader, loss_fn=nn.MSELoss()))
    assert any("after 1 step " in one.quantity for one in found.measurements), found


def sigmoids(rate: float, momentum: float) -> dict[str, Any]:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Sigmoid(), nn.Linear(64, 10))
    return program(model, optimizer=torch.optim.SGD(model.parameters(), rate, momentum=momentum))


def test_a_rate_is_judged_with_its_momentum() -> None:
    """Where no rate of the range test diverges, the rate that momentum keeps from learning fails all the same."""
    torch.manual_seed(0)
    found = run_one(CHECK, **sigmoids(3.0, 0.9))
    assert found.status == "fail"
    assert "stays up" in found.summary
    assert "none up to 10" in [one.measured for one in found.measurements]
    assert found.steps <= CHECK.cost
    some = sigmoids(3.0, 0.9)
    losses = [telling(some["model"], batch, some["optimizer"]).item() for batch in some["loader"]]
    assert sum(losses[-10:]) / 10 > losses[0], "the same by a plain loop"
    assert run_one(CHECK, **sigmoids(0.3, 0.9)).status == "pass"


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_a_rate_at_which_nothing_moves_fails(kind: Any) -> None:
    """At 1e-7 the loss of an untrained network stays where it is, and at the suggested rate it falls."""
    found = run_one(CHECK, **program(rate=1e-7, kind=kind))
    assert found.status == "fail"
    assert "does not move" in found.summary
    assert told(found, "at the suggested rate") < 0.98 * told(found, "at 1e-07")


class Warming:
    """A schedule of the user's own, which comes to a rate over so many updates; 0 leaves it where it is."""

    def __init__(self, optimizer: torch.optim.Optimizer, rate: float, long: int) -> None:
        self.optimizer, self.rate, self.long, self.number = optimizer, rate, long, 0
        self.set_rate()

    def set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * (min(1.0, (self.number + 1) / self.long) if self.long else 1e-4)

    def step(self, model: nn.Module, batch: Any, optimizer: Any) -> None:
        clipped(model, batch, optimizer)
        self.number += 1
        self.set_rate()


@pytest.mark.parametrize(("long", "status"), [(10_000, "inconclusive"), (0, "fail")])
def test_the_start_of_a_warm_up_by_hand_is_not_the_rate(long: int, status: str) -> None:
    """Nothing moves at the first rate of a long warm-up, which the step goes on to raise; as a rate it is too low."""
    some = program(rate=1e-2, kind=torch.optim.SGD)
    some["train_step"] = Warming(some["optimizer"], 1e-2, long).step
    found = run_one(CHECK, **some)
    assert found.status == status, found


@pytest.mark.parametrize(
    ("kind", "rate"),
    [(torch.optim.Adam, 1e-4), (torch.optim.Adam, 1e-2), (torch.optim.SGD, 0.01), (torch.optim.SGD, 0.5)],
)
def test_usual_rates_pass(kind: Any, rate: float) -> None:
    """Rates of two decades, under which the loss falls, are no finding."""
    assert run_one(CHECK, **program(rate=rate, kind=kind)).status == "pass"


def test_fine_tuning_of_a_trained_network_is_silent() -> None:
    """At 2e-5 a network that has been trained hardly moves, as it should."""
    some = program(pictures(), rate=1e-3)
    for _ in range(4):
        for x, y in some["loader"]:
            some["optimizer"].zero_grad()
            some["loss_fn"](some["model"](x), y).backward()
            some["optimizer"].step()
    some["optimizer"] = torch.optim.AdamW(some["model"].parameters(), lr=2e-5)
    assert run_one(CHECK, **some).status in ("pass", "inconclusive", "warn")
    some["optimizer"] = torch.optim.AdamW(some["model"].parameters(), lr=1e-3)
    assert run_one(CHECK, **some).status in ("pass", "inconclusive")


def clipped(model: nn.Module, batch: Any, optimizer: Any, scheduler: Any = None) -> None:
    """A step that clips, steps the schedule if there is one, and returns nothing."""
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if scheduler is not None:
        scheduler.step()


@pytest.mark.parametrize("rate", [1e-3, 100.0])
def test_a_step_that_returns_nothing_is_judged_by_the_loss(rate: float) -> None:
    """With loss_fn beside it, a silent train_step needs to return no loss."""
    found = run_one(CHECK, **program(rate=rate, train_step=clipped))
    assert found.status == ("pass" if rate < 1 else "fail")


@pytest.mark.parametrize("rate", [1e-3, 100.0])
def test_without_a_loss_fn_a_step_is_judged_by_the_loss_that_it_goes_back_from(rate: float) -> None:
    """A train_step that returns nothing has a loss all the same, on which it calls backward."""
    found = run_one(CHECK, **program(rate=rate, train_step=clipped, loss_fn=None))
    assert found.status == ("pass" if rate < 1 else "fail")


def telling(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    """A step that has the loss to itself and returns it."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


@pytest.mark.parametrize("rate", [1e-3, 100.0])
def test_a_loss_inside_the_step_alone_is_enough(rate: float) -> None:
    """The loss that train_step returns stands in for loss_fn."""
    found = run_one(CHECK, **program(rate=rate, train_step=telling, loss_fn=None))
    assert found.status in (("pass", "inconclusive") if rate < 1 else ("fail", "inconclusive"))


def warm_ups() -> Iterator[tuple[str, Any]]:
    yield "warm-up", lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, n / 100))
    yield "one cycle", lambda o: lr_scheduler.OneCycleLR(o, max_lr=3e-3, total_steps=400)


@pytest.mark.parametrize("kind", ["warm-up", "one cycle"])
def test_the_peak_of_a_schedule_is_the_rate(kind: str) -> None:
    """A schedule that begins at next to nothing is judged by its highest rate."""
    some = program(rate=3e-3, train_step=clipped, total_steps=400)
    found = run_one(CHECK, **some, scheduler=dict(warm_ups())[kind](some["optimizer"]))
    assert found.status == "pass"
    assert told(found, "highest of the schedule") == pytest.approx(3e-3, rel=0.01)


@pytest.mark.parametrize("kind", ["LBFGS", "factory", "dict", "zero rate", "scaler"])
def test_whatever_the_optimizer_is(kind: str) -> None:
    """LBFGS, factories, several optimizers, groups at rate 0 and a scaler are run as they are."""
    some = program()
    layers = list(some["model"].parameters())
    changed: dict[str, Any] = {
        "LBFGS": lambda: {"optimizer": torch.optim.LBFGS(layers, lr=0.1, max_iter=4)},
        "factory": lambda: {"optimizer": lambda parameters: torch.optim.Adam(parameters, lr=1e-3)},
        "dict": lambda: {"optimizer": {"a": torch.optim.Adam(layers[:2]), "b": torch.optim.Adam(layers[2:])}},
        "zero rate": lambda: {
            "optimizer": torch.optim.Adam([{"params": layers[:2], "lr": 0.0}, {"params": layers[2:], "lr": 1e-3}])
        },
        "scaler": lambda: {"scaler": torch.amp.GradScaler("cpu", init_scale=16.0)},
    }[kind]()
    assert run_one(CHECK, **some | changed).status == "pass"


@pytest.mark.parametrize("kind", ["no optimizer", "rate 0", "all frozen"])
def test_without_a_rate_it_is_skipped(kind: str) -> None:
    """Without an optimizer, a rate or anything to train there is no rate to judge."""
    some = program(rate=0.0) if kind == "rate 0" else program()
    if kind == "no optimizer":
        del some["optimizer"]
    if kind == "all frozen":
        some["model"].requires_grad_(requires_grad=False)
    assert run_one(CHECK, **some).status == "skip"


def test_labels_that_mean_nothing_are_never_a_finding() -> None:
    """Where no rate makes much of the data the rate is not to blame."""
    loader = [(torch.randn(64, 1, 8, 8), torch.randint(10, (64,))) for _ in range(30)]
    for rate in (1e-4, 1e-2):
        assert run_one(CHECK, **program(rate=rate, loader=loader)).status in ("pass", "inconclusive", "warn")


def test_a_loss_that_is_not_finite_is_inconclusive() -> None:
    """Where the data are NaN no rate is to blame."""
    loader = [(torch.full((8, 1, 8, 8), float("nan")), torch.randint(10, (8,))) for _ in range(6)]
    assert run_one(CHECK, **program(rate=1.0, loader=loader)).status == "inconclusive"


@pytest.mark.parametrize("make", [good, bad])
def test_the_state_is_restored_exactly(make: Any) -> None:
    """Weights, optimizer, schedule and loader are the same bytes afterwards, whatever was found."""
    some = make()
    scheduler = lr_scheduler.StepLR(some["optimizer"], 10)
    before = state_of(some["model"], some["optimizer"], some["loader"]), str(scheduler.state_dict())
    run_one(CHECK, **some, scheduler=scheduler)
    assert (state_of(some["model"], some["optimizer"], some["loader"]), str(scheduler.state_dict())) == before


def test_a_loss_that_rises_after_it_has_fallen_is_no_failure():
    """A network whose loss falls, rises while its codes find their places, and then falls for good does not fail."""
    (program,) = (one for one in every_program() if one.name == "nearest_entry_of_a_code_book")
    assert check(**program.build(), only=["learning-rate"])["learning-rate"].status != "fail"


class Rows(nn.Module):
    """A transformer that reads digits row by row."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True)
        self.rows, self.places = nn.Linear(8, 32), nn.Parameter(torch.randn(8, 32))
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.rows(x[:, 0]) + self.places).mean(1))


@pytest.mark.parametrize(("rate", "status"), [(0.1, "fail"), (0.02, "pass")])
def test_a_rate_that_spoils_the_weights_fails(rate: float, status: str) -> None:
    """A transformer at 0.1 stays at the class shares, also when the rate is lowered; at 0.02 it recovers."""
    torch.manual_seed(0)
    found = run_one(CHECK, **program(Rows(), rate, torch.optim.AdamW))
    assert found.status == status, found
    assert status == "pass" or "class shares" in found.summary
    assert found.steps <= CHECK.cost


class Signals(nn.Module):
    """A transformer that reads a signal, averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.enter, self.places = nn.Linear(2, 32), nn.Parameter(0.1 * torch.randn(24, 32))
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.enter(x) + self.places).mean(1))


@pytest.mark.parametrize(("rate", "is_spoilt"), [(0.1, True), (0.005, False)])
def test_spoilt_weights_are_seen_also_where_the_suggested_rate_is_slow(rate: float, *, is_spoilt: bool) -> None:
    """Where steps at the suggested rate hardly learn, the highest at which the loss fell is tried beside the rate."""
    torch.manual_seed(0)
    y = torch.randint(4, (640,))
    at = torch.where(y % 2 == 0, 0.3, 0.8)[:, None] * torch.arange(24.0) + 1.5 * torch.rand(640, 1)
    lag = torch.where(y < 2, 1.57, -1.57)[:, None]
    x = torch.stack([at.sin(), (at + lag).sin()], -1) + 0.3 * torch.randn(640, 24, 2)
    some = program(Signals(), rate, loader=DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True))
    subject = make_subject(some["model"], some["loader"], some["loss_fn"], optimizer=some["optimizer"])
    stream = [make_batch(subject, raw) for raw in some["loader"]]
    tried = 10.0 ** np.linspace(-6, -3.5, 20)
    test = RangeTest(tried, np.linspace(1.45, 1.38, 20), 1.45)  # which says about 3e-5
    found = RateEvidence(Program(subject, Limits(60)), stream, True, test, rate, warms_up=False, tried=20)
    spoilt = found.spoilt(float(np.log(4)))
    assert (spoilt is not None) == is_spoilt
    assert spoilt is None or spoilt.other > 5 * found.instead
