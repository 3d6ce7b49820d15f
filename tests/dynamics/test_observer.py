from __future__ import annotations

import asyncio
import copy
import gc
import math
import subprocess
import sys
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.telling import NO_LOSS, NO_STEP, NOT_CALLED
from nbinspect.errors import InputError
from nbinspect.records import DynamicsRecord
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


class Digits(nn.Module):
    """A network with all that a careless probe would disturb: dropout, batch statistics, a counter, own noise."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3))
        self.head = nn.Linear(32, 10)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        noise = 0.01 * torch.randn_like(x)
        return self.head(self.body(x + noise))


class OwnLoss(nn.Module):
    """A network that computes its own loss, as those of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Digits()

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.inner(x)
        return {"logits": logits} if labels is None else {"loss": F.cross_entropy(logits, labels), "logits": logits}


class Program:
    """A whole small program, built anew with the same seeds."""

    def __init__(self, *, workers: int = 0, samples: int = 256) -> None:
        torch.manual_seed(0)
        inputs = torch.randn(samples, 64)
        targets = inputs[:, :10].argmax(1)
        self.model: Any = Digits()
        self.loss_fn: Any = nn.CrossEntropyLoss()
        self.optimizer: Any = torch.optim.Adam(self.model.parameters(), lr=3e-3)
        generator = torch.Generator().manual_seed(1)
        data = TensorDataset(inputs, targets)
        self.loader = DataLoader(data, 32, shuffle=True, generator=generator, num_workers=workers)
        self.val_loader = DataLoader(data, 64)

    @cached_property
    def compiled(self) -> Any:
        """The model as torch.compile makes it."""
        return torch.compile(self.model, backend="eager")

    def train(self, epochs: int = 3) -> None:
        for _ in range(epochs):
            for x, y in self.loader:
                self.optimizer.zero_grad()
                self.loss_fn(self.model(x), y).backward()
                self.optimizer.step()

    def weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.model.state_dict().items()}


def eager() -> dict[str, Any]:
    """Options of an observer that measures as often as it can."""
    return {"budget": 1.0, "size": 8}


def observed(program: Program, train: Callable[[], None], **options: Any) -> Observer:
    subject = make_subject(program.model, program.loader, program.loss_fn, val_loader=program.val_loader)
    observer = Observer(subject, **{**eager(), **options})
    with observer:
        train()
    return observer


def accumulating(program: Program) -> None:
    for number, (x, y) in enumerate(program.loader):
        (program.loss_fn(program.model(x), y) / 2).backward()
        if number % 2:
            program.optimizer.step()
            program.optimizer.zero_grad()


def mixed(program: Program) -> None:
    for x, y in program.loader:
        program.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = program.loss_fn(program.model(x), y)
        loss.backward()
        program.optimizer.step()


def with_closure(program: Program) -> None:
    program.optimizer = torch.optim.LBFGS(program.model.parameters(), lr=0.1, max_iter=3)
    for x, y in list(program.loader)[:4]:

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            program.optimizer.zero_grad()
            loss = program.loss_fn(program.model(x), y)
            loss.backward()
            return loss

        program.optimizer.step(closure)


def with_two_optimizers(program: Program) -> None:
    first = torch.optim.SGD(program.model.body.parameters(), lr=0.1, momentum=0.9)
    second = torch.optim.Adam(program.model.head.parameters(), lr=1e-2)
    for x, y in program.loader:
        first.zero_grad()
        second.zero_grad()
        program.loss_fn(program.model(x), y).backward()
        first.step()
        second.step()


def with_scheduler(program: Program) -> None:
    scheduler = torch.optim.lr_scheduler.OneCycleLR(program.optimizer, 0.1, total_steps=30)
    for _ in range(3):
        for x, y in program.loader:
            program.optimizer.zero_grad()
            program.loss_fn(program.model(x), y).backward()
            nn.utils.clip_grad_norm_(program.model.parameters(), 1.0)
            program.optimizer.step()
            scheduler.step()


def compiled(program: Program) -> None:
    model = program.compiled
    for x, y in program.loader:
        program.optimizer.zero_grad()
        program.loss_fn(model(x), y).backward()
        program.optimizer.step()


def failing(program: Program, error: type[BaseException]) -> None:
    program.train(1)
    raise error


def evaluating(program: Program) -> None:
    for _ in range(2):
        program.train(1)
        program.model.eval()
        with torch.no_grad():
            for x, y in program.val_loader:
                program.loss_fn(program.model(x), y)
        program.model.train()


LOOPS = [Program.train, accumulating, mixed, with_closure, with_two_optimizers, with_scheduler, compiled, evaluating]


@pytest.mark.parametrize("train", LOOPS, ids=lambda train: train.__name__)
@pytest.mark.parametrize("train_mode", [False, True])
def test_weights_are_those_of_a_run_alone(train: Callable[[Program], None], train_mode: bool) -> None:
    """Watched with a reading at every step, a run ends with the bytes, and the next random numbers, of a run alone."""
    alone, watched = Program(), Program()
    torch.manual_seed(7)
    train(alone)
    drawn = torch.rand(3)
    if train is compiled:
        assert watched.compiled is not None
    torch.manual_seed(7)
    observer = observed(watched, lambda: train(watched), train_mode=train_mode)
    assert torch.equal(torch.rand(3), drawn)
    now = watched.weights()
    assert all(torch.equal(value, now[name]) for name, value in alone.weights().items())
    assert watched.model.calls == alone.model.calls
    assert watched.model.training == alone.model.training
    assert not observer.record.notes
    assert not [one for one in observer.record.moments if one.kind == "problem"]
    assert observer.steps > 2
    assert len(observer.record.readings[0]) > 1


def test_workers_see_no_observer() -> None:
    """With real workers the weights are those of a run alone too."""
    alone, watched = Program(workers=2), Program(workers=2)
    torch.manual_seed(7)
    alone.train(2)
    torch.manual_seed(7)
    observed(watched, lambda: watched.train(2))
    assert all(torch.equal(value, watched.weights()[name]) for name, value in alone.weights().items())


def test_the_losses_are_the_users_own() -> None:
    """Every step's loss in the history is the very number that the loop had, in order."""
    program, losses = Program(), []
    real = program.loss_fn.forward

    def noted(*given: Any) -> Tensor:
        loss = real(*given)
        if loss.requires_grad:
            losses.append(loss.item())
        return loss

    program.loss_fn.forward = noted
    record = observed(program, program.train).record
    trace = next(one for one in record.traces if one.name == "loss")
    np.testing.assert_array_equal(trace.step, np.arange(1, 25))
    np.testing.assert_array_equal(trace.mean, np.array(losses, dtype=np.float32))


def test_the_last_reading_is_that_of_the_final_weights() -> None:
    """The probe's outputs after the run are those of the trained network in eval mode, worked out by hand."""
    program = Program()
    program.model.forward = lambda x: program.model.head(program.model.body(x))
    batch = next(iter(program.val_loader))
    subject = make_subject(program.model, program.loader, program.loss_fn)
    with Observer(subject, probe=batch, **eager()) as observer:
        program.train()
    program.model.eval()
    expected = program.model(batch[0]).detach()
    reading = observer.record.readings[0][-1]
    assert reading.step == observer.steps == 24
    np.testing.assert_allclose(reading.values, expected[: len(reading.values)].numpy(), rtol=1e-5, atol=1e-6)


def test_fresh_records_add_up_to_the_whole() -> None:
    """What listeners were told, one after the other, is what the record holds in the end."""
    program = Program()
    told: list[DynamicsRecord] = []
    subject = make_subject(program.model, program.loader, program.loss_fn)
    observer = Observer(subject, **eager())
    observer.listeners.append(told.append)
    with observer:
        program.train()
    losses = np.concatenate([one.mean for fresh in told for one in fresh.traces if one.name == "loss"])
    readings = [one.step for fresh in told for part in fresh.readings[:1] for one in part]
    whole = observer.record
    np.testing.assert_array_equal(losses, next(one for one in whole.traces if one.name == "loss").mean)
    assert readings == [one.step for one in whole.readings[0]]
    assert sum(len(fresh.probes) for fresh in told) == len(whole.probes)


def test_a_listener_that_fails_is_marked() -> None:
    """What a listener raises reaches the history, and never the training."""
    program = Program()
    observer = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager())
    observer.listeners.append(lambda _: 1 / 0)
    with observer:
        program.train(1)
    assert any("ZeroDivisionError" in one.text for one in observer.record.moments)
    assert observer.steps == 8


def test_a_loss_that_is_not_seen_is_asked_for() -> None:
    """Where the loss is a plain function, the record says so with the line to add, and that line works."""
    program = Program()
    subject = make_subject(program.model, program.loader, F.cross_entropy)

    def train(step: Callable[..., None]) -> None:
        for x, y in program.loader:
            program.optimizer.zero_grad()
            loss = F.cross_entropy(program.model(x), y)
            loss.backward()
            program.optimizer.step()
            step(loss=loss, accuracy=0.5)

    with Observer(subject, **eager()) as silent:
        train(lambda **_: None)
    assert NO_LOSS in silent.record.notes
    with Observer(subject, **eager()) as told:
        train(told.step)
    record = told.record
    assert not record.notes
    assert told.steps == 8
    assert {"loss", "accuracy"} <= {one.name for one in record.traces}
    assert len(next(one for one in record.traces if one.name == "loss").step) == 8


def test_a_loss_module_that_the_loop_does_not_call_is_said() -> None:
    """Where the loss was given as a module and the loop works out its own, the record says just that."""
    program = Program()
    with Observer(make_subject(program.model, program.loader, nn.CrossEntropyLoss()), **eager()) as observer:
        for x, y in program.loader:
            program.optimizer.zero_grad()
            F.cross_entropy(program.model(x), y).backward()
            program.optimizer.step()
    assert NOT_CALLED in observer.record.notes


def test_a_forward_that_writes_past_the_versions_is_undone() -> None:
    """A forward that renormalises its weights through ``.data`` ends with the weights of a run alone."""

    class Normed(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            self.weight.data = F.normalize(self.weight.data, dim=1) * 1.01
            return super().forward(x)

    def made() -> Program:
        program = Program()
        program.model.head = Normed(32, 10)
        nn.init.constant_(program.model.head.weight, 0.3)
        program.optimizer = torch.optim.SGD(program.model.parameters(), lr=0.1)
        return program

    alone, watched = made(), made()
    for program in (alone, watched):
        torch.manual_seed(7)
        if program is alone:
            program.train(1)
        else:
            observed(program, lambda: watched.train(1))
    assert all(torch.equal(value, watched.weights()[name]) for name, value in alone.weights().items())


def test_a_watched_model_can_be_saved(tmp_path: Path) -> None:
    """A model that is saved whole while it is watched loads where this package is not installed."""
    program = Program()
    program.model = nn.Linear(64, 10)
    with Observer(make_subject(program.model, program.loader, program.loss_fn), **eager()):
        torch.save(program.model, tmp_path / "model.pt")
    code = f"""
import sys, torch
sys.modules["nbinspect"] = None
print(torch.load({str(tmp_path / "model.pt")!r}, weights_only=False)(torch.ones(1, 64)).shape[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "10"


def test_a_model_that_computes_its_own_loss_is_read() -> None:
    """The loss is taken from the model's outputs where it puts it there."""
    program = Program()
    program.model = OwnLoss()
    program.optimizer = torch.optim.Adam(program.model.parameters(), lr=3e-3)
    subject = make_subject(program.model, [{"x": x, "labels": y} for x, y in program.loader])
    losses = []
    with Observer(subject, **eager()) as observer:
        for batch in subject.loader:
            program.optimizer.zero_grad()
            loss = program.model(**batch)["loss"]
            loss.backward()
            program.optimizer.step()
            losses.append(loss.item())
    trace = next(one for one in observer.record.traces if one.name == "loss")
    np.testing.assert_array_equal(trace.mean, np.array(losses, dtype=np.float32))
    assert observer.record.probes[0].task == "classification"


def test_steps_without_an_optimizer_are_counted_by_hand() -> None:
    """Where no optimizer of torch's is seen, `step` counts; without it the record says what to call."""
    program = Program()
    subject = make_subject(program.model, program.loader, program.loss_fn)

    def by_hand(step: Callable[..., None]) -> None:
        for x, y in program.loader:
            loss = program.loss_fn(program.model(x), y)
            gradients = torch.autograd.grad(loss, list(program.model.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(program.model.parameters(), gradients, strict=True):
                    parameter.sub_(0.1 * gradient)
            step(loss)

    with Observer(subject, **eager()) as unseen:
        by_hand(lambda _: None)
    assert NO_STEP in unseen.record.notes
    with Observer(subject, **eager()) as counted:
        by_hand(counted.step)
    assert counted.steps == 8
    assert len(counted.record.readings[0]) > 1


def test_step_before_the_optimizer_counts_once() -> None:
    """A loop that calls `step` before `optimizer.step` has as many steps as the optimizer has made."""
    program = Program()
    subject = make_subject(program.model, program.loader, program.loss_fn)
    with Observer(subject, **eager()) as observer:
        for x, y in program.loader:
            program.optimizer.zero_grad()
            loss = program.loss_fn(program.model(x), y)
            observer.step(loss)
            loss.backward()
            program.optimizer.step()
    assert observer.steps == 8


def test_a_loss_of_nan_is_recorded_and_marked() -> None:
    """From the step on whose loss is NaN the trace counts broken values, a mark says so, and training goes on."""
    program = Program()
    with torch.no_grad():
        program.loader.dataset.tensors[0][200:] = math.nan
    record = observed(program, program.train).record
    trace = next(one for one in record.traces if one.name == "loss")
    first = int(trace.step[trace.broken > 0][0])
    assert [one.step for one in record.moments if one.kind == "broken"] == [first]
    assert record.steps == 24


def test_a_spike_names_its_samples() -> None:
    """A batch with corrupt samples makes a spike whose first samples are the corrupt ones."""
    program = Program(samples=32 * 80)
    inputs, _ = program.loader.dataset.tensors
    program.loader = DataLoader(program.loader.dataset, 32)
    program.model.body[1] = nn.Identity()  # it would hide how large the samples are
    with torch.no_grad():
        inputs[32 * 60 + 5] *= -400
        inputs[32 * 60 + 9] *= -400
    record = observed(program, lambda: program.train(1)).record
    assert [one.step for one in record.spikes] == [61]
    spike = record.spikes[0]
    assert spike.batch is not None
    assert spike.batch.batch.size == 8
    assert (spike.losses[:2] > 10 * spike.losses[2]).all()


def test_an_optimizer_that_is_replaced_is_followed() -> None:
    """Steps of a new optimizer for the same parameters go on counting, and the time line says so."""
    program = Program()

    def train() -> None:
        program.train(1)
        program.optimizer = torch.optim.SGD(program.model.parameters(), lr=0.1)
        program.train(1)

    record = observed(program, train).record
    assert record.steps == 16
    assert record.optimizers == ("SGD",)
    assert any("another optimizer (SGD)" in one.text for one in record.moments)


def test_every_change_of_the_rate_stands_at_its_own_step() -> None:
    """The trace of the rate holds the old one up to the step before a change, and the new one from that step on."""
    program = Program()
    subject = make_subject(program.model, program.loader, program.loss_fn)
    with Observer(subject, **eager()) as observer:
        for number, (x, y) in enumerate(program.loader, 1):
            program.optimizer.param_groups[0]["lr"] = 0.1 if number < 5 else 0.02
            program.optimizer.zero_grad()
            program.loss_fn(program.model(x), y).backward()
            program.optimizer.step()
    trace = next(one for one in observer.record.traces if one.name == "rate")
    held = dict(zip(trace.step.tolist(), trace.mean.tolist(), strict=True))
    assert held[1] == held[4] == np.float32(0.1)
    assert held[5] == held[8] == np.float32(0.02)


class OwnRate(torch.optim.Optimizer):
    """An optimizer that makes its own rate, as Adafactor does."""

    def step(self, closure: Any = None) -> None:
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter.sub_(0.01 * parameter.grad)


@pytest.mark.parametrize("options", [{}, {"lr": None}])
def test_an_optimizer_without_a_rate_is_watched(options: dict[str, Any]) -> None:
    """Where groups have no learning rate, or None, steps are counted and losses seen, and no rate is drawn."""
    program = Program()
    program.optimizer = OwnRate(program.model.parameters(), options)
    record = observed(program, program.train).record
    assert record.steps == 24
    assert len(next(one for one in record.traces if one.name == "loss").step) == 24
    assert [one for one in record.traces if one.name == "rate"] == []
    assert [one for one in record.moments if one.kind == "problem"] == []


def test_a_probe_that_cannot_be_chosen_is_said_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised where the probes are chosen, it is marked with its kind, and training is not told."""
    program = Program()

    def broken(*_: Any, **__: Any) -> None:
        raise ArithmeticError("odd")

    monkeypatch.setattr("nbinspect.dynamics.plan.choose_probe", broken)
    monkeypatch.setattr("nbinspect.dynamics.plan.Validation", broken)
    observer = observed(program, program.train)
    problems = [one.text for one in observer.record.moments if one.kind == "problem"]
    assert observer.steps == 24
    assert [text.partition(": ArithmeticError: odd ")[0] for text in problems] == [
        "no train probe is watched",
        "no validation probe is watched",
        "the validation set is not evaluated",
    ]


def test_other_models_are_left_alone() -> None:
    """Steps of an optimizer of another network are not counted."""
    program, other = Program(), Program()
    observer = observed(program, lambda: (program.train(1), other.train(1)))
    assert observer.steps == 8


def test_a_stop_ends_the_loop_in_order() -> None:
    """`stop` raises through a plain loop and is caught by the block; a watched loop just ends."""
    program = Program()
    observer = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager())
    with observer:
        observer.controls.pause_at(step=3, when=lambda _: observer.controls.stop())
        program.train()
    assert observer.steps == 3

    seen = []
    watched = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager())
    with watched:
        for x, y in watched.watch(program.loader):
            program.optimizer.zero_grad()
            program.loss_fn(program.model(x), y).backward()
            program.optimizer.step()
            seen.append(len(x))
            if len(seen) == 2:
                watched.controls.stop()
    assert len(seen) == 2


def test_an_error_in_the_loop_removes_every_hook() -> None:
    """An exception goes on to the user, with hooks gone and the history kept; so does an interrupt."""
    program = Program()
    before = copy.copy(program.model._forward_hooks)
    of_steps = dict(optimizers._global_optimizer_post_hooks)
    for raised in (ValueError, KeyboardInterrupt):
        observer = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager())
        with pytest.raises(raised), observer:
            failing(program, raised)
        assert program.model._forward_hooks == before
        assert optimizers._global_optimizer_post_hooks == of_steps
        assert observer.record.steps == 8


def test_short_steps_are_watched_with_fewer_hooks() -> None:
    """Where a step's own cost is above a quarter of the budget no batch is told of; losses and norms still are."""
    program, model = Program(), nn.Linear(64, 10)
    program.model, program.optimizer = model, torch.optim.SGD(model.parameters(), lr=0.01)
    subject = make_subject(model, program.loader, program.loss_fn)
    with Observer(subject, probe=None) as observer:
        program.train(7)
        observer._measuring.budget._per_step = 1.0  # as of steps that are very short
        observer._measuring.due = 0.0
        program.train(3)
        assert not model._forward_hooks
        observer._measuring.wants_norms = True
        observer._hooks.expect_step()
        program.train(1)
    traces = {one.name: one for one in observer.record.traces if not one.part}
    np.testing.assert_array_equal(traces["loss"].step, np.arange(1, 89))
    assert 81 in traces["gradient norm"].step


def test_an_observer_that_is_forgotten_sees_nothing() -> None:
    """An observer that nobody holds any more is let go, hooks or not, and training goes on."""
    program = Program()
    observer = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager()).attach()
    program.train(1)
    gone = weakref.ref(observer)
    del observer
    gc.collect()
    assert gone() is None
    assert not program.model._forward_hooks
    program.train(1)


def test_async_loops_let_others_run() -> None:
    """Between two batches of an ``async for`` other tasks run, and the batches are the loader's own."""
    program, turns = Program(), []

    async def main() -> int:
        async def others() -> None:
            while True:
                turns.append(1)
                await asyncio.sleep(0)

        task = asyncio.ensure_future(others())
        observer = Observer(make_subject(program.model, program.loader, program.loss_fn), **eager())
        with observer:
            async for x, y in observer.watch(program.loader):
                program.optimizer.zero_grad()
                program.loss_fn(program.model(x), y).backward()
                program.optimizer.step()
        task.cancel()
        return observer.steps

    assert asyncio.run(main()) == 8
    assert len(turns) >= 8


@pytest.mark.parametrize("given", [{"budget": 0}, {"budget": 2}, {"budget": "a"}, {"probe": "last"}, {"size": 0}])
def test_bad_arguments_are_refused(given: dict[str, Any]) -> None:
    """An argument that cannot be used is refused before anything is changed."""
    program = Program()
    with pytest.raises(InputError):
        Observer(make_subject(program.model, program.loader, program.loss_fn), **given)


def test_a_value_that_is_no_number_is_refused() -> None:
    """`step` takes numbers alone, and says what came."""
    program = Program()
    observer = Observer(make_subject(program.model, program.loader, program.loss_fn), probe=None)
    with observer, pytest.raises(InputError, match="accuracy"):
        observer.step(accuracy="high")


def test_a_head_that_is_swapped_in_the_midst_of_a_run_is_measured_and_marked() -> None:
    """After a layer is replaced and another added, their own norms are drawn, and the time line says so once."""
    program = Program()

    def swapped() -> None:
        program.train(epochs=20)
        program.model.head = nn.Linear(32, 10)
        with torch.no_grad():
            program.model.head.weight.mul_(100)
        program.model.extra = nn.Linear(1, 1)
        program.optimizer = torch.optim.SGD(program.model.parameters(), lr=1e-5)
        program.train(epochs=80)  # norms are measured every twentieth of a second at most

    record = observed(program, swapped, probe=None, validate=False).record
    weight = next(trace for trace in record.traces if (trace.name, trace.part) == ("weight norm", "head"))
    own = math.sqrt(sum(float(each.detach().square().sum()) for each in program.model.head.parameters()))
    assert weight.mean[-1] == pytest.approx(own, rel=0.01)
    marks = [moment.text for moment in record.moments if "has other parameters" in moment.text]
    assert marks == ["the model has other parameters from here on: 'head' has been replaced, 'extra' is new"]
