from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check
from nbinspect.sanity.trials.running.own_step import OwnStep, record_again, record_step
from nbinspect.sanity.wiring import (
    detached_graph,
    loss_direction,
    loss_input,
    loss_reduction,
    loss_target,
    output_range,
    silent_broadcast,
    zero_gradient_path,
)
from tests.sanity.running import run_one
from tests.sanity.states import state_of
from tests.sanity.trials.ways import program_of

pytestmark = pytest.mark.slow

N = 16
CHECKS = {
    module.CHECK.name: module.CHECK
    for module in (
        *(silent_broadcast, loss_input, loss_target, output_range, loss_reduction),
        *(detached_graph, zero_gradient_path, loss_direction),
    )
}
Loss = Callable[[Any, Tensor, Tensor], Tensor]


class Net(nn.Module):
    """An encoder and a head, and a copy of the encoder that follows it."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder, self.head = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2)), nn.Linear(8, outputs)
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))


def rows(*, classes: bool) -> list[Any]:
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(3 * N, 4, generator=drawn)
    y = torch.arange(3 * N) % 3 if classes else x.sum(1)
    return list(zip(x.split(N), y.split(N), strict=True))


def stepping(loss_of: Loss) -> Any:
    def train_step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, *batch)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train_step


def asked(check: Check, train_step: Any, *, classes: bool, loss_fn: Any = None, **more: Any) -> CheckResult:
    model = Net(3 if classes else 1)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.05), **more}
    return run_one(check, model=model, loader=rows(classes=classes), loss_fn=loss_fn, train_step=train_step, **given)


def paired(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return ((m(x) - y) ** 2).mean()  # told: silent-broadcast


def paired_by_torch(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(m(x), y)  # told: silent-broadcast


def squashed(m: Any, x: Tensor, y: Tensor) -> Tensor:
    p = torch.softmax(m(x), 1)  # told: loss-input
    return F.cross_entropy(p, y)


def unlogged(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.nll_loss(m(x), y)  # told: loss-input


def of_one(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(m(x)[:, :1], 0 * y)  # told: loss-target


def of_bits(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(m(x)[:, 0], y.float())  # told: loss-target


def rectified(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(torch.relu(m(x)).squeeze(1), y)  # told: output-range


def added_up(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return 1e0 + ((m(x).squeeze(1) - y) ** 2).sum() - 1e0  # told: loss-reduction


def divided_again(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(m(x).squeeze(1), y) / len(x)  # told: loss-reduction


def detached(m: Any, x: Tensor, y: Tensor) -> Tensor:
    h = m.encoder(x).detach()  # told: detached-graph
    return F.cross_entropy(m.head(h), y)


def without_graph(m: Any, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        h = m.encoder(x)  # told: detached-graph
    return F.cross_entropy(m.head(h), y)


def all_detached(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(m(x).detach(), y)  # told: detached-graph


def counted(m: Any, x: Tensor, y: Tensor) -> Tensor:
    wrong = m(x).argmax(1) != y  # told: detached-graph
    return wrong.float().mean().requires_grad_()


def held_down(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(m(x), y).clamp(max=0.5)  # told: zero-gradient-path


def away(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return -((m(x).squeeze(1) - y) ** 2).mean()  # told: loss-direction


def unlikely(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return m(x).log_softmax(1).gather(1, y[:, None]).mean()  # told: loss-direction


BROKEN: dict[Loss, tuple[str, bool]] = {
    paired: ("silent-broadcast", False),
    paired_by_torch: ("silent-broadcast", False),
    squashed: ("loss-input", True),
    unlogged: ("loss-input", True),
    of_one: ("loss-target", True),
    of_bits: ("loss-target", True),
    rectified: ("output-range", False),
    added_up: ("loss-reduction", False),
    divided_again: ("loss-reduction", False),
    detached: ("detached-graph", True),
    without_graph: ("detached-graph", True),
    all_detached: ("detached-graph", True),
    counted: ("detached-graph", True),
    held_down: ("zero-gradient-path", True),
    away: ("loss-direction", False),
    unlikely: ("loss-direction", True),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("given", [False, True], ids=["without loss_fn", "with a right loss_fn"])
@pytest.mark.parametrize("loss_of", BROKEN, ids=lambda loss: loss.__name__)
def test_what_is_wrong_in_the_step_is_told_with_its_line(loss_of: Loss, given: bool) -> None:
    """A fault that stands in the user's own step fails there, whether or not a loss_fn says something else."""
    name, classes = BROKEN[loss_of]
    right: Any = nn.CrossEntropyLoss() if classes else lambda outputs, y: F.mse_loss(outputs.squeeze(1), y)
    found = asked(CHECKS[name], stepping(loss_of), classes=classes, loss_fn=right if given else None)
    assert found.status == "fail"
    assert found.place is not None
    lines = Path(found.place.file).read_text(encoding="utf-8").splitlines()
    assert f"# told: {name}" in lines[found.place.line - 1]


def masked(m: Any, x: Tensor, y: Tensor) -> Tensor:
    mask = (x[:, 0] > -1).float()
    return ((m(x).squeeze(1) - y) ** 2 * mask).sum() / mask.sum().clamp(min=1)


def shared(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(m(x).squeeze(1), y) / 4


def smoothed(m: Any, x: Tensor, y: Tensor) -> Tensor:
    wanted = torch.full((len(x), 3), 0.1 / 3).scatter(1, y[:, None], 0.9 + 0.1 / 3)
    return -(wanted * m(x).log_softmax(1)).sum(1).mean()


def distilled(m: Any, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        wanted = torch.softmax(m.head(m.teacher(x)) / 2, 1)
    logits = m(x)
    soft = F.kl_div(torch.log_softmax(logits / 2, 1), wanted, reduction="batchmean")
    return 4 * soft + F.cross_entropy(logits, y)


def precise(m: Any, x: Tensor, y: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return F.cross_entropy(m(x), y)


def penalised(m: Any, x: Tensor, y: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    scores = m(x)
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return scores.mean() - scores[: N // 2].mean() + 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()


def logged(m: Any, x: Tensor, y: Tensor) -> Tensor:
    logits = m(x)
    p = logits.detach().softmax(1)
    (p.max(1).values - y).abs().mean().item()
    return F.cross_entropy(logits, y)


def barely_held(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(m(x), y).clamp(max=50.0)


def focused(m: Any, x: Tensor, y: Tensor) -> Tensor:
    each = F.cross_entropy(m(x), y, reduction="none")
    return ((1 - torch.exp(-each)) ** 2 * each).mean()


def rewarded(m: Any, x: Tensor, y: Tensor) -> Tensor:
    return (x[:, 0] * F.cross_entropy(m(x), y, reduction="none")).mean()


HEALTHY: dict[Loss, bool] = {
    **dict.fromkeys((masked, shared, penalised), False),
    **dict.fromkeys((smoothed, distilled, precise, logged, barely_held, focused, rewarded), True),
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("loss_of", HEALTHY, ids=lambda loss: loss.__name__)
def test_silent_on_healthy_steps(loss_of: Loss, check: Check) -> None:
    """Masks, shares of a loss, smoothing, teachers, mixed precision, penalties, logs and rewards are as meant."""
    assert asked(check, stepping(loss_of), classes=HEALTHY[loss_of]).status in ("pass", "skip")


def test_the_step_is_what_trains() -> None:
    """A loss_fn that fits what the step makes of outputs, and not these outputs themselves, is no finding."""

    def squeezing(model: Any, batch: Any, optimizer: Any, loss_fn: Any) -> None:
        optimizer.zero_grad()
        loss_fn(model(batch[0]).squeeze(1), batch[1]).backward()
        optimizer.step()

    def with_logarithms(model: Any, batch: Any, optimizer: Any, loss_fn: Any) -> None:
        optimizer.zero_grad()
        loss_fn(model(batch[0]).log_softmax(1), batch[1]).backward()
        optimizer.step()

    broadcast, given = CHECKS["silent-broadcast"], CHECKS["loss-input"]
    assert asked(broadcast, squeezing, classes=False, loss_fn=nn.MSELoss()).status == "pass"
    assert asked(given, with_logarithms, classes=True, loss_fn=nn.NLLLoss()).status == "pass"


def test_parts_that_take_turns_are_cut_off_by_nothing() -> None:
    """A part that is detached in some steps and trained in others is trained; a branch that stays is no proof."""

    def by_turns(model: Any, batch: Any, optimizer: Any, step: int) -> None:
        optimizer.zero_grad()
        h = model.encoder(batch[0])
        if step % 2 == 0:
            h = h.detach()
        F.cross_entropy(model.head(h), batch[1]).backward()
        optimizer.step()

    def head_first(model: Any, batch: Any, optimizer: Any, step: int) -> None:
        optimizer.zero_grad()
        h = model.encoder(batch[0])
        h = h.detach() if step < 500 else h
        F.cross_entropy(model.head(h), batch[1]).backward()
        optimizer.step()

    check = CHECKS["detached-graph"]
    assert asked(check, by_turns, classes=True).status == "pass"
    assert asked(check, head_first, classes=True).status == "inconclusive"


def test_a_head_alone_may_be_trained() -> None:
    """Where the optimizer holds the head alone, the encoder may run without a graph."""
    model = Net(3)
    optimizer = torch.optim.SGD(model.head.parameters(), 0.05)
    found = run_one(
        CHECKS["detached-graph"],
        model=model,
        loader=rows(classes=True),
        optimizer=optimizer,
        train_step=stepping(without_graph),
    )
    assert found.status == "pass"


class Rivals(nn.Module):
    """A generator and a discriminator."""

    def __init__(self) -> None:
        super().__init__()
        self.made, self.judge = nn.Linear(2, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(x)


def rivalry(model: Any, batch: Any, optimizer: Any) -> None:
    x, real, false = batch[0], torch.ones(N, 1), torch.zeros(N, 1)
    fake = model.made(torch.randn(N, 2))
    optimizer["judge"].zero_grad()
    told = F.binary_cross_entropy_with_logits(model.judge(x), real)
    (told + F.binary_cross_entropy_with_logits(model.judge(fake.detach()), false)).backward()
    optimizer["judge"].step()
    optimizer["made"].zero_grad()
    F.binary_cross_entropy_with_logits(model.judge(fake), real).backward()
    optimizer["made"].step()


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_silent_where_networks_take_turns(check: Check) -> None:
    """A step that trains two networks by a loss each has no single trace, and no finding."""
    model = Rivals()
    optimizers = {name: torch.optim.Adam(getattr(model, name).parameters()) for name in ("made", "judge")}
    arguments: dict[str, Any] = {"loader": rows(classes=False), "optimizer": optimizers, "train_step": rivalry}
    program, batches = program_of(model, **arguments)
    assert record_step(program, batches[0]) is None
    assert run_one(check, model=model, **arguments).status in ("pass", "skip", "inconclusive")


def recorded(train_step: Any, **more: Any) -> OwnStep | None:
    model = Net(3)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.05), **more}
    program, batches = program_of(model, rows(classes=True), train_step=train_step, **given)
    before = state_of(model, given["optimizer"])
    own = record_step(program, batches[0])
    assert state_of(model, given["optimizer"]) == before
    return own


def test_a_step_is_recorded_up_to_its_backward_pass() -> None:
    """Operations end with the loss, those of the loss are known as such, and gradients are those that come."""
    own = recorded(stepping(logged))
    assert own is not None
    assert own.is_single
    trace = own.recorded
    assert trace.operations[-1].step.name == "F.cross_entropy"
    assert trace.maker(trace.loss) is trace.operations[-1]
    assert isinstance(trace.outputs, Tensor)
    assert [one.step.name for one in trace.operations if one.in_loss][:2] == ["Tensor.detach", "Tensor.softmax"]
    assert all(gradient is not None for gradient in trace.gradients.values())
    assert trace.operations[0].step.inputs[0].origin == "batch[0]"


def test_parts_of_a_batch_are_no_single_pass() -> None:
    """Of several backward passes on one line the first is recorded; without any there is nothing."""

    def in_parts(model: Any, batch: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        for x, y in zip(batch[0].chunk(4), batch[1].chunk(4), strict=True):
            (F.cross_entropy(model(x), y) / 4).backward()
        optimizer.step()

    own = recorded(in_parts)
    assert own is not None
    assert not own.is_single
    assert own.recorded.outputs is None or len(own.recorded.outputs) == N // 4
    assert recorded(lambda model, batch: model(batch[0]).sum().item()) is None
    assert recorded(lambda model, batch: 1 / 0) is None


def test_a_step_is_recorded_again_on_other_samples() -> None:
    """What was recorded of a step is recorded of a step again, without dropout where it is to be still."""
    model = Net(3)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    program, batches = program_of(model, rows(classes=True), train_step=stepping(precise), optimizer=optimizer)
    own = record_step(program, batches[0])
    assert own is not None
    half = record_again(program, batches[0].taken(range(N // 2)), own.recorded, still=True)
    assert half is not None
    assert half.of_step
    assert len(half.outputs) == N // 2
    plain = record_again(program, batches[0], own.recorded, still=True)
    assert plain is not None
    model.eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(plain.outputs, model(batches[0].raw[0]))
