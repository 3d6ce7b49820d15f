"""How a batch is split into inputs and targets, and how the model is called with it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nbinspect.errors import InputError, UntoldSplitError
from nbinspect.nested import Arguments, fields_of, moved_to, tensors_in
from nbinspect.preserve import preserve
from nbinspect.settings import is_guarded
from nbinspect.subject import Subject, kind_of

TARGET_KEYS = ("labels", "label", "targets", "target", "y")
INPUT_KEYS = ("x", "input", "inputs", "image", "images", "img", "pixel_values", "input_ids", "features", "data")
WHOLE_BATCH = frozenset({"batch", "sample", "samples", "data", "inputs", "example", "item", "features"})


@dataclass(frozen=True)
class Parts:
    """A batch split into what the model gets and what the loss compares it with."""

    inputs: Any
    targets: Any
    target_name: str
    whole: Mapping[str, Any] | None = None
    """The named batch, targets included, for models that compute their own loss."""


def split_batch(subject: Subject, batch: Any) -> Parts:
    """Split a batch into inputs and targets, by the user's `split` or by the usual shapes of batches.

    A mapping, NamedTuple or dataclass gives its targets under one of `TARGET_KEYS`; otherwise the last of two or more
    parts is the target; a single tensor has none. Parts that but name the samples, their numbers or paths, are left out
    where the model does not take as many. The batch is left unchanged, and so are the random states: inside a guard
    that puts them back, what a `split` draws goes on from batch to batch.

    Raises:
        InputError: if the user's `split` returns anything but a pair.
    """
    if subject.split is not None:
        with suppress(UntoldSplitError), nullcontext() if is_guarded() else preserve():
            pair = subject.split(batch)
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise InputError(f"split: expected a pair (inputs, targets), got {kind_of(pair)}; return two parts")
            return Parts(pair[0], pair[1], "targets")
    return _usual_parts(Accepts.of(subject.network), batch)


def usual_pair(accepts: Accepts, batch: Any) -> tuple[Any, Any]:
    """Return inputs and targets as `split_batch` does without a `split`, for a model that takes such arguments."""
    parts = _usual_parts(accepts, batch)
    return parts.inputs, parts.targets


def _usual_parts(accepts: Accepts, batch: Any) -> Parts:
    if isinstance(batch, PackedSequence):
        return Parts(batch, None, "targets")
    named = fields_of(batch)
    if named is not None and (isinstance(batch, Mapping) or not isinstance(batch, tuple) or _target_key(named)):
        key = _target_key(named)
        inputs = {name: part for name, part in named.items() if name != key}
        return Parts(inputs, named.get(key) if key else None, key or "targets", whole=named)
    if isinstance(batch, list | tuple) and len(batch) > 1:
        batch = _without_names(accepts, batch)
        return Parts(batch[0] if len(batch) == 2 else tuple(batch[:-1]), batch[-1], "y")
    if isinstance(batch, list | tuple) and len(batch) == 1:
        return Parts(batch[0], None, "targets")
    return Parts(batch, None, "targets")


def _without_names(accepts: Accepts, batch: Sequence[Any]) -> Sequence[Any]:
    """Return the parts of a batch, or of a sample, without those that name samples where the model takes fewer."""
    if len(batch) < 3 or accepts.count(len(batch) - 1):
        return batch
    if _is_description(batch[-1]):
        return _without_names(accepts, batch[:-1])
    if len(batch) > 3 or not accepts.count(1):
        return batch
    first, second, last = map(_depth, batch)
    if _is_whole_number(batch[-1]) and second == last < first:
        return batch[:-1]
    return batch[1:] if _is_whole_number(batch[0]) and first < second else batch


def _is_description(part: Any) -> bool:
    """Whether this is text, or names and what goes with them: nothing to be learnt."""
    if isinstance(part, Mapping):
        return any(map(_is_text, part.values())) and not any(one.is_floating_point() for _, one in tensors_in(part, ""))
    return _is_text(part)


def _is_text(part: Any) -> bool:
    many = isinstance(part, list | tuple) and part and all(isinstance(one, str) for one in part)
    return isinstance(part, str) or bool(many)


def _is_whole_number(part: Any) -> bool:
    if isinstance(part, Tensor):
        return not (part.is_floating_point() or part.is_complex() or part.dtype == torch.bool)
    return isinstance(part, int) and not isinstance(part, bool)


def _depth(part: Any) -> int:
    """Return how many axes there are: of a sample's label as of a number; a last one of a single value is none."""
    shape = tuple(getattr(part, "shape", ()))
    return len(shape) - (len(shape) > 1 and shape[-1] == 1)


def _target_key(named: Mapping[str, Any]) -> str | None:
    return next((key for key in TARGET_KEYS if key in named), None)


def call_arguments(subject: Subject, batch: Any, parts: Parts) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments with which the model takes this batch, read off its `forward`.

    Named inputs go by name where `forward` has those names; names that it lacks (an ``id``, a ``path``) are left out.
    Several unnamed inputs go one by one where `forward` takes as many. The batch is left unchanged.
    """
    if isinstance(parts.inputs, Arguments):
        return parts.inputs.given()
    accepts = Accepts.of(subject.network)
    if not isinstance(parts.inputs, Mapping):
        if isinstance(parts.inputs, tuple | list) and len(parts.inputs) > 1 and accepts.count(len(parts.inputs)):
            return tuple(parts.inputs), {}
        return (parts.inputs,), {}
    named = dict(parts.inputs)
    computes_loss = subject.loss_fn is None and parts.whole is not None and parts.targets is not None
    if computes_loss and accepts.name(parts.target_name):
        named[parts.target_name] = parts.targets
    known = {
        key: part for key, part in named.items() if key in accepts.names or (accepts.any_name and _has_tensor(part))
    }
    if known and accepts.required <= set(known):
        return (), known
    return _positional(accepts, named, parts.inputs if parts.whole is None else batch), {}


def _positional(accepts: Accepts, named: dict[str, Any], whole: Any) -> tuple[Any, ...]:
    """Choose what a `forward` gets whose argument names are not those of the batch."""
    useful = {key: part for key, part in named.items() if _has_tensor(part)}
    if len(accepts.required) > 1 and len(useful) == len(accepts.required):
        return tuple(useful.values())
    if accepts.required & WHOLE_BATCH:
        return (whole,)
    usual = next((key for key in INPUT_KEYS if key in useful), None)
    if usual is not None:
        return (useful[usual],)
    return tuple(useful.values()) if len(useful) == 1 else (whole,)


def _has_tensor(value: Any) -> bool:
    return next(tensors_in(value, ""), None) is not None


@dataclass(frozen=True)
class Accepts:
    """Which arguments a `forward` takes."""

    names: frozenset[str]
    required: frozenset[str]
    positions: float
    any_name: bool

    @classmethod
    def of(cls, network: nn.Module) -> Accepts:
        """Read them off a network's signature; any number where it cannot be read."""
        try:
            parameters = inspect.signature(network.forward).parameters.values()
        except (TypeError, ValueError):
            return cls(frozenset(), frozenset(), float("inf"), any_name=False)
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        unlimited = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        return cls(
            frozenset(p.name for p in named),
            frozenset(p.name for p in (*named, *positional) if p.default is p.empty),
            float("inf") if unlimited else len(positional),
            any_name=any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def name(self, key: str) -> bool:
        """Whether an argument of this name is taken."""
        return key in self.names or self.any_name

    def count(self, count: int) -> bool:
        """Whether so many are taken by position."""
        return len(self.required) <= count <= self.positions


def call_model(subject: Subject, batch: Any, parts: Parts) -> Any:
    """Run the model's own forward on a batch, through the user's `forward` if there is one, and return its outputs."""
    if subject.forward is not None:
        return subject.forward(subject.network, batch)
    args, kwargs = call_arguments(subject, batch, parts)
    with telling_guesses(batch, parts, args):
        return subject.network(*args, **kwargs)


def is_guessed(subject: Subject, batch: Any, parts: Parts) -> bool:
    """Return whether nothing told how the model is called, and its `forward` does not take what it is given.

    That is another number of arguments than this, or several inputs of which it gets the tuple.
    """
    if subject.forward is not None or subject.split is not None:
        return False
    args, kwargs = call_arguments(subject, batch, parts)
    if len(args) == 1 and isinstance(args[0], list | tuple) and len(args[0]) > 1:
        return True
    try:
        inspect.signature(subject.network.forward).bind(*args, **kwargs)
    except TypeError:
        return True
    except ValueError:  # of a forward whose signature cannot be read
        return False
    return False


@contextmanager
def telling_guesses(batch: Any, parts: Parts, args: tuple[Any, ...]) -> Iterator[None]:
    """Have an error of the forward say which part of a named batch it got, where that part was chosen by guess."""
    try:
        yield
    except (AttributeError, LookupError, TypeError) as error:
        named = {} if parts.whole is None or len(args) != 1 else parts.whole
        name = next((name for name, part in named.items() if part is args[0]), None)
        if name is not None:
            given = f"batch[{name!r}]" if isinstance(batch, Mapping) else f"batch.{name}"
            whole = "for a model that takes the whole batch, give forward=lambda model, batch: model(batch)"
            error.args = (f"{error}; nbinspect gave {given} alone; {whole}",)  # whoever tells of it tells this too
        raise


def entering(subject: Subject, batch: Any, parts: Parts) -> list[tuple[str, Tensor]]:
    """Return the tensors that the model is called with, by the names of its arguments; the only one is ``x``.

    With a `forward` of the user's own, which may do anything, all those of the batch.
    """
    if subject.forward is not None:
        return list(tensors_in(batch, "batch"))
    told = isinstance(parts.inputs, Arguments)
    args, kwargs = ((), parts.inputs) if told else call_arguments(subject, batch, parts)
    found = list(tensors_in(args[0] if len(args) == 1 else args, "x"))
    return found + [named for name, value in kwargs.items() for named in tensors_in(value, name)]


def call_loss(subject: Subject, outputs: Any, targets: Any) -> Any:
    """Return the loss by the user's `loss_fn`, else the one that the model put into its outputs, else None."""
    if subject.loss_fn is not None:
        return None if targets is None else subject.loss_fn(outputs, targets)
    return (fields_of(outputs) or {}).get("loss")


def set_mode(model: nn.Module, training: bool) -> None:
    """Put a model into train or eval mode, module by module where a class has a `train` of its own that does more.

    A `train` that takes no mode, but data or a number of epochs, is never called.
    """
    if all(map(_takes_mode, {type(module) for module in model.modules()})):
        model.train(training)
        return
    for module in model.modules():
        module.training = training


def _takes_mode(kind: type[nn.Module]) -> bool:
    if kind.train is nn.Module.train:
        return True
    try:
        given = list(inspect.signature(kind.train).parameters.values())[1:]
    except (TypeError, ValueError):
        return True
    if not given or any(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD for one in given[1:]):
        return False
    first = given[0]
    is_open = first.kind in (first.VAR_POSITIONAL, first.VAR_KEYWORD)
    return is_open or first.name == "mode" or isinstance(first.default, bool) or first.annotation in (bool, "bool")


def to_device(subject: Subject, batch: Any) -> tuple[Any, str]:
    """Return the batch on the model's device, and a sentence that says so where it had to move (else an empty one)."""
    device = subject.target_device
    if device is None:
        return batch, ""
    elsewhere = {
        str(tensor.device) for _, tensor in tensors_in(batch, "") if tensor.device != device and not tensor.is_meta
    }
    if not elsewhere:
        return batch, ""
    return moved_to(
        batch, device
    ), f"the loader gives tensors on {', '.join(sorted(elsewhere))}; moved to {device}, as training must"
