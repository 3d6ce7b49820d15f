"""Training on a thread of its own, so that the cell returns and clicks arrive."""

from __future__ import annotations

import contextvars
import inspect
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import torch

from nbinspect.dynamics.conditions import RunStopped
from nbinspect.dynamics.controls import Controls
from nbinspect.errors import InputError, told
from nbinspect.records import MomentKind
from nbinspect.settings import setting_undos
from nbinspect.subject import kind_of

_LOOK = 0.1


class BackgroundRun:
    """Training that goes on after the cell has returned; made by `run_in_background`.

    Attributes:
        result: what the function returned; None while it runs, and where it was stopped or failed.
        error: what it raised; None while it runs, and where it ended well or was stopped.
    """

    def __init__(self, controls: Controls) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._controls = controls
        self._over = threading.Event()

    @property
    def running(self) -> bool:
        """Whether it still trains or is paused."""
        return not self._over.is_set()

    def stop(self) -> None:
        """End it after its next step, also while it is paused; without effect once it is over."""
        if self.running:
            with suppress(InputError):  # it has ended meanwhile
                self._controls.stop()

    def wait_for_pause(self, timeout: float | None = None) -> bool:
        """Wait until it is paused, and tell whether it is; False once it is over.

        Raises:
            TimeoutError: if it still runs after `timeout` seconds.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        while not (self._controls.state == "paused" and self._controls.held()):
            if self._over.wait(_LOOK):
                return False
            if time.monotonic() >= until:
                raise TimeoutError(f"the run was not paused within {timeout:g} s")
        return True

    def wait(self, timeout: float | None = None, *, stop_on_interrupt: bool = False) -> Any:
        """Wait until it is over, at most `timeout` seconds, and return what the function returned.

        An Interrupt ends the waiting, and the run only with `stop_on_interrupt`.

        Raises:
            TimeoutError: if it still runs by then.
            BaseException: what the function raised.
        """
        until = None if timeout is None else time.monotonic() + timeout
        try:
            # in short waits: an Interrupt gets through between them on every system
            while not self._over.wait(_LOOK if until is None else max(0.0, min(_LOOK, until - time.monotonic()))):
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"the run still goes on after {timeout:g} s; wait longer, or stop() it")
        except KeyboardInterrupt:
            if stop_on_interrupt:
                self.stop()
            raise
        if self.error is not None:
            raise self.error
        return self.result


def run_in_background(
    train: Callable[[], Any],
    controls: Controls,
    report: Callable[[MomentKind, str], object] = lambda _kind, _text: None,
    around: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> BackgroundRun:
    """Call `train` on a thread of its own and return at once.

    The thread has the context variables, grad mode, autocast, default device and current CUDA device of this one.
    What it prints goes where the kernel sends the output of threads: under this cell, or on ipykernel 6 under the cell
    that runs at the time. The global random generators are shared: a cell that draws from them meanwhile changes what
    the run draws. The thread ends with the kernel, whatever it is doing.

    Args:
        train: the training, without arguments.
        controls: those of the run; they end with it.
        report: takes the kind of a `Moment` and its sentence.
        around: gives a context to train in, entered on the thread.

    Raises:
        InputError: if `train` is no such function, or a run of these controls is going.
    """
    _check(train, controls)
    run = BackgroundRun(controls)
    modes = _modes_here()
    ready = threading.Event()

    def work() -> None:
        try:
            modes()
            controls.begin()
            ready.set()
            with around():
                run.result = train()
        except RunStopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it is kept for `wait`, which raises it
            run.error = error
            report("problem", f"training raised {told(error)}")
        finally:
            ready.set()
            controls.end()
            run._over.set()

    carried = contextvars.copy_context().run
    controls.begin(elsewhere=True)
    try:
        threading.Thread(target=carried, args=(work,), name="nbinspect-training", daemon=True).start()
    except BaseException:
        controls.end()
        raise
    ready.wait()  # what all threads share must not change before the thread has taken it over
    return run


def _check(train: Callable[[], Any], controls: Controls) -> None:
    if inspect.iscoroutinefunction(train):
        raise InputError(
            "train: expected a plain function, got a coroutine function; write lambda: asyncio.run(train())"
        )
    if not callable(train):
        raise InputError(f"train: expected a function, got {kind_of(train)}; write its name without parentheses")
    try:
        inspect.signature(train).bind()
    except TypeError as error:
        raise InputError(f"train: expected a function without arguments ({error}); write lambda: train(…)") from None
    except ValueError:
        pass  # a function written in C that does not tell what it takes
    if controls.busy:
        raise InputError("a run is going already; stop it, or wait for its end")


def _modes_here() -> Callable[[], None]:
    """Give what makes the modes of another thread those of this one."""
    settings = list(setting_undos())
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch leaves it untyped
    device = torch.cuda.current_device() if in_use else None

    def take_over() -> None:
        if device is not None:
            torch.cuda.set_device(device)
        for _, write, arguments in settings:
            write(*arguments)

    return take_over
