"""What differs between the two splits, column by column: only what is large and surely no chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc

import numpy as np

from nbinspect.data.findings.found import Found, Level, is_are, samples
from nbinspect.records import Column, DataFinding, DatasetRecord, FeatureFacts
from nbinspect.records.arrays import Floats

_FEW, _COMPARED = 30, 50_000
_SURE = 1e-3
_NOTE, _WARN = 0.25, 0.5
_LABELS_NOTE, _LABELS_WARN = 0.15, 0.3
_FEATURE_NOTE, _FEATURE_WARN = 0.8, 1.5
_LEAST_EXPECTED = 5.0
_SHOWN = 5
_QUERIED = 50
"""Classes that a query names."""
_NO_CHANCE = 10
"""Samples of a class to be expected, from which it is no chance that there are none."""


@dataclass(frozen=True)
class Difference:
    """How one column differs."""

    name: str
    effect: float
    """0…1: the Kolmogorov-Smirnov statistic, or the share of labels that would have to change; of a feature, the
    distance of the means in deviations."""
    chance: float
    """How likely an effect of this size is by chance, before correction for the number of columns."""
    level: Level
    text: str


def shift(record: DatasetRecord, other: DatasetRecord) -> Found:
    """Compare the columns of two splits; the largest differences are named. Source: T-shift.

    Numbers are compared by the Kolmogorov-Smirnov test, classes by chi-square, features by their means, with
    Bonferroni's correction. Of more numbers 50,000 drawn at random are compared.
    """
    if min(record.rows, other.rows) < _FEW:
        return Found()
    differences = [*_of_columns(record, other), *_of_features(record, other)]
    large = [one for one in differences if one.level != "ok" and one.chance * len(differences) < _SURE]
    if not large:
        return Found()
    large.sort(key=lambda one: (one.level != "warn", -one.effect))
    level: Level = large[0].level
    said = "; ".join(one.text for one in large[:_SHOWN]) + ("; …" if len(large) > _SHOWN else "")
    verb = "differs" if len(large) == 1 else "differ"
    text = f"{len(large):,} of {len(differences):,} columns {verb} between {record.split} and {other.split}: {said}"
    return Found((), (DataFinding("shift", level, text, len(large)),))


def absent_classes(record: DatasetRecord, other: DatasetRecord) -> Found:
    """Find classes of one split that the other one never has; those of validation cannot be learned from training."""
    train, validation = (record, other) if record.split == "train" else (other, record)
    found = []
    for own, lacks in ((validation, train), (train, validation)):
        ours, theirs = _class_counts(own), _class_counts(lacks)
        if not lacks.complete or not sum(ours.values()) or not sum(theirs.values()):
            continue
        share = sum(theirs.values()) / sum(ours.values())
        least = 1 if own is validation else _NO_CHANCE / share
        absent = {word: count for word, count in ours.items() if count >= least and not theirs.get(word)}
        if absent:
            found.append(_absent(own, lacks, absent, asked=own is record))
    return Found((), tuple(found))


def _class_counts(record: DatasetRecord) -> dict[str, int]:
    """Return how many samples each class has, the most frequent first; empty where labels are no classes."""
    label = record.column("label")
    if label is None or label.kind != "class":
        return {}
    counts = np.bincount(label.values[label.values >= 0], minlength=len(label.words))
    return {label.words[k]: int(counts[k]) for k in np.argsort(-counts, kind="stable") if counts[k]}


def _absent(own: DatasetRecord, lacks: DatasetRecord, absent: dict[str, int], *, asked: bool) -> DataFinding:
    count, words = sum(absent.values()), list(absent)
    classes = "a class" if len(words) == 1 else f"{len(words):,} classes"
    listed = ", ".join(f"{word} ({absent[word]:,})" for word in words[:_SHOWN]) + ", …" * (len(words) > _SHOWN)
    text = f"{samples(count)} of {own.split} {is_are(count)} of {classes} that {lacks.split} never has: {listed}"
    level: Level = "warn" if lacks.split == "train" else "note"
    query = f"label in {words!r}" if asked and len(words) <= _QUERIED else ""
    return DataFinding("shift", level, text, count, query)


def _of_columns(record: DatasetRecord, other: DatasetRecord) -> list[Difference]:
    found: list[Difference | None] = []
    for column in record.columns:
        match = other.column(column.name)
        if match is None or column.about not in ("input", "target", "sample") or match.kind != column.kind:
            continue
        if column.kind == "number":
            values = [part.values[np.isfinite(part.values)] for part in (column, match)]
            if min(map(len, values)) >= _FEW:
                drawn = (np.random.default_rng(0).permutation(part)[:_COMPARED] for part in values)
                found.append(_numbers(column.name, *drawn))
        elif column.kind == "class":
            found.append(_classes(column, match, record.split, other.split))
    return [one for one in found if one is not None]


def _numbers(name: str, ours: Floats, theirs: Floats) -> Difference:
    effect = ks_statistic(ours, theirs)
    size = len(ours) * len(theirs) / (len(ours) + len(theirs))
    chance = min(1.0, 2 * float(np.exp(-2 * effect**2 * size)))
    level: Level = "warn" if effect > _WARN else "note" if effect > _NOTE else "ok"
    middles = f"median {np.median(ours):.3g} against {np.median(theirs):.3g}"
    return Difference(name, effect, chance, level, f"{name} ({middles}, distributions differ by {effect:.2f})")


def ks_statistic(ours: Floats, theirs: Floats) -> float:
    """Return the largest distance between the shares of two samples below any value."""
    parts = [np.sort(part) for part in (ours, theirs)]
    both = np.sort(np.concatenate(parts))
    shares = (np.searchsorted(part, both, side="right") / len(part) for part in parts)
    return float(np.abs(np.subtract(*shares)).max())


def _classes(column: Column, match: Column, split: str, other: str) -> Difference | None:
    """Compare how often each word comes; words that come too rarely for a test are taken together."""
    places: dict[str, int] = {}
    codes = [
        np.array([places.setdefault(word, len(places)) for word in part.words], np.int64)[part.values[part.values >= 0]]
        for part in (column, match)
    ]
    counts = np.stack([np.bincount(part, minlength=len(places)) for part in codes]).astype(np.float64)
    sizes = counts.sum(1, keepdims=True)
    if sizes.min() < _FEW:
        return None
    expected = counts.sum(0) * sizes / sizes.sum()
    rare = expected.min(0) < _LEAST_EXPECTED
    if rare.any():
        counts = np.concatenate([counts[:, ~rare], counts[:, rare].sum(1, keepdims=True)], axis=1)
    shares = counts / sizes
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    limits = (_LABELS_NOTE, _LABELS_WARN) if column.about == "target" else (_NOTE, _WARN)
    level: Level = "warn" if effect > limits[1] else "note" if effect > limits[0] else "ok"
    worst = int(np.abs(shares[0] - shares[1]).argmax())
    words = [word for word, place in places.items() if not rare[place]] + ["rare ones"]
    text = f"{column.name} ({words[worst]}: {shares[0, worst]:.1%} of {split}, {shares[1, worst]:.1%} of {other})"
    return Difference(column.name, effect, chi_square_chance(counts), level, text)


def chi_square_chance(counts: Floats) -> float:
    """Return how likely two rows of counts (2, C) differ so much by chance, by Wilson and Hilferty."""
    expected = counts.sum(0) * counts.sum(1, keepdims=True) / counts.sum()
    used = expected.min(0) > 0
    freedom = int(used.sum()) - 1
    if freedom < 1:
        return 1.0
    statistic = float(((counts - expected)[:, used] ** 2 / expected[:, used]).sum())
    spread = 2 / (9 * freedom)
    return 0.5 * erfc(((statistic / freedom) ** (1 / 3) - (1 - spread)) / np.sqrt(2 * spread))


def _of_features(record: DatasetRecord, other: DatasetRecord) -> list[Difference]:
    """Compare the means of features of one name by their deviations."""
    known = {feature.name: feature for feature in other.features}
    pairs = [(feature, known[feature.name]) for feature in record.features if feature.name in known]
    sizes = 1 / record.rows + 1 / other.rows
    return [one for pair in pairs if (one := _means(*pair, sizes)) is not None]


def _means(ours: FeatureFacts, theirs: FeatureFacts, sizes: float) -> Difference | None:
    spread = float(np.sqrt((ours.std**2 + theirs.std**2) / 2))
    if not spread > 0:
        return None
    effect = abs(ours.mean - theirs.mean) / spread
    level: Level = "warn" if effect > _FEATURE_WARN else "note" if effect > _FEATURE_NOTE else "ok"
    named = ours.name if ours.name.lower().startswith(("feature", "channel")) else f"feature {ours.name}"
    text = f"{named} (mean {ours.mean:.3g} against {theirs.mean:.3g})"
    return Difference(ours.name, effect, erfc(effect / np.sqrt(2 * sizes)), level, text)
