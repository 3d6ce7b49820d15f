"""Losses of pairs of samples and a label each: whether they part the pairs that are alike, as their inputs tell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import CheckResult, measured, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_LEAST, _SURE, _SAME = 8, 5.0, 1e-3


def of_parted(program: Program, attempt: Recorded, batches: tuple[Batch, ...]) -> CheckResult | None:
    """Tell of a loss that parts pairs of the label whose inputs are more alike, and draws the other pairs together.

    That may be meant where strangers were picked for being alike, or mates were changed. The network must give
    distances, or likenesses: what it gives for a sample beside itself is the least or the most, with its weights
    negated too.
    """
    batch, names = attempt.batch, _pair_of(attempt.batch)
    if attempt.error is not None or names is None or program.subject.loss_fn is None:
        return None
    paired = ((one, one.targets) for one in batches if _pair_of(one) == names)
    told = [(*_distances(one, names), targets.flatten()) for one, targets in paired if targets is not None]
    apart, unlike, labels = (torch.cat([one[at].detach().cpu().double() for one in told]) for at in range(3))
    values = torch.unique(labels).tolist()
    counts = [int((labels == value).sum()) for value in values]
    if len(values) != 2 or min(counts) < _LEAST:
        return None
    share, other = (_share(distances, labels == values[0]) for distances in (apart, unlike))
    deviation = ((len(labels) + 1) / (12 * counts[0] * counts[1])) ** 0.5
    if abs(share - 0.5) < _SURE * deviation or (share - 0.5) * (other - 0.5) < 0:
        return None
    alike, strange = values if share > 0.5 else values[::-1]
    try:
        losses = _losses(program, batch, names, (alike, strange))
    except Exception:  # noqa: BLE001 - the model or the loss may want the batch as it was
        return None
    if losses is None:
        return None
    now, together, others = losses
    if not (together > now + _SAME * abs(now) and others < now - _SAME * abs(now)):
        return None
    return warned(
        f"pairs labelled {alike:g} are more alike, and are driven apart",
        measured(f"loss where pairs labelled {alike:g} are the same", together, f"below {now:.4g}, that of now"),
        measured(f"loss where pairs labelled {strange:g} are the same", others, f"above {now:.4g}"),
        measured(f"pairs labelled {alike:g} that are more alike than others", f"{max(share, 1 - share):.0%}", "50%"),
        title="The loss drives apart the pairs that are alike",
        detail=f"Inputs of pairs labelled {alike:g} are more alike than of those labelled {strange:g}, yet the loss "
        "falls as the former are driven apart and the latter drawn together: it may take the label for its reverse.",
        remedy="Exchange the labels, or the two terms of the loss, unless strangers were picked for being alike, or "
        "mates were changed.",
        where="loss_fn",
    )


def _pair_of(batch: Batch) -> tuple[str, str] | None:
    """Return the names of the two inputs of one shape and kind that a batch has beside a label a sample; else None."""
    own, targets = dict(batch.inputs), batch.targets
    names = tuple(own)
    if len(names) != 2 or targets is None or targets.numel() != batch.size:
        return None
    one, other = own.values()
    is_pair = one.shape == other.shape and one.dim() > 1 and one.is_floating_point() and other.is_floating_point()
    return (names[0], names[1]) if is_pair and len(one) == batch.size else None


def _distances(batch: Batch, names: tuple[str, str]) -> tuple[Tensor, Tensor]:
    """Return how far apart the two of each pair are, and how far once each has mean 0 and length 1.

    Of a pair of which one was made louder, or noisy, the two lie far apart, and have the more in common.
    """
    one, other = (dict(batch.inputs)[name].detach().double().flatten(1) for name in names)
    centred = (functional.normalize(rows - rows.mean(1, keepdim=True), dim=1) for rows in (one, other))
    return (one - other).square().mean(1), (next(centred) - next(centred)).square().sum(1)


def _share(distances: Tensor, is_first: Tensor) -> float:
    """Return in how many of all cases a pair of the first label is closer than one of the other; equals count half."""
    first, second = distances[is_first, None], distances[~is_first]
    return float((first < second).double().mean() + (first == second).double().mean() / 2)


def _losses(
    program: Program, batch: Batch, names: tuple[str, str], values: tuple[float, float]
) -> tuple[float, float, float] | None:
    """Return the loss, and those where pairs of either label are a sample beside itself; None without distances."""
    paired, targets = batch.with_inputs({names[1]: dict(batch.inputs)[names[0]]}), batch.targets
    assert targets is not None  # as there is a pair
    own, same = _outputs(program, batch), _outputs(program, paired)
    if not _are_ends(own, same, batch.size):
        return None
    if isinstance(own, Tensor):
        copy = program.copied()
        with torch.no_grad():
            for parameter in copy.parameters.values():
                parameter.neg_()
        turned = _outputs(copy, batch), _outputs(copy, paired)
        if not _are_ends(*turned, batch.size) or not torch.allclose(turned[1], same, atol=_SAME):
            return None
        if bool((turned[0].mean() > turned[1].mean()) != (own.mean() > same.mean())):
            return None
    found = []
    with program.running(training=False):
        found.append(float(program.scalar_loss(own, batch)))
        for value in values:
            mates = iter([tensor for _, tensor in tensors_in(same, "")])
            chosen = targets.flatten() == value
            mixed = map_tensors(lambda one: _mixed(one, next(mates), chosen), own)  # noqa: B023 - used at once
            found.append(float(program.scalar_loss(mixed, batch)))
    return found[0], found[1], found[2]


def _mixed(own: Tensor, same: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen.reshape(-1, *[1] * (own.dim() - 1)), same, own)


def _outputs(program: Program, batch: Batch) -> Any:
    with program.running(training=False):
        return program.outputs(batch)


def _are_ends(own: Any, same: Any, count: int) -> bool:
    """Whether a sample beside itself has the one least or greatest number of all, or two equal vectors."""
    if not isinstance(own, Tensor):
        parts = [tensor for _, tensor in tensors_in(same, "")]
        is_pair = len(parts) == 2 and parts[0].shape == parts[1].shape
        return is_pair and torch.allclose(parts[0], parts[1], atol=1e-5)
    spread = float(own.std())
    if own.numel() != count or not spread > 0 or float(same.max() - same.min()) > _SAME * spread:
        return False
    return bool((own >= same - _SAME * spread).all() or (own <= same + _SAME * spread).all())
