"""The program under test as checks run it: every pass is counted, limited in time, and undone."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.calling import call_loss, call_model, set_mode
from nbinspect.capture.forward import as_called
from nbinspect.clone import clones_of
from nbinspect.copies.scripted import with_leaves
from nbinspect.errors import CaptureError
from nbinspect.preserve import preserve
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.seeding import seed_generators
from nbinspect.subject import Subject

Way = Callable[[Subject], Subject]
"""How passes are to be run: what is given, changed for it."""
STEPS = 600
"""The training steps that the checks of a run may take together."""
_CHOSEN = 2**32


class Program:
    """A model with its loss, run on batches.

    Args:
        given: the live objects, or a copy of them.
        limits: the run's budget; asked at every pass.
        seed: what the random states are set to at the start of each block, so that dropout repeats.
        whole: size of a whole batch, of which smaller batches are a share; None counts every batch as whole.
        original: of a copy, the program that its passes are counted in.
    """

    def __init__(
        self,
        given: Subject,
        limits: Limits,
        seed: int = 0,
        whole: int | None = None,
        original: Program | None = None,
    ) -> None:
        self.given = given
        """What the user gave; what their own steps get."""
        self._way: Way | None = None if original is None else original._way
        self.subject = given if self._way is None else self._way(given)
        """How passes are run: what was given, or as the user's own step runs the model."""
        self.limits = limits
        self.seed = seed
        self.whole = whole
        self._original: Program | None = None if original is None else original._original or original
        self.passes = 0.0
        """Forward and backward passes so far, in whole batches."""
        self.steps = 0
        """Training steps on copies so far."""
        self.writes: bool = original is not None and original.writes
        """Whether the user's own code writes to parameters while it runs, which is then put back after each pass."""
        self.differentiates: bool = original is not None and original.differentiates
        """Whether its forward or its loss takes derivatives, which it can do nowhere but in a graph."""
        self._is_graph_wanted = True
        self.is_seeded: bool = original.is_seeded if original else torch.initial_seed() < _CHOSEN
        """Whether somebody set the seed of torch's generator: the system gives larger ones."""

    def change(self, **changes: Any) -> None:
        """Replace some of what a copy was given."""
        self.given = replace(self.given, **changes)
        self.subject = self.given if self._way is None else self._way(self.given)

    def go(self, way: Way | None) -> None:
        """Run passes another way from now on; None: as the model is called with a batch."""
        self._way = way
        self.change()

    @property
    def goes_through_step(self) -> bool:
        """Whether passes take the user's own step up to its backward pass, loss and all."""
        return self._way is not None

    @property
    def network(self) -> nn.Module:
        """The user's module."""
        return self.subject.network

    @property
    def loss_module(self) -> nn.Module | None:
        """The loss, where it is a module."""
        return self.subject.loss_fn if isinstance(self.subject.loss_fn, nn.Module) else None

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The model's parameters by name; of a loss module too, as ``loss_fn.…``."""
        named = dict(self.network.named_parameters())
        if self.loss_module is not None:
            named |= {f"loss_fn.{name}": parameter for name, parameter in self.loss_module.named_parameters()}
        return named

    @contextmanager
    def running(self, *, training: bool | None = None, gradients: bool = False) -> Iterator[None]:
        """Run passes in this block in train or eval mode, with or without a graph; all they change is put back after.

        Args:
            training: None leaves every module its own mode; so does True for a model that is in train mode already,
                so that modules frozen on purpose stay frozen.
            gradients: whether to build a graph for `torch.autograd.grad`; never call ``backward``. There is one too
                for a program that `differentiates`.
        """
        self.limits.ask()
        with preserve(self.network, self.loss_module, parameters=self.writes), as_called():
            seed_all(self.seed, "pass")
            if training is False or (training and not self.network.training):
                set_mode(self.network, training)
            before, self._is_graph_wanted = self._is_graph_wanted, gradients
            try:
                with torch.inference_mode(mode=False), torch.set_grad_enabled(gradients or self.differentiates):
                    yield
            finally:
                self._is_graph_wanted = before

    def outputs(self, batch: Batch) -> Any:
        """Run the forward pass on a batch, inside a block of `running`; what it writes to its inputs is not kept."""
        self.count(batch)
        own = batch.changed(torch.clone)  # and not put back, for a graph may still need what was written
        with self.limits.watching():
            return call_model(self.subject, own.given, own.parts)

    def loss(self, outputs: Any, batch: Batch) -> Any:
        """Return what the loss gives on these outputs, as it is; None where there is none."""
        with self.limits.watching():
            return call_loss(self.subject, outputs, batch.parts.targets)

    def scalar_loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the loss of a batch as a tensor of one value.

        Raises:
            MissingNeed: if there is none, or it is anything else.
        """
        loss = as_scalar(self.loss(outputs, batch), self.subject)
        return loss if self._is_graph_wanted else loss.detach()

    def gradients(self, loss: Tensor, wanted: list[Tensor], batch: Batch) -> list[Tensor | None]:
        """Run a backward pass, and return the gradient of each wanted tensor; no `.grad` is touched."""
        self.count(batch)
        with self.limits.watching():
            return list(torch.autograd.grad(loss, wanted, allow_unused=True)) if wanted else []

    def count(self, batch: Batch) -> None:
        """Count a pass over a batch, and end the run if its budget is used up."""
        counts = self._original or self
        self.limits.ask()
        counts.passes += min(1.0, batch.size / counts.whole) if counts.whole and batch.size else 1.0

    def count_step(self) -> None:
        """Count a training step on a copy, and end the run if its budget is used up.

        Raises:
            MissingNeed: if all training steps of a run are used up.
        """
        counts = self._original or self
        self.limits.ask()
        if counts.steps >= STEPS:
            raise MissingNeed(f"more training steps than the {STEPS} of a run")
        counts.steps += 1

    def copied(self) -> Program:
        """Return the program with copies of model, parameters and loss, to change at will; its passes count here.

        Functions that close over the model close over the copy. The copy shares no memory with the original.

        Raises:
            MissingNeed: if the model cannot be copied.
        """
        given = self.given
        try:
            model, loss_fn, forward, split = clones_of(
                given.network, given.loss_fn, given.forward, given.split, shared=False
            )
        except CaptureError as error:
            raise MissingNeed(str(error)) from error
        with_leaves(model)
        copy = replace(given, model=model, loss_fn=loss_fn, forward=forward, split=split)
        return Program(copy, self.limits, self.seed, self.whole, original=self)


def as_scalar(loss: Any, subject: Subject) -> Tensor:
    """Return a loss as a tensor of one value.

    Raises:
        MissingNeed: if there is none, or it is anything else.
    """
    if loss is None:
        raise MissingNeed("a loss: give loss_fn" if subject.loss_fn is None else "targets: give `split`")
    if not isinstance(loss, Tensor):
        raise MissingNeed(f"a loss that is a tensor, this one is a {type(loss).__name__}")
    if loss.numel() != 1:
        raise MissingNeed(f"a loss of one value, this one has the shape {tuple(loss.shape)}")
    return loss.reshape(())


def seed_all(seed: int, name: str) -> None:
    """Set the random states so that what a check draws depends on the seed and on its name alone."""
    own = (seed * 1_000_003 + zlib.crc32(name.encode())) % 2**32
    seed_generators(own)
