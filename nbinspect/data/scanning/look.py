"""The first look at a loader: which part of its batches is the input, what it is, and whether it is random."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.calling import entering, split_batch
from nbinspect.capture.loader import only_indexes
from nbinspect.capture.origins import type_name
from nbinspect.capture.samples import entries
from nbinspect.capture.tensors import length_of, readable
from nbinspect.data.loading.plan import Plan
from nbinspect.data.loading.reading import Read, Reader, reads_of
from nbinspect.data.scanning.signature import joint_hashes
from nbinspect.data.scanning.texts import span_of
from nbinspect.decode.choose import Decoder, choose_decoder
from nbinspect.nested import tensors_in
from nbinspect.records import Flags, Integers
from nbinspect.subject import Subject

_FEW = 8
_MAIN_FIRST: tuple[Decoder, ...] = ("image", "audio", "text", "series", "table", "values")
_BESIDE = {"mask", "type", "position", "segment", "lengths", "length"}
_IDENTIFIERS = {"id", "ids", "idx", "index", "indices", "key", "uid", "path", "name", "file", "filename"}
_KEY = re.compile(r"^x(?:\['(.+)'\]|\.(\w+))$")
_TOKENS = {"input", "token", "word", "text"}
_LABELS = {"label", "labels", "target", "targets"}


@dataclass(frozen=True)
class Layout:
    """Which parts of a batch are what."""

    inputs: tuple[str, ...]
    """Of which the content is compared; none where nothing is known."""
    main: str
    """Of the inputs, the one that is described, or the first of a table's; empty where there is none."""
    mask: str
    """Tells which tokens of the main input count; empty where there is none."""
    form: Decoder
    random: bool
    """Whether a few samples, read twice, were not the same."""
    columns: tuple[str, ...] = ()
    """Of the inputs, those that are described together, as one table; none where that is one alone."""
    features: tuple[str, ...] = ()
    """What the columns of that table are called."""
    beside: tuple[str, ...] = ()
    """Of the inputs, those that could be described, and are not."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Parts that the batch calls labels and the network is not called with, by what the batch calls them."""

    def described(self, given: Mapping[str, Any], size: int) -> tuple[Any, tuple[str, ...]]:
        """Return what is described of the inputs of `size` samples, None for nothing, and the types in a table."""
        if not self.columns:
            return given.get(self.main), ()
        fed = [part for name in self.columns if isinstance(part := given.get(name), Tensor)]
        parts = [part.reshape(size, -1) for each in fed if (part := readable(each)[0]) is not None]
        if sum(part.shape[1] for part in parts) != len(self.features):  # not the columns of the first look
            return None, ()
        types = tuple(dict.fromkeys(type_name(part.dtype) for part in fed))
        return torch.cat(parts if len(types) == 1 else [part.double() for part in parts], 1), types

    def span(self, parts: Mapping[str, Any], subject: Subject) -> Flags | None:
        """Return which tokens (N, T) of texts are compared, padding left out; None of other inputs."""
        return span_of(parts.get(self.main), parts.get(self.mask), subject) if self.form == "text" else None


def parts_in(inputs: Any, size: int) -> dict[str, Any]:
    """Return the parts of a batch's inputs by name: tensors, lists of them for ragged samples, lists of strings."""
    if isinstance(inputs, list | tuple) and _are_texts(inputs, size):
        return {"x": list(inputs)}
    found: dict[str, Any] = dict(entries(inputs, "x", size))
    if isinstance(inputs, dict):
        found |= {f"x[{key!r}]": list(part) for key, part in inputs.items() if _are_texts(part, size)}
    return found


def look_at(subject: Subject, loader: Any, plan: Plan) -> Layout | None:
    """Read a few samples twice where that is possible, and tell the parts of a batch; None where none can be read."""
    hashes: dict[int, set[int]] = {}
    layout: Layout | None = None
    for read in _few(subject, loader, plan):
        if not len(read.indices):
            continue
        size = len(read.indices)
        if layout is None:
            layout = _layout(subject, read.value, size, read.indices)
        if not layout.inputs:
            break
        try:
            given = parts_in(split_batch(subject, read.value).inputs, size)
            span = layout.span(given, subject)
            found = joint_hashes([given[name] for name in layout.inputs], size, span)
        except (TypeError, KeyError, IndexError):  # content of an unknown kind is not compared
            continue
        for index, own in zip(read.indices.tolist(), found.tolist(), strict=False):
            hashes.setdefault(index, set()).add(own)
    return layout and replace(layout, random=any(len(own) > 1 for own in hashes.values()))


def _few(subject: Subject, loader: Any, plan: Plan) -> Iterator[Read]:
    """Give some samples from all over the data set, twice; of a stream, or where those are bad, the first good ones."""
    good = False
    if plan.keys is not None:
        size = min(max(plan.size, 2), _FEW)
        count = 1 if plan.whole else -(-_FEW // size) * size
        places = np.unique(np.linspace(0, len(plan.keys) - 1, count).astype(np.int64))
        keys = [plan.keys[place] for place in places]
        keys = keys if plan.counted and not isinstance(keys[0], np.integer) else [int(key) for key in keys]
        if len(keys) > size:
            keys = keys[: len(keys) // size * size]  # the second time in the same groups, which may be padded
        times = 1 if only_indexes(loader) else 2
        few = replace(plan, keys=keys * times, size=min(len(keys), size), total=None)
        for read in reads_of(subject, loader, few, workers=1):
            good = good or bool(len(read.indices))
            yield replace(read, indices=read.indices % len(keys)) if plan.counted and not plan.whole else read
    if not good:
        with closing(Reader(subject, loader)) as reader:
            yield from (read for read in [next((read for read in reader if len(read.indices)), None)] if read)


def _layout(subject: Subject, batch: Any, size: int, indices: Integers) -> Layout:
    parts = split_batch(subject, batch)
    found = parts_in(parts.inputs, size)
    used = {
        name: part
        for name, part in found.items()
        if length_of(part) == size and not _is_identifier(name, part, indices, alone=len(found) == 1)
    }
    fed = _entering(subject, batch, used)
    targets = {
        _key(name): name for name in used if _words(name) & _LABELS and (name not in fed or subject.forward is not None)
    }
    used = {name: part for name, part in (fed or used).items() if name not in targets.values()}
    told = ((name, _form(part, name, subject)) for name, part in used.items() if not _words(name) & _BESIDE)
    forms = {name: form for name, form in told if form is not None}
    if not forms:
        return Layout(tuple(used), "", "", "values", random=False, targets=targets)
    main = min(forms, key=lambda name: _MAIN_FIRST.index(forms[name]))
    columns = _table(used, forms) if forms[main] == "table" else {}
    described = columns or {main: ()}
    beside = tuple(name for name in forms if name not in described)
    mask = next((name for name in found if "mask" in _words(name) and forms[main] == "text"), "")
    together = tuple(columns) if len(columns) > 1 else ()
    features = tuple(chain(*columns.values())) if together else ()
    return Layout(tuple(used), main, mask, forms[main], False, together, features, beside, targets)


def _table(used: dict[str, Any], forms: dict[str, Decoder]) -> dict[str, tuple[str, ...]]:
    """Return the parts that are one table together, each with the names of its features; single numbers by any name."""
    found = {}
    for name, part in used.items():
        scalars = isinstance(part, Tensor) and part.dim() == 1 and "mask" not in _words(name)
        if not isinstance(part, Tensor) or part.is_complex() or not (forms.get(name) == "table" or scalars):
            continue
        own = _key(name)
        width = part.shape[1] if part.dim() > 1 else 1
        found[name] = (own,) if width == 1 else tuple(f"{own} {place}" for place in range(width))
    return found


def _entering(subject: Subject, batch: Any, used: dict[str, Any]) -> dict[str, Any]:
    """Return the parts that the user's network is called with; none where there is none, or it cannot be told."""
    if type(subject.network) is nn.Identity:
        return {}
    try:
        entered = {id(tensor) for _, tensor in entering(subject, batch, split_batch(subject, batch))}
    except Exception:  # noqa: BLE001 - the user's own forward decides; all parts are taken then
        return {}
    return {
        name: part for name, part in used.items() if any(id(tensor) in entered for _, tensor in tensors_in(part, ""))
    }


def _form(part: Any, name: str, subject: Subject) -> Decoder | None:
    if not isinstance(part, Tensor) and isinstance(part[0], str | bytes):
        return "text"
    values = [readable(each)[0] for each in ([part] if isinstance(part, Tensor) else part)]
    known = [each for each in values if each is not None]
    if len(known) < len(values):
        return None
    return choose_decoder(known[0] if isinstance(part, Tensor) else known, name, subject=subject)


def _is_identifier(name: str, part: Any, indices: Integers, *, alone: bool) -> bool:
    """Whether a part beside others only says which sample it is."""
    if alone or (isinstance(part, Tensor) and (part.dim() != 1 or part.is_floating_point())):
        return False
    if isinstance(part, Tensor) and np.array_equal(part.cpu().numpy(), indices):
        return True
    words = _words(name)
    return bool(words & _IDENTIFIERS) and not words & _TOKENS


def _are_texts(part: Any, size: int) -> bool:
    return (
        isinstance(part, Sequence)
        and len(part) == size > 0
        and not isinstance(part, str | bytes)
        and all(isinstance(each, str | bytes) for each in part)
    )


def _key(name: str) -> str:
    """Return what a batch calls a part, of the expression that reaches it."""
    return _KEY.sub(lambda match: match[1] or match[2], name)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", name.lower()))
