"""The training loss of every step, read from the device many steps at a time."""

from __future__ import annotations

import torch
from torch import Tensor


class Losses:
    """Collects the losses of each step; a loss on an accelerator is not waited for before `read`.

    A step with several losses (gradient accumulation, several calls of the loss function) has their mean. While an
    optimizer calls a closure within its step, the first loss is that of the parameters before it, and counts.
    """

    def __init__(self) -> None:
        self.shares = False
        """Whether the several losses of a step are shares of one, and have their sum instead."""
        self.last: float | None = None
        """The loss of the last step where it was known at once (on the CPU); None where it was not."""
        self._open: list[Tensor | float] = []
        self._aside: list[Tensor | float] = []
        self._steps: list[int] = []
        self._values: list[Tensor | float] = []
        self._in_step = False

    def seen(self, loss: Tensor, training: bool = True) -> None:
        """Take note of a loss; one with several values counts with their mean. No graph is held.

        One in eval mode, as of a validation that keeps its gradients, counts only where a step has no other.
        """
        if self._in_step and self._open:
            return
        if loss.dim():
            loss = loss.detach().mean(dtype=torch.float32)
        (self._open if training else self._aside).append(loss.item() if loss.is_cpu else loss.detach())

    def stepping(self) -> None:
        """Note that an optimizer step begins."""
        self._in_step = True

    def stepped(self, step: int) -> None:
        """Give what was seen since the step before to this one."""
        self._in_step = False
        found = self._open or self._aside
        if not found:
            self.last = None
            return
        self._open = []
        if self._aside:
            self._aside = []
        loss = found[0] if len(found) == 1 else sum(found) / (1 if self.shares else len(found))
        self.last = loss if isinstance(loss, float) else None
        self._steps.append(step)
        self._values.append(loss)

    def given(self, step: int, loss: Tensor | float) -> None:
        """Take the user's own word for the loss of a step, in place of what was seen."""
        value = loss.detach() if isinstance(loss, Tensor) else float(loss)
        if isinstance(value, Tensor):
            value = value.mean(dtype=torch.float32) if value.numel() != 1 else value.reshape(())
            value = float(value) if value.is_cpu else value
        self.last = value if isinstance(value, float) else None
        if self._steps and self._steps[-1] == step:
            self._values[-1] = value
        else:
            self._steps.append(step)
            self._values.append(value)

    def read(self) -> tuple[list[int], list[float]]:
        """Return the steps and their losses since the last reading; one transfer from each device."""
        steps, values = self._steps, self._values
        self._steps, self._values = [], []
        waiting: dict[torch.device, list[int]] = {}
        for place, value in enumerate(values):
            if isinstance(value, Tensor):
                waiting.setdefault(value.device, []).append(place)
        known = [value if isinstance(value, float) else 0.0 for value in values]
        for places in waiting.values():
            stacked = torch.stack([torch.as_tensor(values[place]).float().reshape(()) for place in places])
            for place, number in zip(places, stacked.tolist(), strict=True):
                known[place] = number
        return steps, known
