from __future__ import annotations

import copy
import gc
import random
import re
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.snapshot import RunParts, size_of
from nbinspect.dynamics.states import StateRing, parts_of
from nbinspect.errors import InputError
from nbinspect.subject import Subject

pytestmark = pytest.mark.slow

MANY = [(torch.randn(8, 6), torch.randint(0, 3, (8,))) for _ in range(20)]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


class Run:
    """A plain training program whose step draws from every random generator."""

    def __init__(self, make_optimizer: Callable[..., Any], scheduler: Any = None, scaled: bool = False) -> None:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)
        self.model = network()
        self.optimizer = make_optimizer(self.model.parameters())
        self.scheduler = scheduler(self.optimizer) if scheduler else None
        # grows at every third step, so that its state matters
        self.scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3) if scaled else None
        self.amp = torch.autocast("cpu", torch.bfloat16) if scaled else nullcontext()

    def parts(self) -> RunParts:
        return parts_of(Subject(self.model, scaler=self.scaler), [self.optimizer])

    def step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        noise = random.random() * 0.1 + float(np.random.rand()) * 0.1
        with self.amp:
            loss = nn.functional.cross_entropy(self.model(x + noise), y)
        if self.scaler:
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            loss.backward()
            self.optimizer.step()
        if self.scheduler:
            self.scheduler.step()
        return float(loss.detach())

    def steps(self, batches: list[Any]) -> list[float]:
        return [self.step(*batch) for batch in batches]

    def bits(self) -> dict[str, bytes]:
        """All that decides how it trains on, byte for byte."""
        found = {name: value.numpy().tobytes() for name, value in self.model.state_dict().items()}
        found |= {f"state {at}": repr(own).encode() for at, own in self.optimizer.state_dict()["state"].items()}
        found["rates"] = repr([group["lr"] for group in self.optimizer.param_groups]).encode()
        found["draws"] = repr((torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1])).encode()
        found["scaler"] = repr(self.scaler.state_dict() if self.scaler else None).encode()
        return found


def sgd(parameters: Iterator[nn.Parameter]) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


RUNS = {
    "Adam": lambda: Run(torch.optim.Adam),
    "AdamW, amsgrad": lambda: Run(lambda p: torch.optim.AdamW(p, amsgrad=True)),
    "momentum, OneCycle": lambda: Run(sgd, lambda o: OneCycleLR(o, 0.1, total_steps=40)),
    "Adam, cosine": lambda: Run(torch.optim.Adam, lambda o: CosineAnnealingLR(o, 10)),
    "Adam, warm-up": lambda: Run(torch.optim.Adam, lambda o: LambdaLR(o, lambda step: min(1, step / 8))),
    "autocast, scaler": lambda: Run(torch.optim.Adam, scaled=True),
}


@pytest.mark.parametrize("name", RUNS)
def test_training_goes_on_from_a_state_bit_for_bit(name: str) -> None:
    """After going back, the same batches give the same losses, weights, optimizer, rates, scale and random states."""
    run, ring = RUNS[name](), StateRing()
    run.steps(MANY[:4])
    ring.keep(4, run.parts())
    first, ended = run.steps(MANY[4:10]), run.bits()
    run.steps(MANY[10:15])
    assert run.bits() != ended
    tensors = {name: id(value) for name, value in run.model.state_dict(keep_vars=True).items()}
    ring.go_back(4, run.parts())
    assert run.steps(MANY[4:10]) == first
    assert run.bits() == ended
    assert {name: id(value) for name, value in run.model.state_dict(keep_vars=True).items()} == tensors


def test_a_state_can_be_used_twice() -> None:
    """Training after going back changes nothing in the state that is kept."""
    run, ring = Run(torch.optim.Adam), StateRing()
    run.steps(MANY[:2])
    ring.keep(2, run.parts())
    first = run.steps(MANY[2:6])
    for _ in range(2):
        ring.go_back(2, run.parts())
        assert run.steps(MANY[2:6]) == first


def test_keeping_changes_nothing() -> None:
    """A run whose states are kept ends as one that nobody looks at."""
    alone, kept, ring = Run(torch.optim.Adam), Run(torch.optim.Adam), StateRing()
    for run in (alone, kept):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        for at, batch in enumerate(MANY[:6]):
            run.step(*batch)
            if run is kept:
                ring.keep(at, run.parts())
    ends = [run.model.state_dict() for run in (alone, kept)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_inside_the_step_the_scaler_and_the_scheduler_are_found() -> None:
    """Kept and gone back to in the hook of a step, before scheduler and scaler move on, a run repeats itself."""
    run, ring = Run(sgd, lambda o: OneCycleLR(o, 0.1, total_steps=40), scaled=True), StateRing()
    asked: list[Callable[[RunParts], None]] = []

    def at_step(*_: object) -> None:
        parts = parts_of(Subject(run.model), [run.optimizer])
        assert [part for part in parts.stateful if part is run.scaler or part is run.scheduler]
        assert len(parts.stateful) == 2
        if asked:
            asked.pop()(parts)

    run.optimizer.register_step_post_hook(at_step)
    run.steps(MANY[:4])
    asked.append(lambda parts: ring.keep(5, parts))
    run.step(*MANY[4])
    first, ended = run.steps(MANY[5:12]), run.bits()
    asked.append(lambda parts: ring.go_back(5, parts))
    run.step(*MANY[4])
    assert run.steps(MANY[5:12]) == first
    assert run.bits() == ended


def test_generators_of_the_loader_go_back() -> None:
    """The next epoch after going back has the order that it would have had then."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(TensorDataset(torch.arange(12.0)), 3, shuffle=True, generator=torch.Generator().manual_seed(7))
    ring, subject = StateRing(), Subject(model, loader)
    ring.keep(1, parts_of(subject, [optimizer]))
    first = [batch[0].tolist() for batch in loader]
    assert [batch[0].tolist() for batch in loader] != first
    ring.go_back(1, parts_of(subject, [optimizer]))
    assert [batch[0].tolist() for batch in loader] == first


def test_flags_options_frozen_weights_and_the_losss_own_go_back() -> None:
    """Training flags, options of groups, parameters without gradient and those of the loss are part of a state."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.temperature = nn.Parameter(torch.ones(1))

    run, loss = Run(sgd), Scaled()
    run.model[0].requires_grad_(False)
    run.optimizer.add_param_group({"params": [loss.temperature], "name": "loss"})
    parts, ring = parts_of(Subject(run.model, loss_fn=loss), [run.optimizer]), StateRing()
    before = copy.deepcopy([run.model.state_dict(), loss.state_dict()])
    run.model[1].eval()
    ring.keep(1, parts)
    run.model.train()
    run.optimizer.param_groups[1]["weight_decay"] = 0.5
    with torch.no_grad():
        for tensor in [*run.model.parameters(), loss.temperature]:
            tensor.add_(1)
    ring.go_back(1, parts)
    assert [module.training for module in run.model] == [True, False, True, True, True]
    assert run.optimizer.param_groups[1]["weight_decay"] == 0
    for was, now in zip(before, [run.model.state_dict(), loss.state_dict()], strict=True):
        assert all(torch.equal(was[name], now[name]) for name in was)


def test_buffers_that_are_rebound_and_grow_go_back() -> None:
    """A buffer that the forward pass replaces, by one of another shape too, or a sparse one, has its value again."""
    model = nn.Linear(2, 1)
    model.register_buffer("seen", torch.zeros(1))
    model.register_buffer("positions", torch.arange(3).reshape(1, 3, 1).expand(4, 3, 5))
    model.register_buffer("neighbours", torch.eye(3).to_sparse())
    optimizer, ring = torch.optim.SGD(model.parameters(), lr=0.1), StateRing()
    parts = parts_of(Subject(model), [optimizer])
    ring.keep(1, parts)
    model.seen = torch.ones(4)
    model.neighbours = torch.ones(3, 3).to_sparse()
    ring.go_back(1, parts)
    assert model.seen.tolist() == [0.0]
    assert torch.equal(model.neighbours.to_dense(), torch.eye(3))
    assert model.positions.stride() == (0, 1, 0)


def test_exact_optimizer_state_of_half_precision_weights_goes_back() -> None:
    """State that an optimizer keeps in float32 for bfloat16 weights comes back without a cast."""
    weight = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    optimizer, ring, model = torch.optim.Adam([weight]), StateRing(), nn.ParameterList([weight])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    optimizer.state[weight]["exp_avg"] = torch.full((4,), 1 / 3)
    ring.keep(1, parts_of(Subject(model), [optimizer]))
    optimizer.state[weight]["exp_avg"] = torch.zeros(4)
    ring.go_back(1, parts_of(Subject(model), [optimizer]))
    assert torch.equal(optimizer.state[weight]["exp_avg"], torch.full((4,), 1 / 3))


def test_a_graph_that_waits_is_still_accepted() -> None:
    """A loss computed before going back can still be taken backwards."""
    run, ring = Run(sgd), StateRing()
    ring.keep(1, run.parts())
    loss = nn.functional.cross_entropy(run.model(MANY[0][0]), MANY[0][1])
    ring.go_back(1, run.parts())
    loss.backward()
    assert run.model[0].weight.grad is not None


def test_the_average_that_the_training_step_names_goes_back() -> None:
    """An average of the weights in a closure of the training step is part of the state."""
    run, ring = Run(sgd), StateRing()
    average = torch.optim.swa_utils.AveragedModel(run.model)

    def train_step(model: nn.Module, batch: Any, _: Any) -> None:
        run.step(*batch)
        average.update_parameters(model)

    subject = Subject(run.model, train_step=train_step)
    train_step(run.model, MANY[0], None)
    ring.keep(1, parts_of(subject, [run.optimizer]))
    before = copy.deepcopy(average.state_dict())
    train_step(run.model, MANY[1], None)
    ring.go_back(1, parts_of(subject, [run.optimizer]))
    assert all(torch.equal(value, average.state_dict()[name]) for name, value in before.items())


def test_going_back_with_another_rate() -> None:
    """The rate that is asked for holds after going back, and the state keeps its own."""
    run, ring = Run(torch.optim.Adam), StateRing()
    ring.keep(1, run.parts())
    ring.go_back(1, run.parts(), rate=0.5)
    assert run.optimizer.param_groups[0]["lr"] == 0.5
    ring.go_back(1, run.parts())
    assert run.optimizer.param_groups[0]["lr"] == 0.001


def _new_head(run: Run) -> None:
    run.model[4] = nn.Linear(16, 3)


def _new_optimizer(run: Run) -> None:
    run.optimizer = torch.optim.Adam(run.model.parameters())


def _more_buffers(run: Run) -> None:
    run.model.register_buffer("late", torch.zeros(1))


def _new_scheduler(run: Run) -> None:
    run.scheduler = CosineAnnealingLR(run.optimizer, 5)


@pytest.mark.parametrize(
    ("change", "named"),
    [(_new_head, "4.weight"), (_new_optimizer, "optimizers"), (_more_buffers, "late"), (_new_scheduler, "schedulers")],
)
def test_a_changed_program_is_refused_and_left_alone(change: Callable[[Run], None], named: str) -> None:
    """What was replaced since is named, and nothing is written."""
    run, ring = Run(torch.optim.Adam), StateRing()
    run.step(*MANY[0])
    ring.keep(1, run.parts())
    run.step(*MANY[1])
    change(run)
    before = run.bits()
    with pytest.raises(InputError, match=re.escape(named)):
        ring.go_back(1, run.parts())
    assert run.bits() == before


def test_a_step_that_is_not_kept_and_a_bad_rate_are_refused() -> None:
    """The error names the steps that are kept, and a rate that cannot be used changes nothing."""
    run, ring = Run(torch.optim.Adam), StateRing()
    ring.keep(3, run.parts())
    with pytest.raises(InputError, match=r"kept \(3\), got 4"):
        ring.go_back(4, run.parts())
    run.step(*MANY[0])
    before = run.bits()
    with pytest.raises(InputError, match="rate"):
        ring.go_back(3, run.parts(), rate=-1)
    assert run.bits() == before


def test_the_oldest_that_is_not_pinned_makes_room() -> None:
    """States beyond the number and beyond the bytes fall out, the oldest first, pinned ones never."""
    run = Run(torch.optim.Adam)
    run.step(*MANY[0])
    parts = run.parts()
    size = size_of(parts)
    # 6·16+16 + 2·16 + 16·3+3 parameters, 3 times with Adam, its 6 counts of steps, and BatchNorm's 32 + a count
    assert size == 4 * (3 * 195 + 6 + 32) + 8
    ring = StateRing(limit_bytes=3 * size, most=8)
    ring.keep(1, parts, pinned=True)
    for step in (2, 3, 4):
        ring.keep(step, parts)
    assert (ring.steps, ring.pinned, ring.held_bytes) == ((1, 3, 4), (1,), 3 * size)
    ring.drop(1)
    few = StateRing(most=2)
    for step in (1, 2, 2, 3):
        few.keep(step, parts)
    assert (ring.steps, few.steps) == ((3, 4), (2, 3))


def test_a_state_beyond_the_limit_is_refused_with_its_bytes() -> None:
    """The error names both sizes, and the states that were kept stay."""
    run = Run(torch.optim.Adam)
    run.step(*MANY[0])
    size = size_of(run.parts())
    with pytest.raises(InputError, match=f"{size:,} bytes; the limit is 1,000"):
        StateRing(limit_bytes=1000).keep(1, run.parts())
    ring = StateRing(limit_bytes=2 * size - 1)
    ring.keep(1, run.parts(), pinned=True)
    with pytest.raises(InputError, match="1 pinned"):
        ring.keep(2, run.parts())
    assert ring.steps == (1,)


def test_a_ring_keeps_no_model_alive() -> None:
    """States hold copies, and neither model nor optimizer."""
    run, ring = Run(torch.optim.Adam), StateRing()
    ring.keep(1, run.parts())
    gone = []
    weakref.finalize(run.model, gone.append, True)
    del run
    gc.collect()
    assert gone
