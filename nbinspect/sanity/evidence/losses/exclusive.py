"""Targets of several labels a sample that meet a softmax, among whose classes one label takes from the others."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.losses.targets import Unsuited
from nbinspect.sanity.evidence.passes.lineage import ancestors, argument, reaching, source_of
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.subject import Subject

_SOFTMAXES = ("softmax", "log_softmax")
_LAYERS = ("linear", "conv1d", "conv2d", "conv3d", "addmm", "matmul")
_CLOSE = 1e-2
_NONE = 0.02
"""Share of samples without any label, which no choice of one among many has."""


def exclusive(recorded: Recorded, subject: Subject) -> Iterator[Unsuited]:
    """Give losses in which a softmax over the classes is held against multi-hot targets. Source: S-loss-task.

    Probabilities that sum to 1 cannot all be 1, and a divergence is one from a distribution. What a loss written by
    hand multiplies with a softmax may be candidates of which any is right, or counts of a multinomial: there the user
    has to say that labels coincide, or samples without any label do.
    """
    wanted = reaching(recorded)
    for loss in recorded.named("F.binary_cross_entropy", "F.kl_div"):
        given, at = argument(loss, "input", 0), argument(loss, "target", 1)
        if loss.step.index not in wanted or given is None or at is None:
            continue
        source, word = source_of(recorded, loss, at), source_of(recorded, loss, given).word
        if source.from_batch and word in _SOFTMAXES and loss.given[given].shape == loss.given[at].shape:
            yield from _told(loss, loss.given[at].detach(), _axis(loss.given[given]))
    for one in comparisons(recorded):
        same = one.predicted.shape == one.wanted.shape
        if same and one.prediction.word == "softmax" and one.target.from_batch:
            yield from _told(one.operation, one.wanted, _axis(one.predicted))
    yield from _by_hand(recorded, subject, wanted)


def _by_hand(recorded: Recorded, subject: Subject, wanted: frozenset[int]) -> Iterator[Unsuited]:
    own = {id(tensor) for _, tensor in tensors_in(recorded.batch.parts.targets, "")}
    for one in recorded.operations:
        if one.step.kind != "operation" or one.step.index not in wanted or len(one.given) < 2 or not one.made:
            continue
        for at in range(len(one.given)):
            source = source_of(recorded, one, at)
            targets = one.given[at].detach()
            if id(source.tensor) not in own or targets.shape != one.made[0].shape or _is_input(recorded, targets):
                continue
            axes = {axis for other in range(len(one.given)) if other != at for axis in _chosen(recorded, one, other)}
            for axis in axes if not _is_candidate(recorded, one) else ():
                if subject.task == "multilabel" or _has_none(targets, axis):
                    yield from _told(one, targets, axis)


def _is_input(recorded: Recorded, targets: Tensor) -> bool:
    """Whether the targets are what goes in, as where counts of a sample are to be told from themselves."""
    inputs = (each for _, each in recorded.batch.inputs if each.shape == targets.shape)
    return any(bool((each == targets).all()) for each in inputs)


def _is_candidate(recorded: Recorded, product: Operation) -> bool:
    """Whether a logarithm is taken behind the product, as of the share of all candidates together."""
    logarithms = (one for one in recorded.operations if word_of(one.step.name) == "log")
    return any(each is product for one in logarithms for each in ancestors(recorded, one))


def _chosen(recorded: Recorded, one: Operation, at: int) -> Iterator[int]:
    """Give the axis over which a softmax goes of which an argument was made, if a layer has a row for each class."""
    made_by, shape = one.step.inputs[at].step, one.made[0].shape
    if made_by is None or made_by not in recorded.by_index:
        return
    found = list(ancestors(recorded, recorded.by_index[made_by]))
    if any(word_of(each.step.name) in ("sigmoid", "logsigmoid") for each in found):
        return
    for softmax in found:
        if word_of(softmax.step.name) not in _SOFTMAXES or not softmax.made or softmax.made[0].shape != shape:
            continue
        source, axis = source_of(recorded, softmax, 0), _axis(softmax.made[0])
        parameters = [given for given in source.maker.given if given.requires_grad] if source.maker is not None else []
        if source.word not in _LAYERS or axis is None:
            continue
        if any(given.is_leaf and shape[axis] in given.shape[:1] for given in parameters):
            yield axis


def _axis(shares: Tensor) -> int | None:
    """Return the one axis along which shares, or their logarithms, sum to 1; None where none or several do."""
    values = shares.detach().double()
    values = values.exp() if bool((values < 0).any()) else values
    found = [axis for axis in range(values.dim()) if bool(((values.sum(axis) - 1).abs() < _CLOSE).all())]
    return found[0] if len(found) == 1 else None


def _has_several(targets: Tensor, axis: int) -> bool:
    bits = targets.dim() > 1 and bool(((targets == 0) | (targets == 1)).all())
    return bits and targets.shape[axis] > 2 and bool((targets.sum(axis) > 1).any())


def _has_none(targets: Tensor, axis: int) -> bool:
    return float((targets.sum(axis) == 0).double().mean()) >= _NONE


def _told(loss: Operation, targets: Tensor, axis: int | None) -> Iterator[Unsuited]:
    if axis is None or not _has_several(targets, axis):
        return
    several = float((targets.sum(axis) > 1).double().mean())
    yield Unsuited(
        loss,
        "Softmax over labels that coincide",
        f"{several:.0%} of the samples have several labels; a softmax shares a probability of 1 among them, so that "
        "each label is learnt at the cost of the others.",
        "Use a sigmoid for each label, as BCEWithLogitsLoss does, in place of the softmax.",
        measured("labels a sample, at most", int(targets.sum(axis).max()), "1"),
    )
