from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.records import CheckResult
from nbinspect.sanity.training.updates_not_applied import CHECK
from tests.sanity.running import run_one
from tests.sanity.training.steps import accumulating, batches, loss_of, network, program, scaled, usual

pytestmark = pytest.mark.slow


def without_backward(model: nn.Module, batch: Any, optimizer: Any) -> float:
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    optimizer.step()
    return loss.item()


def without_step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    return loss


def cleared_between(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.zero_grad()  # too early
    optimizer.step()
    return loss


def stepped_before(model: nn.Module, batch: Any, optimizer: Any) -> Any:
    optimizer.zero_grad()  # too early
    loss = loss_of(model, batch)
    optimizer.step()
    loss.backward()
    return loss


@pytest.mark.parametrize(
    ("step", "title", "line"),
    [
        (without_backward, "no backward", "def without_backward"),
        (without_step, "never steps", "loss.backward()"),
        (cleared_between, "cleared", "optimizer.zero_grad()  # too early"),
        (stepped_before, "cleared", "optimizer.zero_grad()  # too early"),
    ],
)
def test_a_step_that_updates_nothing_is_explained(step: Any, title: str, line: str) -> None:
    """Each way to lose all updates fails with its own headline, at its line, confirmed by standard steps."""
    result = run_one(CHECK, **program(step))
    assert result.status == "fail"
    assert title in result.title
    assert result.measurements[0].measured == "0 of 4"
    assert result.place is not None
    assert (
        Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1].strip().startswith(line)
    )
    assert result.confirmed
    assert float(result.measurements[2].measured) < float(result.measurements[1].measured)


def test_a_parameter_whose_own_loss_gives_it_zero_is_not_cleared() -> None:
    """A critic's last bias cancels in the difference of its means, though the generator's pass sends it a gradient."""
    generator, critic = nn.Linear(2, 4), network()
    own = {name: torch.optim.RMSprop(part.parameters(), 1e-2) for name, part in (("g", generator), ("c", critic))}

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        made = model["g"](torch.randn(16, 2))
        optimizer["c"].zero_grad()
        loss = model["c"](made.detach())[:, 0].mean() - model["c"](batch[0])[:, 0].mean()
        loss.backward()
        optimizer["c"].step()
        optimizer["g"].zero_grad()
        (-model["c"](made)[:, 0].mean()).backward()
        optimizer["g"].step()
        return loss

    both = nn.ModuleDict({"g": generator, "c": critic})
    assert run_one(CHECK, **program(step, both, optimizer=own, loss_fn=None)).status == "pass"


def test_what_the_step_averages_by_hand_is_no_update_of_the_optimizer() -> None:
    """Gradients cleared too early are lost, though a twin among the parameters of the optimizer is kept up to date."""
    model = nn.ModuleDict({"own": network(), "twin": network(), "spare": nn.Linear(2, 2)})
    model["twin"].requires_grad_(requires_grad=False)

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        loss = loss_of(model["own"], batch)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        with torch.no_grad():
            for twin, own in zip(model["twin"].parameters(), model["own"].parameters(), strict=True):
                twin.lerp_(own, 0.1)
        return loss

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    forward = {"forward": lambda model, batch: model["own"](batch[0])}
    assert run_one(CHECK, **program(step, model, optimizer=optimizer, **forward)).status == "fail"


def test_one_of_several_optimizers_that_never_steps_is_named() -> None:
    """The optimizer, its parameters and the others that do change are told apart."""
    model = network()
    body, head = (torch.optim.SGD(model[at].parameters(), 0.1) for at in (0, 2))

    def step(batch: Any) -> Any:
        body.zero_grad()
        head.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        body.step()
        return loss

    result = run_one(CHECK, **program(step, model, optimizer=None))
    assert result.status == "fail"
    assert result.measurements[0].measured == "2 of 4"
    assert result.code == "+ head.step()"
    assert "2.weight" in result.detail


def test_a_rate_of_zero() -> None:
    """For all parameters it fails, for a group too, and under a schedule it may come later."""
    model = network()
    everything = torch.optim.SGD(model.parameters(), 0.0)
    assert run_one(CHECK, **program(usual, model, optimizer=everything)).status == "fail"
    groups = [{"params": model[0].parameters(), "lr": 0.0}, {"params": model[2].parameters()}]
    part = run_one(CHECK, **program(usual, model, optimizer=torch.optim.SGD(groups, 0.1)))
    assert part.status == "fail"
    assert part.where == "0.bias"
    still = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(still, lambda _: 0.0)
    assert run_one(CHECK, **program(usual, model, optimizer=still, scheduler=schedule)).status == "inconclusive"


def test_updates_that_half_precision_rounds_away_are_named() -> None:
    """A tensor of ones in bfloat16 does not move by a thousandth: the next number is 1/128 away."""
    model = nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.Linear(16, 3)).bfloat16()
    loader = [(torch.randn(16, 4).bfloat16(), torch.randint(3, (16,)))]
    adam = torch.optim.Adam(model.parameters(), 1e-3)
    some = run_one(CHECK, **program(usual, model, optimizer=adam, loader=loader))
    assert some.status == "warn"
    assert "rounding" in some.title
    assert some.where == "1.weight"


@pytest.mark.parametrize("every", [2, 4])
def test_accumulation_is_silent(every: int) -> None:
    """Steps that update each k-th call are judged after their first update."""
    assert run_one(CHECK, **program(accumulating(every))).status == "pass"


class Forgets:
    """Accumulates over some calls, and begins to count anew in each."""

    every = 4

    def __init__(self, *, remembers: bool) -> None:
        self.remembers, self.count = remembers, 0
        self.size = self.every

    def __call__(self, model: nn.Module, batch: Any, optimizer: Any) -> Any:
        count = self.count if self.remembers else 0
        loss = loss_of(model, batch)
        loss.backward()
        count += 1
        if count % self.size == 0:
            optimizer.step()
            optimizer.zero_grad()
        self.count = count
        return loss


@pytest.mark.parametrize(("remembers", "status"), [(True, "pass"), (False, "fail")])
def test_accumulation_whose_turn_is_long_overdue_fails(remembers: bool, status: str) -> None:
    """The text says every fourth call, and after many calls there was no update."""
    assert run_one(CHECK, **program(Forgets(remembers=remembers))).status == status


def test_updates_beyond_what_is_observed_are_open() -> None:
    """Where the 100th call would update, nothing is certain."""
    assert run_one(CHECK, **program(accumulating(100))).status == "inconclusive"


def test_steps_that_a_scaler_skips_are_silent() -> None:
    """A scale that overflows in the first steps is no finding."""
    model = network()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=100)
    result = run_one(CHECK, **program(scaled, model, scaler=scaler))
    assert result.status == "pass", result.summary


def test_warm_up_from_zero_is_silent() -> None:
    """A first step at a rate of 0 is not judged."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: min(1.0, at / 3))
    arguments = program(None, model, optimizer=optimizer, scheduler=schedule)
    assert run_one(CHECK, **arguments).status == "pass"


def test_parameters_that_are_others_business_are_silent() -> None:
    """Those that no gradient comes for, those that no optimizer holds, and frozen ones are no finding here."""
    model = nn.ModuleDict({"used": network(), "unused": nn.Linear(2, 2), "unheld": nn.Linear(4, 3)})
    model["used"][0].requires_grad_(requires_grad=False)
    optimizer = torch.optim.SGD([*model["used"].parameters(), *model["unused"].parameters()], 0.1)

    def step(batch: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model["used"](batch[0]) + model["unheld"](batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    assert run_one(CHECK, **program(step, model, optimizer=optimizer)).status == "pass"


def test_updates_by_hand_count() -> None:
    """A step without any optimizer that writes the parameters itself is healthy."""

    def step(model: nn.Module, batch: Any) -> float:
        gradients = torch.autograd.grad(loss_of(model, batch), list(model.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.sub_(0.1 * gradient)
        return 0.0

    assert run_one(CHECK, **program(step, optimizer=None)).status == "pass"


def test_without_a_step_to_judge_it_is_skipped() -> None:
    """No optimizer and no step, and a step that raises, are missing needs."""

    def raising(model: nn.Module, batch: Any) -> None:
        raise ValueError("<b>no</b>")

    assert run_one(CHECK, **program(None, optimizer=None)).status == "skip"
    assert run_one(CHECK, **program(raising)).status == "skip"


def cut_at_the_features(model: Any, batch: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    optimizer.zero_grad()
    with torch.no_grad():
        hidden = model[:2](batch[0])
    loss = nn.functional.mse_loss(model[2](hidden), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def cut_at_the_loss(model: Any, batch: Any, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad()
    loss = torch.tensor(nn.functional.mse_loss(model(batch[0]), batch[1]).item(), requires_grad=True)
    loss.backward()
    optimizer.step()
    return loss.item()


@pytest.mark.parametrize(("step", "cut"), [(cut_at_the_features, 2), (cut_at_the_loss, 4)])
def test_a_step_that_cuts_parameters_off_from_the_loss_fails(step: Any, cut: int) -> None:
    """The network has gradients for all four, the step sends none to those behind no_grad or a copy of the value."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    loader = [(torch.randn(8, 4), torch.randn(8, 1)) for _ in range(4)]
    own = {"optimizer": torch.optim.SGD(model.parameters(), lr=0.1), "train_step": step}
    found = run_one(CHECK, model=model, loader=loader, loss_fn=nn.MSELoss(), **own)
    assert found.status == "fail"
    assert found.measurements[0].measured == f"{4 - cut} of 4"


def uphill_and_back(model: Any, batch: Any, optimizer: Any) -> Any:
    before = [one.detach().clone() for one in model.parameters()]
    loss = usual(model, batch, optimizer)
    with torch.no_grad():
        for one, was in zip(model.parameters(), before, strict=True):
            one.copy_(was)
    return loss


def back_now_and_then(model: Any, batch: Any, optimizer: Any) -> Any:
    before = [one.detach().clone() for one in model.parameters()]
    loss = usual(model, batch, optimizer)
    if loss.item() > 1e-9:
        with torch.no_grad():
            for one, was in zip(model.parameters(), before, strict=True):
                one.copy_(was)
    return loss


@pytest.mark.parametrize(("step", "status"), [(uphill_and_back, "fail"), (back_now_and_then, "inconclusive")])
def test_updates_that_the_step_undoes_fail(step: Any, status: str) -> None:
    """Weights that the optimizer changed and the step wrote back are no rounding, and certain under no condition."""
    result = run_one(CHECK, **program(step))
    assert result.status == status
    assert status != "fail" or "undone" in result.title


def misread(model: Any, batch: Any, optimizer: Any, step: int) -> Any:
    loss = loss_of(model, batch)
    loss.backward()
    if step + 1 % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
    return loss


def late(model: Any, batch: Any, optimizer: Any, step: int) -> Any:
    loss = loss_of(model, batch)
    loss.backward()
    if (step + 1) % 400 == 0:
        optimizer.step()
        optimizer.zero_grad()
    return loss


@pytest.mark.parametrize(("step", "status"), [(misread, "fail"), (late, "inconclusive")])
def test_a_remainder_of_one_alone_never_lets_the_optimizer_step(step: Any, status: str) -> None:
    """`step + 1 % 4 == 0` is met by no step from 0 on; a turn that is merely far off stays open."""
    assert run_one(CHECK, **program(step)).status == status


class OwnDescent(torch.optim.Optimizer):
    """Gradient descent written by hand: in place, out of place, for the first group alone, or after many calls."""

    def __init__(self, params: Any, lr: float, *, way: str = "in place") -> None:
        super().__init__(params, {"lr": lr})
        self.way, self.calls = way, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        self.calls += 1
        if self.way == "after many calls" and self.calls % 50:
            return
        for group in self.param_groups[:1] if self.way == "first group" else self.param_groups:
            for p in group["params"]:
                if self.way == "out of place":
                    p = p - group["lr"] * p.grad  # noqa: PLW2901 - the fault
                elif self.way == "of a copy":
                    p.clone().sub_(p.grad, alpha=group["lr"])
                else:
                    p.sub_(p.grad, alpha=group["lr"])


@pytest.mark.parametrize(
    ("way", "rate", "status"),
    [
        ("out of place", 0.1, "fail"),
        ("of a copy", 0.1, "fail"),
        ("first group", 0.1, "warn"),
        ("in place", 0.1, "pass"),
        ("in place", 1e-13, "inconclusive"),
        ("after many calls", 0.1, "inconclusive"),
    ],
)
def test_an_optimizer_that_writes_nothing_fails(way: str, rate: float, status: str) -> None:
    """One whose new values are dropped moves nothing at any rate; rounding, and a turn that comes late, do."""
    model = network()
    groups = [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]
    result = run_one(CHECK, **program(usual, model, optimizer=OwnDescent(groups, rate, way=way)))
    assert result.status == status, result
    assert status not in ("fail", "warn") or ("writes nothing" in result.title and "OwnDescent" in str(result.place))


def test_updates_by_hand_that_come_now_and_then_are_open() -> None:
    """A step without an optimizer that writes to the weights on each hundredth call has not failed before that."""

    def step(model: nn.Module, batch: Any, step: int) -> Any:
        loss = loss_of(model, batch)
        loss.backward()
        if (step + 1) % 100 == 0:
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(0.1 * p.grad)
                    p.grad = None
        return loss

    def dropping(model: nn.Module, batch: Any) -> Any:
        loss = loss_of(model, batch)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p = p - 0.1 * p.grad  # noqa: PLW2901 - the fault
        model.zero_grad()
        return loss

    assert run_one(CHECK, **program(step, optimizer=None)).status == "inconclusive"
    assert run_one(CHECK, **program(dropping, optimizer=None)).status == "fail"


def test_updates_by_hand_of_what_has_a_gradient_are_judged() -> None:
    """A step that binds a name anew for each parameter with a gradient fails; one that writes in place passes."""

    def dropping(model: nn.Module, batch: Any) -> Any:
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p = p - 0.1 * p.grad  # noqa: PLW2901 - the fault
        return loss

    def writing(model: nn.Module, batch: Any) -> Any:
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= 0.1 * p.grad  # noqa: PLW2901 - in place
        return loss

    assert run_one(CHECK, **program(dropping, optimizer=None)).status == "fail"
    assert run_one(CHECK, **program(writing, optimizer=None)).status == "pass"


class Layered(nn.Module):
    """A body of two layers and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


@pytest.mark.parametrize("step", [usual, None])
def test_a_head_whose_group_was_never_given_to_the_optimizer_fails(step: Any) -> None:
    """Parameters that no optimizer holds fail where they work on what trained ones of a new network give them."""
    model = Layered()
    groups = [{"params": model.body.parameters()}, {"params": iter(())}]
    result = run_one(CHECK, **program(step, model, optimizer=torch.optim.SGD(groups, 0.1)))
    assert result.status == "fail"
    assert result.where == "head.bias"
    assert "no optimizer holds" in result.title


@pytest.mark.parametrize("kind", ["fixed head", "judge", "reservoir"])
def test_what_an_optimizer_without_an_empty_group_leaves_out_is_silent(kind: str) -> None:
    """A fixed head, a judge that another optimizer trains, and a fixed matrix between trained ones pass."""
    model: Any = Layered()
    if kind == "fixed head":
        nn.init.orthogonal_(model.head.weight)
    if kind == "reservoir":
        model = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.Linear(16, 3))
    left = {"fixed head": "head", "judge": "head", "reservoir": "1."}[kind]
    kept = [one for name, one in model.named_parameters() if not name.startswith(left)]
    result = run_one(CHECK, **program(None if kind == "judge" else usual, model, optimizer=torch.optim.Adam(kept)))
    assert result.status == "pass"
    assert "more are held by no optimizer" in result.summary


class Adapted(nn.Module):
    """A layer with a small one beside it that is added to what it gives."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(16, size)
        self.adapter = nn.Linear(16, size, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + 0.1 * self.adapter(x)


@pytest.mark.parametrize("held", ["head", "bias", "adapter", "before", "trained", "judge"])
def test_parameters_left_out_on_purpose_are_silent(held: str) -> None:
    """A probe, biases alone, adapters, a prompt, a trained network, and a network that judges another one pass."""
    model: Any = Layered()
    if held == "adapter":
        model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), Adapted(16), nn.ReLU(), Adapted(3))
    if held == "before":
        model = nn.Sequential(nn.Linear(4, 4, bias=False), *network())
    if held == "trained":
        for _ in range(60):
            usual(model, batches(1)[0], torch.optim.Adam(model.parameters(), 0.02))
        model.zero_grad()
    kept = {
        "head": lambda name: name.startswith("head"),
        "bias": lambda name: "bias" in name,
        "adapter": lambda name: "adapter" in name,
        "before": lambda name: name == "0.weight",
        "trained": lambda name: name.startswith("body"),
        "judge": lambda name: name.startswith("body"),
    }[held]
    optimizer = torch.optim.SGD([one for name, one in model.named_parameters() if kept(name)], 0.01)
    arguments = program(usual, model, optimizer=optimizer)
    if held == "judge":
        arguments["task"] = "other"
    assert run_one(CHECK, **arguments).status == "pass"


def _adversarial(*, thaws: bool) -> dict[str, Any]:
    """A judge that is frozen while the maker is trained, and thawed again or not."""
    model = nn.ModuleDict({"maker": nn.Linear(2, 4), "judge": nn.Linear(4, 1)})
    maker, judge = (torch.optim.SGD(part.parameters(), 0.1) for part in model.values())

    def step(batch: Any) -> Any:
        made = model["maker"](batch[0][:, :2])
        if thaws:
            model["judge"].requires_grad_(requires_grad=True)
        judge.zero_grad()
        told = (nn.functional.softplus(-model["judge"](batch[0])) + nn.functional.softplus(model["judge"](made))).mean()
        told.backward(retain_graph=True)
        judge.step()
        model["judge"].requires_grad_(requires_grad=False)
        maker.zero_grad()
        loss = nn.functional.softplus(-model["judge"](model["maker"](batch[0][:, :2]))).mean()
        loss.backward()
        maker.step()
        return loss

    return program(step, model, optimizer={"maker": maker, "judge": judge}, task="other")


@pytest.mark.parametrize(("thaws", "status"), [(False, "fail"), (True, "pass")])
def test_a_network_that_is_frozen_for_a_moment_and_never_thawed_fails(thaws: bool, status: str) -> None:
    """An optimizer that steps on, and whose parameters get no gradient after the first step, fails."""
    result = run_one(CHECK, **_adversarial(thaws=thaws))
    assert result.status == status
    assert thaws or "judge.weight" in result.detail


def test_gradients_of_zero_come_all_the_same() -> None:
    """A hinge that all samples satisfy sends zeros, and nothing is shut off."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        optimizer.zero_grad()
        loss = (1 - model(batch[0]).square().sum()).relu()
        loss.backward()
        optimizer.step()
        return loss

    model = network()
    model[2].weight.data.mul_(20)
    assert run_one(CHECK, **program(step, model)).status == "pass"


def _by_remainder(model: nn.Module, batch: Any, optimizer: Any, step: int) -> Any:
    loss = loss_of(model, batch)
    loss.backward()
    if step % 4 == 4:
        optimizer.step()
        optimizer.zero_grad()
    return loss


def test_a_remainder_as_large_as_its_divisor_never_lets_the_optimizer_step() -> None:
    """`step % 4 == 4` is never met, so that nothing is ever updated."""
    assert run_one(CHECK, **program(_by_remainder)).status == "fail"


def test_a_scaler_whose_step_is_never_called_fails() -> None:
    """A step that scales, unscales and updates the scaler, and never steps, updates nothing."""

    def step(model: nn.Module, batch: Any, optimizer: Any, scaler: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.update()
        return loss

    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    assert run_one(CHECK, **program(step, scaler=scaler)).status == "fail"


@pytest.mark.parametrize("kind", ["if else", "by place", "by number"])
def test_optimizers_and_parts_that_have_their_turn_later_never_fail(kind: str) -> None:
    """Alternating training that picks an optimizer in each call, or frees a part in one call of many, is no finding."""
    model = network()
    both = [torch.optim.SGD(part.parameters(), 0.1) for part in (model[0], model[2])]

    def picked(batch: Any, step: int) -> Any:
        one = both[0] if step // 100 % 2 == 0 else both[1]
        return usual(model, batch, one)

    def placed(batch: Any, step: int) -> Any:
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        both[step // 100 % 2].step()
        return loss

    def freed(batch: Any, step: int) -> Any:
        model[2].requires_grad_(step % 10 == 0)
        model.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        for one in both:
            one.step()
        return loss

    own = {"if else": picked, "by place": placed, "by number": freed}[kind]
    assert run_one(CHECK, **program(own, model, optimizer=both)).status != "fail"


class _Scaled:
    """A scaler that goes back and steps in one call, as some libraries have it."""

    def __init__(self) -> None:
        self.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)

    def __call__(self, loss: Any, optimizer: Any, *, update: bool) -> None:
        self.scaler.scale(loss).backward()
        if update:
            self.scaler.step(optimizer)
            self.scaler.update()


def test_a_scaler_that_a_step_is_given_as_an_object_may_step_later() -> None:
    """Of a step bound to an object that scales and steps, and accumulates for long, nothing is certain."""

    def step(scaled: Any, model: nn.Module, batch: Any, optimizer: Any, step: int) -> Any:
        loss = loss_of(model, batch) / 32
        scaled(loss, optimizer, update=(step + 1) % 32 == 0)
        return loss

    assert run_one(CHECK, **program(functools.partial(step, _Scaled()))).status == "inconclusive"


def two_networks(detaches: bool, *, holds_frozen: bool = False) -> CheckResult:
    """The check on a generator and a judge of what it makes, each with an optimizer of its own."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"maker": nn.Linear(4, 4), "judge": nn.Linear(4, 1), "eye": nn.Linear(4, 4)})
    of_maker = torch.optim.SGD(model["eye" if holds_frozen else "maker"].parameters(), lr=0.1)
    of_judge = torch.optim.SGD(model["judge"].parameters(), lr=0.1)
    model["eye"].requires_grad_(False)

    def plain(model: Any, batch: Any, optimizer: Any) -> Any:
        of_judge.zero_grad()
        made = model["maker"](batch[0])
        loss = F.softplus(-model["judge"](batch[0])).mean() + F.softplus(model["judge"](made.detach())).mean()
        loss.backward()
        of_judge.step()
        of_maker.zero_grad()
        F.softplus(-model["judge"](made)).mean().backward()
        of_maker.step()
        return loss

    def cut(model: Any, batch: Any, optimizer: Any) -> Any:
        of_judge.zero_grad()
        made = model["maker"](batch[0])
        loss = F.softplus(-model["judge"](batch[0])).mean() + F.softplus(model["judge"](made.detach())).mean()
        loss.backward()
        of_judge.step()
        of_maker.zero_grad()
        F.softplus(-model["judge"](made.detach())).mean().backward()
        of_maker.step()
        return loss

    step = cut if detaches else plain
    optimizers = {"maker": of_maker, "judge": of_judge}
    named = {"loader": batches(), "train_step": step, "optimizer": optimizers}
    return run_one(CHECK, model=model, **named)


def test_an_optimizer_for_which_no_gradient_ever_comes_fails() -> None:
    """A maker whose work is detached for its own loss too is never trained, though its optimizer steps each time."""
    found = two_networks(detaches=True)
    assert found.status == "fail"
    assert found.where.startswith("maker")
    assert "detach" in found.detail


@pytest.mark.parametrize("holds_frozen", [False, True])
def test_two_networks_that_take_turns_are_both_trained(holds_frozen: bool) -> None:
    """With a gradient for each optimizer all is well; one that holds frozen parameters alone is asked for nothing."""
    assert two_networks(detaches=False, holds_frozen=holds_frozen).status == "pass"


@pytest.mark.parametrize("kind", ["tasks", "stages"])
def test_parts_whose_turn_has_not_come_are_no_fault(kind: str) -> None:
    """All optimizers step each time: that of another task's head, and that of a body which is to be thawed later."""
    torch.manual_seed(0)
    model = nn.ModuleDict({"body": nn.Linear(4, 8), "first": nn.Linear(8, 3), "second": nn.Linear(8, 3)})
    optimizers = {name: torch.optim.SGD(part.parameters(), lr=0.1) for name, part in model.items()}
    thawed = kind == "tasks"

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        with torch.set_grad_enabled(thawed):
            made = model["body"](batch[0])
        names = ["first"] if thawed else ["first", "second"]
        loss = sum(F.cross_entropy(model[name](made), batch[1]) for name in names)
        for one in optimizers.values():
            one.zero_grad()
        loss.backward()
        for one in optimizers.values():
            one.step()
        return loss

    assert run_one(CHECK, model=model, loader=batches(), train_step=step, optimizer=optimizers).status == "pass"


def test_an_optimizer_whose_step_sets_its_rate_writes() -> None:
    """Made with a rate of 0, which each step sets, it loses the updates of large numbers to rounding, and no others."""
    model = network()
    nn.init.constant_(model[2].bias, 1e6)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)

    def step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        optimizer.step()
        return loss

    found = run_one(CHECK, **program(step, model, optimizer=optimizer))
    assert found.status == "pass"
    assert "too small for their type" in found.summary
