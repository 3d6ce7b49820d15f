"""How the user's own training step calls the model, for the views of what enters it and of its forward pass."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbinspect.calling import Accepts, call_arguments, call_loss, call_model, set_mode, split_batch, usual_pair
from nbinspect.capture.door import probing, refuse_beside_training
from nbinspect.capture.samples import size_of_any
from nbinspect.errors import UntoldSplitError
from nbinspect.nested import Arguments, map_tensors, tensors_in
from nbinspect.preserve import preserve
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.limits import Ended, Hung, Limits
from nbinspect.sanity.program import seed_all
from nbinspect.sanity.trials.running.same_samples import Place, place_of_samples
from nbinspect.sanity.trials.running.through_step import ThroughStep
from nbinspect.sanity.trials.running.watch import are_same
from nbinspect.subject import Subject

_SECONDS = 30
"""What finding out may take."""
_DRAWS = ("call", "another call", "a third call")
"""Of the random states: a step may mix its samples in some of its calls alone, or by next to nothing."""


def called_as_in_step(subject: Subject) -> Subject:
    """Return the subject with a `split` that gives what its `train_step` calls the model with, where it says more.

    It does where nothing else tells how the model is called, and the step calls the model as a whole with something
    else of the batch than a plain call would: a decoder with its own targets, a denoiser with noise and a time, images
    as vectors. The `loss_fn` is left out unless it gives the step's own loss on these outputs. Else, and where the
    model is trained by another thread, the subject is returned as it is.

    Where the step orders samples anew, joins or divides batches, or makes up its own, a plain call that runs goes
    first; else there are no targets, for nothing tells what each belongs to. A batch that the step refuses is called
    as without it.

    At most two batches are read, without disturbing the loader, and each step that is begun runs on copies of all
    that it reaches. The subject, its gradients and the random states are left unchanged.
    """
    is_told = subject.forward is not None or subject.split is not None
    if subject.train_step is None or subject.loader is None or is_told:
        return subject
    try:
        refuse_beside_training(subject.model)
        if any(map(is_lazy, subject.network.parameters())):
            return subject
        limits = Limits(_SECONDS)
        with reading(subject, subject.loader, limits) as batches:
            first, *others = [batch for batch in islice(batches, 2) if not batch.epoch]
        with preserve(subject.loader), torch.inference_mode(False), torch.enable_grad():
            return _told(subject, first, others, limits)
    except (Ended, Hung, Exception):  # noqa: BLE001 - the view tells what stands in the way
        return subject


def _told(subject: Subject, first: Batch, others: Sequence[Batch], limits: Limits) -> Subject:
    split = _StepSplit(subject, ThroughStep(subject))
    own = replace(subject, split=split)

    def entering(batch: Batch, draw: str = _DRAWS[0]) -> Arguments:
        seed_all(0, draw)
        with limits.watching():
            inputs: Arguments = split(batch.given)[0]
            return inputs

    entered = {draw: entering(first, draw) for draw in _DRAWS}
    if all(_is_plain_call(subject, first, one) for one in entered.values()):
        return subject
    once = entered[_DRAWS[0]]
    is_fetched = any(_are_alike(once, entering(one)) and not _are_alike(first.raw, one.raw) for one in others)
    draws = _DRAWS[:1] if all(_are_alike(once, one) for one in entered.values()) else _DRAWS
    with Guard(subject), probing(), limits.watching():
        is_its_loss = all(_is_its_loss(own, split.step, first.given, draw) for draw in draws)
    axis = _axis_of_samples(own, first)
    if is_fetched or axis is None:
        split.place = "unknown"
    elif not is_its_loss:
        found = [place_of_samples(first, entered[one], partial(entering, draw=one), axis) for one in draws]
        split.place = max(found, key=("own", "mixed", "unknown").index)
    if split.place == "unknown":
        with Guard(subject), probing(), limits.watching():
            if _is_callable(subject, first.given):
                return subject
    split.has_other_loss = subject.loss_fn is not None and not is_its_loss
    return replace(own, loss_fn=own.loss_fn if is_its_loss else None, batch_axis=axis or 0)


def _axis_of_samples(own: Subject, batch: Batch) -> int | None:
    """Return along which axis the samples of a batch enter, for a step may turn it; None where they are not as many."""
    axes = dict.fromkeys((own.batch_axis, 0, 1))
    return next((axis for axis in axes if size_of_any(replace(own, batch_axis=axis), batch.given) == batch.size), None)


def _is_callable(subject: Subject, batch: Any) -> bool:
    """Whether a call without the step runs, and the loss takes what it gives."""
    with torch.no_grad():
        try:
            parts = split_batch(subject, _copied(batch))
            call_loss(subject, call_model(subject, batch, parts), parts.targets)
        except Exception:  # noqa: BLE001 - whatever the model raises
            return False
    return True


def _are_alike(one: Any, other: Any) -> bool:
    return are_same(*([tensor for _, tensor in tensors_in(value, "")] for value in (one, other)))


def _is_plain_call(subject: Subject, batch: Batch, entered: Arguments) -> bool:
    """Whether a call without the step is the very same: values by the same names, and options."""
    try:
        args, kwargs = call_arguments(subject, batch.given, split_batch(subject, batch.given))
        plain, own = (_whole_call(subject.network, *arguments) for arguments in ((args, kwargs), entered.given()))
    except Exception:  # noqa: BLE001 - the model cannot be called like that
        return False
    if not _are_alike(plain, own):
        return False
    try:
        return bool(map_tensors(_is_differentiable, plain) == map_tensors(_is_differentiable, own))
    except Exception:  # noqa: BLE001 - objects that cannot be compared
        return False


def _whole_call(network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    bound = inspect.signature(network.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _is_differentiable(tensor: Tensor) -> Any:
    return tensor.requires_grad


def _is_its_loss(subject: Subject, step: ThroughStep, batch: Any, draw: str) -> bool:
    """Whether the loss of the outputs is the one on which the step calls ``backward()``."""
    if subject.loss_fn is None:
        return False
    with preserve(subject.network, subject.loss_fn):
        set_mode(subject.network, training=False)
        try:
            seed_all(0, draw)
            one = step(subject.network, _copied(batch))["loss"]
            seed_all(0, draw)
            parts = split_batch(subject, batch)
            other = call_loss(subject, call_model(subject, batch, parts), parts.targets)
        except Exception:  # noqa: BLE001 - the loss takes something else than these outputs
            return False
    return isinstance(other, Tensor) and one.shape == other.shape and torch.allclose(one, other, rtol=1e-4)


def _copied(batch: Any) -> Any:
    """Return a batch that the step may write to, or take things out of."""
    return map_tensors(lambda tensor: tensor.detach().clone(), batch)


class _StepSplit:
    """A `split` whose inputs are those of the user's step, and whose targets are those of the batch."""

    def __init__(self, subject: Subject, step: ThroughStep) -> None:
        self.step = step
        self.place: Place = "own"
        self.has_other_loss = False
        self._network = subject.network
        self._is_told = True

    @property
    def nbinspect_keeps_samples(self) -> bool:
        """Whether what enters is, sample by sample, the batch that was split last."""
        return not self._is_told or self.place != "unknown"

    @property
    def nbinspect_note(self) -> str | None:
        """What is to be told of the batch that was split last."""
        if not self._is_told:
            return None
        told = ["the inputs are those with which your train_step calls the model"]
        if self.place == "unknown":
            told.append("they are not sample by sample those of the batch, so that no targets stand beside them")
        if self.place == "mixed":
            told.append("each depends on others of the batch too, and the target beside it is of the one in its place")
        if self.has_other_loss:
            told.append("your loss_fn is left out, for on these it does not give the loss of the step")
        return "; ".join(told)

    def __call__(self, batch: Any) -> tuple[Any, Any]:
        self._is_told = False
        try:
            with preserve(self._network), probing(), torch.inference_mode(False), torch.enable_grad():
                args, kwargs = self.step.anew().arguments(self._network, _copied(batch))
                inputs = map_tensors(_cut_off, _by_name(self._network, args, kwargs))
        except (Exception, SystemExit) as error:
            raise UntoldSplitError(str(error)) from error
        self._is_told = True
        return inputs, usual_pair(Accepts.of(self._network), batch)[1] if self.place != "unknown" else None


def _cut_off(tensor: Tensor) -> Tensor:
    """Return a tensor without its graph; that a forward may differentiate by it stays."""
    return tensor.detach().requires_grad_(tensor.requires_grad and tensor.is_leaf)


def _by_name(network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    """Return arguments by the names of a `forward`, those that came by place first."""
    places = [
        name
        for name, one in inspect.signature(network.forward).parameters.items()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    places += [f"args[{place}]" for place in range(len(args) - len(places))]
    found = Arguments({**dict(zip(places, args, strict=False)), **kwargs})
    found.by_place = len(args)
    return found
