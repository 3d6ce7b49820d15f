"""What the page of a forward view asks for, and how each is answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from IPython.core.getipython import get_ipython
from torch import Tensor

from nbinspect.errors import CaptureError, InputError
from nbinspect.nested import axis_of, map_tensors, tensors_in
from nbinspect.records import ActivationView
from nbinspect.stepping.breakpoints import CONDITIONS, at_step
from nbinspect.stepping.stepper import ForwardStepper
from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests

_PATIENCE = 1.0
_GLANCE = 0.2
_EVERY = 0.05


class View(Protocol):
    """What the requests need of the view that they are about."""

    stepper: ForwardStepper
    sample: int | None

    @property
    def tensor(self) -> Tensor:
        """The live tensor at the cursor."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Say what is being done, then show the outcome."""

    def publish(self) -> None:
        """Tell the page where the stepper stands."""

    def stop(self) -> None:
        """End the pass."""

    def replace(self, tensor: Any) -> None:
        """Have the pass go on with another tensor."""

    def edit(self, batch: Any) -> None:
        """Step through another input."""

    def train(self, mode: bool = True) -> None:
        """Step through in train or eval mode."""

    def next_batch(self) -> None:
        """Step through the loader's next batch."""

    def gradients(self) -> None:
        """Run backward too."""

    def look(self, step: int | None = None, **options: Any) -> ActivationView:
        """Show what a step made."""


class ForwardRequests:
    """Answers the page of a forward view; work on the model is done between cells, and never waits for long."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._main = MainThread()
        commands = ("over", "into", "out", "run", "run_to", "back", "restart")
        working: dict[str, Callable[..., Any]] = {name: self._command(name) for name in commands}
        working |= {
            "replace": self._replace,
            "breakpoint": self._breakpoint,
            "edit": self._edit,
            "mode": self._mode,
            "batch": view.next_batch,
            "gradients": view.gradients,
            "keep": self._keep,
            "look": self._look,
            "receptive": self._receptive,
            "filters": view.stepper.looker.filters,
        }
        self._requests = Requests(view, self._main, looking={"stop": view.stop}, working=working)

    def _command(self, name: str) -> Callable[..., None]:
        def command(index: int | None = None) -> None:
            runs = self._view.stepper.runs
            timeout, runs.timeout = runs.timeout, _PATIENCE
            try:
                getattr(self._view, name)(*([] if index is None else [index]))
            except CaptureError:
                if self._view.stepper.state != "running":
                    raise
                self._main.later(_EVERY, self._watch)
            finally:
                runs.timeout = timeout

        return command

    def _watch(self) -> None:
        """Look now and then whether a slice that takes long has ended; the kernel is free in between."""
        if self._view.stepper.state == "running" and not self._view.stepper.wait(_GLANCE):
            self._main.later(_EVERY, self._watch)
        else:
            self._view.publish()

    def _mode(self, training: bool) -> None:
        self._view.train(training)

    def _replace(self, how: str, name: str = "") -> None:
        current = self._view.tensor
        if how == "zero":
            self._view.replace(torch.zeros_like(current))
        elif how == "noise":
            self._view.replace(_noisy(current))
        else:
            self._view.replace(_variable(name))

    def _breakpoint(self, add: dict[str, Any] | None = None, remove: int = 0, toggle: int = 0) -> None:
        view = self._view
        with view.working("sets a breakpoint"):
            breakpoints = view.stepper.breakpoints
            if add is not None:
                _add(view, add)
            breakpoints[:] = [each for each in breakpoints if each.id != remove]
            for each in breakpoints:
                each.on ^= each.id == toggle

    def _edit(self, how: str, sample: int, value: float = 0.0, output: int = 0, **region: int) -> None:
        written = 0.0 if how == "zero" else value
        runs = self._view.stepper.runs
        target = runs.inputs()[output]
        along = axis_of(target, runs.batches.size, runs.subject.batch_axis) or 0
        self._view.edit(edited(runs.batches.current, target, sample, written, region, along=along))

    def _keep(self) -> None:
        with self._view.working("keeps the parameters"):
            self._view.stepper.runs.keep()

    def _look(self, index: int, **options: Any) -> ActivationView:
        shown = self._view.sample or 0
        if options.get("sample", shown) != shown:  # to look at the first sample is not to pick it
            self._view.sample = options["sample"]
        with self._view.working("looks at a step"):
            return self._view.look(index, **options)

    def _receptive(self, step: int, channel: int, row: int, column: int, sample: int = 0) -> dict[str, Any]:
        shape = next(found for found in self._view.stepper.steps if found.index == step).outputs[0].shape
        unit = {2: (sample, column), 3: (sample, row, column)}.get(len(shape), (sample, channel, row, column))
        with self._view.working("works out a receptive field"):
            planes = self._view.stepper.looker.receptive_field(step, unit)
        return {"planes": planes, "sample": sample, "name": f"what unit {unit[1:]} of sample {sample} depends on"}


def edited(batch: Any, target: Tensor, sample: int, value: float, region: dict[str, int], *, along: int = 0) -> Any:
    """Return a copy of a batch with one tensor changed at a place of one sample.

    Args:
        batch: left unchanged.
        target: which of the batch's tensors.
        sample: which sample of it.
        value: written there, in the tensor's own dtype.
        region: `row`, `column`, `height` and `width` of the place; of images all channels are written.
        along: the axis of samples.

    Raises:
        InputError: if the place lies outside the sample, or the tensor is made of the batch by `split`.
    """
    if target.dim() < 2 or all(tensor is not target for _, tensor in tensors_in(batch, "")):
        raise InputError("this input is not a tensor of samples in the batch itself: change the batch, and edit(batch)")
    row, column = region.get("row", 0), region.get("column", 0)
    height, width = region.get("height", 1), region.get("width", 1)
    changed = target.detach().clone()
    samples = changed.movedim(along, 0)
    lengths = (1, *samples.shape[1:]) if target.dim() == 2 else samples.shape[-2:]
    if not (0 <= row < row + height <= lengths[0] and 0 <= column < column + width <= lengths[1]):
        raise InputError(f"rows {row}–{row + height}, columns {column}–{column + width} lie outside {tuple(lengths)}")
    place = samples[sample] if target.dim() > 2 else samples[sample].unsqueeze(0)
    place[..., row : row + height, column : column + width] = value
    return map_tensors(lambda tensor: changed if tensor is target else tensor, batch)


def _add(view: View, wanted: dict[str, Any]) -> None:
    kind = wanted["on"]
    if kind == "step":
        view.stepper.breakpoints.append(at_step(int(wanted["index"])))
    elif kind in CONDITIONS:
        view.stepper.break_on(kind, share=float(wanted.get("share", 0.5)))
    elif kind == "line":
        view.stepper.break_on(f"{wanted['file']}:{wanted['line']}")
    else:
        view.stepper.break_on(str(wanted["name"]))


def _noisy(current: Tensor) -> Tensor:
    """Return the tensor with normal noise of its own standard deviation, from a generator of its own."""
    if not current.is_floating_point():
        raise InputError(f"noise: expected a tensor of floating point numbers, got {current.dtype}")
    generator = torch.Generator(current.device).manual_seed(0)
    noise = torch.randn(current.shape, generator=generator, device=current.device, dtype=torch.float32)
    return current.detach() + (noise * current.detach().float().std(correction=0)).to(current.dtype)


def _variable(name: str) -> Any:
    shell = get_ipython()
    space = shell.user_ns if shell is not None else {}
    if name not in space:
        raise InputError(f"there is no variable {name!r} in the notebook")
    return space[name]
