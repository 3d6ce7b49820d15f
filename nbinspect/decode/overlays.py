"""What lies over pictures: segmentation masks, reduced as the pictures are, and boxes as shares of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.decode.labels import CLASS_KEYS
from nbinspect.decode.names import Names
from nbinspect.decode.planes import shrink_factor
from nbinspect.errors import InputError
from nbinspect.records import Boxes, Bytes, Masks, Pictures

_IGNORED = 255

Rows: TypeAlias = NDArray[np.float64]


def decode_masks(target: Any, pictures: Pictures, class_names: Any) -> Masks | None:
    """Return segmentation masks over N pictures, or None where the target is none; leaves it unchanged.

    Takes class indices (N, H, W) or (N, 1, H, W) of any integer type, floats that are 0 or 1, a list of N such masks of
    different sizes, and a dict that holds one of these; larger or smaller than the pictures, but of their proportions.
    Each pixel is the class at the centre of the block that the picture's pixel is the mean of. 255 and negative indices
    are ignored pixels; indices above 254 count as 254.
    """
    for value in target.values() if isinstance(target, Mapping) else [target]:
        classes = _classes(value, pictures)
        if classes is not None:
            names = Names.of(class_names)
            count = max((int(index) + 1 for index in np.unique(classes) if index != _IGNORED), default=0)
            return Masks(classes, tuple(names[index] for index in range(count)))
    return None


def _classes(target: Any, pictures: Pictures) -> Bytes | None:
    whole = isinstance(target, Tensor)
    parts = [target] if whole else target if isinstance(target, list | tuple) else []
    count, planes, h, w = pictures.planes.shape
    if not parts or len(target) != count or not all(isinstance(part, Tensor) for part in parts):
        return None
    factor = shrink_factor(pictures.size, count * planes)
    classes = np.full((count, h, w), _IGNORED, dtype=np.uint8)
    for index, part in enumerate(parts):
        flat = _flat(part, axes=2 + whole)
        size = pictures.size if whole or pictures.sizes is None else tuple(map(int, pictures.sizes[index]))
        if flat is None or abs(flat.shape[-2] * size[1] - flat.shape[-1] * size[0]) > max(size):
            return None
        rows, columns = (_centres(*each, factor, flat.device) for each in zip(size, flat.shape[-2:], strict=True))
        near = flat[..., rows[:, None], columns].long().cpu().numpy()
        near = np.where((near < 0) | (near == _IGNORED), _IGNORED, near.clip(max=_IGNORED - 1))
        classes[slice(None) if whole else index, : len(rows), : len(columns)] = near
    return classes


def _flat(mask: Tensor, axes: int) -> Tensor | None:
    """A mask without its axis of one channel; None where it holds something else than classes."""
    values, _ = readable(mask)
    if values is None or mask.is_complex():
        return None
    if values.dim() == axes + 1 and values.shape[-3] == 1:
        values = values.squeeze(-3)
    if values.dim() != axes or 0 in values.shape[-2:]:
        return None
    return values if not values.is_floating_point() or bool(((values == 0) | (values == 1)).all()) else None


def _centres(length: int, found: int, factor: int, device: torch.device) -> Tensor:
    """Where, along a side of a mask of `found` pixels, the centres of a picture's blocks lie."""
    starts = torch.arange(0, length, factor, device=device)
    return ((starts + (starts + factor).clamp(max=length) - 1) // 2) * found // length


def decode_boxes(targets: Any, pictures: Pictures, class_names: Any) -> Boxes | None:
    """Return boxes over N pictures, or None where the targets hold none; leaves them unchanged.

    Takes N dicts with ``boxes`` (K, 4) and ``labels`` or ``class_labels`` (K,), a dict of tensors or lists, boxes
    (N, K, 4) padded with rows of equal numbers, and a list of N tensors (K, 4). Corners in pixels or, where none is
    beyond 1, in shares; centre, width and height where the key, the tensor's own `format` or ``class_labels`` says so.

    Raises:
        InputError: for boxes of which the right or lower side comes before the left or upper one.
    """
    entries = _entries(targets, len(pictures.planes))
    found = [_box_rows(entry) for entry in entries]
    rows = [each for _, each in found if each is not None]
    if not found or len(rows) < len(found):
        return None
    sample = np.repeat(np.arange(len(rows), dtype=np.int32), list(map(len, rows)))
    names = Names.of(class_names)
    text = [line for entry, each in zip(entries, rows, strict=True) for line in _box_texts(entry, len(each), names)]
    every = np.concatenate(rows)
    kept = np.isfinite(every).all(1) & (every != every[:, :1]).any(1)
    every, sample = every[kept], sample[kept]
    corners = _corners(every, _box_format(entries[0], found[0][0]))
    if every.max(initial=0) > 1.01:
        sizes = np.tile(pictures.size, (len(rows), 1)) if pictures.sizes is None else pictures.sizes
        corners /= sizes[sample][:, [1, 0, 1, 0]]
    return Boxes(sample, corners.astype(np.float32), tuple(line for line, keep in zip(text, kept, strict=True) if keep))


def _entries(targets: Any, count: int) -> list[Mapping[Any, Any]]:
    """One dict a sample; none where the targets are not one a sample."""
    if isinstance(targets, Mapping):
        sized = {key: value for key, value in targets.items() if _length(value) == count}
        return [{key: value[index] for key, value in sized.items()} for index in range(count)]
    if _length(targets) != count:
        return []
    return [each if isinstance(each, Mapping) else {"boxes": each} for each in targets]


def _length(value: Any) -> int | None:
    if isinstance(value, Tensor):
        return len(value) if value.dim() else None
    return len(value) if isinstance(value, list | tuple) else None


def _box_rows(entry: Mapping[Any, Any]) -> tuple[str, Rows | None]:
    """The key and the values (K, 4) of the boxes of one sample."""
    for key, value in entry.items():
        if "box" in str(key).lower() and isinstance(value, Tensor):
            plain, _ = readable(value)
            if plain is not None and (plain.shape[1:] == (4,) or not plain.numel()):
                return str(key).lower(), plain.reshape(-1, 4).cpu().double().numpy()
    return "", None


def _box_format(entry: Mapping[Any, Any], key: str) -> str:
    """``xyxy``, ``xywh`` or ``cxcywh``, from what the box tensor or the keys beside it say."""
    stated = [getattr(getattr(value, "format", None), "name", "") for value in entry.values()]
    said = " ".join([key, *stated]).lower()
    if "cxcywh" in said or "class_labels" in entry:
        return "cxcywh"
    return "xywh" if "xywh" in said else "xyxy"


def _corners(rows: Rows, form: str) -> Rows:
    first, second = rows[:, :2], rows[:, 2:]
    if form == "cxcywh":
        first, second = first - second / 2, first + second / 2
    elif form == "xywh":
        second = first + second
    if (second < first).any():
        wrong = rows[(second < first).any(1)][0]
        raise InputError(
            f"boxes: expected left, top, right, bottom ({form}), got {[round(float(each), 4) for each in wrong]}; "
            f"name the key boxes_xywh or boxes_cxcywh if that is what they are"
        )
    return np.concatenate([first, second], axis=1)


def _box_texts(entry: Mapping[Any, Any], count: int, names: Names) -> list[str]:
    """The class of each box, and its score if there is one."""
    known = {key: value for key, value in entry.items() if _length(value) == count}
    labels = next((_plain(known[key]) for key in CLASS_KEYS if key in known), None)
    text = [""] * count if labels is None else [names[int(label)] for label in labels]
    if "scores" in known:
        text = [f"{line} {score:.2f}".lstrip() for line, score in zip(text, _plain(known["scores"]), strict=True)]
    return text


def _plain(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist() if isinstance(values, Tensor) else list(values)
    return listed
