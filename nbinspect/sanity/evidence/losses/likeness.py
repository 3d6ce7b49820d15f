"""Losses of vectors and their classes that see nothing but distances: whether they keep apart what belongs together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.evidence.losses.descent import descended
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_DRAWS = 4
_SAME, _CLEAR = 1e-3, 0.02


@dataclass(frozen=True)
class Repelled:
    """A loss that is lower the further apart the vectors of a class lie."""

    together: float
    """The loss of vectors that are one for each class."""
    exchanged: float
    """The highest of the same vectors with the classes exchanged among them."""
    before: float
    """Mean distance within classes, as a share of that between them, of the network's vectors."""
    after: float
    """The lowest of the same after a step down the loss."""


def of_repelled(program: Program, backward: Recorded, rates: tuple[float, ...]) -> CheckResult | None:
    """Tell of a loss that drives the samples of a class apart; arguments as those of `repelled`."""
    found = repelled(program, backward, rates)
    if found is None:
        return None
    return failed(
        "minimising it drives the samples of a class apart",
        measured("loss of vectors that are one for each class", found.together, f"below {found.exchanged:.4g}"),
        measured("distance within classes to that between, after a step", found.after, f"at most {found.before:.4g}"),
        title="The loss drives apart what belongs together",
        detail="It sees nothing but distances, is higher where the samples of a class lie together than where classes "
        "are exchanged, and each small step down drives them apart: mates and strangers have changed places.",
        remedy="Let distances within a class enter the loss as they are, and those between classes with a minus.",
        where="loss_fn",
    )


def repelled(program: Program, backward: Recorded, rates: tuple[float, ...]) -> Repelled | None:
    """Return how a loss of (N, D) vectors and (N,) classes drives classes apart; None of any other loss.

    It is one of distances where turning all vectors leaves it what it is. Only the loss is run, and the network on a
    copy.

    Args:
        program: left unchanged.
        backward: the recorded pass with its gradients.
        rates: lengths of the steps, as `descended` takes them.
    """
    outputs, classes = backward.outputs, backward.batch.targets
    if not isinstance(outputs, Tensor) or classes is None or not _are_vectors(outputs, classes):
        return None
    vectors = outputs.detach()
    generator = torch.Generator().manual_seed(program.seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(vectors)

    def loss(made: Tensor) -> float:
        with program.running():
            return float(program.scalar_loss(made, backward.batch))

    try:
        if not _sees_distances(loss, vectors, drawn):
            return None
        pairs = [_clustered(vectors, classes, drawn) for _ in range(_DRAWS)]
        found = [(loss(own), loss(others)) for own, others in pairs]
    except MissingNeed:
        raise
    except Exception:  # noqa: BLE001 - the user's loss may want the vectors of its own network
        return None
    margin = _CLEAR * max(abs(value) for pair in found for value in pair)
    if not margin or not all(isfinite(one + other) and one > other + margin for one, other in found):
        return None
    before, now = apart(vectors, classes), loss(vectors)
    steps = [(apart(made, classes), lower) for _, made, lower in descended(program, backward, rates)]
    if not steps or not all(lower < now and after > before for after, lower in steps):
        return None
    return Repelled(min(one for one, _ in found), max(other for _, other in found), before, min(a for a, _ in steps))


def apart(vectors: Tensor, classes: Tensor) -> float:
    """Return the mean distance between vectors of one class, as a share of that between vectors of two."""
    distances = torch.cdist(vectors.double(), vectors.double())
    same = classes[:, None] == classes[None]
    mates = same & ~torch.eye(len(classes), dtype=torch.bool, device=same.device)
    return float(distances[mates].mean() / distances[~same].mean())


def _are_vectors(outputs: Tensor, classes: Tensor) -> bool:
    """Whether these are rows of several numbers, with whole numbers that come several times each."""
    if outputs.dim() != 2 or outputs.shape[1] < 2 or classes.shape != outputs.shape[:1]:
        return False
    if classes.is_floating_point() or classes.is_complex() or not bool(outputs.isfinite().all()):
        return False
    kinds, counts = torch.unique(classes, return_counts=True)
    return len(kinds) > 1 and int((counts > 1).sum()) > 1


def _sees_distances(loss: Callable[[Tensor], float], vectors: Tensor, drawn: Callable[..., Tensor]) -> bool:
    """Whether turning all vectors about the origin leaves the loss, and moving each by itself does not."""
    now, size = loss(vectors), float(vectors.norm(dim=1).mean())
    turns = [torch.linalg.qr(drawn(vectors.shape[1], vectors.shape[1]).double())[0].to(vectors) for _ in range(2)]
    turned = [loss(vectors @ turn) for turn in turns]
    moved = loss(vectors + size * drawn(*vectors.shape) / vectors.shape[1] ** 0.5)
    if not all(map(isfinite, (now, moved, *turned))) or moved == now:
        return False
    return all(abs(one - now) <= _SAME * abs(moved - now) for one in turned)


def _clustered(vectors: Tensor, classes: Tensor, drawn: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
    """Return vectors of the usual length that nearly are one for each class, and the same exchanged among samples."""
    kinds, each = torch.unique(classes, return_inverse=True)
    made = drawn(len(kinds), vectors.shape[1])[each] + 0.1 * drawn(*vectors.shape)
    made = made / made.norm(dim=1, keepdim=True) * vectors.norm(dim=1).mean()
    order = drawn(len(classes)).argsort()
    return made, made[order]
