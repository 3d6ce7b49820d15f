"""How the user's own training step calls the model, for the views of what enters it and of its forward pass."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.calling import Accepts, call_loss, call_model, entering, set_mode, split_batch, usual_pair
from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.samples import size_of_any
from nbinspect.errors import CaptureError
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.preserve import preserve
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.supplies import Supplies
from nbinspect.sanity.trials.running.through_step import ThroughStep
from nbinspect.sanity.trials.running.watch import are_same
from nbinspect.subject import Subject

_SECONDS = 30
"""What finding out may take."""


def called_as_in_step(subject: Subject) -> Subject:
    """Return the subject with a `split` that gives what its `train_step` calls the model with, where it says more.

    It does where nothing else tells how the model is called, and the step calls the model as a whole with something
    else of the batch than a plain call would: a decoder with its own targets, a denoiser with noise and a time, images
    as vectors. The `loss_fn` is left out unless it gives the step's own loss on these outputs. Else, and where the
    model is trained by another thread, the subject is returned as it is.

    At most three batches are read, without disturbing the loader, and each step that is begun runs on copies of all
    that it reaches. The subject, its gradients and the random states are left unchanged.
    """
    is_told = subject.forward is not None or subject.split is not None
    if subject.train_step is None or subject.loader is None or is_told:
        return subject
    try:
        refuse_beside_training(subject.model)
        with torch.inference_mode(False), torch.enable_grad(), Guard(subject) as guard:
            supplies = Supplies(Program(subject, Limits(_SECONDS, lambda: False)), guard)
            batches = [batch.given for batch in supplies.supply("batches")[:2]]
            return _told(subject, batches, is_plain=supplies.supply("plain").error is None)
    except (CaptureError, MissingNeed, Exception):  # noqa: BLE001 - the view itself tells what stands in the way
        return subject


def _told(subject: Subject, batches: Sequence[Any], *, is_plain: bool) -> Subject:
    step = ThroughStep(subject)
    own = replace(subject, split=_StepSplit(subject, step))
    entered = [_entering(own, batch) for batch in batches]
    given = [[tensor for _, tensor in tensors_in(batch, "")] for batch in batches]
    if len(batches) > 1 and are_same(*entered) and not are_same(*given):
        return subject  # a step that fetches its own batch, whatever it is given
    if is_plain:
        is_same = are_same(_entering(subject, batches[0]), entered[0])
        if is_same or size_of_any(own, batches[0]) != size_of_any(subject, batches[0]):
            return subject
    return own if _is_its_loss(own, step, batches[0]) else replace(own, loss_fn=None)


def _entering(subject: Subject, batch: Any) -> list[Tensor]:
    seed_all(0, "call")
    return [tensor for _, tensor in entering(subject, batch, split_batch(subject, batch))]


def _is_its_loss(subject: Subject, step: ThroughStep, batch: Any) -> bool:
    """Whether the loss of the outputs is the one on which the step calls ``backward()``."""
    if subject.loss_fn is None:
        return False
    with preserve(subject.network, subject.loss_fn):
        set_mode(subject.network, training=False)
        seed_all(0, "call")
        one = step(subject.network, batch)["loss"]
        seed_all(0, "call")
        other = _loss(subject, batch)
    return isinstance(other, Tensor) and one.shape == other.shape and torch.allclose(one, other, rtol=1e-4)


def _loss(subject: Subject, batch: Any) -> Any:
    parts = split_batch(subject, batch)
    try:
        return call_loss(subject, call_model(subject, batch, parts), parts.targets)
    except Exception:  # noqa: BLE001 - it takes something else than these outputs
        return None


class _StepSplit:
    """A `split` whose inputs are those of the user's step, and whose targets are those of the batch."""

    nbinspect_note = "the inputs are those with which your train_step calls the model"

    def __init__(self, subject: Subject, step: ThroughStep) -> None:
        self._network = subject.network
        self._step = step

    def __call__(self, batch: Any) -> tuple[Any, Any]:
        with preserve(self._network), torch.inference_mode(False), torch.enable_grad():
            args, kwargs = self._step.arguments(self._network, batch)
            inputs = map_tensors(Tensor.detach, _by_name(self._network, args, kwargs))
        return inputs, usual_pair(Accepts.of(self._network), batch)[1]


def _by_name(network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return arguments by the names of a `forward`, or as they came where it takes any number of them."""
    bound = inspect.signature(network.forward).bind(*args, **kwargs)
    kinds = {name: bound.signature.parameters[name].kind for name in bound.arguments}
    if inspect.Parameter.VAR_POSITIONAL in kinds.values() or inspect.Parameter.POSITIONAL_ONLY in kinds.values():
        return args if len(args) > 1 else args[0]
    named, extra = dict(bound.arguments), dict[str, Any]()
    for name in bound.arguments:
        if kinds[name] is inspect.Parameter.VAR_KEYWORD:
            extra = named.pop(name)
    return named | extra
