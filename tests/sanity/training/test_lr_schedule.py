from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from nbinspect.sanity.training.lr_schedule import CHECK, bad, good
from tests.sanity.running import run_one
from tests.sanity.states import state_of

pytestmark = pytest.mark.slow


def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
    """A step that also steps the scheduler."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss


def once_an_epoch(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """A step that leaves the scheduler to the loop around it."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def program(make: Any, total: int | None = 200, train_step: Any = step, rate: float = 0.05) -> dict[str, Any]:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loader = [(torch.randn(16, 4), torch.randn(16, 1)) for _ in range(4)]
    own = {"scheduler": make(optimizer), "train_step": train_step, "total_steps": total}
    return {"model": model, "loader": loader, "loss_fn": nn.MSELoss(), "optimizer": optimizer, **own}


def test_a_decay_of_epochs_stepped_every_batch_fails() -> None:
    """A rate that falls to a tenth every ten batches is at a thousandth or below for 170 of 200 steps."""
    found = run_one(CHECK, **bad())
    assert found.status == "fail"
    assert "from step 30 of 200" in found.summary
    below = sum(0.1 ** (n // 10) <= 1e-3 + 1e-12 for n in range(200)) / 200
    assert float(found.measurements[0].measured) == pytest.approx(below, abs=0.06)


def test_a_warm_up_longer_than_the_run_fails() -> None:
    """A rate that rises for 2,000 steps never gets anywhere in a run of 200."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / 2000))))
    assert found.status == "fail"
    assert "warming up" in found.summary


def test_a_cosine_of_as_many_steps_as_epochs_fails() -> None:
    """A cosine over 50 epochs that is stepped every batch goes down and up, again and again."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=50)))
    assert found.status == "fail"
    assert "every 100 steps" in found.summary


def test_one_cycle_that_ends_before_the_run_fails() -> None:
    """A one-cycle schedule of 100 steps raises in a run of 200."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=100)))
    assert found.status == "fail"
    assert "of 200" in found.summary


@pytest.mark.parametrize(
    "kind", ["cosine", "linear", "one cycle", "steps", "restarts", "noam", "exponential", "plateau"]
)
def test_schedules_that_fit_are_silent(kind: str) -> None:
    """Decays to the end, restarts, and the usual drops are no finding."""
    make = {
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=200),
        "linear": lambda o: lr_scheduler.LambdaLR(o, lambda n: max(0.0, 1 - n / 200)),
        "one cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=201),
        "steps": lambda o: lr_scheduler.MultiStepLR(o, [100, 150, 180]),
        "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=50),
        "noam": lambda o: lr_scheduler.LambdaLR(o, lambda n: 64**-0.5 * min((n + 1) ** -0.5, (n + 1) * 40**-1.5)),
        "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.98),
        "plateau": lambda o: lr_scheduler.LambdaLR(o, lambda _: 1.0),
    }[kind]
    assert run_one(CHECK, **program(make)).status == "pass"


def test_a_scheduler_stepped_by_the_loop_is_no_finding() -> None:
    """A decay of epochs that train_step does not step may well be right."""
    steps = program(lambda o: lr_scheduler.StepLR(o, 10), train_step=once_an_epoch)
    assert run_one(CHECK, **steps).status == "inconclusive"


def test_without_a_step_of_the_users_the_unit_is_not_known() -> None:
    """Without a train_step the answer says what would settle it."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.StepLR(o, 10), train_step=None))
    assert found.status == "inconclusive"
    assert "train_step" in found.detail


def test_a_scheduler_that_waits_for_a_metric_is_skipped() -> None:
    """What ReduceLROnPlateau does depends on the losses to come."""
    assert run_one(CHECK, **program(lr_scheduler.ReduceLROnPlateau, train_step=once_an_epoch)).status == "skip"


def test_without_a_scheduler_it_is_skipped() -> None:
    """There is no schedule to judge."""
    some = program(lambda _: None, train_step=once_an_epoch)
    assert run_one(CHECK, **some).status == "skip"


def test_a_chain_of_schedulers_is_followed() -> None:
    """A chain, which does not count its own steps, is stepped all the same: two decays at once sink the rate."""
    both = lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ExponentialLR(o, 0.9) for _ in range(2)])  # noqa: E731
    found = run_one(CHECK, **program(both))
    assert found.status == "fail"
    assert f"from step {next(n for n in range(200) if 0.81**n < 1e-3)} of 200" in found.summary
    mild = lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ExponentialLR(o, 0.995) for _ in range(2)])  # noqa: E731
    assert run_one(CHECK, **program(mild)).status == "pass"


def test_a_rate_that_a_division_makes_zero_fails() -> None:
    """An integer division leaves a rate of 0 for the whole run; so does one that reaches 0 after two thirds of it."""
    for factor, first in ((lambda n: n // 1000, 0), (lambda n: max(0.0, 1 - n / 130), 130)):
        found = run_one(CHECK, **program(lambda o, factor=factor: lr_scheduler.LambdaLR(o, factor)))
        assert found.status == "fail"
        assert f"from step {first} of 200" in found.summary
    late = program(lambda o: lr_scheduler.LambdaLR(o, lambda n: max(0.0, 1 - n / 180)))
    assert run_one(CHECK, **late).status == "pass"


def test_a_warm_up_longer_than_the_run_fails_though_it_comes_near() -> None:
    """A rate that does nothing but rise, to two fifths of what it is to be, is that of a warm-up without an end."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.LinearLR(o, 0.01, 1.0, total_iters=500)))
    assert found.status == "fail"
    assert "warming up" in found.summary
    near = program(lambda o: lr_scheduler.LinearLR(o, 0.01, 1.0, total_iters=200))
    assert run_one(CHECK, **near).status == "pass"


def test_the_scheduler_stays_where_it_is() -> None:
    """Neither the scheduler nor the optimizer moves."""
    some = good()
    before = state_of(some["model"], some["optimizer"]), str(some["scheduler"].state_dict())
    run_one(CHECK, **some)
    assert (state_of(some["model"], some["optimizer"]), str(some["scheduler"].state_dict())) == before


def test_the_curve_is_that_of_the_formula() -> None:
    """The rates that are drawn are those of a cosine, computed by hand."""
    found = run_one(CHECK, **good())
    rates = found.charts[0].values[0]
    assert rates == pytest.approx([0.05 * (1 + math.cos(math.pi * n / 200)) for n in range(200)], abs=1e-7)


def by_epoch(number: int) -> Any:
    """A step that steps the scheduler after every so many updates."""
    taken = 0

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        nonlocal taken
        loss = once_an_epoch(model, batch, optimizer)
        taken += 1
        if taken % number == 0:
            scheduler.step()
        return loss

    return train_step


def test_a_warm_up_in_steps_that_is_stepped_every_epoch_fails() -> None:
    """A warm-up of 400 steps, stepped after each of 50 epochs, never ends; one of 5 epochs is right."""
    late = program(lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / 400)), train_step=by_epoch(4))
    found = run_one(CHECK, **late)
    assert found.status == "fail"
    assert "epoch 50" in found.summary
    fits = program(lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / 5)), train_step=by_epoch(4))
    assert run_one(CHECK, **fits).status == "pass"


@pytest.mark.parametrize("kind", ["cosine", "one cycle", "linear"])
def test_a_schedule_of_all_steps_that_is_stepped_every_epoch_fails(kind: str) -> None:
    """A schedule made for 200 steps is at its beginning after 50 epochs; one made for 50 fits."""
    make = {
        "cosine": lr_scheduler.CosineAnnealingLR,
        "one cycle": lambda o, length: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=length + length % 100 // 50),
        "linear": lambda o, length: lr_scheduler.LinearLR(o, 1.0, 0.01, total_iters=length),
    }[kind]
    for length, status in ((200, "fail"), (50, "pass")):
        found = run_one(CHECK, **program(lambda o, length=length: make(o, length), train_step=by_epoch(4)))
        assert found.status == status
        assert ("stepped by epoch" in found.summary) is (status == "fail")


def test_a_thousandth_that_is_left_counts_as_nothing_up_to_rounding() -> None:
    """Three milestones of a tenth each, met by batches, leave a thousandth and a rounding error of the rate."""
    made = program(lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [12, 16, 19]), rate=0.003)
    result = run_one(CHECK, **made)
    assert result.status == "fail"
    assert "step 19" in result.summary


def given_the_loss(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> float:
    """A step that gives its loss to a scheduler that waits for a metric."""
    loss = once_an_epoch(model, batch, optimizer)
    scheduler.step(loss.item())
    return loss.item()


@pytest.mark.parametrize("maximise", [False, True])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_that_waits_for_the_loss_to_get_worse_fails(mode: str, maximise: bool) -> None:
    """ReduceLROnPlateau that is given the loss lowers the rate as it gets better, if it waits for the other end."""
    own = program(lambda o: lr_scheduler.ReduceLROnPlateau(o, mode=mode, patience=2), train_step=given_the_loss)
    own["optimizer"].param_groups[0]["maximize"] = maximise
    assert run_one(CHECK, **own).status == ("skip" if (mode == "max") == maximise else "fail")


@pytest.mark.parametrize("grouped", [False, True])
def test_a_plateau_beside_a_part_that_raises_the_loss_is_let_be(grouped: bool) -> None:
    """A multiplier goes up while the weights go down: the loss of these is to fall, and is waited for."""
    factor = nn.Parameter(torch.zeros(()))
    dual = torch.optim.SGD([factor], 0.01, maximize=True)

    def constrained(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> float:
        x, y = batch
        outputs = model(x)
        loss = nn.functional.mse_loss(outputs, y) + factor * (outputs.abs().mean() - 1)
        optimizer.zero_grad()
        dual.zero_grad()
        loss.backward()
        optimizer.step()
        dual.step()
        scheduler.step(loss.item())
        return loss.item()

    own = program(lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=50), train_step=constrained)
    if grouped:
        dual = torch.optim.SGD([nn.Parameter(torch.zeros(()))], 0.01)
        own["optimizer"].add_param_group({"params": [factor], "maximize": True})
    assert run_one(CHECK, **own).status == "skip"


def test_a_plateau_that_waits_for_the_score_to_rise_is_let_be() -> None:
    """With mode max and a metric that is not the loss nothing is said."""

    def scored(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> float:
        loss = once_an_epoch(model, batch, optimizer)
        scheduler.step(-2 * loss.item())
        return loss.item()

    own = program(lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="max", patience=2), train_step=scored)
    assert run_one(CHECK, **own).status == "skip"


def test_a_schedule_stepped_before_the_first_update_is_worth_a_look() -> None:
    """Where the scheduler is stepped first, the first update has the second rate of the schedule."""

    def too_early(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        scheduler.step()
        optimizer.step()
        return loss

    found = run_one(CHECK, **program(lambda o: lr_scheduler.ExponentialLR(o, 0.98), train_step=too_early))
    assert found.status == "warn"
    assert found.summary == "stepped before the optimizer"
    assert float(found.measurements[0].measured.split(",")[0]) == pytest.approx(0.05 * 0.98)


def test_a_schedule_stepped_from_the_second_call_on_passes() -> None:
    """A step that begins by stepping the scheduler of the update before, but not at first, uses every rate."""
    calls: list[int] = []

    def afterwards(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        if calls:
            scheduler.step()
        calls.append(1)
        return once_an_epoch(model, batch, optimizer)

    assert (
        run_one(CHECK, **program(lambda o: lr_scheduler.ExponentialLR(o, 0.98), train_step=afterwards)).status == "pass"
    )


def test_a_schedule_stepped_twice_an_update_is_at_its_end_halfway() -> None:
    """A linear decay over the run that is stepped twice with every update leaves nothing for its second half."""

    def twice(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        loss = step(model, batch, optimizer, scheduler)
        scheduler.step()
        return loss

    found = run_one(CHECK, **program(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 200), train_step=twice))
    assert found.status == "fail"
    assert "2 times an update" in found.summary


@pytest.mark.parametrize(("factor", "status"), [(0.8, "fail"), (0.995, "skip")])
def test_a_rate_lowered_by_hand_is_followed_to_the_end(factor: float, status: str) -> None:
    """A rate that the step itself multiplies by 0.8 is below a thousandth after 30 of 200 updates."""

    def by_hand(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        loss = once_an_epoch(model, batch, optimizer)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return loss

    own = {**program(lambda _: None, train_step=by_hand), "scheduler": None}
    found = run_one(CHECK, **own)
    assert found.status == status
    if status == "fail":
        assert f"from step {int(math.log(1e-3) / math.log(factor))} of 200" in found.summary


@pytest.mark.parametrize(("warm_up", "status"), [(60, "fail"), (2, "pass")])
def test_an_epoch_longer_than_what_is_observed_is_read_in_the_text(warm_up: int, status: str) -> None:
    """Stepped every 40th batch, a warm-up of 60 steps is not over after the 6 epochs of the run."""
    late = program(lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / warm_up)), 240, by_epoch(40))
    assert run_one(CHECK, **late | {"loader": late["loader"] * 10}).status == status


@pytest.mark.parametrize("length", [250, 201])
def test_a_table_of_rates_ends_with_the_run(length: int) -> None:
    """A schedule that looks its rates up in a table passes, though there are none to look up beyond the run."""
    table = [0.99**step for step in range(length)]
    result = run_one(CHECK, **program(lambda o: lr_scheduler.LambdaLR(o, lambda n: table[n])))
    assert result.status == "pass", result


def test_a_table_of_rates_that_is_too_short_fails() -> None:
    """A table that ends before the run does is told of, with the step at which it raises."""
    table = [0.99**step for step in range(120)]
    result = run_one(CHECK, **program(lambda o: lr_scheduler.LambdaLR(o, lambda n: table[n])))
    assert result.status == "fail"
    assert "ends after 120 of 200 steps" in result.summary


def by_micro_batch(every: int, *, with_updates: bool = False) -> Any:
    """A step that updates at every so manieth call, and steps the scheduler at each call, or with each update."""
    taken = 0

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        nonlocal taken
        loss = nn.functional.mse_loss(model(batch[0]), batch[1])
        (loss / every).backward()
        taken += 1
        if taken % every == 0:
            optimizer.step()
            optimizer.zero_grad()
        if taken % every == 0 or not with_updates:
            scheduler.step()
        return loss

    return train_step


@pytest.mark.parametrize(
    ("total", "length", "with_updates", "status"),
    [
        (25, 25, False, "fail"),  # 100 calls are 25 epochs of 4
        (25, 100, False, "pass"),
        (25, 25, True, "pass"),
        (100, 100, False, "inconclusive"),  # 100 calls, or 100 updates
        (100, 400, False, "pass"),
    ],
)
def test_a_schedule_of_updates_that_every_micro_batch_steps_fails(
    total: int, length: int, with_updates: bool, status: str
) -> None:
    """Stepped at each of four calls an update it ends after a quarter; a total that may count calls proves nothing."""
    step = by_micro_batch(4, with_updates=with_updates)
    found = run_one(CHECK, **program(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, length), total, step))
    assert found.status == status, found
    assert ("4 times an update" in found.summary) is (status in ("fail", "inconclusive"))


@pytest.mark.parametrize("each_call", [True, False])
def test_a_schedule_that_each_call_steps_from_the_first_update_on_is_told(each_call: bool) -> None:
    """Calls before the first update, which step no scheduler, hide nothing: four steps an update are told."""
    with_updates, taken = by_micro_batch(4, with_updates=True), 0

    def train_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
        nonlocal taken
        taken += 1
        if each_call and taken > 4 and taken % 4:
            scheduler.step()
        loss: torch.Tensor = with_updates(model, batch, optimizer, scheduler)
        return loss

    found = run_one(CHECK, **program(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 25), 25, train_step))
    assert found.status == ("fail" if each_call else "pass"), found
    assert ("4 times an update" in found.summary) is each_call


def noisy(patience: int, noise: float, **options: Any) -> dict[str, Any]:
    """A linear fit to targets with noise, whose every loss is told to a scheduler that waits for it to fall."""
    x = torch.randn(40 * 4, 4)
    y = x @ torch.randn(4, 1) + noise * torch.randn(40 * 4, 1)
    make = lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=patience, **options)  # noqa: E731
    own = program(make, total=2000, train_step=given_the_loss, rate=0.005)
    return own | {"loader": list(zip(x.split(4), y.split(4), strict=True))}


@pytest.mark.parametrize(
    ("patience", "noise", "options", "status"),
    [
        (2, 1.0, {}, "fail"),
        (100, 1.0, {}, "skip"),
        (2, 1.0, {"min_lr": 1e-4}, "skip"),
        (2, 1.0, {"factor": 0.9}, "skip"),
    ],
)
def test_a_plateau_seen_in_the_losses_of_single_batches_fails(
    patience: int, noise: float, options: dict[str, Any], status: str
) -> None:
    """Patient for two batches, it sinks the rate while the loss still falls; patient for long, or kept up, it waits."""
    found = run_one(CHECK, **noisy(patience, noise, **options))
    assert found.status == status, found
    if status == "fail":
        assert found.confirmed
        kept, left = (float(one.measured) for one in reversed(found.measurements[1:]))
        assert kept < left


def test_a_plateau_seen_where_nothing_more_is_learnt_is_let_be() -> None:
    """Of targets without any link to the inputs nothing is lost when the rate sinks."""
    own = program(lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=2), 2000, given_the_loss)
    with torch.no_grad():
        own["model"].weight.zero_()
        own["model"].bias.zero_()
    x = torch.randn(40 * 16, 4)
    own["loader"] = list(zip(x.split(16), torch.randn(40 * 16, 1).split(16), strict=True))
    assert run_one(CHECK, **own).status == "skip"


def paced(rate: Any, batches: int) -> dict[str, Any]:
    """A program of ten epochs whose step sets its rate by its number, and which has no scheduler."""

    def own(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, step: int) -> torch.Tensor:
        optimizer.param_groups[0]["lr"] = rate(step)
        return once_an_epoch(model, batch, optimizer)

    made = program(lambda _: None, total=10 * batches, train_step=own)
    return {**made, "loader": [(torch.randn(4, 4), torch.randn(4, 1)) for _ in range(batches)]}


@pytest.mark.parametrize("batches", [20, 150])
def test_a_warm_up_that_counts_the_steps_within_an_epoch_fails(batches: int) -> None:
    """A rate that rises with the step of the epoch is back where it began at the first step of the next one."""

    def rate(step: int) -> float:
        epoch, inner = divmod(step, batches)
        return 1e-4 * (1 + inner) if epoch < 8 else 1e-4

    found = run_one(CHECK, **paced(rate, batches))
    assert found.status == "fail"
    assert f"after step {batches}" in found.summary


@pytest.mark.parametrize("batches", [20, 150])
@pytest.mark.parametrize(
    "kind", ["warm-up", "triangle of an epoch", "triangle of two", "saw of another length", "saws within an epoch"]
)
def test_other_rates_that_rise_by_hand_are_let_be(kind: str, batches: int) -> None:
    """A warm-up over several epochs, one that turns within an epoch, and cycles up and down are no warm-up anew."""
    rate = {
        "warm-up": lambda step: 1e-4 * (1 + step),
        "triangle of an epoch": lambda step: 1e-4 * (1 + min(step % batches, batches - step % batches)),
        "triangle of two": lambda step: 1e-4 * (1 + batches - abs(batches - step % (2 * batches))),
        "saw of another length": lambda step: 1e-4 * (1 + step % (batches - 4)),
        "saws within an epoch": lambda step: 1e-4 * (1 + step % (batches // 2)),
    }[kind]
    assert run_one(CHECK, **paced(rate, batches)).status == "skip"


@pytest.mark.parametrize(("over", "status"), [(20, "fail"), (40, "skip")])
def test_a_step_that_counts_its_calls_itself_is_followed_through_an_epoch(over: int, status: str) -> None:
    """A count of its own that comes to its end with every epoch starts the warm-up over; one of two epochs does not."""
    calls = [0]

    def own(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        optimizer.param_groups[0]["lr"] = 1e-4 * (1 + calls[0])
        calls[0] = (calls[0] + 1) % over
        return once_an_epoch(model, batch, optimizer)

    assert run_one(CHECK, **{**paced(lambda _: None, 20), "train_step": own}).status == status
    assert calls == [0]


class ByEpoch:
    """A loop whose own count of epochs goes on where the loop around its step does."""

    def __init__(self) -> None:
        self.current_epoch = self.calls = 0

    def step(self, model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        optimizer.param_groups[0]["lr"] = 1e-3 * (self.current_epoch + (1 + self.calls % 20) / 20)
        self.calls += 1
        return once_an_epoch(model, batch, optimizer)


def told_the_epoch(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, step: int, epoch: int) -> Any:
    optimizer.param_groups[0]["lr"] = 1e-3 * (epoch + (1 + step % 20) / 20)
    return once_an_epoch(model, batch, optimizer)


def of_size(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Any:
    optimizer.param_groups[0]["lr"] = 1e-4 * len(batch[0])
    return once_an_epoch(model, batch, optimizer)


@pytest.mark.parametrize("step", [told_the_epoch, ByEpoch().step, of_size])
def test_rates_by_the_epoch_or_by_what_a_batch_holds_are_no_warm_up_that_starts_over(step: Any) -> None:
    """A step is not told here which epoch it is in, and batches in order of their size raise the rate in each epoch."""
    made = paced(lambda _: None, 20) | {"train_step": step}
    made["loader"] = [(torch.randn(4 + at, 4), torch.randn(4 + at, 1)) for at in range(20)]
    assert run_one(CHECK, **made).status == "skip"


def of(factor: Any) -> Any:
    return lambda optimizer: lr_scheduler.LambdaLR(optimizer, factor)


@pytest.mark.parametrize(
    "make",
    [
        of(lambda n: (1 - n / 200) ** 2),
        of(lambda n: (1 - n / 200) ** 0.9),
        of(lambda n: min(1.0, n / 20)),
        of(lambda _: 1.0),
        lambda o: lr_scheduler.MultiStepLR(o, [30, 60]),
        lambda o: lr_scheduler.MultiStepLR(o, [100, 150]),
        lambda o: lr_scheduler.ConstantLR(o, 0.1, 15),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 20),
        lambda o: lr_scheduler.CyclicLR(o, 1e-4, 0.05, step_size_up=8, cycle_momentum=False),
    ],
)
def test_schedules_of_the_whole_run_are_silent(make: Any) -> None:
    """Powers of what is left, which rise or have no root after the end, late decays, restarts and cycles pass."""
    assert run_one(CHECK, **program(make)).status == "pass"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 4), "every 8 steps"),
        (of(lambda n: 0.05 * min(1, (n + 1) / 20)), "the square of the rate"),
        (of(lambda n: min(1, n // 20)), "0 until step 20"),
    ],
)
def test_lengths_and_factors_of_another_unit_fail(make: Any, said: str) -> None:
    """Milestones in epochs, a cosine over one epoch, a factor that is the rate, and a warm-up by `//` fail."""
    found = run_one(CHECK, **program(make))
    assert found.status == "fail"
    assert said in found.summary


def twice(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
    """A step that steps the scheduler two times."""
    loss = step(model, batch, optimizer, scheduler)
    scheduler.step()
    return loss


def test_a_cosine_stepped_twice_an_update_fails() -> None:
    """A cosine as long as the run, stepped twice, is at its lowest halfway and up again at the end."""
    found = run_one(CHECK, **program(lambda o: lr_scheduler.CosineAnnealingLR(o, 200), train_step=twice))
    assert found.status == "fail"
    assert "stepped 2 times an update" in found.summary


def test_a_schedule_of_another_optimizer_fails() -> None:
    """A scheduler that was made with an optimizer which is never stepped changes nothing."""
    arguments = program(lambda o: lr_scheduler.CosineAnnealingLR(o, 200))
    other = torch.optim.SGD(arguments["model"].parameters(), lr=0.05)
    found = run_one(CHECK, **{**arguments, "optimizer": other})
    assert found.status == "fail"
    assert "no rate that is used" in found.summary


def by_number(factor: Any) -> dict[str, Any]:
    """A step that sets the rate itself, by its number."""

    def own(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, step: int) -> torch.Tensor:
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * factor(step)
        return once_an_epoch(model, batch, optimizer)

    return {**program(of(lambda _: 1.0), train_step=own), "scheduler": None}


@pytest.mark.parametrize(
    "factor", [lambda n: 0.5 ** (n // 5), lambda n: max(0.0, 1 - n / 20), lambda n: 1 / (1 + 99 * n)]
)
def test_rates_by_the_number_of_the_step_that_sink_early_fail(factor: Any) -> None:
    """A rate that the step halves every fifth batch, or takes to nothing in 20 of 200 steps, fails."""
    found = run_one(CHECK, **by_number(factor))
    assert found.status == "fail"
    assert "next to nothing" in found.summary


@pytest.mark.parametrize(
    "factor",
    [
        lambda n: 0.5 * (1 + math.cos(math.pi * n / 200)),
        lambda n: min(1.0, (n + 1) / 20) * (1 - n / 200),
        lambda n: 1.0 if n < 150 else 0.5 ** ((n - 150) / 5),
        lambda n: 0.1 ** (n // 80),
    ],
)
def test_rates_by_the_number_of_the_step_to_the_end_are_silent(factor: Any) -> None:
    """A cosine, a line, a late decay and decays by tenths that the step computes itself are no finding."""
    assert run_one(CHECK, **by_number(factor)).status == "skip"


@pytest.mark.parametrize(("length", "status"), [(50, "pass"), (200, "fail")])
def test_a_scheduler_that_the_last_call_of_an_epoch_steps_is_judged(length: int, status: str) -> None:
    """Of a step that goes by the number of the batch it is known that it steps the scheduler once an epoch."""

    def own(model: nn.Module, batch: Any, optimizer: Any, scheduler: Any, step: int) -> torch.Tensor:
        loss = once_an_epoch(model, batch, optimizer)
        if step % 16 == 15:
            scheduler.step()
        return loss

    arguments = program(lambda o: lr_scheduler.CosineAnnealingLR(o, length // 4), train_step=own)
    arguments["loader"] = [(torch.randn(4, 4), torch.randn(4, 1)) for _ in range(16)]
    arguments["total_steps"] = 200
    if status == "fail":
        arguments["scheduler"] = lr_scheduler.CosineAnnealingLR(arguments["optimizer"], 200)
    assert run_one(CHECK, **arguments).status == status


def longer(make: Any, batches: int, total: int, train_step: Any = step, rate: float = 0.05) -> dict[str, Any]:
    """A program whose epochs have so many batches."""
    loader = [(torch.randn(4, 4), torch.randn(4, 1)) for _ in range(batches)]
    return {**program(make, total, train_step, rate), "loader": loader}


def test_milestones_in_epochs_stepped_every_batch_fail() -> None:
    """Milestones at 10 and 15 of 20 epochs are passed within the second one where each batch counts."""
    found = run_one(CHECK, **longer(lambda o: lr_scheduler.MultiStepLR(o, [10, 15]), 20, 400))
    assert found.status == "fail"
    assert "from step 15 of 400" in found.summary


def resumed(optimizer: Any) -> Any:
    """Milestones of a run that is taken up again after the first one."""
    scheduler = lr_scheduler.MultiStepLR(optimizer, [30, 600], 0.1)
    for _ in range(35):
        optimizer.step()
        scheduler.step()
    return scheduler


@pytest.mark.parametrize(
    ("make", "batches", "total"),
    [
        (of(lambda n: max(0.1, 0.995**n)), 4, 4000),
        (lambda o: lr_scheduler.MultiStepLR(o, [500, 1000], 0.1), 4, 5000),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 20), 50, 300),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 50), 50, 250),
        (resumed, 10, 500),
        (of(lambda n: 0.1 ** (1 + n // 300)), 10, 500),
        (of(lambda n: 0.0 if n < 100 else 1.0), 10, 1000),
        (lambda o: lr_scheduler.ConstantLR(o, 1 / 3, 6), 10, 200),
    ],
)
def test_schedules_that_look_like_those_of_another_unit_are_silent(make: Any, batches: int, total: int) -> None:
    """A decay to a floor, milestones of steps, cycles, runs taken up again, a pause and a step at the end pass."""
    assert run_one(CHECK, **longer(make, batches, total, rate=0.1)).status == "pass"


def four_times(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> torch.Tensor:
    """A step that passes over its batch four times, and steps the scheduler with each update."""
    return [step(model, batch, optimizer, scheduler) for _ in range(4)][-1]


@pytest.mark.parametrize("length", [400, 1600])
def test_several_updates_in_a_call_are_no_steps_too_many(length: int) -> None:
    """Where a call has four updates, each with a step of the schedule, a total in updates or in calls is no finding."""
    own = longer(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=length + 1), 50, 400, four_times)
    assert run_one(CHECK, **own).status in ("pass", "inconclusive")


def test_a_schedule_of_an_optimizer_that_seldom_has_its_turn_is_used() -> None:
    """Of an optimizer that has updated once in ten calls it is not known that the schedule changes nothing."""
    arguments = program(lambda o: lr_scheduler.CosineAnnealingLR(o, 200))
    judge = nn.Linear(4, 1)
    both = {"maker": arguments["optimizer"], "judge": torch.optim.Adam(judge.parameters())}
    taken = []

    def own(model: nn.Module, batch: Any, scheduler: Any) -> torch.Tensor:
        taken.append(1)
        once_an_epoch(judge, batch, both["judge"])
        if len(taken) % 10 == 0:
            once_an_epoch(model, batch, both["maker"])
        scheduler.step()
        return (model(batch[0]) - batch[1]).square().mean()

    assert run_one(CHECK, **{**arguments, "optimizer": both, "train_step": own}).status != "fail"
