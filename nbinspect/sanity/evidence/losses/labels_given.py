"""Labels as PyTorch's losses get them in a recorded pass, whoever calls these: all the same, or beyond the outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.capture.task import LOSSES
from nbinspect.records import Floats, TaskRecord
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.evidence.data.features import parts_of
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.losses.filled_labels import marked_as_the_rest
from nbinspect.sanity.evidence.losses.targets import BIT_LOSSES, may_leave_out
from nbinspect.sanity.evidence.passes.lineage import Source, ancestors, argument, reaching, source_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.task import OF_CLASSES, OF_NUMBERS

_LEFT_OUT, _VOID = -100, 255
_RECURRENT = re.compile(r"(lstm|gru|rnn_\w+)(_?cell)?", re.IGNORECASE)
_NAMED = re.compile(r"Target (-?\d+) is out of bounds")


@dataclass(frozen=True, eq=False)
class Still:
    """Labels of a loss that are all the same."""

    value: str
    count: int
    operation: Operation
    how: str
    """What made them so, as half a sentence; empty where they come like that."""


def still_labels(program: Program, recorded: Recorded, scan: Scan, *, enough: int) -> Still | None:
    """Return the labels of a loss that are the same for every sample; None where each loss has several.

    So are fractions that are cut to whole numbers, the place of the largest of a single column, those that mark what
    they stand for already, and a tensor of the batch which never changes in all that was read: not where the same
    weights meet another label in another call, as of what a generator makes, nor the place of the right one among
    candidates that are rated one by one.
    """
    if recorded.error is not None:
        return None
    wanted = reaching(recorded)
    given = [one for one in _labels(recorded) if one[0].step.index in wanted]
    for loss, targets, source in given:
        same = targets.numel() >= enough and bool((targets == targets.reshape(-1)[0]).all())
        value = targets.reshape(-1)[0].item() if same else -1
        if value < 0 or value % 1 or (targets.is_floating_point() and loss.step.name in OF_CLASSES):
            continue
        how = _destroyed(recorded, scan, source, enough)
        is_still = how is None and _never_changes(recorded, scan, source, enough)
        made = "" if is_still and not rates_candidates(recorded, loss) else None
        if how is None and not is_still:
            made = marked_as_the_rest(program, recorded, scan, source)
        if made is not None:
            others = (other for other, labels, _ in given if other is not loss and bool((labels != value).any()))
            alike = (other for other in others if other.step.name == loss.step.name)
            how = None if any(_weights(recorded, other) == _weights(recorded, loss) for other in alike) else made
        if how is not None:
            return Still(f"{value:g}", targets.numel() if how else scan.read, loss, how)
    return None


def _weights(recorded: Recorded, loss: Operation) -> frozenset[str]:
    """Return what the outputs that a loss is given depend on, but for the batch and what is drawn."""
    origins = {use.origin for use in loss.step.inputs[:1] if use.step is None}
    first = recorded.by_index.get(loss.step.inputs[0].step or -1)
    for one in ancestors(recorded, first) if first is not None else ():
        origins |= set(one.step.parameters)
    return frozenset(origins)


def rates_candidates(recorded: Recorded, loss: Operation) -> bool:
    """Whether no weights on the way to the outputs of a loss have a place for each class, so that each is rated."""
    at = argument(loss, "input", 0) or 0
    outputs, first = loss.given[at], recorded.by_index.get(loss.step.inputs[at].step or -1)
    classes = outputs.shape[1 if outputs.dim() > 1 else 0] if outputs.dim() else 0
    if loss.step.name not in OF_CLASSES or classes < 2 or first is None:
        return False
    before = [one for one in ancestors(recorded, first) if one.step.parameters]
    return bool(before) and not any(
        tensor.requires_grad and tensor.is_leaf and classes in tensor.shape for one in before for tensor in one.given
    )


def beyond_outputs(recorded: Recorded) -> tuple[Tensor, int] | None:
    """Return labels (K,) on which a cross-entropy raised that has no output for them, and how many it has.

    The one that it names, and others that hardly stand for what it leaves out.
    """
    step = recorded.failure.step if recorded.failure is not None else None
    named = _NAMED.search(str(recorded.error))
    for loss, targets, _ in _labels(recorded) if named is not None else ():
        outputs = loss.given[argument(loss, "input", 0) or 0]
        if named is None or loss.step.index != step or loss.step.name not in OF_CLASSES or targets.is_floating_point():
            continue
        classes = outputs.shape[1 if outputs.dim() > 1 else 0]
        likely = (targets >= classes) & (targets != _VOID)
        wrong = targets[likely | (targets == int(named[1]))]
        if len(wrong) and (*outputs.shape[:1], *outputs.shape[2:]) == targets.shape:
            return wrong, classes
    return None


def labels_compared(recorded: Recorded, scan: Scan) -> Floats | None:
    """Return (N,) the labels in the order of reading that a loss of classes is given, wherever a batch holds them.

    None where there is no such loss, or its labels are not one whole number a sample that the batch holds as they are;
    and of a loss that is weighed sample by sample, as by rewards.
    """
    for loss, _, source in _labels(recorded) if recorded.error is None else ():
        column = column_of(recorded, scan, source)
        if may_leave_out(recorded, loss) or column is None:
            continue
        if column.shapes <= {(), (1,)} and len(column.centres) == scan.read:
            found: Floats = column.centres[:, 0]
            return found if not (found % 1).any() else None
    return None


def hands_a_state_on(recorded: Recorded) -> bool:
    """Whether the state of a recurrent layer is cut off from its gradient in a step of the user's, to be used later."""
    made: set[int] = set()
    for one in recorded.operations if recorded.of_step else ():
        word = word_of(one.step.name)
        if _RECURRENT.fullmatch(word):
            made |= {id(tensor) for tensor in (one.made if "cell" in word else one.made[1:])}
        elif word == "detach" and any(id(tensor) in made for tensor in one.given):
            return True
    return False


def kind_compared(recorded: Recorded) -> str:
    """Return what task the losses are of that are given the targets of the batch as they are.

    Empty where none is, or several are, or a loss is weighed sample by sample, as by rewards.
    """
    kinds = set()
    own = {id(tensor) for _, tensor in parts_of(recorded.batch)[1]}
    for loss in recorded.named(*OF_CLASSES, *BIT_LOSSES, *OF_NUMBERS) if recorded.error is None else ():
        at = argument(loss, "target", 1)
        if at is not None and id(source_of(recorded, loss, at).tensor) in own:
            kind = "binary" if loss.step.name in BIT_LOSSES else "classification"
            kinds.add("regression" if loss.step.name in OF_NUMBERS else kind)
            kinds |= {""} if may_leave_out(recorded, loss) else set()
    return kinds.pop() if len(kinds) == 1 else ""


def task_of_labels(recorded: Recorded, task: TaskRecord) -> TaskRecord:
    """Return the task for which the labels of the batch are, ``other`` where the user's own step makes its targets.

    So it is where no loss that it calls is given targets made of these labels alone, as where it draws noise to be
    told, hides words, or sums up rewards.
    """
    subject, own = recorded.batch.subject, {id(tensor) for _, tensor in parts_of(recorded.batch)[1]}
    is_told = task.given or not task.loss or subject.train_step is None or subject.loss_fn is not None
    if is_told or recorded.error is not None:
        return task
    for loss in recorded.named(*LOSSES):
        at = argument(loss, "target", 1)
        found = set() if at is None else _of_batch(recorded, source_of(recorded, loss, at))
        if found and found <= own:
            return task
    return replace(task, kind="other", why="the losses are given other targets than those of the batch", loss="")


def meets_others(recorded: Recorded) -> bool:
    """Whether a step, with no loss outside of it, has labels of several values, as of drawn samples beside real."""
    if not recorded.of_step or recorded.batch.subject.loss_fn is not None:
        return False
    return len({value for _, labels, _ in _labels(recorded) for value in torch.unique(labels).tolist()}) > 1


def _of_batch(recorded: Recorded, source: Source) -> set[int]:
    """Return the ids of what of the batch a tensor is made of."""
    if source.maker is None:
        return {id(source.tensor)} if source.from_batch else set()
    steps = [source.maker, *ancestors(recorded, source.maker)]
    pairs = [pair for one in steps for pair in zip(one.step.inputs, one.given, strict=True)]
    return {id(tensor) for use, tensor in pairs if use.step is None and use.origin.startswith("batch")}


def _labels(recorded: Recorded) -> Iterator[tuple[Operation, Tensor, Source]]:
    """Give each call of a loss of classes, its targets, and where these come from."""
    for loss in recorded.named(*OF_CLASSES, *BIT_LOSSES):
        at = argument(loss, "target", 1)
        if at is not None:
            yield loss, loss.given[at].detach(), source_of(recorded, loss, at)


def _destroyed(recorded: Recorded, scan: Scan, source: Source, enough: int) -> str | None:
    """Return how labels that differ became the same on the way to the loss; None where some of the batch did not.

    Fractions of all that was read have to be cut to one number, for the first batch may hold small ones alone.
    """
    for one in source.passed if source.from_batch else ():
        given = one.given[0].detach()
        cut = given.is_floating_point() and not one.made[0].is_floating_point()
        column = column_of(recorded, scan, source)
        cut &= column is None or bool((np.ptp(column.cuts, axis=0) == 0).any())
        if cut and bool((given != given.round()).any()) and len(torch.unique(given)) > 1:
            return f"{one.step.name} cuts their fractions off"
    maker = source.maker
    if maker is None or word_of(maker.step.name) != "argmax" or not source_of(recorded, maker, 0).from_batch:
        return None
    given = maker.given[0].detach()
    single = given.numel() == maker.made[0].numel() >= enough and len(torch.unique(given)) > 1
    return "argmax is taken of a single column" if single else None


def _never_changes(recorded: Recorded, scan: Scan, source: Source, enough: int) -> bool:
    """Whether a tensor of the batch is the same in everything that was read."""
    column = column_of(recorded, scan, source)
    return column is not None and scan.is_fair and scan.read >= enough and bool(column.only(scan.read))


def column_of(recorded: Recorded, scan: Scan, source: Source) -> Column | None:
    """Return what is known of all values of a tensor of the batch; None where it is none, or is not told by a name."""
    inputs, targets = parts_of(recorded.batch)
    name = next((name for name, tensor in (*inputs, *targets) if tensor is source.tensor), None)
    known = {**scan.inputs, **scan.targets}
    return known.get(name) if source.from_batch and name is not None else None
