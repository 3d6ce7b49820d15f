"""What to do about each part of an error, and what the whole says in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from nbinspect.records import ErrorLevel, ErrorPart

_ADVICE = {
    "irreducible": "better labels or richer inputs; no model of these inputs comes below it",
    "bias": "it does not fit even its training samples as well as could be: overfit one batch, train longer, tune the "
    "learning rate, enlarge the network, take regularisation off",
    "variance": "it fits its training samples and not others of their kind: more data first, then augmentation, a "
    "pretrained network, fewer inputs, dropout, weight decay, early stopping",
    "shift": "validation samples differ from training ones: compare their distributions and preprocessing, and train "
    "on samples like those of validation",
    "validation overfitting": "choices were fitted to the validation set: take a larger or a fresh one, and look at it "
    "less often",
}
_TOLD_APART = {
    "irreducible + bias": "measure how well a person does, or give the floor of the loss, to tell the two apart",
    "variance + shift": "hold out a part of the training set to tell the two apart, for they have different remedies",
}
_NEGATIVE = {
    "bias": "the network is below that floor on training samples: the floor was measured on harder ones, or it has "
    "them by heart",
    "variance": "training samples do worse than unseen ones: were they measured in train mode, with augmentation, or "
    "before the last epoch?",
    "shift": "validation samples are easier than those of training: they are not alike",
    "variance + shift": "validation samples do better than training ones: were these measured in train mode or with "
    "augmentation, or is the validation set easier or leaked?",
    "validation overfitting": "test samples are easier than those of validation: they are not alike",
}


def advice_for(name: str, *, negative: bool = False) -> str:
    """Return what makes a part smaller, or what to look at where it is negative."""
    if negative:
        return _NEGATIVE.get(name, "the sets are not alike: the one of smaller error is easier")
    return _ADVICE[name] if name in _ADVICE else _TOLD_APART[name]


def sentence_of(last: ErrorLevel, parts: Sequence[ErrorPart], largest: ErrorPart | None, metric: str, unit: str) -> str:
    """Return the whole in one sentence: the parts, the largest that can be lowered, and what lowers it."""
    shares = ", ".join(f"{shown(part.value, metric, unit)} {part.name}{_doubt(part)}" for part in parts)
    what = {"error rate": "error", "loss": "loss", "rmse": "root mean square error"}[metric]
    start = f"Of {shown(last.value, metric, unit)} {what} on the {last.name} set: {shares}"
    if largest is None:
        odd = next((part for part in parts if part.state == "negative"), None)
        if odd is not None:
            return f"{start}; no part to work on is clear of noise, and {odd.name} is negative: {odd.advice}."
        return f"{start}; no part to work on is clear of noise: take more samples, or leave it at that."
    return f"{start}; the largest to work on is {largest.name}: {largest.advice}."


def shown(value: float, metric: str, unit: str) -> str:
    """Return an error as a reader takes it in: ``12.3 %``, ``0.41 nats``."""
    text = f"{100 * value:.1f} %" if metric == "error rate" else f"{value:.3g} {unit}".rstrip()
    return text.replace("-0.0 %", "0.0 %").replace("-", "−")


def _doubt(part: ErrorPart) -> str:
    return "" if part.state == "clear" else f" ({part.state})"
