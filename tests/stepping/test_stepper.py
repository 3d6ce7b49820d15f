"""Stepping live: where it stops, what comes out, what a change changes, and that it leaves no trace."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.errors import CaptureError, InputError, NbinspectError
from nbinspect.nested import tensors_in
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import MODELS, Nested, Net, Writes, called, made, normal, subject

pytestmark = pytest.mark.slow

Opened = Callable[..., ForwardStepper]


def all_stops(stepper: ForwardStepper, command: str) -> list[int]:
    found = []
    while (step := getattr(stepper, command)()) is not None:
        found.append(step.index)
    assert stepper.failure is None, stepper.failure
    return found


def same(one: Any, other: Any) -> bool:
    pairs = list(zip(tensors_in(one, ""), tensors_in(other, ""), strict=True))
    return bool(pairs) and all(
        a.dtype == b.dtype and torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for (_, a), (_, b) in pairs
    )


# --- where it stops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["operation", "module"])
@pytest.mark.parametrize("name", MODELS)
def test_commands_stop_where_a_debugger_would(opened: Opened, name: str, level: Any) -> None:
    """Into stops after every step, over after the next one no deeper, out after the next one less deep."""
    model, batch = made(name)
    model.eval()
    ended = all_stops(opened(model, batch, level=level), "into")
    steps = {step.index: step for step in opened(model, batch).record(level=level).steps}
    assert sorted(ended) == sorted(steps)
    parents = {index: step.parent for index, step in steps.items()}
    assert all(ended.index(index) < ended.index(parent) for index, parent in parents.items() if parent is not None)

    def expected(start: int, allowed: Callable[[int], bool]) -> list[int]:
        return [index for index in ended[start:] if allowed(steps[index].depth)][:1]

    stops, here, depth = [], 0, 1
    while found := expected(here, lambda d, depth=depth: d <= depth):
        stops += found
        here, depth = ended.index(found[0]) + 1, steps[found[0]].depth
    assert all_stops(opened(model, batch, level=level), "over") == stops
    stepper = opened(model, batch, level=level)
    for _ in range(len(ended) // 2 or 1):
        stepper.into()
    here, depth = ended.index(stepper.step.index) + 1, stepper.step.depth
    step = stepper.out()
    assert ([] if step is None else [step.index]) == expected(here, lambda d: d < depth)


def test_over_stays_beside_the_parts_that_a_forward_of_the_users_calls(opened: Opened) -> None:
    """With a `forward` that calls parts of the model, over does not enter them."""
    net = Nested()
    inspected = subject(net, forward=lambda model, batch: model.stages[1](model.stages[0](batch)) * 2)
    stepper = opened(inspected, normal(2, 3, 6, 6))
    assert [stepper.over().name for _ in range(3)] == ["Block", "Block", "Tensor.mul"]
    assert stepper.over() is None


def test_forward_and_split_of_the_user_run_on_the_clone(opened: Opened) -> None:
    """A `forward` that closes over the model steps through the clone, and leaves the model's buffers alone."""
    net = Net()
    inspected = subject(
        net, F.cross_entropy, forward=lambda _, batch: net(batch["x"]), split=lambda b: (b["x"], b["t"])
    )
    stepper = opened(inspected, {"x": normal(4, 3, 8, 8), "t": torch.arange(4)})
    assert stepper.over().name == "Conv2d"
    stepper.run()
    assert stepper.loss is not None
    assert net.bn.num_batches_tracked == 0


def test_run_to_goes_to_steps_and_places(opened: Opened) -> None:
    """Run to a step ahead goes on, to one behind begins again, to a module that is running goes to its end."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    assert stepper.run_to("F.relu").name == "F.relu"
    relu = stepper.step
    passed = stepper.tensor.clone()
    assert stepper.run_to(0).index == 0
    assert stepper.reached > relu.index
    assert stepper.run_to(relu).index == relu.index
    assert torch.equal(stepper.tensor, passed)
    assert stepper.run_to("fc").path == "fc"
    assert stepper.run_to(relu.index + 2).index == relu.index + 2
    with pytest.raises(InputError, match="0 or greater"):
        stepper.run_to(-1)
    with pytest.raises(InputError, match="did you mean 'fc'"):
        stepper.run_to("fcc")


def test_back_looks_at_what_was_recorded_and_over_comes_forward_again(opened: Opened) -> None:
    """Back goes one recorded step at a time without moving the pass, and over returns to the cursor first."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    for _ in range(4):
        stepper.into()
    cursor, live = stepper.step.index, stepper.tensor
    assert stepper.back().index < cursor
    assert stepper.back().index < cursor
    while stepper.step.index != cursor:
        stepper.over()
    assert stepper.tensor is live
    assert stepper.view is None


def test_restart_begins_again_with_the_same_random_numbers(opened: Opened) -> None:
    """After restart the same steps make the same values, dropout included, and replaced tensors are forgotten."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    stepper.run_to("drop")
    first = stepper.tensor.clone()
    stepper.replace(torch.zeros_like(first))
    stepper.restart()
    assert stepper.state == "ready"
    stepper.run_to("drop")
    assert torch.equal(stepper.tensor, first)
    assert stepper.effect is None


# --- what comes out --------------------------------------------------------------------------------------------------


def grad_modes() -> dict[str, Any]:
    return {
        "train": nullcontext,
        "no_grad": torch.no_grad,
        "inference": torch.inference_mode,
        "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
        "device": lambda: torch.device("cpu"),
    }


@pytest.mark.parametrize("mode", grad_modes())
@pytest.mark.parametrize("name", MODELS)
def test_the_output_is_that_of_the_model_to_the_last_bit(opened: Opened, name: str, mode: str) -> None:
    """A stepped pass returns what the model itself returns from the same seed, in the mode of the caller."""
    model, batch = made(name)
    twin, again = copy.deepcopy((model, batch))
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with grad_modes()[mode]():
            torch.manual_seed(3)
            stepper = opened(model, batch)
            expected = called(twin, again)
            if mode == "train":
                torch.manual_seed(8)  # the caller draws on between the slices
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    while stepper.over() is not None:
        torch.rand(3), np.random.rand(), random.random()
    assert stepper.failure is None
    assert same(stepper.outputs, expected)
    one, other = (next(tensors_in(value, ""))[1] for value in (stepper.outputs, expected))
    assert (one.requires_grad, one.is_inference()) == (other.requires_grad, other.is_inference())


def test_the_output_is_in_the_callers_default_dtype(opened: Opened) -> None:
    """The default dtype and the number of threads are those of the code that opened the stepper."""

    class Makes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert torch.get_num_threads() == threads
            return x + torch.ones(3)

    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    try:
        stepper = opened(Makes(), torch.zeros(2, 3))
    finally:
        torch.set_default_dtype(torch.float32)
    stepper.into()
    assert stepper.tensor.dtype is torch.float64
    assert torch.get_default_dtype() is torch.float32
    assert stepper.run() is None
    assert stepper.failure is None


def test_both_streams_of_random_numbers_stay_what_they_were(opened: Opened) -> None:
    """What is drawn in the notebook between slices is what it would have been, and so is the pass's own."""

    class Draws(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(4):
                x = x + torch.rand(2) + float(np.random.rand()) + random.random()
            return x

    def seed() -> None:
        torch.manual_seed(1), np.random.seed(1), random.seed(1)

    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    seed()
    expected = Draws()(torch.zeros(2))
    seed()
    wanted = [draw() for _ in range(30)]
    seed()
    stepper = opened(Draws(), torch.zeros(2))
    got = []
    while stepper.into() is not None:
        got.append(draw())
    assert got == wanted[: len(got)]
    assert torch.equal(stepper.outputs, expected)


def test_the_model_can_be_used_and_trained_while_a_pass_is_suspended(opened: Opened) -> None:
    """The user's own call, a training step and a second stepper meet no hook of ours, and the pass says it is stale."""
    net, x = Net(), normal(4, 3, 8, 8)
    stepper, other = opened(net, x), opened(net, x)
    stepper.run_to("conv")
    other.run_to("F.relu")
    reference = copy.deepcopy(net)
    torch.manual_seed(0)
    expected = reference(x)
    torch.manual_seed(0)
    got = net(x)
    assert torch.equal(got, expected)
    assert stepper.stale is None
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    got.sum().backward()
    optimizer.step()
    expected.sum().backward()
    torch.optim.SGD(reference.parameters(), lr=0.1).step()
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), reference.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), reference.buffers(), strict=True))
    assert "were changed" in stepper.stale
    assert stepper.run() is None
    assert other.run() is None
    assert stepper.failure is None


# --- what a change changes -------------------------------------------------------------------------------------------


def test_a_replaced_tensor_goes_on_and_its_effect_is_that_of_a_manual_run(opened: Opened) -> None:
    """With an activation zeroed, the rest, the loss, the predictions and what moved are those worked out by hand."""
    torch.manual_seed(0)
    net = Net().eval()
    x, t = normal(6, 3, 8, 8), torch.arange(6) % 5
    stepper = opened(net, (x, t), nn.CrossEntropyLoss())
    stepper.run_to("F.relu")
    stepper.replace(torch.zeros_like(stepper.tensor))
    assert "the outputs follow" in stepper.effect.text
    stepper.run()
    with torch.no_grad():
        before, after = net(x), net.fc(torch.zeros(6, 128))
    assert torch.equal(stepper.outputs, after)
    effect = stepper.effect
    losses = (F.cross_entropy(before, t).item(), F.cross_entropy(after, t).item())
    assert effect.loss == pytest.approx(losses)
    assert effect.greatest == pytest.approx((before - after).abs().max().item())
    assert effect.predictions == (int((before.argmax(1) != after.argmax(1)).sum()), 6)
    moved = dict(effect.moved)
    fc = next(step.index for step in stepper.steps if step.name == "F.linear")
    assert moved[fc] == pytest.approx(float((before - after).norm() / before.norm()), rel=1e-5)
    assert moved[next(step.index for step in stepper.steps if step.name == "F.relu")] == pytest.approx(1.0)
    assert "predictions change" in effect.text


def test_two_replaced_tensors_in_one_pass_both_count(opened: Opened) -> None:
    """Noise on one activation and a patch of another run's on a module's output both go into the outputs."""
    torch.manual_seed(0)
    net, x = Net().eval(), normal(4, 3, 8, 8)
    other = opened(net, normal(4, 3, 8, 8, seed=5))
    other.run_to("drop")
    patch = other.tensor.detach().clone()
    patch[2:] = 0
    stepper = opened(net, x)
    stepper.run_to("conv")
    noisy = stepper.tensor.detach() + normal(4, 8, 8, 8, seed=9)
    stepper.replace(noisy)
    with torch.no_grad():
        through = F.max_pool2d(F.relu(net.bn(noisy)), 2).flatten(1)
    stepper.run_to("drop")
    assert torch.equal(stepper.tensor, through)
    stepper.replace(patch)
    stepper.run()
    with torch.no_grad():
        assert torch.equal(stepper.outputs, net.fc(patch))
    assert sorted(stepper.runs.changes) == [
        step.index for step in stepper.steps if step.path in ("conv", "drop") and step.kind == "module"
    ]


def test_steps_that_write_in_place_are_written_to(opened: Opened) -> None:
    """Replacing what an in-place step or an assignment to an index made changes the tensor that was written to."""
    model, x = Writes(), normal(3, 4)
    stepper = opened(model, x.clone())
    stepper.run_to("Tensor.mul_")
    stepper.replace(torch.ones(3, 4))
    stepper.run_to("Tensor.__setitem__")
    expected = model.layer(torch.ones(3, 4)).detach()
    expected[0] = 1
    assert torch.equal(stepper.tensor, expected)
    stepper.replace(torch.full((3, 4), 5.0))
    stepper.run_to("Tensor.topk")
    assert torch.equal(stepper.tensor, torch.full((3, 2), 5.0))
    stepper.replace(torch.zeros(3, 2))
    stepper.run()
    assert torch.equal(stepper.outputs["logits"], torch.full((3, 4), 5.0))
    assert torch.equal(stepper.outputs["top"][0], torch.zeros(3, 2))
    assert stepper.outputs["top"][1].dtype is torch.int64


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda t: t[:1], r"expected shape \(4, 8, 8, 8\), got \(1, 8, 8, 8\)"),
        (lambda t: t.double(), "expected dtype torch.float32, got torch.float64"),
        (lambda t: t.to("meta"), "expected device cpu, got meta"),
        (lambda t: t.detach().numpy(), "expected a tensor like `tensor`, got a numpy.ndarray"),
    ],
)
def test_what_cannot_stand_for_the_tensor_is_refused(opened: Opened, wrong: Any, said: str) -> None:
    """Another shape, dtype or device, or no tensor, is refused before anything is changed."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    with pytest.raises(NbinspectError, match="step into it first"):
        stepper.replace(torch.zeros(1))
    stepper.run_to("conv")
    before = stepper.tensor.clone()
    with pytest.raises(InputError, match=said):
        stepper.replace(wrong(stepper.tensor))
    assert torch.equal(stepper.tensor, before)
    assert stepper.effect is None


def test_an_edited_batch_is_compared_with_the_one_before(opened: Opened) -> None:
    """After an edit the pass begins again on the new input, and the effect is that of the change of input."""
    torch.manual_seed(0)
    net, x = Net().eval(), normal(4, 3, 8, 8)
    stepper = opened(net, x)
    stepper.over()
    painted = x.clone()
    painted[:, :, :4, :4] = 0
    stepper.edit(painted)
    assert stepper.state == "ready"
    stepper.run()
    with torch.no_grad():
        assert stepper.effect.greatest == pytest.approx((net(x) - net(painted)).abs().max().item())
    with pytest.raises(InputError, match="with tensors"):
        stepper.edit("nothing")
    assert stepper.state == "finished"


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_input_that_does_not_fit_is_explained_at_its_line(opened: Opened) -> None:
    """The pass up to the failure is kept, with the step, the line and what it was given."""
    stepper = opened(Net(), normal(4, 3, 10, 10))
    assert stepper.run() is None
    assert stepper.state == "failed"
    assert "mat1 and mat2" in stepper.failure.error
    assert "128" in stepper.failure.explanation
    assert stepper.steps[stepper.failure.step].name == "F.linear"
    assert stepper.outputs is None
    with pytest.raises(NbinspectError, match=r"restart\(\)"):
        stepper.over()
    stepper.restart(batch=normal(4, 3, 8, 8))
    assert stepper.run() is None
    assert stepper.failure is None


def test_a_loss_that_raises_is_a_failure_after_the_outputs(opened: Opened) -> None:
    """The outputs stay, and no step of the model is blamed."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        raise ValueError("no such class")

    stepper = opened(Net(), (normal(4, 3, 8, 8), torch.arange(4)), loss)
    stepper.run()
    assert stepper.state == "failed"
    assert stepper.failure.error == "ValueError: no such class"
    assert stepper.failure.step is None
    assert stepper.outputs.shape == (4, 5)


def test_stepping_after_the_end_and_after_close_is_refused(opened: Opened) -> None:
    """Every command says what to do instead."""
    stepper = opened(Net(), normal(4, 3, 8, 8))
    assert stepper.run() is None
    for command in (stepper.over, stepper.into, stepper.out, stepper.run):
        with pytest.raises(NbinspectError, match=r"restart\(\)"):
            command()
    stepper.close()
    assert stepper.state == "closed"
    refused = [stepper.over, stepper.restart, stepper.record, stepper.look, lambda: stepper.edit(1)]
    for command in refused:
        with pytest.raises(NbinspectError, match="closed"):
            command()
    stepper.close()


def test_a_batch_and_a_level_that_are_none_are_refused() -> None:
    """A batch beside an input_shape, an unknown level and no batch at all are refused at once."""
    with pytest.raises(InputError, match="both"):
        ForwardStepper(subject(Net()), normal(4, 3, 8, 8), input_shape=(4, 3, 8, 8))
    with pytest.raises(InputError, match="level"):
        ForwardStepper(subject(Net()), normal(4, 3, 8, 8), level="line")  # type: ignore[arg-type] # the point
    with pytest.raises(NbinspectError, match="no loader"):
        ForwardStepper(subject(Net()))


def test_record_runs_in_the_modes_of_the_stepper_and_moves_nothing(opened: Opened) -> None:
    """The record of a whole pass has the values of the live one, and the live one stays where it is."""
    torch.manual_seed(4)
    net = Net()
    with torch.no_grad():
        stepper = opened(net, normal(4, 3, 8, 8))
    stepper.run_to("drop")
    live = stepper.tensor.double().mean().item()
    state = torch.get_rng_state()
    recorded = stepper.record()
    assert torch.equal(torch.get_rng_state(), state)
    assert stepper.step.path == "drop"
    assert not recorded.record.grad_enabled
    assert recorded.steps[stepper.step.index].outputs[0].moments.mean == pytest.approx(live, rel=1e-5)


def test_a_model_that_a_thread_trains_is_refused(opened: Opened) -> None:
    """Stepping does not begin while another thread is at work on the model."""
    import threading

    net, running, end = Net(), threading.Event(), threading.Event()

    def train(model: nn.Module) -> None:
        running.set()
        end.wait(20)

    thread = threading.Thread(target=train, args=(net,))
    thread.start()
    try:
        assert running.wait(20)
        stepper = opened(net, normal(4, 3, 8, 8))
        with pytest.raises(CaptureError, match="in use in thread"):
            stepper.over()
        assert stepper.state == "ready"
    finally:
        end.set()
        thread.join(20)
    assert stepper.over().name == "Conv2d"
