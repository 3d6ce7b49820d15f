"""Numbers and facts of a batch as a person reads them, on a page, in a figure and in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbinspect.errors import written_out
from nbinspect.records import (
    BatchRecord,
    DecodedBatch,
    Finding,
    Labels,
    Pictures,
    Statistics,
    TensorFacts,
    TensorRecord,
)

_ROWS = 16
_INTEGERS = ("int", "uint", "bool", "quint", "qint")
_SPACES = str.maketrans("\n\t", "  ")


def clean(text: object, limit: int = 200) -> str:
    """Return text as one line of at most `limit` characters; what would break or colour a terminal is written out."""
    start = str(text)[: limit + 1]
    shown = written_out(start.translate(_SPACES))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def clean_lines(text: object, limit: int = 2000) -> str:
    """Return text of at most `limit` characters with its lines kept, each made as clean as by `clean`."""
    start = str(text)[:limit]
    return "\n".join(clean(line, limit) for line in start.splitlines()) + ("…" if len(str(text)) > limit else "")


def number(value: float, *, integer: bool = False) -> str:
    """Return four significant digits, or the very integer."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "+Inf" if value > 0 else "−Inf"
    if integer and value == int(value):
        text = f"{int(value):,}"
    elif value == 0:
        text = "0.000"
    elif not 1e-4 <= abs(value) < 1e6:
        text = f"{value:.2e}"
    elif abs(value) >= 1e4:
        text = f"{value:,.0f}"
    else:
        text = f"{value:#.4g}".rstrip(".")
    return text.replace("-", "−")


def brief(value: float) -> str:
    """Return a number for a small place: at most three significant digits, no trailing zeros."""
    if not np.isfinite(value):
        return number(value)
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}".replace("-", "−")
    rounded = float(f"{value:.{5 if abs(value) >= 1000 else 3}g}")
    return f"{rounded:.6g}".replace("-", "−")


def share(part: int, whole: int) -> str:
    """Return a share in percent with one decimal; one that is not quite none never reads as none."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if part in (0, whole):
        return f"{percent:.0f} %"
    return "<0.1 %" if percent < 0.1 else f"{min(percent, 99.9):.1f} %"


def plural(count: int, one: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def shape(lengths: Sequence[int | None]) -> str:
    """Return a shape as Python writes it; a length that differs between samples is a question mark."""
    inside = ", ".join("?" if length is None else str(length) for length in lengths)
    return f"({inside},)" if len(lengths) == 1 else f"({inside})"


def facts(tensor: TensorFacts) -> str:
    """Return ``x float32 (64, 3, 32, 32) cpu``."""
    layout = "" if tensor.layout == "contiguous" else f" {clean(tensor.layout)}"
    kind, device = clean(tensor.dtype, 40), clean(tensor.device, 40)
    return f"{clean(tensor.name, 60)} {kind} {shape(tensor.shape)} {device}{layout}"


def provenance(batch: BatchRecord) -> str:
    """Return where and how the batch was caught."""
    origin = batch.origin
    door = f"{clean(origin.module, 80)}.forward"
    if origin.how == "probe":
        return f"probe: a {'training' if origin.split == 'train' else 'validation'} batch at {door}"
    if origin.how == "given":
        return f"given batch at {door}"
    step = "" if origin.step is None else f", step {origin.step:,}"
    return f"captured at {door}{step}{'' if origin.split == 'train' else ', validation'}"


def modes(batch: BatchRecord) -> list[str]:
    """Return the modes that the network was in."""
    return [
        "train mode" if batch.training else "eval mode",
        *([f"autocast {clean(batch.autocast, 40)}"] if batch.autocast else []),
        *([] if batch.grad_enabled else ["no grad"]),
    ]


def score(decoded: DecodedBatch) -> list[str]:
    """Return how many predictions are right and the mean loss, where they were asked for."""
    told = []
    if decoded.correct is not None and (decoded.correct >= 0).any():
        judged = int((decoded.correct >= 0).sum())
        told.append(f"{int((decoded.correct == 1).sum()):,} of {judged:,} right")
    if decoded.losses is not None and len(decoded.losses):
        told.append(f"mean loss {number(float(np.mean(decoded.losses)))}")
    return told


def normalisation(pictures: Pictures) -> str:
    """Return the mean and std that de-normalise pictures and where they come from, or why there are none."""
    known = pictures.normalisation
    if known is None:
        return clean(pictures.normalisation_note)
    mean, std = (", ".join(f"{value:.4g}" for value in values[:4]) for values in (known.mean, known.std))
    return f"mean ({mean}) std ({std}): {clean(known.source)}"


def sign(finding: Finding) -> str:
    """Return a finding behind the shape that says how serious it is."""
    return f"{'▲' if finding.level == 'warn' else '●'} {clean(finding.text)}"


def row_name(tensor: TensorRecord, row: int) -> str:
    """Return how the user would write a row of statistics: ``x[:, 0]``."""
    name, statistics = clean(tensor.facts.name, 60), statistics_of(tensor)
    if statistics is None or statistics.axis == "all":
        return name
    inner = statistics.names[row]
    if not inner.isdecimal():
        return f"{name} · {clean(inner, 60)}"
    first = len(tensor.facts.shape) > 1 and tensor.facts.shape[1] == len(statistics.names)
    return f"{name}[{':' if first else '…'}, {inner}]"


def statistics_of(tensor: TensorRecord) -> Statistics | None:
    """Return the statistics of a tensor that has values to speak of."""
    return tensor.statistics if tensor.statistics is not None and tensor.statistics.names else None


def statistics_rows(tensor: TensorRecord) -> Iterator[tuple[str, list[str], list[Finding]]]:
    """Yield name, min, mean, std, max, zeros, NaN and Inf, and findings of each row worth showing.

    These are the first 16 and those that a warning speaks of; a tensor without statistics has one row without numbers.
    """
    statistics = statistics_of(tensor)
    whole = [finding for finding in tensor.findings if finding.row is None]
    if statistics is None:
        yield clean(tensor.facts.name, 60), [], whole
        return
    integer = tensor.facts.dtype.startswith(_INTEGERS)
    warned = {finding.row for finding in tensor.findings if finding.level == "warn" and finding.row is not None}
    rows = [row for row in range(len(statistics.names)) if row < _ROWS or row in warned][: 2 * _ROWS]
    for row in rows:
        own = [finding for finding in tensor.findings if finding.row == row]
        yield (
            row_name(tensor, row),
            [
                number(statistics.min[row], integer=integer),
                number(statistics.mean[row]),
                number(statistics.std[row]),
                number(statistics.max[row], integer=integer),
                share(int(statistics.zeros[row]), int(statistics.count[row])),
                f"{statistics.nan[row]:,}",
                f"{statistics.posinf[row] + statistics.neginf[row]:,}",
            ],
            (whole if row == rows[0] else []) + own,
        )
    if len(rows) < len(statistics.names):
        yield f"… {len(statistics.names) - len(rows):,} more rows", [""] * 7, []


def label_of(labels: Labels | None, sample: int, limit: int) -> str:
    """Return a sample's label, cut to `limit` characters."""
    return "" if labels is None else clean(labels.text[sample], limit)


def verdict(decoded: DecodedBatch, sample: int) -> str:
    """Return a sample's prediction behind a sign of whether it is right; nothing where there is none."""
    if decoded.predictions is None:
        return ""
    judged = -1 if decoded.correct is None else int(decoded.correct[sample])
    return f"{'✕✓→'[judged]} {clean(decoded.predictions.text[sample], 60)}"
