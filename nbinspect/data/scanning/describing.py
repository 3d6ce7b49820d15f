"""A batch described in columns, where it was read, so that its contents need not travel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from nbinspect.calling import split_batch
from nbinspect.capture.tensors import length_of
from nbinspect.data.scanning.content import Content, describe_content
from nbinspect.data.scanning.labelled import Labelled, labelled
from nbinspect.data.scanning.look import Layout, parts_in
from nbinspect.data.scanning.pictures import small_grey
from nbinspect.data.scanning.signature import combined, content_hash, picture_signatures, sample_hashes
from nbinspect.evaluation.samples import axis_of, picked, size_of
from nbinspect.records import Integers
from nbinspect.subject import Subject


@dataclass(frozen=True, eq=False)
class Block:
    """What is known of the n samples of a batch."""

    content: Content
    labels: Labelled
    inputs: Integers
    """(n,) hashes, as `targets`; (0,) where contents cannot be compared, or where there is none."""
    targets: Integers
    before: bool
    """Whether the hashes of inputs are of what was there before a transform."""
    notes: tuple[str, ...] = ()


def told_of(content: Any) -> tuple[int, int | None] | None:
    """Return the hash and the signature of what a transform is given; None for what only says where a sample is."""
    if isinstance(content, str | bytes | int | float) or hasattr(content, "__fspath__"):
        return None
    small = small_grey(content)
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
        main = given.get(self.layout.main)
        labels = labelled(targets, size, self.subject, [] if main is None else [main])
        inputs, note = _hashes(list(given.values()), size)
        content = describe_content(main, found.get(self.layout.mask), self.layout.form, size, self.subject)
        before = any(each is not None for each in contents)
        if before:
            content, inputs = _before_transform(content, inputs, contents)
        return Block(content, labels, inputs, _target_hashes(labels, targets, size), before, (*notes, *note))

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


def _hashes(parts: Sequence[Any], size: int) -> tuple[Integers, tuple[str, ...]]:
    try:
        return (combined([sample_hashes(part, size) for part in parts]) if parts else np.zeros(0, np.int64)), ()
    except TypeError as error:
        return np.zeros(0, np.int64), (f"contents cannot be compared: {error}",)


def _target_hashes(labels: Labelled, targets: Any, size: int) -> Integers:
    if labels.kind == "numbers" and labels.values is not None:
        return np.ascontiguousarray(labels.values + 0.0).view(np.int64)  # of any type; −0 is 0
    if not labels.kind:
        return np.zeros(0, np.int64)
    try:
        return sample_hashes(targets, size)
    except TypeError:
        return np.zeros(0, np.int64) if labels.text is None else sample_hashes(list(labels.text), size)


def _before_transform(content: Content, inputs: Integers, contents: Sequence[Any]) -> tuple[Content, Integers]:
    """Take hashes and signatures of what was there before the transform, for all samples of which that is known."""
    known = inputs.copy() if len(inputs) else np.zeros(len(contents), np.int64)
    signatures = content.signatures.copy()
    for place, each in enumerate(contents):
        if each is not None:
            known[place] = each[0]
            if each[1] is not None and len(signatures):
                signatures[place] = each[1]
    return replace(content, signatures=signatures), known
