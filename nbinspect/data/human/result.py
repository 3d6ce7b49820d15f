"""What a person's answers come to: accuracy, agreement with oneself, and the network beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nbinspect.data.human.file import Answer
from nbinspect.data.intervals.differences import mcnemar, of_pairs
from nbinspect.data.intervals.intervals import wilson
from nbinspect.records import HumanRecord, PairedComparison
from nbinspect.records.arrays import Floats, Integers

_FEW = 30


def human_record(
    rows: Integers,
    answers: Sequence[Answer],
    labels: Integers,
    words: tuple[str, ...],
    network_correct: Floats | None = None,
    *,
    seen: bool = False,
    notes: tuple[str, ...] = (),
) -> HumanRecord:
    """Return what answers to the samples at `rows` (M,) come to, a second answer to a row being a repeat.

    Args:
        rows: (M,) places in `labels`.
        answers: M of them, in the order of answering.
        labels: (N,) classes as places in `words`.
        words: names of the classes.
        network_correct: (N,) 1 where the network is right, 0 where not, NaN or negative where that is unknown.
        seen: whether the network was trained on these samples.
        notes: to be handed on.
    """
    said = np.array([answer.label for answer in answers], np.int64)
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    order = np.sort(first)
    again = np.flatnonzero(first[place] != np.arange(len(rows)))
    own, truth = said[order], labels[rows[order]]
    right = own == truth
    low, high = wilson(float(right.sum()), len(own)) if len(own) else (math.nan, math.nan)
    times = [answer.seconds for answer in answers if not math.isnan(answer.seconds)]
    confusion, classes = _confusion(truth, own)
    before, after = said[first[place[again]]], said[again]
    beside = None if network_correct is None else _paired(right, network_correct[rows[order]])
    found = HumanRecord(
        samples=len(own),
        right=int(right.sum()),
        unknown=int((own < 0).sum()),
        accuracy=float(right.mean()) if len(own) else math.nan,
        low=low,
        high=high,
        repeats=len(again),
        agreed=int((before == after).sum()),
        kappa=kappa_of(before, after),
        seconds=float(np.median(times)) if times else math.nan,
        words=tuple(words[each] for each in classes),
        confusion=confusion,
        indices=np.array([answers[each].index for each in order], np.int64),
        answers=own,
        network=beside,
        sentence="",
        notes=notes,
    )
    return _with_sentence(found, seen=seen)


def kappa_of(one: Integers, other: Integers) -> float:
    """Return Cohen's kappa of two answers each to the same questions: 1 for always the same, 0 as by chance."""
    if not len(one):
        return math.nan
    kinds, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(kinds)) / len(one) for part in np.split(codes, 2)]
    chance = float(shares[0] @ shares[1])
    return math.nan if len(kinds) == 1 else (float((one == other).mean()) - chance) / (1 - chance)


def _confusion(truth: Integers, said: Integers) -> tuple[Integers, Integers]:
    """Return counts (C, C + 1) of the classes that occur, and which those are."""
    classes = np.unique(np.concatenate([truth, said[said >= 0]]))
    column = np.where(said < 0, len(classes), np.searchsorted(classes, said))
    counts = np.zeros((len(classes), len(classes) + 1), np.int64)
    np.add.at(counts, (np.searchsorted(classes, truth), column), 1)
    return counts, classes


def _paired(right: Integers, network: Floats) -> PairedComparison:
    known = np.isfinite(network) & (network >= 0)
    own, other = right[known].astype(bool), network[known] > 0
    count, hits = int(known.sum()), int(other.sum())
    only_human, only_network = int((own & ~other).sum()), int((other & ~own).sum())
    share = hits / count if count else math.nan
    ends = wilson(hits, count) if count else (math.nan, math.nan)
    apart = of_pairs(only_human, only_network, count)
    return PairedComparison(count, share, *ends, *apart, only_human, only_network, p=mcnemar(only_human, only_network))


def _with_sentence(record: HumanRecord, *, seen: bool) -> HumanRecord:
    if not record.samples:
        return replace(record, sentence="Nothing was answered yet.")
    parts = [f"A person is right on {_share(record.accuracy)} ({_range(record.low, record.high)}) of "]
    parts += [f"{record.samples:,} sample{'' if record.samples == 1 else 's'}"]
    if not math.isnan(record.seconds):
        parts += [f", in {record.seconds:.1f} s each"]
    if record.unknown:
        parts += [f", {record.unknown:,} of them unknown"]
    if record.repeats:
        kappa = "" if math.isnan(record.kappa) else f" (kappa {record.kappa:.2f})".replace("-", "−")
        parts += [f"; on {record.agreed:,} of {record.repeats:,} repeats the answer was the same{kappa}"]
    if record.network is not None and record.network.samples:
        parts += [f"; {_beside(record.network, seen=seen)}"]
    elif record.samples < _FEW:
        parts += ["; more samples would make that surer"]
    return replace(record, sentence="".join(parts) + ".")


def _beside(network: PairedComparison, *, seen: bool) -> str:
    trained = ", on which it was trained" if seen else ""
    start = f"the network on {_share(network.network)} of the same {network.samples:,}{trained}"
    if network.p > 0.05 or network.difference_low <= 0 <= network.difference_high:
        return f"{start}, which is no clear difference (p = {network.p:.2g})"
    person = network.difference > 0
    ends = (network.difference_low, network.difference_high)
    low, high = sorted(100 * abs(end) for end in ends)
    better = f"the {'person' if person else 'network'} is better by {abs(100 * network.difference):.1f} points"
    return f"{start}: {better} ({low:.1f} … {high:.1f})"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} … {100 * high:.1f}"
