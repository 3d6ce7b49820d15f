"""What a person does to a run beside pausing it: pin its state, go back to it, save it."""

from __future__ import annotations

import functools
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch

from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.rates import checked_rate
from nbinspect.dynamics.snapshot import RunParts
from nbinspect.dynamics.states import parts_of
from nbinspect.errors import InputError
from nbinspect.whole_files import whole_file


class Steering:
    """Acts on a run between two of its steps; each method may be called on any thread, and returns a future.

    Args:
        observer: of the run.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def pin(self) -> Future[int]:
        """Keep the full state of the run as it is now, and give its step: weights, optimizers, schedulers, generators.

        The run is left unchanged. The future raises InputError where the state is larger than the limit.
        """
        return self._observer.controls.do(self._pin)

    def go_back(self, step: int, rate: float | None = None) -> Future[None]:
        """Give the run the state that it had at a pinned step, with another learning rate if one is given.

        The position in the loader, and what the loop keeps in variables of its own, stay as they are.

        Raises:
            InputError: for a step that is not pinned, or a rate that is no finite number above 0.
        """
        known = self._observer.states.steps
        if step not in known:
            listed = ", ".join(f"{one:,}" for one in known) or "none yet: pin a moment first"
            raise InputError(f"step: expected one to which the run can go back ({listed}), got {step!r}")
        if rate is not None:
            checked_rate(rate)
        return self._observer.controls.do(functools.partial(self._go_back, step, rate))

    def save(self, path: str | Path | None = None) -> Future[Path]:
        """Save weights, optimizers and schedulers with `torch.save`, and give the file: ``checkpoint-<step>.pt``.

        The file holds ``{"step", "model", "optimizers", "others"}``, state dicts all of them, and can be read with
        ``torch.load(path, weights_only=True)``. The future raises InputError where the file is there already.
        """
        return self._observer.controls.do(functools.partial(self._save, path))

    def _pin(self) -> int:
        observer = self._observer
        observer.states.keep(observer.steps, self._parts(), pinned=True)
        observer.mark("pin", f"pinned step {observer.steps:,}")
        return observer.steps

    def _go_back(self, step: int, rate: float | None) -> None:
        observer = self._observer
        observer.states.go_back(step, self._parts(), rate)
        with_rate = f", with the rate {rate:.3g}" if rate is not None else ""
        observer.mark("back", f"went back to the state of step {step:,}{with_rate}")

    def _save(self, path: str | Path | None) -> Path:
        observer, parts = self._observer, self._parts()
        file = Path(path or f"checkpoint-{observer.steps}.pt")
        if file.exists():
            raise InputError(f"path: {file} is there already, and would be lost; give another name")
        state: dict[str, Any] = {
            "step": observer.steps,
            "model": parts.modules[0].state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in parts.optimizers],
            "others": [part.state_dict() for part in parts.stateful],
        }
        with whole_file(file) as stream:
            torch.save(state, stream)
        observer.mark("checkpoint", f"saved {file}")
        return file

    def _parts(self) -> RunParts:
        return parts_of(self._observer.subject, self._observer.optimizers)
