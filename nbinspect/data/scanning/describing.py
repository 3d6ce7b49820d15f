"""A batch described in columns, where it was read, so that its contents need not travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from nbinspect.calling import split_batch
from nbinspect.capture.tensors import length_of
from nbinspect.data.scanning.content import Content, describe_content
from nbinspect.data.scanning.labelled import Labelled
from nbinspect.data.scanning.look import Layout, parts_in
from nbinspect.data.scanning.pictures import small_grey
from nbinspect.data.scanning.signature import (
    combined,
    content_hash,
    joint_hashes,
    picture_signatures,
    sample_hashes,
)
from nbinspect.data.scanning.targets import labels_of
from nbinspect.data.scanning.texts import span_of
from nbinspect.decode.names import IGNORED
from nbinspect.evaluation.samples import picked, size_of
from nbinspect.nested import axis_of
from nbinspect.records import Flags, Integers
from nbinspect.subject import Subject


@dataclass(frozen=True, eq=False)
class Block:
    """What is known of the n samples of a batch."""

    content: Content
    labels: Mapping[str, Labelled]
    """Of each target, by its column."""
    inputs: Integers
    """(n,) hashes, as `targets`; (0,) where contents cannot be compared, or where there is none."""
    targets: Integers
    held: Integers
    """(n,) hashes of what the data set's transform was given; (0,) where that is not known of all."""
    notes: tuple[str, ...] = ()


def told_of(content: Any, *, signed: bool = True) -> tuple[int, int | None] | None:
    """Return the hash of what a transform is given, and the signature if wanted; None for what only names a sample."""
    if isinstance(content, str | bytes | int | float) or hasattr(content, "__fspath__"):
        return None
    small = small_grey(content) if signed else None
    return content_hash(content), None if small is None else int(picture_signatures(small[None])[0])


@dataclass(frozen=True, eq=False)
class Describing:
    """Describes batches of one layout, which are left unchanged."""

    layout: Layout
    subject: Subject
    """Without its network, which need not travel."""

    def __call__(self, batch: Any, indices: Integers, contents: Sequence[Any]) -> Block:
        """Return what is known of a batch; `contents` is what `told_of` told of its samples.

        Raises:
            ValueError: where the batch has another number of samples than there are indices.
        """
        size = len(indices)
        parts = split_batch(self.subject, batch)
        found = parts_in(parts.inputs, size)
        targets, notes = parts.targets, []
        given = {name: self._fitting(found[name], size) for name in self.layout.inputs if name in found}
        if any(given[name] is not found[name] and length_of(found[name]) != size for name in given) and size == 1:
            targets = picked(targets, [0], size_of(self.subject, batch))
            notes.append("the loader's collation makes several entries of one sample: the first is described")
        main, types = self.layout.described(given, size)
        beside = {key: found[name] for key, name in self.layout.targets.items() if name in found}
        fed = [] if main is None else [main]
        labels = labels_of(targets, parts.target_name, beside, size=size, subject=self.subject, inputs=fed)
        span = self.layout.span({**found, self.layout.main: main}, self.subject)
        inputs, note = _hashes([] if self.layout.random else list(given.values()), size, span)
        content = describe_content(main, found.get(self.layout.mask), self.layout.form, size, self.subject)
        if len(types) > 1:
            content = replace(content, words={**content.words, "dtype": [", ".join(types)]})
        if self.layout.random:
            content = _signed_before(content, contents)
        known = [each[0] for each in contents if each is not None]
        held = np.array(known if len(known) == size else [], np.int64)
        aimed = _target_hashes(labels, targets, beside, size, self._target_span(labels, targets, span))
        return Block(content, labels, inputs, aimed, held, (*notes, *note))

    def _target_span(self, labels: Mapping[str, Labelled], targets: Any, span: Flags | None) -> Flags | None:
        """Return which tokens (N, T) of targets are compared: those of the input's text, or what is not padding."""
        tokens = any(each.kind == "tokens" for each in labels.values())
        if not tokens or self.layout.form != "text" or not isinstance(targets, Tensor):
            return None
        if span is not None and targets.shape[:2] == span.shape:
            return span
        ignored = targets == IGNORED
        return span_of(targets, ~ignored if bool(ignored.any()) else None, self.subject)

    def _fitting(self, part: Any, size: int) -> Any:
        """Return a part of a batch with its samples first; of one sample, the first entry."""
        if not isinstance(part, Tensor):
            if len(part) == size:
                return part
        else:
            axis = axis_of(part, size, self.subject.batch_axis)
            if axis is not None:
                return part.movedim(axis, 0) if axis else part
        if size > 1 or length_of(part) is None:
            raise ValueError(f"the loader's collation makes {length_of(part)} entries of {size} samples")
        return part[:1]


def _hashes(parts: Sequence[Any], size: int, span: Flags | None) -> tuple[Integers, tuple[str, ...]]:
    try:
        return (joint_hashes(parts, size, span) if parts else np.zeros(0, np.int64)), ()
    except TypeError as error:
        return np.zeros(0, np.int64), (f"contents cannot be compared: {error}",)


def _target_hashes(
    labels: Mapping[str, Labelled], targets: Any, beside: Mapping[str, Any], size: int, span: Flags | None
) -> Integers:
    told = [each for each in labels.values() if each.kind]
    if not told:
        return np.zeros(0, np.int64)
    if len(told) == 1 and told[0].kind == "numbers" and told[0].values is not None:
        return np.ascontiguousarray(told[0].values + 0.0).view(np.int64)  # of any type; −0 is 0
    try:
        return joint_hashes([each for each in (targets, *beside.values()) if each is not None], size, span)
    except TypeError:
        if any(each.text is None for each in told):
            return np.zeros(0, np.int64)
        return combined([sample_hashes(list(each.text or ()), size) for each in told])


def _signed_before(content: Content, contents: Sequence[Any]) -> Content:
    """Take signatures of what was there before the transform, for all samples of which that is known."""
    if not len(content.signatures):
        return content
    signatures = content.signatures.copy()
    for place, each in enumerate(contents):
        if each is not None and each[1] is not None:
            signatures[place] = each[1]
    return replace(content, signatures=signatures)
