"""What a change to a pass changed, against the untouched run."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from nbinspect.capture.forward import number
from nbinspect.nested import tensors_in
from nbinspect.records import Effect
from nbinspect.stepping.gap import Tolerance, gap_between
from nbinspect.stepping.passes import Pass


def effect_of(touched: Pass, untouched: Pass, since: int) -> Effect:
    """Compare a pass with the untouched run of the same batch: steps from index `since` on, outputs and loss.

    Steps are compared by their subsamples, outputs exactly. Where the two passes took different ways, the steps that
    have the same index and subsample size are compared.
    """
    touched.steps(), untouched.steps()  # which fetch their subsamples
    moved = tuple(
        (index, _relative(values, untouched.samples[index, output]))
        for (index, output), values in sorted(touched.samples.items())
        if output == 0 and index >= since and _alike(values, untouched.samples.get((index, output)))
    )
    over = touched.state == "finished" and untouched.state == "finished"
    losses = (number(untouched.loss), number(touched.loss) if over else None)
    made = [[tensor for _, tensor in tensors_in(run.outputs, "")] for run in (untouched, touched)]
    pairs = [(one, other) for one, other in zip(*made, strict=False) if one.shape == other.shape]
    greatest = max((_difference(one, other) for one, other in pairs), default=None) if over else None
    predictions = _predictions(*pairs[0]) if over and pairs else None
    text = _sentence(losses, greatest, predictions) if over else _so_far(touched, untouched, moved)
    if touched.versions != untouched.versions:
        text += "; the parameters were changed between the two runs, which is part of it"
    return Effect(losses, greatest, predictions, moved, text)


def _alike(one: Any, other: Any) -> bool:
    return other is not None and one.shape == other.shape


def _relative(values: Any, before: Any) -> float:
    """Return the norm of the change relative to the norm before; infinite where there was nothing, or is no number."""
    change = np.linalg.norm(np.asarray(values, np.float64) - np.asarray(before, np.float64))
    norm = np.linalg.norm(np.asarray(before, np.float64))
    if np.array_equal(values, before, equal_nan=True):
        return 0.0
    return float(change / norm) if norm > 0 and np.isfinite(change) else float("inf")


def _difference(one: Tensor, other: Tensor) -> float:
    """Return the greatest absolute difference; equal infinities and NaN in both differ by nothing."""
    gap = gap_between(one, other, Tolerance())
    return gap.greatest if gap is not None else 0.0


def _predictions(one: Tensor, other: Tensor) -> tuple[int, int] | None:
    if one.dim() != 2 or one.shape[1] < 2 or not one.is_floating_point():
        return None
    changed = one.detach().argmax(1) != other.detach().argmax(1)
    return int(changed.sum()), len(changed)


def _sentence(
    losses: tuple[float | None, float | None],
    greatest: float | None,
    predictions: tuple[int, int] | None,
) -> str:
    parts = []
    if losses[0] is not None and losses[1] is not None:
        parts.append(f"loss {losses[0]:.4g} → {losses[1]:.4g}")
    if predictions is not None:
        parts.append(f"{predictions[0]} of {predictions[1]} predictions change")
    if greatest is not None:
        parts.append("outputs are the same" if greatest == 0 else f"outputs differ by up to {greatest:.3g}")
    return ", ".join(parts) or "the two runs return nothing that can be compared"


def _so_far(touched: Pass, untouched: Pass, moved: tuple[tuple[int, float], ...]) -> str:
    count = sum(1 for _, change in moved if change)
    ended = {"failed": "this run failed", "stopped": "this run was stopped"}.get(touched.state)
    if untouched.state == "failed":
        ended = "the untouched run failed"
    follows = f"{ended}, so there are no outputs to compare" if ended else "the outputs follow when the pass has ended"
    return f"{count} of {len(moved)} steps since the change have moved; {follows}"
