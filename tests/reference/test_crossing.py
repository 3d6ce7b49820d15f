from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.reference.crossing import Course, adam, copied_arm, cut, own_optimizer, run
from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.subject import make_subject


def batches_of(model: nn.Module, *sizes: int) -> tuple[list[Batch], Program]:
    """Batches of numbered rows, and the program that they belong to."""
    subject = make_subject(model, [0], F.cross_entropy)
    numbers = torch.arange(float(sum(sizes)))
    rows = torch.stack([numbers, torch.sin(numbers), torch.cos(3 * numbers)], 1)
    labels = (torch.sin(numbers) > 0).long()
    pairs = zip(rows.split(sizes), labels.split(sizes), strict=True)
    return [make_batch(subject, pair) for pair in pairs], Program(subject, Limits(100))


def numbers_in(batches: tuple[Batch, ...]) -> list[int]:
    return [int(number) for batch in batches for number in dict(batch.inputs)["x"][:, 0]]


@pytest.mark.parametrize(
    ("sizes", "most"), [((32,) * 9, 128), ((64,), 128), ((17, 17, 3), 128), ((1,) * 20, 128), ((64,) * 9, 40)]
)
def test_no_sample_is_trained_on_and_judged_by(sizes: tuple[int, ...], most: int) -> None:
    """Each sample is in one part, at most as many as asked are held out, and those in several small batches."""
    batches, _ = batches_of(nn.Linear(3, 2), *sizes)
    train, held = cut(batches, most)
    seen, judged = numbers_in(train), numbers_in(held)
    assert sorted(seen + judged) == list(range(sum(sizes)))
    assert 0 < len(judged) <= most
    assert len(held) >= 4


def by_hand(model: nn.Module, optimizers: list[Any], batches: tuple[Batch, ...], steps: int) -> nn.Module:
    """The model after plain steps."""
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.zero_grad()
        rows, labels = batches[step % len(batches)].raw
        F.cross_entropy(model(rows), labels).backward()
        for optimizer in optimizers:
            optimizer.step()
    return model


def two_groups(model: nn.Sequential) -> Any:
    groups = [{"params": model[0].parameters(), "lr": 0.03}, {"params": model[2].parameters(), "weight_decay": 0.1}]
    return torch.optim.SGD(groups, lr=0.02, momentum=0.9)


def warming_up(model: nn.Sequential) -> Any:
    optimizer = two_groups(model)
    torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.001)
    return optimizer


OPTIMIZERS = {
    "groups": (two_groups, two_groups),
    "warm-up": (warming_up, two_groups),
    "factory": (
        lambda model: lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
        lambda model: torch.optim.RMSprop(model.parameters(), lr=0.01),
    ),
    "several": (
        lambda model: {
            "body": torch.optim.Adam(model[0].parameters()),
            "head": torch.optim.SGD(model[2].parameters(), lr=0.1),
        },
        lambda model: [torch.optim.Adam(model[0].parameters()), torch.optim.SGD(model[2].parameters(), lr=0.1)],
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copy_is_trained_as_the_original_would_be(name: str) -> None:
    """After ten steps the copy's weights are those of a plain loop, and the original's are what they were."""
    given, plain = OPTIMIZERS[name]
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    twin, before = copy.deepcopy(model), copy.deepcopy(model.state_dict())
    batches, program = batches_of(model, 16, 16, 16)
    program.subject.__dict__["optimizer"] = given(model)
    arm = copied_arm(program, own_optimizer(program), "own")
    run(arm, Course("yours", tuple(batches), tuple(batches), (1.0,) * 3, (0.0,) * 3, False), 10, program.limits, 0)
    optimizers = plain(twin)
    wanted = by_hand(twin, optimizers if isinstance(optimizers, list) else [optimizers], tuple(batches), 10)
    for one, other in zip(arm.network.parameters(), wanted.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_gain_is_the_share_of_the_way_to_perfect_answers() -> None:
    """A model that is never changed has as gain what its loss is, between the levels given."""
    model = nn.Linear(3, 2)
    batches, program = batches_of(model, 16, 16, 16, 16)
    with torch.no_grad():
        losses = [float(F.cross_entropy(model(b.raw[0]), b.raw[1])) for b in batches]
    course = Course("yours", tuple(batches), tuple(batches), tuple(2 * loss for loss in losses), (0.0,) * 4, False)
    found = run(copied_arm(program, adam(0.0), "still"), course, 12, program.limits, 0)
    assert found.losses == pytest.approx(sum(losses) / 4)
    assert found.gain == pytest.approx(0.5)
    assert found.margin == pytest.approx(0, abs=1e-6)
    assert found.answer == "learns"
    assert found.steps.tolist() == [0, 2, 4, 6, 8, 10, 12]


def test_what_needs_a_closure_is_trained_too() -> None:
    """LBFGS, which asks for the loss itself, lowers it."""
    model = nn.Linear(3, 2)
    batches, program = batches_of(model, 16, 16, 16, 16)
    inputs = [make_batch(program.subject, (b.raw[0] * torch.tensor([1 / 64, 1, 1]), b.raw[1])) for b in batches]
    program.subject.__dict__["optimizer"] = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4)
    course = Course("yours", tuple(inputs[:1]), tuple(inputs[:1]) * 4, (0.69,) * 4, (0.0,) * 4, False)
    found = run(copied_arm(program, own_optimizer(program), "own"), course, 12, program.limits, 0)
    assert found.losses[-1] < 0.8 * found.losses[0]


def test_a_raise_is_the_answer_of_its_run() -> None:
    """What a copy raises is kept as text, and the run says nothing."""
    model = nn.Linear(3, 2)
    _, program = batches_of(model, 16, 16)
    wrong = (make_batch(program.subject, (torch.zeros(4, 9), torch.zeros(4, dtype=torch.long))),)
    found = run(
        copied_arm(program, adam(0.1), ""), Course("yours", wrong, wrong, (1.0,), (0.0,), False), 6, program.limits, 0
    )
    assert found.answer == "unclear"
    assert found.error.startswith("RuntimeError: mat1 and mat2 shapes")
