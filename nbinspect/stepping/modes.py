"""The modes and the random state of the code that opens a stepper: every pass of it runs in them, on any thread."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from nbinspect.capture.forward import as_called
from nbinspect.settings import Undo, random_undos, setting_undos

_OF_ONE_THREAD = ("grad mode", "default device", "autocast")


@dataclass(frozen=True)
class Modes:
    """What a pass runs in."""

    shared: list[Undo]
    """The global random states, and the settings that all threads share."""
    own: list[Undo]
    """The settings that each thread has of its own: grad mode, autocast, default device."""
    inference: bool
    device: torch.device | None
    """Of the innermost ``with torch.device(…)``."""
    threads: int
    context: contextvars.Context

    @classmethod
    def here(cls) -> Modes:
        """Return those of this thread, now."""
        with as_called():
            context = contextvars.copy_context()
        return cls(
            shared=shared_state(),
            own=[undo for undo in setting_undos() if undo[0].startswith(_OF_ONE_THREAD)],
            inference=torch.is_inference_mode_enabled(),
            device=_device_of_block(),
            threads=torch.get_num_threads(),
            context=context,
        )

    def with_gradients(self) -> Modes:
        """Return the same modes with autograd switched on."""
        return replace(self, inference=False, own=[*self.own, ("grad mode", torch.set_grad_enabled, (True,))])

    @contextlib.contextmanager
    def on_this_thread(self) -> Iterator[None]:
        """Give this thread these modes, and put its own back; what all threads share is left unchanged."""
        before = [undo for undo in setting_undos() if undo[0].startswith(_OF_ONE_THREAD)]
        threads = torch.get_num_threads()
        block = contextlib.nullcontext() if self.device is None else self.device
        try:
            torch.set_num_threads(self.threads)
            put(self.own)
            with torch.inference_mode(self.inference), block:
                put(self.own)  # inference mode sets the grad mode too
                yield
        finally:
            put(before)
            torch.set_num_threads(threads)


def shared_state() -> list[Undo]:
    """Return the global random states and the settings that all threads share, as they are now."""
    return [*random_undos(), *(undo for undo in setting_undos() if not undo[0].startswith(_OF_ONE_THREAD))]


def put(undos: list[Undo]) -> None:
    """Put back each of these states; once more from the beginning where an Interrupt comes between."""
    try:
        _put(undos)
    except KeyboardInterrupt:
        _put(undos)
        raise


def _put(undos: list[Undo]) -> None:
    for _, undo, arguments in undos:
        undo(*arguments)


@contextlib.contextmanager
def state_swapped(state: list[Undo]) -> Iterator[list[Undo]]:
    """Put a shared state for the block, and then the caller's back; the list is updated to what the block left."""
    outer = shared_state()
    try:
        put(state)
        with as_called():
            yield state
    finally:
        state[:] = shared_state()
        put(outer)


def _device_of_block() -> torch.device | None:
    default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    stack = _get_current_function_mode_stack()  # type: ignore[no-untyped-call] # torch's
    modes = [mode for mode in stack if isinstance(mode, DeviceContext)]
    return modes[-1].device if modes and modes[-1] is not default else None
