from __future__ import annotations

import builtins
import copy
import csv
import functools
import io
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import STEPS, seed_all
from nbinspect.sanity.trials.running.trainee import trained
from tests.sanity.states import state_of
from tests.sanity.trials.ways import FAULT, WAYS, Net, parts, program_of, step_by, work


@pytest.fixture(autouse=True)
def _no_fault() -> Any:
    yield
    FAULT.clear()


@pytest.mark.parametrize("way", WAYS)
def test_the_original_is_bit_identical_however_a_step_reaches_it(way: str, tmp_path: Path) -> None:
    """Weights, buffers, gradients, optimizer state and random states stay, and the names are bound as before."""
    model, optimizer, loader = parts()
    step = step_by(way, model, optimizer, tmp_path)
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)
    before = state_of(model, optimizer)
    with trained(program) as trainee:
        for batch in batches:
            trainee.step(batch, observed=True)
        assert any(not torch.equal(a, b) for a, b in zip(trainee.parameters.values(), model.parameters(), strict=True))
    assert state_of(model, optimizer) == before
    weight = model.body.weight.detach().clone()
    step(*((model, loader[0], optimizer) if way == "arguments" else (loader[0],)))
    assert not torch.equal(model.body.weight, weight), "the user's own step trains the user's own model again"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("way", WAYS)
def test_the_original_is_bit_identical_after_what_a_step_raises(
    way: str, fault: type[BaseException], tmp_path: Path
) -> None:
    """An exception in the step becomes a missing need, an interrupt goes on, and neither leaves a trace."""
    model, optimizer, loader = parts()
    step = step_by(way, model, optimizer, tmp_path)
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)
    before = state_of(model, optimizer)
    FAULT.append(fault)
    with pytest.raises(MissingNeed if fault is ValueError else KeyboardInterrupt), trained(program) as trainee:
        trainee.step(batches[0])
    FAULT.clear()
    assert state_of(model, optimizer) == before
    weight = model.body.weight.detach().clone()
    step(*((model, loader[0], optimizer) if way == "arguments" else (loader[0],)))
    assert not torch.equal(model.body.weight, weight)


@pytest.mark.parametrize("way", WAYS)
def test_training_the_copy_is_training_by_hand(way: str, tmp_path: Path) -> None:
    """The copy takes bit for bit the steps that the user's own loop takes on a deep copy with the same seeds."""
    model, optimizer, loader = parts()
    step = step_by(way, model, optimizer, tmp_path)
    hand, hands_optimizer = copy.deepcopy((model, optimizer))
    for own, original in zip(hand.parameters(), model.parameters(), strict=True):
        own.grad = original.grad.clone()
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)
    losses = []
    with trained(program) as trainee:
        losses.extend(trainee.step(batch).loss for batch in batches)
        copied = {name: parameter.detach().clone() for name, parameter in trainee.parameters.items()}
        buffers = {name: buffer.clone() for name, buffer in trainee.program.network.named_buffers()}
    by_hand = []
    for number, raw in enumerate(loader):
        seed_all(program.seed, f"step {number}")
        by_hand.append(work(hand, raw, hands_optimizer).item())
    assert losses == by_hand
    assert all(torch.equal(copied[name], parameter) for name, parameter in hand.named_parameters())
    assert all(torch.equal(buffers[name], buffer) for name, buffer in hand.named_buffers())


def test_a_scheduler_and_a_scaler_are_those_of_the_copy() -> None:
    """A schedule that a step moves on is moved on a copy, tied to the copy's optimizer."""
    model, optimizer, loader = parts()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    def step(model: Any, batch: Any, optimizer: Any, scheduler: Any, scaler: Any) -> None:
        optimizer.zero_grad()
        scaler.scale(F.cross_entropy(model(batch[0]), batch[1])).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()

    options = {"optimizer": optimizer, "scheduler": scheduler, "scaler": scaler, "train_step": step}
    program, batches = program_of(model, loader, **options)
    before, schedule, scale = state_of(model, optimizer), scheduler.state_dict(), scaler.state_dict()
    with trained(program) as trainee:
        events = [trainee.step(batch, observed=True).events for batch in batches]
        assert trainee.optimizers["optimizer"].param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**3)
        assert [one.updates[0].rates for one in events] == [(0.1,), (0.05,), (0.025,)]
    assert [one.scale for one in events] == [4.0] * 3
    assert state_of(model, optimizer) == before
    assert scheduler.state_dict() == schedule
    assert scaler.state_dict() == scale


def test_what_a_step_prints_saves_and_counts_is_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed or saved, and the user's own lists and counters are as they were."""
    model, optimizer, loader = parts()
    history, counts, path = [1.0], {"steps": 5}, tmp_path / "model.pt"

    def step(batch: Any) -> dict[str, float]:
        loss = work(model, batch, optimizer)
        history.append(float(loss))
        counts["steps"] += 1
        sys.stdout.write("step")
        torch.save(model.state_dict(), path)
        torch.load(path)
        (tmp_path / "log.txt").open("a").close()
        return {"loss": float(loss)}

    program, batches = program_of(model, loader, train_step=step)
    with trained(program) as trainee:
        assert all(trainee.step(batch).loss is not None for batch in batches)
    assert history == [1.0]
    assert counts == {"steps": 5}
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())
    assert builtins.open is io.open


def test_counters_of_a_trainer_are_put_back() -> None:
    """Attributes that a step sets on its owner are on the copy, and those of the owner stay."""

    class Counting:
        def __init__(self) -> None:
            self.model, self.optimizer, self.loader = parts()
            self.count, self.losses = 0, []

        def step(self, batch: Any) -> Any:
            self.count += 1
            loss = work(self.model, batch, self.optimizer)
            self.losses.append(loss)
            return loss

    own = Counting()
    program, batches = program_of(own.model, own.loader, train_step=own.step)
    before = state_of(own.model, own.optimizer)
    with trained(program) as trainee:
        trainee.step(batches[0])
    assert own.count == 0
    assert own.losses == []
    assert state_of(own.model, own.optimizer) == before


def test_held_steps_repeat_their_draws() -> None:
    """Dropout keeps its mask from held step to held step, and for `loss`."""
    model, optimizer, loader = parts()
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    with trained(program) as trainee:
        trainee.scale_rates(0.0)
        first, again = (trainee.step(batches[0], held=True).loss for _ in range(2))
        assert first == again == trainee.loss(batches[0])
        assert trainee.step(batches[0]).loss != trainee.step(batches[0]).loss


def test_rates_are_scaled_with_those_that_a_schedule_goes_back_to() -> None:
    """After scaling, a schedule goes on from the scaled rate."""
    model, optimizer, loader = parts()
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler)
    with trained(program) as trainee:
        trainee.scale_rates(0.5)
        trainee.step(batches[0])
        assert trainee.optimizers["optimizer"].param_groups[0]["lr"] == pytest.approx(0.05)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_rates_are_scaled_group_by_group() -> None:
    """A factor that is asked for each group leaves the rates of others as they are."""
    model, _, loader = parts()
    first, *rest = model.parameters()
    optimizer = torch.optim.SGD([{"params": [first], "lr": 0.1}, {"params": rest, "lr": 0.2}])
    program, _ = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    with trained(program) as trainee:
        trainee.scale_rates(lambda group: 0.5 if len(group["params"]) == 1 else 1.0)
        assert [group["lr"] for group in trainee.optimizers["optimizer"].param_groups] == [0.05, 0.2]


def test_without_a_way_to_train_the_need_is_named() -> None:
    """Neither optimizer nor step, a library's hook on a parameter, and a run without steps left are missing needs."""
    model, optimizer, loader = parts()
    program, _ = program_of(model, loader, nn.CrossEntropyLoss())
    with pytest.raises(MissingNeed, match="optimizer or train_step"), trained(program):
        pass
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    program.steps = STEPS
    with pytest.raises(MissingNeed, match="training steps"), trained(program) as trainee:
        trainee.step(batches[0])
    for hook in (pytest.approx, [].append):  # what it keeps cannot be put back
        handle = model.body.weight.register_hook(hook)
        with pytest.raises(MissingNeed, match="hooks"), trained(program):
            pass
        handle.remove()


@pytest.mark.parametrize("kind", ["zeroed", "C", "partial", "method"])
def test_a_hook_on_a_parameter_acts_on_the_copy(kind: str) -> None:
    """A gradient that a hook makes nothing of moves nothing in the copy; the original and what the hook keeps stay."""

    class Keeper:
        def __init__(self) -> None:
            self.norms: list[float] = []

        def keep(self, gradient: torch.Tensor) -> torch.Tensor:
            self.norms.append(float(gradient.norm()))
            return 0 * gradient

    keeper = Keeper()
    hooks: dict[str, Any] = {
        "zeroed": lambda gradient: keeper.norms.append(1.0) or 0 * gradient,
        "C": torch.zeros_like,
        "partial": functools.partial(torch.clamp, min=0.0, max=0.0),
        "method": keeper.keep,
    }
    model, _, loader = parts()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    handle = model.head.weight.register_hook(hooks[kind])
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    before = state_of(model, optimizer)
    with trained(program) as trainee:
        step = trainee.step(batches[0], observed=True)
    assert dict(model.named_parameters()).keys() - step.rewritten == {"head.weight"}
    assert keeper.norms == []
    assert state_of(model, optimizer) == before
    assert list(model.head.weight._backward_hooks or ()) == [handle.id]


def test_updates_in_the_backward_are_those_of_the_copy() -> None:
    """Hooks that step an optimizer for each parameter, as its gradient comes, step those of the copy."""
    model, _, loader = parts()
    own = {parameter: torch.optim.SGD([parameter], 0.1) for parameter in model.parameters()}

    def update(parameter: torch.Tensor) -> None:
        own[parameter].step()  # type: ignore[index]
        own[parameter].zero_grad()  # type: ignore[index]

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(update)

    def step(model: nn.Module, batch: Any) -> Any:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        return loss

    program, batches = program_of(model, loader, train_step=step)
    before = state_of(model)
    with trained(program) as trainee:
        assert trainee.step(batches[0], observed=True).rewritten == dict(model.named_parameters()).keys()
    assert state_of(model) == before


def test_a_factory_makes_the_optimizer_of_the_copy() -> None:
    """A factory is called with the copy's parameters, and a standard step trains them."""
    model, _, loader = parts()
    program, batches = program_of(
        model, loader, nn.CrossEntropyLoss(), optimizer=lambda own: torch.optim.Adam(own, 0.01)
    )
    before = state_of(model)
    with trained(program) as trainee:
        step = trainee.step(batches[0], observed=True)
        assert step.rewritten == frozenset(dict(model.named_parameters()))
        assert step.buffers == {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    assert state_of(model) == before


def test_an_evaluation_runs_on_the_copy_without_an_optimizer() -> None:
    """The user's `eval_step` changes the copy at most."""
    model, _, loader = parts()

    def evaluate(batch: Any) -> float:
        with torch.no_grad():
            model.head.weight.zero_()
            return float(F.cross_entropy(model(batch[0]), batch[1]))

    program, batches = program_of(model, loader, eval_step=evaluate)
    before = state_of(model)
    with trained(program, idle=True) as trainee:
        assert isinstance(trainee.evaluate(batches[0]), float)
        assert not bool(trainee.parameters["head.weight"].detach().any())
    assert state_of(model) == before


def test_a_network_in_eval_mode_is_trained_in_train_mode() -> None:
    """The copy begins in train mode; the original keeps its own."""
    model = Net().eval()
    program, batches = program_of(
        model, parts()[2], nn.CrossEntropyLoss(), optimizer=torch.optim.SGD(model.parameters(), 0.1)
    )
    with trained(program) as trainee:
        trainee.step(batches[0])
        assert trainee.program.network.training
    assert not model.training


def test_a_step_with_a_progress_bar_on_self_is_run() -> None:
    """A bar that a trainer keeps is neither followed, though it holds proxies of itself, nor moved."""
    model, optimizer, loader = parts()

    class Trainer:
        def __init__(self) -> None:
            self.bar = pytest.importorskip("tqdm").tqdm(total=8, file=io.StringIO())

        def step(self, batch: Any) -> Any:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch[0]), batch[1])
            loss.backward()
            optimizer.step()
            self.bar.update()
            return loss

    trainer = Trainer()
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=trainer.step)
    with trained(program) as trainee:
        assert trainee.step(batches[0]).loss is not None
    assert trainer.bar.n == 0
    trainer.bar.close()


def test_files_that_an_object_without_a_model_keeps_open_are_not_written(tmp_path: Path) -> None:
    """A file, a writer of tables and a log handler on an object that holds nothing live take nothing."""
    model, optimizer, loader = parts()

    class Log:
        def __init__(self) -> None:
            self.file = (tmp_path / "log.txt").open("w", encoding="utf-8")
            self.table = csv.DictWriter(self.file, ["loss"])
            self.plain = csv.writer(self.file)
            self.logger = logging.Logger("own")
            self.logger.addHandler(logging.StreamHandler(self.file))

        def add(self, loss: float) -> None:
            self.file.write(f"{loss}")
            self.table.writerow({"loss": loss})
            self.plain.writerow([loss])
            self.logger.warning("loss %s", loss)

    log = Log()

    def step(batch: Any) -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        log.add(loss.item())
        return loss.item()

    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)
    with trained(program) as trainee:
        assert trainee.step(batches[0]).loss is not None
    log.file.flush()
    assert not (tmp_path / "log.txt").read_text(encoding="utf-8")
    log.add(1.0)
    log.file.close()
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").count("1.0") == 4


def test_a_step_that_leaves_the_program_is_a_missing_need() -> None:
    """Where the user's step calls `sys.exit`, as some do at a loss that is not finite, the run goes on."""
    model, optimizer, loader = parts()

    def step(batch: Any) -> None:
        sys.exit("loss is not finite")

    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)
    with pytest.raises(MissingNeed, match="SystemExit: loss is not finite"), trained(program) as trainee:
        trainee.step(batches[0])
