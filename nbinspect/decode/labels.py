"""Labels and predictions in words: a short text for each sample, whatever the target and the outputs are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.decode.likeness import names_for, read_likeness
from nbinspect.decode.names import Names, shortened
from nbinspect.decode.outputs import read_outputs, target_of
from nbinspect.decode.targets import distinct, joined, sample_texts, tensor_labels
from nbinspect.errors import InputError
from nbinspect.nested import fields_of
from nbinspect.records import Labels

Target: TypeAlias = "Tensor | list[Any] | dict[str, Any]"
"""A dense tensor (N, …); a list of N texts, tensors or dicts; or the parts of a target of several."""

CLASS_KEYS = ("labels", "class_labels", "classes", "category_ids", "category_id", "label")
"""Under which a sample with boxes has the classes of these."""

_BOX_SIZES = (4, 5, 6)


def decode_labels(
    target: Any,
    *,
    name: str,
    batch_size: int,
    class_names: Any = None,
    inputs: Sequence[Tensor | Sequence[Tensor]] = (),
    loss_fn: Any = None,
) -> Labels | None:
    """Return what the target says of each of the N samples, in words; None where there is no target.

    Takes class indices (N,) or (N, 1), one-hot, soft and several labels (N, C), numbers (N, K), tokens (N, T), masks
    (N, H, W), pictures (N, C, H, W), boxes as a list of dicts, texts, and dicts or tuples of such; tensors, NumPy
    arrays or lists. `inputs` tells tokens apart from flags, `loss_fn` class indices from two values that say whether
    samples belong together. Leaves the target unchanged. Source: K-before-net, S-match.

    Raises:
        InputError: where the target has no part with an entry a sample, and for class names that have no index.
    """
    names = Names.of(class_names)
    if target is None:
        return None
    plain = _plain(target, batch_size)
    if batch_size == 0:
        return Labels(name, "other", (), np.zeros(0), ())
    tokens = {each.shape for each in inputs if isinstance(each, Tensor) and not each.is_floating_point()}
    if isinstance(plain, dict):
        return _of_parts(plain, name, batch_size, class_names)
    if not (plain.dim() if isinstance(plain, Tensor) else True) or len(plain) != batch_size:
        got = tuple(plain.shape) if isinstance(plain, Tensor) else f"{len(plain)}"
        raise InputError(
            f"{name}: expected a target with an entry for each of the {batch_size} samples, got {got}; give `split` "
            f"where inputs and targets are told apart otherwise"
        )
    if isinstance(plain, Tensor):
        return tensor_labels(plain, name, names_for(plain, names, loss_fn), beside=tokens)
    if isinstance(plain[0], Tensor):
        return _of_ragged(plain, name, names)
    return _of_boxes(plain, name, names) if isinstance(plain[0], Mapping) else _of_texts(plain, name)


def several_targets(target: Any, name: str, size: int) -> dict[str, Any]:
    """Return the parts of a target of several that each speak of all N samples, by name; empty where it is one.

    The parts of a tuple are called ``y[0]``, ``y[1]`` after the `name` of the whole, others by their keys.

    Raises:
        InputError: where it is nothing that targets can be.
    """
    plain = None if target is None else _plain(target, size)
    found = {key: part for key, part in plain.items() if _has_each(part, size)} if isinstance(plain, dict) else {}
    if len(found) < 2:
        return {}
    named = fields_of(target) is not None or isinstance(target[0], Mapping)
    return found if named else {f"{name}{key}": part for key, part in found.items()}


def _has_each(part: Any, size: int) -> bool:
    """Whether a part of a target has an entry for each sample."""
    if isinstance(part, Mapping):
        return any(_has_each(each, size) for each in part.values())
    if isinstance(part, Tensor):
        return part.dim() > 0 and len(part) == size
    listed = isinstance(part, list | tuple) or getattr(part, "ndim", 0) > 0
    return listed and len(part) == size and not all(each is None for each in part)


def decode_predictions(
    outputs: Any,
    labels: Labels | None,
    target: Any,
    *,
    class_names: Any = None,
    loss_fn: Any = None,
    paired: bool = False,
) -> tuple[Labels | None, NDArray[np.int8] | None]:
    """Return what the network's outputs say of each sample, and whether that equals the label.

    Outputs are logits, log-probabilities or probabilities (N, C), one logit (N,), numbers, or maps (N, C, H, W) and
    sequences (N, T, C) of logits, of which the share that is right is told; a tensor, or what a network returns around
    one. The second array holds 1 where prediction and label are the same class, 0 where not, -1 where that is no
    question of yes or no, as of embeddings and distances of two inputs, `paired`. Leaves the outputs unchanged.
    Source: K-wrong-predictions.
    """
    names = Names.of(class_names)
    size = None if labels is None else len(labels.text)
    if isinstance(outputs, list | tuple) and outputs and all(isinstance(each, Mapping) for each in outputs):
        found = decode_labels(list(outputs), name="prediction", batch_size=len(outputs), class_names=class_names)
        return found, np.full(len(outputs), -1, dtype=np.int8)
    own = None if size is None else target_of(outputs, target, size)
    if own is not None and size:  # one head of several, and its own target
        labels, target = decode_labels(own, name="label", batch_size=size, class_names=class_names), own
    goal = None if target is None or size is None else _plain(target, size)
    goal = goal if isinstance(goal, Tensor) else None
    likeness = None if goal is None else read_likeness(outputs, goal, loss_fn, paired=paired)
    if likeness is not None:
        return likeness, np.full(len(likeness.text), -1, dtype=np.int8)
    return read_outputs(outputs, labels, goal, names if goal is None else names_for(goal, names, loss_fn), loss_fn)


def _plain(target: Any, size: int) -> Target:
    """One of the three forms in which targets are read; tensors are dense and real."""
    if isinstance(target, Tensor):
        tensor, note = readable(target)
        if tensor is None:
            raise InputError(f"the target cannot be read: {note}")
        return tensor.reshape(1) if tensor.dim() == 0 and size == 1 else tensor
    parts = fields_of(target)
    if parts is not None:
        return _per_sample(parts, size) if "boxes" in parts else parts
    if isinstance(target, str | Real) and size == 1:
        return _plain([target], size)
    if hasattr(target, "__array__"):
        array = np.asarray(target)
        return _plain(torch.from_numpy(array.copy()), size) if array.dtype.kind in "biufc" else list(array)
    if not isinstance(target, list | tuple):
        raise InputError(f"expected a target such as a tensor, a list or a dict, got a {type(target).__name__}")
    return _plain_list(list(target), size)


def _plain_list(target: list[Any], size: int) -> Target:
    if all(isinstance(each, str | bytes) for each in target):
        return target
    if all(isinstance(each, Mapping) for each in target):
        return target if "boxes" in target[0] else {key: [each.get(key) for each in target] for key in target[0]}
    if not any(_is_array(each) for each in target):
        try:
            array = np.asarray(target)
        except ValueError:  # lists of different lengths
            numbers = all(isinstance(value, Real) for each in target for value in each)
            return [torch.tensor(each) for each in target] if numbers else target
        return torch.from_numpy(array) if array.dtype.kind in "biuf" else target
    read = [_plain(each, 1) if _is_array(each) else each for each in target]
    samples = [each for each in read if isinstance(each, Tensor)]
    if len(samples) < len(read) or len(read) != size or all(len(each) == size for each in samples):
        return {f"[{position}]": each for position, each in enumerate(read)}
    return torch.stack(samples) if len({each.shape for each in samples}) == 1 else samples


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor) or (hasattr(value, "__array__") and not isinstance(value, np.generic))


def _per_sample(parts: Mapping[str, Any], size: int) -> list[dict[str, Any]]:
    """Boxes that were padded and stacked, as a dict for each sample."""
    whole = {key: part for key, part in parts.items() if hasattr(part, "__len__") and len(part) == size}
    return [{key: part[position] for key, part in whole.items()} for position in range(size)]


def _of_parts(parts: Mapping[str, Any], name: str, size: int, class_names: Any) -> Labels:
    """Several targets beside each other; class names belong to a target that is alone."""
    found = {}
    for key, part in parts.items():
        try:
            labels = decode_labels(
                part, name=key, batch_size=size, class_names=class_names if len(parts) == 1 else None
            )
        except InputError:  # not a target of its own, such as the share of a mixture
            continue
        if labels is not None:
            found[key] = labels
    if not found:
        raise InputError(
            f"{name}: expected a part with an entry for each of the {size} samples, got {', '.join(parts)}"
        )
    if len(found) == 1:
        return replace(next(iter(found.values())), name=name)
    text = [" · ".join(f"{key} {each.text[position]}" for key, each in found.items()) for position in range(size)]
    first = next(iter(found.values())).values
    return Labels(name, "other", tuple(text), first, distinct(text, first))


def _of_ragged(samples: list[Tensor], name: str, names: Names) -> Labels:
    """Tensors of different sizes, one a sample."""
    counts = np.array([len(each) for each in samples], dtype=np.float64)
    first = samples[0]
    if first.dim() == 1:
        if names.given and not first.is_floating_point():
            text = tuple(joined(each.tolist(), names) for each in samples)
            words = sorted({index for each in samples for index in each.tolist()})
            return Labels(name, "multilabel", text, counts, tuple(dict.fromkeys(names[index] for index in words)))
        kind: Literal["other", "tokens"] = "other" if first.is_floating_point() else "tokens"
        return Labels(name, kind, sample_texts(samples, names), counts, ())
    if first.is_floating_point() and first.dim() == 2 and first.shape[1] in _BOX_SIZES:
        return Labels(name, "boxes", tuple(map(_box_count, counts)), counts, ())
    each = [tensor_labels(sample.unsqueeze(0), name, names) for sample in samples]
    values = np.concatenate([labels.values for labels in each])
    return Labels(name, each[0].kind, tuple(labels.text[0] for labels in each), values, ())


def _of_boxes(samples: list[Mapping[str, Any]], name: str, names: Names) -> Labels:
    """How many boxes of each class a sample has."""
    text, counts = [], []
    for sample in samples:
        key = next((key for key in CLASS_KEYS if key in sample), None)
        classes = [] if key is None else [int(index) for index in torch.as_tensor(sample[key]).flatten().tolist()]
        found = Counter(classes).most_common()
        counts.append(len(classes) if key else len(sample.get("boxes", ())))
        words = ", ".join(f"{count} {names[index] if names.given else f'class {index}'}" for index, count in found)
        text.append((words or "(none)") if key else _box_count(counts[-1]))
    return Labels(name, "boxes", tuple(text), np.array(counts, dtype=np.float64), ())


def _box_count(count: float) -> str:
    return f"{count:.0f} box{'' if count == 1 else 'es'}" if count else "(none)"


def _of_texts(texts: list[Any], name: str) -> Labels:
    text = tuple(
        ", ".join(map(shortened, each)) if isinstance(each, list | tuple) else shortened(each) for each in texts
    )
    order = {word: rank for rank, word in enumerate(sorted(set(text)))}
    values = np.array([order[word] for word in text], dtype=np.float64)
    repeated = len(order) < len(text) or len(text) == 1
    return Labels(name, "class" if repeated else "other", text, values, distinct(text, values) if repeated else ())
