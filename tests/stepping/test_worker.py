"""The thread of a pass: interrupted, timed out, stopped, abandoned, collected; and no trace of it."""

from __future__ import annotations

import _thread
import copy
import gc
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nbinspect.errors import CaptureError, NbinspectError
from nbinspect.stepping import worker
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import Net, normal, subject
from tests.stepping.threads import WAIT, passes_alive

pytestmark = pytest.mark.slow

Opened = Callable[..., ForwardStepper]


def picture(net: nn.Module) -> Any:
    """Everything of a model and of the process that a pass could leave a trace in."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs")
    modules = [
        (
            module.training,
            [list(map(id, getattr(module, name).values())) for name in hooks],
            id(module.forward.__func__),
        )
        for module in net.modules()
    ]
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    values = {
        name: (
            id(t),
            t._version,
            t.data_ptr(),
            t.detach().numpy().tobytes(),
            None if t.grad is None else t.grad.tolist(),
        )
        for name, t in tensors.items()
    }
    state = np.random.get_state(legacy=False)
    randoms = (torch.get_rng_state().tolist(), state["state"]["key"].tolist(), state["state"]["pos"], random.getstate())
    flags = (
        torch.backends.mha.get_fastpath_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.compiler._is_compiling_flag if hasattr(torch.compiler, "_is_compiling_flag") else None,
        getattr(getattr(torch._dynamo.eval_frame, "_stance", None), "stance", None),
        torch.is_autocast_cache_enabled(),
        torch.overrides._get_current_function_mode_stack(),
    )
    return modules, values, randoms, flags


class Watched(Net):
    """Says that it has begun, and goes on when it is let."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        self.work()
        return x * torch.rand(1)


def test_nothing_is_left_behind_at_any_suspension(opened: Opened) -> None:
    """Bytes, versions, gradients, hooks, flags, modes and random states are what they were after every step."""
    net = Net()
    net(normal(4, 3, 8, 8)).sum().backward()
    net.fc.eval()
    before = picture(net)
    stepper = opened(net, (normal(4, 3, 8, 8), torch.arange(4)), nn.CrossEntropyLoss())
    assert picture(net) == before
    while stepper.into() is not None:
        assert picture(net) == before
        if stepper.step.name == "F.relu":
            stepper.replace(stepper.tensor * 2)
            stepper.look(compare="eval")
            stepper.runs.keep()
            stepper.looker.receptive_field(stepper.step.index, (0, 0, 1, 1))
    assert stepper.effect is not None
    stepper.record(gradients=True)
    assert picture(net) == before
    stepper.close()
    assert picture(net) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_a_model_raises_is_recorded_without_a_trace(opened: Opened, error: type[BaseException]) -> None:
    """Whatever kind of exception the forward raises, the pass is failed with it, and nothing is left behind."""

    def work() -> None:
        raise error("planted")

    net = Watched(work)
    before = picture(net)
    stepper = opened(net, normal(4, 3, 8, 8))
    stepper.run()
    assert stepper.state == "failed"
    assert stepper.failure.error == f"{error.__name__}: planted"
    assert picture(net) == before


def test_an_interrupt_ends_the_pass_and_goes_on_to_the_caller(opened: Opened) -> None:
    """An Interrupt while a command waits stops the pass, puts everything back, and is raised."""
    begun, never = threading.Event(), threading.Event()

    def work() -> None:
        torch.rand(5)
        begun.set()
        while not never.is_set():
            pass

    def interrupt() -> None:
        if begun.wait(WAIT):
            _thread.interrupt_main()

    net = Watched(work)
    before = picture(net)
    stepper = opened(net, normal(4, 3, 8, 8))
    waiting = threading.Thread(target=interrupt)
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        stepper.run()
    waiting.join(WAIT)
    assert picture(net) == before
    assert stepper.state == "stopped"
    assert not passes_alive()
    with pytest.raises(NbinspectError, match=r"restart\(\)"):
        stepper.over()


def test_a_pass_that_takes_too_long_can_be_waited_for(opened: Opened) -> None:
    """After a time-out the pass is held where it is, no random number of the caller's is drawn, and wait goes on."""
    end = threading.Event()

    def work() -> None:
        end.wait(WAIT)

    net = Watched(work)
    torch.manual_seed(0)
    expected_stepper = opened(Watched(lambda: None), normal(4, 3, 8, 8))
    stepper = opened(net, normal(4, 3, 8, 8), timeout=0.2)
    net.load_state_dict(expected_stepper.runs.subject.network.state_dict())
    before = picture(net)
    with pytest.raises(CaptureError, match=r"wait\(\)"):
        stepper.run()
    assert stepper.state == "running"
    with pytest.raises(NbinspectError, match="still running"):
        stepper.over()
    assert not stepper.wait(0)
    assert picture(net) == before
    end.set()
    assert stepper.wait(WAIT)
    assert stepper.state == "finished"
    expected_stepper.run()
    assert torch.equal(stepper.outputs, expected_stepper.outputs)
    assert picture(net) == before


def test_a_loop_that_never_ends_is_stopped(opened: Opened) -> None:
    """A loop in Python that reaches no further step, and catches every Exception, is ended by stop."""
    never = threading.Event()

    def work() -> None:
        while not never.is_set():
            try:
                int("1")
            except Exception:  # noqa: BLE001, PERF203 - as users write it
                continue

    net = Watched(work)
    stepper = opened(net, normal(4, 3, 8, 8), timeout=0.2)
    with pytest.raises(CaptureError):
        stepper.run()
    assert stepper.stop()
    assert stepper.state == "stopped"
    assert not passes_alive()
    stepper.restart()
    assert stepper.over().name == "Conv2d"


def test_a_loop_of_steps_that_never_ends_is_held_and_stopped(opened: Opened) -> None:
    """After the time-out a forward that steps on and on is held, draws no number of the caller's, and stops."""
    late, many, steps = threading.Event(), threading.Event(), []

    class Endless(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            while True:
                x = x + torch.rand(1)
                if late.is_set():
                    steps.append(x)
                if len(steps) > 2:
                    many.set()

    stepper = opened(Endless(), torch.zeros(2), timeout=0.3)
    before = torch.get_rng_state()
    with pytest.raises(CaptureError):
        stepper.run()
    late.set()
    assert not many.wait(0.3)
    assert torch.equal(torch.get_rng_state(), before)
    assert not stepper.wait(0.3)
    assert many.is_set()
    assert stepper.stop()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_thread_that_is_blocked_is_abandoned_with_a_word(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where compiled code blocks, stop says False, and the thread ends by itself as soon as it can."""
    monkeypatch.setattr(worker, "_PATIENCE", 0.2)
    lock = threading.Lock()
    lock.acquire()
    net = Watched(lock.acquire)
    stepper = opened(net, normal(4, 3, 8, 8), timeout=0.2)
    with pytest.raises(CaptureError):
        stepper.run()
    assert not stepper.stop()
    assert stepper.state == "stopped"
    lock.release()


def test_a_stepper_that_was_never_closed_ends_with_its_last_reference() -> None:
    """Its thread ends, and its clone and tensors are freed."""
    stepper = ForwardStepper(subject(Net()), normal(4, 3, 8, 8))
    stepper.run_to("F.relu")
    (thread,) = passes_alive()
    live = weakref.ref(stepper.tensor)
    del stepper
    gc.collect()
    thread.join(WAIT)
    assert not thread.is_alive()
    gc.collect()
    assert live() is None


def test_steppers_leave_no_thread_and_no_pass(opened: Opened) -> None:
    """Restarted, looked at, finished and closed steppers leave no thread behind, nor the passes before."""
    count = threading.active_count()
    stepper = opened(Net(), normal(4, 3, 8, 8))
    passes = []
    for _ in range(3):
        stepper.run_to("F.relu")
        stepper.look(1)
        passes.append(weakref.ref(stepper._pass))
        stepper.restart()
    gc.collect()
    assert [one() for one in passes] == [None] * 3
    stepper.run()
    stepper.close()
    assert threading.active_count() == count


def test_a_setting_that_a_forward_changes_stays_its_own(opened: Opened) -> None:
    """Process-wide settings that the model has changed where it is suspended are not the caller's."""

    class Sets(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float64)
            try:
                x = x + 1
                return x + torch.ones(2)
            finally:
                torch.set_default_dtype(before)

    stepper = opened(Sets(), torch.zeros(2))
    stepper.into()
    assert torch.get_default_dtype() is torch.float32
    stepper.run()
    assert stepper.outputs.dtype is torch.float64
    stepper.restart()
    stepper.into()
    stepper.close()
    assert torch.get_default_dtype() is torch.float32


def test_context_variables_are_those_of_the_code_that_opened_the_stepper(opened: Opened) -> None:
    """The pass reads them, and what it sets is not seen outside."""
    from contextvars import ContextVar

    scale: ContextVar[float] = ContextVar("scale", default=1.0)

    class Scales(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x * scale.get()
            scale.set(9.0)
            return x + 0

    token = scale.set(3.0)
    stepper = opened(Scales(), torch.ones(2))
    scale.reset(token)
    stepper.run()
    assert stepper.outputs.tolist() == [3.0, 3.0]
    assert scale.get() == 1.0


def test_the_picture_of_the_process_sees_a_trace() -> None:
    """The comparison that the tests rest on notices a written buffer, a hook and a drawn number."""
    net = Net()
    before = picture(net)
    again = copy.deepcopy(before)
    assert again == before
    torch.rand(1)
    assert picture(net) != before
    before = picture(net)
    net(normal(4, 3, 8, 8))
    assert picture(net) != before
    before = picture(net)
    handle = net.conv.register_forward_hook(lambda *_: None)
    assert picture(net) != before
    handle.remove()
