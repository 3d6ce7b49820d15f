"""Records as a scan makes them of arrays, with hashes and signatures of their own making."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from nbinspect.records import DatasetRecord
from tests.data.records_of_data import column, record_of


def hashes(rows: Any) -> Any:
    """One hash a row."""
    found = (blake2b(np.ascontiguousarray(row).tobytes(), digest_size=8).digest() for row in rows)
    return np.array([int.from_bytes(one, "big", signed=True) for one in found], dtype=np.int64)


def pooled(pictures: Any, height: int, width: int) -> Any:
    """Means of pictures (N, H, W) over equal parts, H and W being multiples."""
    n, H, W = pictures.shape
    return pictures.reshape(n, height, H // height, width, W // width).mean((2, 4))


def signatures(pictures: Any) -> Any:
    """A bit for each place where a picture (N, H, W) gets brighter to the right, at 8×9 places."""
    if pictures.shape[1:] == (72, 72):
        pictures = pooled(pictures, 8, 9)
    down, right = (
        np.linspace(0, size - 1, n).round().astype(int) for n, size in zip((8, 9), pictures.shape[1:], strict=True)
    )
    bits = np.diff(pictures[:, down][:, :, right], axis=2) > 0
    return np.packbits(bits.reshape(len(pictures), 64), axis=1).view(np.uint64).reshape(-1)


def scanned(rows: Any, labels: Any, *, words: Any = (), **facts: Any) -> DatasetRecord:
    """A record of rows (N, F) or pictures (N, H, W) and their labels, classes where there are words."""
    rows, labels = np.asarray(rows, np.float32), np.asarray(labels)
    words = tuple(map(str, words))
    flat = rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
    numbers = {"mean": flat.mean(1), "std": flat.std(1), "min": flat.min(1), "max": flat.max(1)}
    columns = [column(name, "number", values) for name, values in numbers.items()]
    kind = "class" if words else "number"
    columns.append(column("label", kind, labels, "target", words))
    own = {
        "form": "image" if rows.ndim == 3 else "table",
        "label_kind": "class" if words else "regression",
        "input_hashes": hashes(flat),
        "target_hashes": hashes(labels),
        "blank": (flat == flat[:, :1]).all(1),
        "embedded": np.arange(len(rows)),
        "embedding": pooled(rows, 8, 8).reshape(len(rows), 64) if rows.ndim == 3 else flat,
    }
    if rows.ndim == 3:
        own["signatures"] = signatures(rows)
    return record_of(*columns, **{**own, **facts})
