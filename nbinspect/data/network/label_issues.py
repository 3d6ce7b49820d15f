"""Labels that models which had not seen them find unlikely."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbinspect.data.findings.found import is_are, no_label, samples
from nbinspect.data.learnable.kept import kept_of
from nbinspect.data.learnable.quick_models import undrawn
from nbinspect.data.network.feature_space import Features
from nbinspect.errors import InputError
from nbinspect.records import Column, DatasetRecord, Flags, Floats, Integers, LabelIssues

FOLDS = 5
FITTED = 8_000
"""Samples that one model is fitted on at most, drawn at random."""
_EACH, _CLASSES = 2 * FOLDS, 100
_TREES = 100
_GAIN = 0.5
"""How much of the way from mere guessing to no error the models must go, in each class alike, for doubts to count."""

Progress = Callable[[float], object]
"""Is told the share that is done, 0…1; what it raises ends the work."""


def label_issues(
    record: DatasetRecord, features: Features | None = None, *, progress: Progress | None = None
) -> tuple[LabelIssues, tuple[Column, Column]]:
    """Return labels that are likely to be wrong, with the columns ``label_quality`` and ``suggested``.

    A logistic regression and a random forest are fitted on four fifths of the samples and tell the last fifth, five
    times; what they give is averaged. A label is a candidate where it is not the likeliest one, the confident joint
    (Northcutt, Jiang and Chuang 2021) puts it off its diagonal, and both models prefer the same other label. That is
    done by cleanlab where it is installed. Of samples that are equal in input and target one is looked at. The
    arguments are left unchanged.

    Args:
        record: of a scan, whose embedding the models see.
        features: what they see instead: the network's, which has been fitted to the labels that it was trained on.
        progress: is told how far the work has come.

    Raises:
        InputError: if labels are no classes, there is no embedding, or scikit-learn is not installed.
    """
    label = record.column("label")
    if label is None or label.kind != "class":
        got = no_label(record.columns) if label is None else f"the label is a {label.kind}"
        raise InputError(f"label issues: expected a class for each sample, but {got}")
    rows, seen, of, notes = _material(record, features)
    codes = label.values[rows]
    counts = np.bincount(codes[codes >= 0], minlength=len(label.words))
    classes = np.sort(np.argsort(-counts, kind="stable")[:_CLASSES])
    classes = classes[counts[classes] >= _EACH]
    chosen = np.flatnonzero(np.isin(codes, classes))
    if left := int((codes >= 0).sum()) - len(chosen):
        kept = f"fewer than {_EACH} samples" if len(classes) < _CLASSES else f"fewer samples than {_CLASSES} others"
        verb = "was" if left == 1 else "were"
        notes = (*notes, f"{samples(left)} of classes with {kept} {verb} not looked at.")
    if len(classes) < 2:
        return _nothing(label, of, notes)
    own = np.searchsorted(classes, codes[chosen])
    judged = _judged(own, _told(np.nan_to_num(seen[chosen].astype(np.float32)), own, progress))
    return _drawn_up(label, rows[chosen], classes, judged, (of, notes))


def _material(record: DatasetRecord, features: Features | None) -> tuple[Integers, Floats, str, tuple[str, ...]]:
    """Rows, what models see of them, what that is, and what a reader should know of it."""
    if features is None:
        kept = kept_of(record)
        return kept.rows, kept.features, kept.of, tuple(f"{note[:1].upper()}{note[1:]}." for note in kept.notes)
    known = np.isfinite(features.values).all(1)
    notes = (
        ("The network was fitted to these labels, and its features may follow wrong ones: those of inputs do not.",)
        if record.split == "train"
        else ()
    )
    return features.rows[known], features.values[known], features.of, notes


@dataclass(frozen=True, eq=False)
class _Judged:
    quality: Floats
    likeliest: Integers
    candidates: Flags
    accuracy: float
    gain: float
    """Of the mean recall over one class in so many: 0 of mere guessing, 1 of no error."""
    method: str


def _told(features: Floats, labels: Integers, progress: Progress | None) -> Sequence[Floats]:
    """The chances (M, C) of each class by each model, of samples that it had not seen."""
    try:
        with undrawn():
            from sklearn.ensemble import RandomForestClassifier
            from sklearn.linear_model import LogisticRegression
            from sklearn.model_selection import StratifiedKFold
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise InputError(
            "label issues: expected scikit-learn, which is not installed; pip install 'nbinspect[data]'"
        ) from error
    models: list[Any] = [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        RandomForestClassifier(_TREES, min_samples_leaf=2, random_state=0),
    ]
    count = int(labels.max()) + 1
    chances = [np.zeros((len(labels), count)) for _ in models]
    drawn = np.random.default_rng(0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, labels)
    for number, (seen, unseen) in enumerate(folds):
        some = seen if len(seen) <= FITTED else np.sort(drawn.choice(seen, FITTED, replace=False))
        for each, model in enumerate(models):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a model that does not converge is merely a worse one
                model.fit(features[some], labels[some])
            chances[each][np.ix_(unseen, model.classes_)] = model.predict_proba(features[unseen])
            if progress is not None:
                progress((number * len(models) + each + 1) / (FOLDS * len(models)))
    return chances


def _judged(labels: Integers, opinions: Sequence[Floats]) -> _Judged:
    chances = np.mean(opinions, axis=0)
    likeliest = chances.argmax(1)
    found, quality, method = _confidently(labels, chances)
    for opinion in opinions:
        found = found & (opinion.argmax(1) == likeliest)
    right = likeliest == labels
    recall, one = float((np.bincount(labels, right) / np.bincount(labels)).mean()), 1 / chances.shape[1]
    return _Judged(quality, likeliest, found, float(right.mean()), (recall - one) / (1 - one), method)


def _confidently(labels: Integers, chances: Floats) -> tuple[Flags, Floats, str]:
    """Candidates, quality of each label, and by what they were found."""
    try:
        with undrawn():
            import cleanlab
            from cleanlab.filter import find_label_issues
            from cleanlab.rank import get_label_quality_scores
    except ImportError:
        found, quality = confident_learning(labels, chances)
        return found, quality, "confident learning"
    options: dict[str, Any] = {"filter_by": "confident_learning", "n_jobs": 1}
    found = np.asarray(find_label_issues(labels, chances, **options), np.bool_)
    quality = np.asarray(get_label_quality_scores(labels, chances, method="self_confidence"), np.float64)
    return found, quality, f"cleanlab {cleanlab.__version__}, confident learning"


def confident_learning(labels: Integers, chances: Floats) -> tuple[Flags, Floats]:
    """Return which labels (M,) lie off the diagonal of the confident joint, and the chance of each label.

    A class is claimed by samples whose chance for it is at least the mean chance of the samples labelled so; a sample
    that several classes may claim belongs to its likeliest. The label that is likeliest of all is never a candidate.

    Args:
        labels: (M,) places among the C classes, each of which occurs.
        chances: (M, C), of models that had not seen the samples.
    """
    rows, count = np.arange(len(labels)), chances.shape[1]
    own = chances[rows, labels]
    thresholds = np.bincount(labels, own, count) / np.bincount(labels, minlength=count)
    claimed = chances >= thresholds
    claim = np.where(claimed, chances, -1.0).argmax(1)
    return claimed.any(1) & (claim != labels) & (chances.argmax(1) != labels), own


def _drawn_up(
    label: Column, rows: Integers, classes: Integers, judged: _Judged, words: tuple[str, tuple[str, ...]]
) -> tuple[LabelIssues, tuple[Column, Column]]:
    (of, notes), candidates = words, judged.candidates
    if judged.gain < _GAIN:
        notes = (
            *notes,
            f"The models tell only {100 * judged.accuracy:.0f} % of the labels, too few for their doubts to say much: "
            f"label_quality puts the labels in order, and none is called a candidate.",
        )
        candidates = np.zeros_like(candidates)
    order = np.flatnonzero(candidates)
    order = order[np.argsort(judged.quality[order], kind="stable")]
    given = tuple(label.words[code] for code in label.values[rows[order]])
    suggested = tuple(label.words[classes[judged.likeliest[each]]] for each in order)
    found = LabelIssues(
        rows[order],
        given,
        suggested,
        judged.quality[order],
        len(rows),
        judged.accuracy,
        of,
        judged.method,
        _sentence(len(order), len(rows), judged.accuracy, of),
        notes,
    )
    quality = np.full(len(label.values), np.nan)
    quality[rows] = judged.quality
    codes = np.full(len(label.values), -1, np.int32)
    codes[rows[order]] = classes[judged.likeliest[order]]
    return found, _columns(label, quality, codes, of)


def _columns(label: Column, quality: Floats, codes: Integers, of: str) -> tuple[Column, Column]:
    told = f"by models that see {of} and were fitted to other samples"
    return (
        Column("label_quality", "number", quality, "model", help=f"the probability of the given label, {told}"),
        Column(
            "suggested", "class", codes, "model", label.words, help=f"of a doubtful label the likeliest one, {told}"
        ),
    )


def _sentence(count: int, judged: int, accuracy: float, of: str) -> str:
    models = f"models that see {of}, and are right on {100 * accuracy:.1f} % of samples that they were not fitted to"
    if not count:
        return f"None of {judged:,} labels is doubted by {models}."
    return (
        f"{count:,} of {judged:,} labels ({100 * count / judged:.1f} %) {is_are(count)} doubted by {models}. "
        + ("Look at it: it" if count == 1 else "Look at them: some")
        + " may be right and merely hard."
    )


def _nothing(label: Column, of: str, notes: tuple[str, ...]) -> tuple[LabelIssues, tuple[Column, Column]]:
    empty, none = np.zeros(0, np.int64), np.full(len(label.values), np.nan)
    said = f"Fewer than two classes have {_EACH} samples: no labels were looked at."
    found = LabelIssues(empty, (), (), np.zeros(0), 0, float("nan"), of, "", said, notes)
    return found, _columns(label, none, np.full(len(none), -1, np.int32), of)
