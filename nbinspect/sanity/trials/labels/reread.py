"""Whether a sample has the same label whenever it is read, found by reading the loader once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import seed_all
from nbinspect.sanity.trials.fitting.samples import bytes_of, rows_in
from nbinspect.sanity.trials.labels.fresh import labels_of

_FEWEST = 60


@dataclass(frozen=True)
class Reread:
    """How the labels of the same inputs agree between two readings."""

    samples: int
    """How many inputs came in both, each once."""
    agreeing: float
    """Share of them with the same label."""
    chance: float
    """The same share if labels were exchanged among them."""

    @property
    def is_drawn_anew(self) -> bool:
        """Whether labels agree hardly more than by chance: less than halfway from there to 1."""
        return self.samples >= _FEWEST and self.chance < 1 and self.agreeing < (1 + self.chance) / 2


def reread(stream: Sequence[Batch], limits: Limits, seed: int) -> Reread | None:
    """Read as many batches once more, and compare the labels of the inputs that came before; None where none did.

    Inputs that come twice in a reading, and those that are augmented at random, are left out; so are episodes of
    few-shot learning, which number their classes anew on purpose. The loader and the random states are left unchanged.

    Raises:
        MissingNeed: as `labels_of`, or if the loader cannot be read.
    """
    subject = stream[0].subject
    first = dict(_labels(stream))
    if len(first) < _FEWEST or subject.loader is None or _are_episodes(stream):
        return None
    seed_all(seed, "reread")
    with reading(subject, subject.loader, limits) as batches:
        again = [batch for batch in islice(batches, len(stream)) if not batch.epoch]
    second = dict(_labels(again))
    pairs = [(first[key], second[key]) for key in first.keys() & second.keys()]
    if not pairs:
        return None
    counts = [Counter(column) for column in zip(*pairs, strict=True)]
    chance = sum(counts[0][label] * counts[1][label] for label in counts[0]) / len(pairs) ** 2
    return Reread(len(pairs), sum(one == other for one, other in pairs) / len(pairs), chance)


def _are_episodes(stream: Sequence[Batch]) -> bool:
    """Whether all batches have the same classes, each as often as the others."""
    counts = [Counter(labels_of(batch)[0].detach().reshape(-1).tolist()) for batch in stream]
    return len(counts) > 1 and len(set(counts[0].values())) == 1 and all(one == counts[0] for one in counts)


def _labels(batches: Sequence[Batch]) -> Iterator[tuple[bytes, bytes]]:
    """Give the bytes of the inputs and of the label of every sample whose inputs come once."""
    found: list[tuple[bytes, bytes]] = []
    for batch in batches:
        targets, axis = labels_of(batch)
        rows = rows_in(batch)
        if rows is None:
            raise MissingNeed("inputs that can be told apart")
        own = targets.detach().movedim(axis, 0).cpu().contiguous()
        own = own.float() if own.dtype is torch.bfloat16 else own
        found += zip(bytes_of(rows, batch.size), bytes_of([own], batch.size), strict=True)
    often = Counter(key for key, _ in found)
    yield from ((key, label) for key, label in found if often[key] == 1)
