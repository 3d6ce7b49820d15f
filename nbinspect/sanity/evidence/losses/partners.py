"""Losses of two batches of vectors, partner by partner: whether they part partners and draw strangers together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.evidence.losses.descent import descended
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_DRAWS, _LEAST = 4, 4
_SAME, _CLEAR, _HEARD, _ROUNDING = 1e-3, 0.02, 0.05, 1e-4

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Estranged:
    """A loss that is lower the less partners are alike, and the more strangers are."""

    together: float
    """The loss of partners that are nearly the same."""
    exchanged: float
    """The highest of the same with the partners exchanged."""
    before: float
    """Mean cosine of the network's partners, less that of strangers."""
    after: float
    """The highest of the same after a step down the loss."""


def of_estranged(program: Program, backward: Recorded, rates: tuple[float, ...]) -> CheckResult | None:
    """Tell of a loss that drives partners apart; arguments as those of `estranged`."""
    found = estranged(program, backward, rates) if program.subject.train_step is None else None
    if found is None:
        return None
    return failed(
        "minimising it drives partners apart and draws strangers together",
        measured("loss of partners that are alike", found.together, f"below {found.exchanged:.4g}, with others'"),
        measured(
            "cosine of partners less that of strangers, after a step", found.after, f"at least {found.before:.4g}"
        ),
        title="The loss drives partners apart",
        detail="It compares each vector with its partner and with strangers, is higher where partners are alike than "
        "where they are exchanged, and each small step down parts them: its sign is flipped.",
        remedy="Multiply the loss by -1: minimise the negative log share of the partner.",
        where="loss_fn",
        code="- loss = loss_fn(outputs, targets)\n+ loss = -loss_fn(outputs, targets)",
    )


def estranged(program: Program, backward: Recorded, rates: tuple[float, ...]) -> Estranged | None:
    """Return how a loss of two (N, D) batches of vectors parts partners; None of any other loss.

    It is one of partners where turning both batches alike leaves it what it is, and turning one does not; nor may it
    matter which pair is which, as it does where labels or a graph tell who belongs together. That it sees strangers
    too is told from its gradient, which of a loss of pairs alone has no share along other vectors.

    Args:
        program: left unchanged; only the loss is run, and the network on a copy.
        backward: the recorded pass with its gradients.
        rates: lengths of the steps, as `descended` takes them.
    """
    vectors = _pair_of(backward.outputs)
    if vectors is None:
        return None
    one, other = (tensor.detach() for tensor in vectors)
    generator = torch.Generator().manual_seed(program.seed)
    sizes = float(one.norm(dim=1).mean()), float(other.norm(dim=1).mean())

    def loss(*made: Tensor) -> Tensor:
        parts = iter(made)
        return program.scalar_loss(map_tensors(lambda _: next(parts), backward.outputs), backward.batch)

    def drawn(size: float) -> Tensor:
        return F.normalize(torch.randn(one.shape, generator=generator).to(one), dim=1) * size

    try:
        with program.running(gradients=True):
            draws = [(drawn(sizes[0]), drawn(sizes[1])) for _ in range(_DRAWS)]
            if not _sees_partners(loss, *draws[0], generator):
                return None
            if not all(_is_turned(loss, *pair) for pair in draws):
                return None
            near = [(own, _alike(own, noise)) for own, noise in draws]
            found = [(float(loss(own, mate)), float(loss(own, mate.roll(1, 0)))) for own, mate in near]
    except MissingNeed:
        raise
    except Exception:  # noqa: BLE001 - the user's loss may want the vectors of its own network
        return None
    margin = _CLEAR * max(abs(value) for pair in found for value in pair)
    if not margin or not all(own > exchanged + margin for own, exchanged in found):
        return None
    before, now = _partnership(one, other), float(backward.loss.detach())
    steps = [(_pair_of(made), lower) for _, made, lower in descended(program, backward, rates)]
    after = [_partnership(*pair) for pair, lower in steps if pair is not None and lower < now]
    if not steps or len(after) < len(steps) or not max(after) < before:
        return None
    return Estranged(min(own for own, _ in found), max(exchanged for _, exchanged in found), before, max(after))


def _pair_of(outputs: object) -> tuple[Tensor, Tensor] | None:
    """Return the two batches of vectors of one shape that outputs consist of; None where they are anything else."""
    parts = [tensor for _, tensor in tensors_in(outputs, "")]
    if len(parts) != 2 or isinstance(outputs, Tensor) or parts[0].shape != parts[1].shape or parts[0].dim() != 2:
        return None
    if min(parts[0].shape) < _LEAST or not all(one.is_floating_point() and one.isfinite().all() for one in parts):
        return None
    return parts[0], parts[1]


def _alike(own: Tensor, noise: Tensor) -> Tensor:
    """Return vectors near others, of the length of the noise."""
    made: Tensor = F.normalize(F.normalize(own, dim=1) + 0.1 * F.normalize(noise, dim=1), dim=1)
    return made * float(noise.norm(dim=1).mean())


def _sees_partners(loss: Loss, one: Tensor, other: Tensor, generator: torch.Generator) -> bool:
    """Whether turning both batches about the origin leaves the loss, as any order of pairs; not so turning one."""
    square = torch.randn(one.shape[1], one.shape[1], generator=generator).double()
    turn = torch.linalg.qr(square)[0].to(one)
    order = torch.randperm(len(one), generator=generator).to(one.device)
    now, single = float(loss(one, other)), float(loss(one, other @ turn))
    same = (float(loss(*pair)) for pair in ((one @ turn, other @ turn), (one[order], other[order])))
    apart = abs(single - now)
    return apart > _ROUNDING * abs(now) and all(abs(value - now) <= _SAME * apart for value in same)


def _is_turned(loss: Loss, one: Tensor, other: Tensor) -> bool:
    """Whether the loss rises as vectors turn towards their partners, and falls as they turn towards strangers."""
    moved = other.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(one, moved), moved)
    towards = F.normalize(one, dim=1)
    strangers = towards.sum(0) - towards
    own = _beside(towards, F.normalize(other, dim=1))
    strange = _beside(_beside(strangers, F.normalize(other, dim=1)), F.normalize(own, dim=1))
    up, down = float((gradient * own).sum()), float((gradient * strange).sum())
    return up > 0 and down < -_HEARD * up


def _beside(vectors: Tensor, units: Tensor) -> Tensor:
    """Return vectors without their share along others of length 1."""
    return vectors - (vectors * units).sum(1, keepdim=True) * units


def _partnership(one: Tensor, other: Tensor) -> float:
    """Return the mean cosine of partners, less that of strangers."""
    cosines = F.normalize(one.detach().double(), dim=1) @ F.normalize(other.detach().double(), dim=1).T
    own, count = float(cosines.diagonal().sum()), len(cosines)
    return own / count - (float(cosines.sum()) - own) / (count * (count - 1))
