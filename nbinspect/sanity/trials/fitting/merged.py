"""Samples that get one output whatever the weights are, though their inputs and labels differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, measured, warned
from nbinspect.sanity.evidence.data.contents import contents, relation
from nbinspect.sanity.evidence.layers.entry import entering, entries_of
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.evidence.samples.awake import stirred
from nbinspect.sanity.evidence.samples.sameness import where_wiped
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded, record, tensor_output

_LEAST, _UNMET = 3, 0.1
_MOST = 256
_STIRRED = 2
_MANY, _CLASSES = 16, 3
_ROUNDING = 20 * torch.finfo(torch.float32).eps


@dataclass(frozen=True, eq=False)
class Merged:
    """Samples of a batch, all with inputs of their own, that no weights can tell apart."""

    samples: int
    outputs: int
    """How many of theirs differ."""
    unmet: int
    """Labels that are not met where each output is the most common label of its samples."""
    operation: Operation | None
    """Where two of them become one, or are one."""


def merged(program: Program, batch: Batch) -> Merged | None:
    """Return samples whose inputs are one where they reach the weights, and their outputs, if their labels contradict.

    Outputs alone would not tell: few weights, codes or a sigmoid at its end give one to many samples, and other weights
    tell them apart. None where all outputs are one, which is another matter, or samples are related to each other.

    Args:
        program: left unchanged.
        batch: without samples whose inputs it has already.
    """
    labels = _labels(batch)
    if labels is None or relation(batch) or not _LEAST < batch.size <= _MOST:
        return None
    try:
        seen = _seen(record(program, batch))
        if seen is None or len(set(seen)) == batch.size:
            return None
        groups = seen
        for judged in (program, *(stirred(program) for _ in range(_STIRRED))):
            with judged.running(training=False):
                found = tensor_output(judged.outputs(batch))
            if found is None or not found.is_floating_point() or found.shape[:1] != (batch.size,):
                return None
            groups = [(*group, at) for group, at in zip(groups, _alike(found.detach()), strict=True)]
    except Exception:  # noqa: BLE001 - no evidence from what does not run, or cannot be copied
        return None
    counts = Counter(zip(groups, labels, strict=True))
    met = {group: max(count for (other, _), count in counts.items() if other == group) for group in set(groups)}
    unmet = batch.size - sum(met.values())
    if len(met) == 1 or unmet < max(_LEAST, _UNMET * batch.size):
        return None
    return Merged(batch.size, len(met), unmet, _where(program, batch, groups))


def of_merged(found: Merged) -> CheckResult:
    """Say that samples cannot be told apart."""
    share = found.unmet / found.samples
    return warned(
        f"{found.samples} samples get {found.outputs} outputs, whatever the weights",
        measured("outputs that differ, also with noise on all weights", found.outputs, f"{found.samples}"),
        measured("labels of the batch that no weights can meet", f"{share:.0%}", "0%"),
        title="Samples become one before anything is learnt of them",
        detail=f"The inputs of {found.samples} samples all differ, and get {found.outputs} outputs in all, also with "
        f"noise on all weights: no weights and no width can meet {share:.0%} of their labels, beside those of other "
        "samples with the same output.",
        remedy="Follow two such samples to where they become one: identities in too few buckets, a rounding, an index.",
        where="" if found.operation is None else where_of(found.operation),
        place=None if found.operation is None else found.operation.step.place,
    )


def single_entry(recorded: Recorded) -> Operation | None:
    """Return the one operation that weighs the data first, if it is given one value a sample of many; else None.

    None as well where a later one is given more of the data, or for targets of fewer than three classes, which one
    value may tell apart.
    """
    batch, entries = recorded.batch, list(entries_of(recorded))
    labels = _labels(batch)
    if labels is None or len(set(labels)) < _CLASSES or len(entries) != 1 or batch.size < _CLASSES:
        return None
    values = [tensor for tensor in contents(batch).values() if tensor.is_floating_point()]
    given = [
        tensor
        for use, tensor in zip(entries[0].step.inputs, entries[0].given, strict=True)
        if use.origin not in entries[0].step.parameters
    ]
    # the other times of a sequence may be joined later to what came of the first
    is_all = sum(one.of_batch for one in entering(recorded)) == 1
    is_one = is_all and len(given) == 1 and given[0].is_floating_point() and given[0].numel() == batch.size
    return entries[0] if is_one and sum(tensor.numel() for tensor in values) >= _MANY * batch.size else None


def of_single_entry(recorded: Recorded, entry: Operation, left: float) -> CheckResult:
    """Say that the first weights are given one value a sample."""
    values = sum(tensor.numel() for tensor in contents(recorded.batch).values()) // recorded.batch.size
    return warned(
        "the first weights are given one value a sample",
        measured("values of a sample that reach the first weights", 1, f"{values}, as it has"),
        measured("share of the loss of the batch that is left", f"{left:.0%}", "little"),
        title="A single value of each sample reaches the weights",
        detail=f"Each sample has {values} values, which become one before anything is learnt of them; {left:.0%} of "
        "the loss of one batch stays. No width can bring back what is lost there.",
        remedy="Look at what stands before the first layer: a pooling over everything, a mean over one axis too many.",
        where=where_of(entry),
        place=entry.step.place,
    )


def _labels(batch: Batch) -> list[int] | None:
    """Return the class of each sample; None where targets are not one class a sample."""
    targets = batch.targets
    if targets is None or not batch.size or targets.numel() != batch.size or targets.shape[:1] != (batch.size,):
        return None
    values = targets.detach().reshape(-1).cpu()
    if targets.is_complex() or (targets.is_floating_point() and not bool(((values == 0) | (values == 1)).all())):
        return None
    return [int(value) for value in values.tolist()]


def _seen(recorded: Recorded) -> list[tuple[int, ...]] | None:
    """Return for each sample what tells it from others in all that reaches weights; None where that is not known."""
    size = recorded.batch.size
    seen: list[tuple[int, ...]] = [()] * size
    for one in entering(recorded):
        if one.tensor.shape[:1] == (size,):
            rows = one.tensor.detach().cpu().reshape(size, -1)
            kinds = torch.unique(rows.double() if rows.is_floating_point() else rows, dim=0, return_inverse=True)[1]
            seen = [(*before, int(kind)) for before, kind in zip(seen, kinds, strict=True)]
        elif one.of_batch:
            return None
    return None if recorded.error is not None or not seen[0] else seen


def _alike(outputs: Tensor) -> list[int]:
    """Return for each sample the first one with its output, up to rounding."""
    flat = outputs.flatten(1).double() if outputs.dim() > 1 else outputs.double()[:, None]
    near = torch.cdist(flat, flat, p=float("inf")) <= _ROUNDING * float(flat.abs().max())
    return [int(row.long().argmax()) for row in near]


def _where(program: Program, batch: Batch, groups: list[tuple[int, ...]]) -> Operation | None:
    """Return where two samples become one; where nothing shows it, the first weights, which do not tell them apart."""
    group = Counter(groups).most_common(1)[0][0]
    two = [at for at, other in enumerate(groups) if other == group][:2]
    try:
        recorded = record(program, batch.taken(two))
    except MissingNeed:
        return None
    output = None if recorded.error is not None else tensor_output(recorded.outputs)
    return None if output is None else where_wiped(recorded, output) or next(entries_of(recorded), None)
