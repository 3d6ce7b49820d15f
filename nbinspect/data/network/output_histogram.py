"""Outputs against targets over a whole data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbinspect.data.findings.found import samples
from nbinspect.data.network.conditions import in_one_order
from nbinspect.data.network.units import Scale, checked_scale, scale_at, why_none
from nbinspect.decode.names import shortened
from nbinspect.errors import InputError
from nbinspect.records import Column, Floats, OutputHistogram

BINS, WORDS = 40, 30
_ENOUGH = 50
_SKEWED, _SURE = 2.0, 6.0
"""Skewness that is called skewed, also by so many of its standard errors."""
_NARROW = 0.5
_EXPECTED = 20


def output_histograms(columns: Sequence[Column], *, target_scale: Scale | None = None) -> tuple[OutputHistogram, ...]:
    """Return how outputs and targets are spread, one for each target; the columns are left unchanged.

    Advice is given only where targets are clearly skewed, or classes are never predicted. Source: S-output-histogram.

    Args:
        columns: with ``label`` and ``prediction``, or ``label_0`` and ``prediction_0`` and so on.
        target_scale: mean and standard deviation that the targets were scaled with; then all is in original units.

    Raises:
        InputError: if there are no predictions to go with the labels, or for a `target_scale` that is none.
    """
    by_name, scale = {column.name: column for column in columns}, checked_scale(target_scale)
    names = [name for name in by_name if name == "prediction" or name.removeprefix("prediction_").isdecimal()]
    pairs = [(by_name.get(name.replace("prediction", "label")), by_name[name]) for name in names]
    found = [
        _of_classes(label, told) if told.kind == "class" else _of_numbers(label, told, scale_at(scale, place))
        for place, (label, told) in enumerate(pairs)
        if label is not None and label.kind == told.kind and told.kind in ("class", "number")
    ]
    if not found:
        raise InputError(
            f"histogram of outputs: expected 1 to 8 numbers, or a class, as label and as prediction{why_none(columns)}"
        )
    return tuple(found)


def _of_numbers(label: Column, told: Column, scale: tuple[float, float]) -> OutputHistogram:
    mean, std = scale
    targets, outputs = (column.values.astype(np.float64) * std + mean for column in (label, told))
    known = np.isfinite(targets) & np.isfinite(outputs)
    targets, outputs = targets[known], outputs[known]
    if not known.any():
        empty = np.zeros(0, np.int64)
        nothing = np.zeros((0, 0), np.int64)
        said = "No sample has both a target and an output."
        return OutputHistogram("number", label.name, (), np.zeros(0), empty, empty, nothing, 0, label.unit, said, ())
    edges = np.histogram_bin_edges(np.concatenate([targets, outputs]), BINS)
    counts = [np.histogram(values, edges)[0] for values in (targets, outputs)]
    joint = np.histogram2d(targets, outputs, (edges, edges))[0].astype(np.int64)
    said = (
        f"Targets lie around {targets.mean():.4g} ± {targets.std():.3g}, outputs around {outputs.mean():.4g} ± "
        f"{outputs.std():.3g}."
    )
    advice = (*_skewed(targets), *_narrow(targets, outputs))
    return OutputHistogram(
        "number", label.name, (), edges, counts[0], counts[1], joint, len(targets), label.unit, said, advice
    )


def _skewed(targets: Floats) -> tuple[str, ...]:
    """Advice where targets have a long tail that a logarithm would take away."""
    skewness = _skewness(targets)
    rounding = 1e-6 * targets.max()  # of targets that were scaled and are scaled back
    if (
        len(targets) < _ENOUGH
        or targets.min() < -rounding
        or skewness < max(_SKEWED, _SURE * np.sqrt(6 / len(targets)))
    ):
        return ()
    targets, zeros = np.maximum(targets, 0), bool((targets <= rounding).any())
    if abs(_skewness(np.log1p(targets) if zeros else np.log(targets))) > skewness / 2:
        return ()
    which = "log(1 + target), for some are zero or nearly so" if zeros else "log(target)"
    return (f"The targets are skewed (skewness {skewness:.1f}): a few large ones rule the loss. Predict {which}.",)


def _skewness(values: Floats) -> float:
    spread = values.std()
    return float(np.mean(((values - values.mean()) / spread) ** 3)) if spread > 0 else 0.0


def _narrow(targets: Floats, outputs: Floats) -> tuple[str, ...]:
    if len(targets) < _ENOUGH or not targets.std() or outputs.std() >= _NARROW * targets.std():
        return ()
    share = outputs.std() / targets.std()
    return (f"The outputs spread {share:.2f} times as far as the targets: the network stays near their mean.",)


def _of_classes(label: Column, told: Column) -> OutputHistogram:
    names, own, guesses = in_one_order(label, told)
    known = (own >= 0) & (guesses >= 0)
    targets, outputs = (np.bincount(codes[known], minlength=len(names)) for codes in (own, guesses))
    shown = np.sort(np.argsort(-(targets + outputs), kind="stable")[:WORDS])
    never = [names[place] for place in np.flatnonzero((outputs == 0) & (targets >= _EXPECTED))]
    listed = ", ".join(map(shortened, never[:5])) + (f" and {len(never) - 5} more" if len(never) > 5 else "")
    advice = (f"Never predicted, though {_EXPECTED} samples or more are so labelled: {listed}.",) if never else ()
    labelled = int((targets > 0).sum())
    said = f"{samples(int(known.sum()))}, {labelled} class{'' if labelled == 1 else 'es'} among the labels, "
    said += f"{int((outputs > 0).sum())} among the predictions."
    return OutputHistogram(
        "class",
        label.name,
        tuple(names[place] for place in shown),
        np.zeros(0),
        targets[shown],
        outputs[shown],
        np.zeros((0, 0), np.int64),
        int(known.sum()),
        "",
        said,
        advice,
    )
