"""What each rank notes of itself, at the same steps on every rank and without a word to the others."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from nbinspect.dynamics.hooks import Hooks
from nbinspect.nested import tensors_in
from nbinspect.subject import Subject

PARAMETERS, VALUES = 64, 4
"""Parameters that a look reads, spread over the network, and values of each, spread over it."""
_VALUES_OF_BATCH = 256
_KEPT = 1000


@dataclass(frozen=True)
class Look:
    """What one rank noted after one step."""

    step: int
    losses: int
    """How many losses were seen since the look before."""
    loss: float
    """Their mean; NaN where one was not finite, or none was seen."""
    samples: str
    """A digest of the batches of this step; empty where none was seen."""
    parameters: NDArray[np.float32]
    """(P, 4) values of each of P parameters, NaN past the end of a small one."""


def is_look(step: int) -> bool:
    """Tell whether ranks look at a step: 1, 2, 4 … 64, each hundredth, and after 10,000 each thousandth."""
    return (step < 100 and step & (step - 1) == 0) or (step <= 10_000 and step % 100 == 0) or step % 1000 == 0


def rank_of_process() -> tuple[int, int]:
    """Return the rank of this process and how many there are, from torch.distributed or torchrun's variables."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    rank, world = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE"))
    if rank.isdecimal() and world.isdecimal() and int(rank) < int(world):
        return int(rank), int(world)
    return 0, 1


class Looks:
    """Watches the steps of this rank and hands each look to `keep`; waits for no other rank, ever.

    Between looks it costs a comparison a step; at a look, values of at most 64 parameters are read.
    """

    def __init__(self, subject: Subject, keep: Callable[[Look], object], steps: int = 0) -> None:
        self.steps = steps
        self._keep = keep
        self._main: int | None = None
        self._losses: list[Tensor] = []
        self._digest = blake2b(digest_size=8)
        self._seen = False
        self._parameters = [parameter for _, parameter in _read_of(subject.network)]
        self._hooks = Hooks(subject, self)

    def remove(self) -> None:
        """Remove every hook."""
        self._hooks.remove()

    def loss_seen(self, loss: Tensor, targets: Any) -> None:  # noqa: ARG002 - every listener is told of the targets
        """Take note of a loss, without reading it."""
        if loss.numel() == 1 and len(self._losses) < _KEPT:
            self._losses.append(loss.detach())

    def given(self, loss: Any) -> None:
        """Take note of a loss that the user gives."""
        self.loss_seen(loss if isinstance(loss, Tensor) else torch.tensor(float(loss)), None)

    def batch_seen(self, arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        """Take note of what entered the model, where the step that follows is one to look at."""
        if not is_look(self.steps + 1):
            return
        with suppress(Exception):  # a look more or less is no reason to end a training
            for _, tensor in tensors_in(arguments, "batch"):
                self._digest.update(_some(tensor, _VALUES_OF_BATCH).cpu().numpy().tobytes())
                self._seen = True

    def before_step(self, optimizer: Optimizer) -> None:
        """Nothing is noted before a step."""

    def after_step(self, optimizer: Optimizer) -> None:
        """Count the steps of the first optimizer, and look where all ranks look."""
        self._main = id(optimizer) if self._main is None else self._main
        if id(optimizer) != self._main:
            return
        self.steps += 1
        if is_look(self.steps):
            with suppress(Exception):
                self._look()

    def _look(self) -> None:
        losses, self._losses = self._losses, []
        digest, self._digest = self._digest, blake2b(digest_size=8)
        seen, self._seen = self._seen, False
        total = float(torch.stack([loss.reshape(()).float() for loss in losses]).mean()) if losses else math.nan
        samples = digest.hexdigest() if seen else ""
        self._keep(Look(self.steps, len(losses), total, samples, _values(self._parameters)))


def facts_of_rank(subject: Subject) -> dict[str, Any]:
    """Return what decides with which other ranks this one can be compared, as values of JSON."""
    rank, world = rank_of_process()
    found: dict[str, Any] = {"rank": rank, "world": world, "wrapped": False, "group": None}
    found["parameters"] = [name for name, _ in _read_of(subject.network)]
    modules = [subject.model, *subject.model.modules()]
    wrapper = next((module for module in modules if isinstance(module, DistributedDataParallel)), None)
    if wrapper is not None:
        found |= {"wrapped": True, "group": dist.get_process_group_ranks(wrapper.process_group)}
    return found


def _read_of(network: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that every rank should have alike, the first and the last among them."""
    ignored = set(getattr(network, "_ddp_params_and_buffers_to_ignore", ()))
    alike = [
        (name, parameter)
        for name, parameter in network.named_parameters()
        if type(parameter) is nn.Parameter and parameter.requires_grad and not parameter.is_meta and name not in ignored
    ]
    places = np.unique(np.linspace(0, len(alike) - 1, PARAMETERS).astype(int)) if len(alike) > PARAMETERS else None
    return alike if places is None else [alike[place] for place in places]


def _some(tensor: Tensor, most: int) -> Tensor:
    flat = tensor.detach().reshape(-1)[:: max(1, -(-tensor.numel() // most))] if tensor.numel() else tensor.reshape(-1)
    return flat.double() if flat.is_floating_point() or not flat.is_complex() else torch.view_as_real(flat).double()


def _values(parameters: Iterable[nn.Parameter]) -> NDArray[np.float32]:
    found = []
    for parameter in parameters:
        some = _some(parameter, VALUES).float()
        found.append(
            torch.nn.functional.pad(some.reshape(-1)[:VALUES], (0, VALUES - min(VALUES, some.numel())), value=math.nan)
        )
    if not found:
        return np.zeros((0, VALUES), dtype=np.float32)
    first = found[0].device
    return torch.stack([row.to(first) for row in found]).cpu().numpy()
