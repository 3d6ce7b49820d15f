"""Rows of features."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from nbinspect.decode.names import names_of
from nbinspect.errors import InputError
from nbinspect.records import Table

_MOST = 256
_PAYLOAD = 8 * 2**20


def decode_table(tensor: Tensor, name: str, *, feature_names: Sequence[object] | None = None) -> Table:
    """Return the first 256 features of (N, F) values, or of (N,) as one feature, in float32; leaves them unchanged.

    Of very large batches fewer features are kept, so that the whole stays under 8 MB. Source: K-before-net.

    Raises:
        InputError: for other shapes, and where the number of names is not F.
    """
    if not isinstance(tensor, Tensor) or tensor.dim() not in (1, 2):
        shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else "samples of different sizes"
        raise InputError(f"{name}: expected rows of features (N, F), got {shape}; choose another decoder: 'values'")
    rows = tensor.unsqueeze(1) if tensor.dim() == 1 else tensor
    total = rows.shape[1]
    shown = min(total, max(1, min(_MOST, _PAYLOAD // (4 * max(1, len(rows))))))
    return Table(
        name=name,
        values=rows[:, :shown].float().cpu().numpy(),
        features=names_of("feature", feature_names, shown, total, name),
        total_features=total,
    )
