"""Batches as tables of numbers, in the form that simple models and comparisons can use."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.nested import tensors_in
from nbinspect.records import Floats
from nbinspect.sanity.batches import Batch

_WIDTH = 1024
_SIDE = 16
_WORDS = 256


def parts_of(batch: Batch) -> tuple[list[tuple[str, Tensor]], list[tuple[str, Tensor]]]:
    """Return the named tensors of a batch that the model is given, and those of the targets."""
    targets = list(tensors_in(batch.parts.targets, batch.parts.target_name))
    aimed = {id(tensor) for _, tensor in targets}
    inputs = [(name, tensor) for name, tensor in batch.inputs if id(tensor) not in aimed]
    return inputs or batch.inputs, targets


def samples_first(tensor: Tensor, batch: Batch) -> Tensor:
    """Return a tensor of a batch with its samples along axis 0."""
    axis = batch.subject.batch_axis
    return tensor.movedim(axis, 0) if tensor.dim() > axis and tensor.shape[axis] == batch.size else tensor


def features_of(inputs: list[tuple[str, Tensor]], batch: Batch) -> Floats:
    """Return (N, ≤ 1024) numbers: pictures small, tokens counted in 256 bins, the rest as it is."""
    found = [features for _, tensor in inputs if (features := _features(tensor, batch)) is not None]
    return torch.cat(found, 1)[:, :_WIDTH].numpy() if found else np.zeros((batch.size, 0), np.float32)


def _features(tensor: Tensor, batch: Batch) -> Tensor | None:
    values = readable(samples_first(tensor, batch))[0]
    if values is None or not values.dim() or len(values) != batch.size:
        return None
    values = values.cpu()
    if values.dim() == 2 and values.dtype in (torch.int64, torch.int32):
        words = torch.zeros(len(values), _WORDS)
        return words.scatter_add_(1, values.long() % _WORDS, torch.ones(values.shape))
    values = values.float().nan_to_num(0, 0, 0)
    if values.dim() == 4 and max(values.shape[-2:]) > _SIDE:
        values = torch.nn.functional.adaptive_avg_pool2d(values, _SIDE)
    flat = values.reshape(batch.size, -1)
    return flat[:, :: max(1, -(-flat.shape[1] // _WIDTH))]
