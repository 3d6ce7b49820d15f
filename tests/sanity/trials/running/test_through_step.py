from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from nbinspect import check
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import record
from nbinspect.sanity.trials.running.through_step import ThroughStep, go_through_step
from nbinspect.sanity.trials.running.trainee import trained
from tests.sanity.states import state_of
from tests.sanity.trials.ways import WAYS, parts, program_of, step_by

Step = Callable[..., Any]


class Reader(nn.Module):
    """Reads one place at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (torch.tanh(self.layer(x)),)


class Tagger(nn.Module):
    """Takes what no loader gives: what was read, and what was said one place before."""

    def __init__(self, drop: float = 0.2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.read = nn.Embedding(12, 16), nn.GRU(16, 16, batch_first=True)
        self.norm, self.drop, self.head = nn.BatchNorm1d(16), nn.Dropout(drop), nn.Linear(16, 12)

    def forward(self, source: Tensor, before: Tensor) -> Tensor:
        hidden = self.read(self.embed(source) + self.embed(before))[0]
        return self.head(self.drop(self.norm(hidden.transpose(1, 2)).transpose(1, 2)))

    def objective(self, source: Tensor, target: Tensor) -> Tensor:
        logits = self(source, target[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())


def sentences() -> list[Any]:
    drawn = torch.Generator().manual_seed(0)
    source = torch.randint(1, 12, (48, 6), generator=drawn)
    target = torch.cat([torch.zeros(48, 1, dtype=torch.long), source.flip(1)], 1)
    return list(zip(source.split(16), target.split(16), strict=True))


def taught(model: Any, batch: Any, optimizer: Any) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = model.objective(*batch)
    loss.backward()
    optimizer.step()
    return loss.detach()


def found(program: Program, batch: Any, *others: Any) -> bool:
    """Whether passes go through the step of a program from now on."""
    return go_through_step(program, record(program, batch), others)


def gradients(program: Program, batch: Any, seed: str) -> tuple[Tensor, list[Tensor | None]]:
    with program.running(training=True, gradients=True):
        seed_all(program.seed, seed)
        loss = program.scalar_loss(program.outputs(batch), batch)
        return loss.detach(), list(torch.autograd.grad(loss, list(program.network.parameters())))


def by_hand(model: nn.Module, optimizer: Any, step: Step, batch: Any) -> tuple[Tensor, list[Tensor | None]]:
    """The loss and the gradients of a step on a deep copy, as the user takes it."""
    own, other = copy.deepcopy((model, optimizer))
    seed_all(0, "step 0")
    return step(own, batch, other), [parameter.grad for parameter in own.parameters()]


@pytest.mark.parametrize("way", WAYS)
def test_a_pass_is_the_users_step_up_to_its_backward_pass(way: str, tmp_path: Path) -> None:
    """However a step reaches the model, a pass without a loss_fn has its loss and gradients; all stays as it was."""
    model, optimizer, loader = parts()
    step = step_by(way, model, optimizer, tmp_path)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=step)
    before = state_of(model, optimizer)
    assert found(program, batches[0])
    loss, own = gradients(program, batches[1], "step 0")
    assert state_of(model, optimizer) == before
    seed_all(0, "step 0")
    told = step(*((model, loader[1], optimizer) if way == "arguments" else (loader[1],)))
    assert torch.equal(loss, told.detach())
    for parameter, gradient in zip(model.parameters(), own, strict=True):
        assert torch.equal(parameter.grad, gradient)  # type: ignore[arg-type] # there is one


def test_a_model_that_no_plain_call_can_run_is_run_by_its_step() -> None:
    """Of a decoder taught by its own targets, forward, loss and gradients are those of the step."""
    model, loader = Tagger(), sentences()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, train_step=taught)
    assert record(program, batches[0]).error is not None
    assert found(program, batches[0])
    loss, own = gradients(program, batches[2], "step 0")
    expected, theirs = by_hand(model, optimizer, taught, loader[2])
    assert torch.equal(loss, expected)
    assert all(torch.equal(one, other) for one, other in zip(own, theirs, strict=True))  # type: ignore[arg-type]


def test_a_pass_runs_in_the_mode_that_is_asked_for() -> None:
    """In eval mode a pass has no dropout and the running statistics, although the step switches to train mode."""
    model, loader = Tagger(drop=0.5), sentences()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=taught)
    assert found(program, batches[0])
    with program.running(training=False):
        outputs = program.outputs(batches[0])["output"]
    plain = copy.deepcopy(model).eval()
    assert torch.equal(outputs, plain(loader[0][0], loader[0][1][:, :-1]).detach())


def test_a_copy_is_run_by_the_step_with_its_own_weights() -> None:
    """A pass on a changed copy takes the copy's weights."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    state = state_of(model, optimizer)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=taught)
    assert found(program, batches[0])
    changed = program.copied()
    with torch.no_grad():
        changed.network.head.weight.zero_()  # type: ignore[union-attr,operator]
        changed.network.head.bias.zero_()  # type: ignore[union-attr,operator]
    with changed.running(training=True):
        even = changed.scalar_loss(changed.outputs(batches[0]), batches[0])
    assert float(even) == pytest.approx(float(torch.tensor(12.0).log()), rel=1e-6)
    assert state_of(model, optimizer) == state


@pytest.mark.parametrize("way", WAYS)
def test_a_training_goes_on_after_a_pass_inside_of_it(way: str, tmp_path: Path) -> None:
    """Losses of a copy under training are its own, and names mean that copy again after them, not the user's model."""
    model, optimizer, loader = parts()
    step = step_by(way, model, optimizer, tmp_path)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=step)
    assert found(program, batches[0])
    before = state_of(model, optimizer)
    with trained(program) as trainee:
        losses = []
        for _ in range(12):
            losses.append(trainee.loss(batches[0]))
            trainee.step(batches[0])
    assert losses[-1] < 0.8 * losses[0]
    assert len(set(losses)) == len(losses)
    assert state_of(model, optimizer) == before


def clearing_by_hand(model: Any, batch: Any, optimizer: Any) -> None:
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.zero_()
    model.objective(*batch).backward()
    optimizer.step()


def updating_first(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.step()
    optimizer.zero_grad()
    model.objective(*batch).backward()


def closed_over(model: Any, batch: Any, optimizer: Any) -> None:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model.objective(*batch)
        loss.backward()
        return loss

    optimizer.step(closure)


class Once(torch.optim.LBFGS):
    """Evaluates its closure once a step."""

    def __init__(self, parameters: Any, **_: Any) -> None:
        super().__init__(parameters, lr=0.1, max_iter=1)


class Shrinking(torch.optim.SGD):
    """Makes weights smaller, with and without a gradient."""

    def step(self, closure: Any = None) -> Any:
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter.mul_(0.9)
        return super().step(closure)


@pytest.mark.parametrize(
    ("step", "kind", "is_way"),
    [
        (clearing_by_hand, torch.optim.SGD, True),
        (updating_first, torch.optim.SGD, False),
        (updating_first, Shrinking, False),
        (closed_over, Once, True),
    ],
)
def test_gradients_and_weights_of_the_user_stay(step: Step, kind: Any, is_way: bool) -> None:
    """What is cleared by hand, or updated before the loss, is not the user's."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = kind(model.parameters(), lr=0.1, momentum=0.9)
    (taught if kind is not Once else step)(model, loader[0], optimizer)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=step)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)  # which has the optimizer note its steps
    before = state_of(model), str(optimizer.state_dict()), sorted(vars(optimizer))
    assert found(program, batches[0]) is is_way
    if is_way:
        with program.running(training=True):
            program.outputs(batches[0])
    assert (state_of(model), str(optimizer.state_dict()), sorted(vars(optimizer))) == before


COUNTED: dict[str, Any] = {"steps": 0, "losses": [], "draw": torch.Generator().manual_seed(3)}


def counting(model: Any, batch: Any, optimizer: Any) -> Tensor:
    COUNTED["steps"] += 1
    noise = torch.rand(batch[0].shape, generator=COUNTED["draw"])
    logits = model(torch.where(noise < 0.1, 1, batch[0]), batch[1][:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), batch[1][:, 1:].flatten()) * (1 + COUNTED["steps"])
    COUNTED["losses"].append(loss)
    sys.stdout.write(f"loss {loss}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def test_passes_leave_nothing_behind_and_are_alike(capsys: Any) -> None:
    """Counters, lists and generators of the user's stay, nothing is printed, and the next pass is the same again."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    state = COUNTED["draw"].get_state()
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=counting)
    assert found(program, batches[0])
    losses = []
    for _ in range(2):
        with program.running(training=True):
            losses.append(float(program.scalar_loss(program.outputs(batches[0]), batches[0])))
    assert losses[0] == losses[1]
    assert (COUNTED["steps"], COUNTED["losses"]) == (0, [])
    assert torch.equal(COUNTED["draw"].get_state(), state)
    assert capsys.readouterr().out == ""


DRAWN: dict[str, Any] = {"rows": np.random.default_rng(3), "coin": random.Random(3), "old": np.random.RandomState(3)}


def drawing(model: Any, batch: Any, optimizer: Any) -> None:
    sigma = DRAWN["rows"].uniform(0.5, 1.5) * DRAWN["coin"].uniform(0.5, 1.5) * DRAWN["old"].uniform(0.5, 1.5)
    optimizer.zero_grad()
    (sigma * model.objective(*batch)).backward()
    optimizer.step()


def test_generators_of_the_users_that_are_none_of_torchs_are_copied_too() -> None:
    """A step that draws by a generator of NumPy's or Python's draws the same in each pass, and leaves the user's."""
    model, loader = Tagger(drop=0.0), sentences()
    before = str(DRAWN["rows"].bit_generator.state), DRAWN["coin"].getstate(), str(DRAWN["old"].get_state())
    program, batches = program_of(
        model, loader, None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), train_step=drawing
    )
    assert found(program, batches[0]) is not None
    assert (str(DRAWN["rows"].bit_generator.state), DRAWN["coin"].getstate(), str(DRAWN["old"].get_state())) == before


def test_draws_go_on_from_pass_to_pass() -> None:
    """Two passes of one block draw other masks of dropout, as plain passes do."""
    model, loader = Tagger(drop=0.5), sentences()
    program, batches = program_of(
        model, loader, None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), train_step=taught
    )
    assert found(program, batches[0])
    with program.running(training=True):
        one, other = (program.outputs(batches[0])["output"] for _ in range(2))
    assert not torch.equal(one, other)


RAISED: list[type[BaseException]] = []
"""What the next step raises before its backward pass."""


def raising(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad(set_to_none=False)
    model.eval()
    with torch.no_grad():
        model.head.bias.add_(1.0)
    COUNTED["steps"] += 1
    if RAISED:
        raise RAISED.pop()("<b>in the step</b>")
    loss = model.objective(*batch)
    loss.backward()
    optimizer.step()


@pytest.mark.parametrize("fault", [None, ValueError, KeyboardInterrupt])
def test_the_original_is_bit_identical_after_a_pass_that_writes_or_raises(fault: type[BaseException] | None) -> None:
    """What a step clears, switches and writes before its backward pass is as it was, also after an interrupt."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    taught(model, loader[0], optimizer)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=taught)
    assert found(program, batches[0])
    own, _ = program_of(model, loader, None, optimizer=optimizer, train_step=raising)
    program.go(lambda given: replace(given, forward=ThroughStep(own.given), loss_fn=None))
    program.writes = True
    before = state_of(model, optimizer)
    if fault is None:
        gradients(program, batches[0], "step 0")
    else:
        RAISED.append(fault)
        with pytest.raises(fault):
            gradients(program, batches[0], "step 0")
    assert state_of(model, optimizer) == before
    assert COUNTED["steps"] == 0


def in_two_parts(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    for source, target in zip(batch[0].split(8), batch[1].split(8), strict=True):
        (model.objective(source, target) / 2).backward()
    optimizer.step()


def frozen_inside(model: Any, batch: Any, optimizer: Any) -> None:
    model.train()
    model.norm.eval()
    optimizer.zero_grad()
    model.objective(*batch).backward()
    optimizer.step()


def writing_to_its_batch(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    batch[0][:, 1:] = batch[0].roll(1, 0)[:, 1:]
    model.objective(*batch).backward()
    optimizer.step()


def test_a_step_that_writes_to_its_batch_is_a_way() -> None:
    """What mixes samples in place, as CutMix does, meets a new batch in each pass."""
    model, loader = Tagger(drop=0.0), sentences()
    before = loader[0][0].clone()
    program, batches = program_of(
        model, loader, None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), train_step=writing_to_its_batch
    )
    assert found(program, batches[0]) is not None
    assert torch.equal(loader[0][0], before)


def clamping_first(model: Any, batch: Any, optimizer: Any) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data.clamp_(-0.05, 0.05)
    taught(model, batch, optimizer)


def test_what_a_step_writes_before_its_loss_is_put_back_in_a_whole_run() -> None:
    """A step that clamps the weights where it begins leaves the user's as they were."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    before = state_of(model, optimizer)
    told = check(model, loader, optimizer=optimizer, train_step=clamping_first, only=("wiring", "init"))
    assert "train_step" in " ".join(told.record.notes)
    assert state_of(model, optimizer) == before


def adapting(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    (one, other), (asked, wanted) = (part.split(8) for part in batch)
    weights = dict(model.named_parameters())
    inner = F.cross_entropy(functional_call(model, weights, (one, asked[:, :-1])).flatten(0, 1), asked[:, 1:].flatten())
    slopes = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    adapted = {name: weight - 0.5 * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)}
    logits = functional_call(model, adapted, (other, wanted[:, :-1]))
    F.cross_entropy(logits.flatten(0, 1), wanted[:, 1:].flatten()).backward()
    optimizer.step()


def test_weights_that_a_step_puts_in_place_for_a_call_are_those_of_the_pass() -> None:
    """An inner loop calls the model with weights that it has adapted, and the gradients go through both steps."""
    model = Tagger(drop=0.0)
    model.read, model.norm = Reader(), nn.Identity()  # type: ignore[assignment] # simpler, for the fused one lacks it
    batch = tuple(part[:, :7] for part in sentences()[0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, [batch], None, optimizer=optimizer, train_step=adapting)
    before = state_of(model, optimizer)
    assert found(program, batches[0]) is not None
    loss, own = gradients(program, batches[0], "step 0")
    assert state_of(model, optimizer) == before
    _, theirs = by_hand(model, optimizer, lambda *given: adapting(*given) or torch.zeros(()), batch)
    pairs = [(one, other) for one, other in zip(own, theirs, strict=True) if one is not None]
    assert pairs
    assert all(torch.allclose(one, other) for one, other in pairs)  # type: ignore[arg-type] # there are as many
    assert bool(loss.isfinite())


class Routed(nn.Module):
    """Leaves a part of its loss, and a new buffer, where the step finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.balance: Tensor | None = None
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        shares = self.layer(x).softmax(1)
        self.balance = 4 * shares.mean(0).square().sum()
        self.seen = self.seen + shares.detach().mean(0)
        return shares.log()


def balanced(model: Any, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    first = F.nll_loss(model(batch[0]), batch[1]) + 0.1 * model.balance
    loss = first + F.nll_loss(model(batch[0].flip(1)), batch[1]) + (model.seen * model.balance).mean()
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_what_a_forward_sets_on_its_model_is_there_for_the_step() -> None:
    """A term of the loss on an attribute, and a buffer made anew, are read as the model has left them."""
    torch.manual_seed(0)
    model, batch = Routed(), (torch.randn(12, 6), torch.arange(12) % 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, [batch], None, optimizer=optimizer, train_step=balanced)
    assert found(program, batches[0]) is not None
    loss, _ = gradients(program, batches[0], "step 0")
    assert torch.equal(loss, by_hand(model, optimizer, balanced, batch)[0])
    assert model.balance is None
    assert not bool(model.seen.any())


class Averaged:
    """Keeps an average of the weights, towards which the loss pulls."""

    def __init__(self, model: nn.Module, size: int) -> None:
        self.model, self.average = model, copy.deepcopy(model)
        self.spare = nn.Linear(size, size)

    def step(self, batch: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        pairs = zip(self.model.parameters(), self.average.parameters(), strict=True)
        pull = sum(((one - other.detach()) ** 2).sum() for one, other in pairs)
        (self.model.objective(*batch) + 0.1 * pull).backward()
        optimizer.step()


def test_a_step_of_several_backward_passes_is_no_way() -> None:
    """A step that takes a batch in two parts is not taken for the program's pass."""
    model, loader = Tagger(), sentences()
    program, batches = program_of(
        model, loader, None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), train_step=in_two_parts
    )
    assert not found(program, batches[0])


def fetching(model: Any, batch: Any, optimizer: Any) -> None:
    rows = torch.randint(48, (16,))
    source, target = (torch.cat(parts) for parts in zip(*sentences(), strict=True))
    optimizer.zero_grad()
    model.objective(source[rows], target[rows]).backward()
    optimizer.step()


@pytest.mark.parametrize(("step", "is_way"), [(taught, True), (fetching, False)])
def test_a_step_that_fetches_its_own_batch_is_no_way(step: Step, is_way: bool) -> None:
    """Where the loss does not depend on the batch that a step is given, passes on batches tell nothing."""
    model, loader = Tagger(), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=step)
    assert found(program, *batches) is is_way


def even_at_first(model: Any, batch: Any, optimizer: Any) -> None:
    with torch.no_grad():
        model.head.weight.mul_(0.0)
        model.head.bias.mul_(0.0)
    taught(model, batch, optimizer)


def sloping(model: Any, batch: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    known = model.embed(batch[0]).detach().requires_grad_()
    bent = model.head(model.read(known)[0]).square().sum()
    (slope,) = torch.autograd.grad(bent, known, create_graph=True)
    (model.objective(*batch) + slope.square().mean()).backward()
    optimizer.step()


@pytest.mark.parametrize("step", [even_at_first, sloping])
def test_steps_with_one_loss_for_every_batch_and_with_derivatives_are_ways(step: Step) -> None:
    """Where all outputs begin at 0 gradients tell batches apart; a step may take derivatives of its own."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=step)
    assert found(program, *batches)
    with program.running(training=False):
        assert float(program.scalar_loss(program.outputs(batches[0]), batches[0])) > 0


def test_batches_that_are_one_cannot_tell_whether_they_are_read() -> None:
    """A loader of the same batch over and over is no reason against a way."""
    model, loader = Tagger(drop=0.0), sentences()[:1] * 3
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=taught)
    assert found(program, *batches)


def test_what_a_step_does_with_outputs_is_of_the_loss() -> None:
    """Operations after the last call of the model are the loss's, as those of a loss_fn are; others are not."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=taught)
    assert found(program, *batches)
    told = {one.step.name: one.in_loss for one in record(program, batches[0]).operations}
    assert told["F.cross_entropy"]
    assert not any(told[name] for name in ("F.linear", "F.embedding", "Tagger"))


def test_modes_of_parts_are_those_of_the_step() -> None:
    """A part that the step keeps in eval mode is so in a training pass; all is in eval mode in one of evaluation."""
    model, loader = Tagger(drop=0.5), sentences()
    program, batches = program_of(
        model, loader, None, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), train_step=frozen_inside
    )
    before = state_of(model)
    assert found(program, batches[0])
    with program.running(training=True):
        one, other = (program.outputs(batches[0])["output"] for _ in range(2))
        assert (model.norm.training, model.drop.training) == (False, True)
    assert not torch.equal(one, other)
    with program.running(training=False):
        one, other = (program.outputs(batches[0])["output"] for _ in range(2))
    assert torch.equal(one, other)
    assert state_of(model) == before


@pytest.mark.parametrize(("size", "is_way"), [(8, True), (4200, False)])
def test_what_a_step_holds_beside_the_model_is_copied_for_each_pass(size: int, is_way: bool) -> None:
    """An object that holds model and average is run with the model in question, unless it holds very much."""
    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=Averaged(model, size).step)
    assert found(program, batches[0]) is is_way


@pytest.mark.parametrize("enabled", [True, False])
def test_a_loss_is_that_without_a_gradient_scaler(enabled: bool) -> None:
    """A loss that a scaler multiplies by 1024 before its backward pass is told without; the scaler stays as it is."""
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=enabled)

    def scaled(model: Any, batch: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        scaler.scale(model.objective(*batch)).backward()
        scaler.step(optimizer)
        scaler.update()

    model, loader = Tagger(drop=0.0), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    program, batches = program_of(model, loader, None, optimizer=optimizer, train_step=scaled)
    before = scaler.state_dict()
    assert found(program, batches[0])
    loss, own = gradients(program, batches[1], "step 0")
    expected = model.objective(*loader[1])
    assert torch.allclose(loss, expected)
    for one, other in zip(own, torch.autograd.grad(expected, list(model.parameters())), strict=True):
        assert torch.allclose(one, other, atol=1e-6)  # type: ignore[arg-type] # there is one
    assert scaler.state_dict() == before


def test_what_tells_how_a_model_is_called_goes_first(tmp_path: Path) -> None:
    """With a `forward` of the user's, or a loss outside of the step, a step is no way."""
    model, optimizer, loader = parts()
    given = {"optimizer": optimizer, "train_step": step_by("arguments", model, optimizer, tmp_path)}
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), **given)
    assert not found(program, batches[0])
    program, batches = program_of(model, loader, None, forward=lambda m, batch: m(batch[0]), **given)
    assert not found(program, batches[0])


@pytest.fixture(scope="module")
def report() -> Any:
    model, loader = Tagger(drop=0.1), sentences()
    return check(model, loader, optimizer=torch.optim.Adam(model.parameters(), lr=1e-2), train_step=taught)


def test_checks_that_only_read_take_no_step() -> None:
    """Where no check needs a pass the user's step is not run."""
    model, loader = Tagger(), sentences()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = check(model, loader, optimizer=optimizer, train_step=taught, only="duplicate-samples")
    assert report.record.steps == 0
    report = check(model, loader, optimizer=optimizer, train_step=taught, only=["nonfinite-data", "batch-leak"])
    assert report.record.steps
    assert "train_step" in " ".join(report.record.notes)


def test_a_program_of_a_step_alone_is_checked_as_any_other(report: Any) -> None:
    """Model, loader and step are enough for checks of forward, loss, gradients and training; none of them fails."""
    asked = (
        "unused-input",
        "batch-leak",
        "init-scale",
        "dead-units",
        "nonfinite-gradient",
        "gradient-check",
        "overfit-one-batch",
        "learning-rate",
        "input-independent-baseline",
        "update-ratio",
        "batch-size",
    )
    told = {result.check: result for result in report.record.results}
    assert {name: told[name].status for name in asked if told[name].status == "skip"} == {}
    assert [result.check for result in report.record.results if result.status in ("fail", "error")] == []
    assert "train_step" in " ".join(report.record.notes)
