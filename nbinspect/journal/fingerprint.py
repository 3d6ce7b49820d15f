"""The fingerprint of the data: a digest of the first batch that a loader gives under a fixed seed."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.loader import BatchSource
from nbinspect.capture.tensors import readable
from nbinspect.errors import LoaderError
from nbinspect.nested import tensors_in
from nbinspect.preserve import preserve
from nbinspect.sanity.limits import Hung, Limits
from nbinspect.seeding import seed_generators
from nbinspect.settings import generators_in
from nbinspect.subject import Subject

_PATIENCE = 60.0
"""Seconds that the loader's first batch may take, twice over."""


def data_of(subject: Subject) -> dict[str, Any] | None:
    """Return the digest of the first batch and its tensors in words; None where there is no loader.

    The batch is read through a copy of the loader with all its random generators set to the same start, so that the
    same data, transforms and batch size give the same digest however far training has come. The loader, its
    generators, its data set and the global random states are left unchanged.

    Raises:
        LoaderError: if the loader gives no batch, or none in time.
        CaptureError: if another thread is at work on the model: its random draws would be disturbed.
    """
    if subject.loader is None:
        return None
    refuse_beside_training(subject.model)
    try:
        with Limits(2 * _PATIENCE).watching():
            batch = _first_batch(subject.loader)
    except Hung as hung:
        raise LoaderError(str(hung)) from hung
    return batch_facts(batch)


def _first_batch(loader: Any) -> Any:
    with preserve(loader):
        _rewind(loader)
        source = BatchSource(loader)
        try:
            return source.next().batch
        finally:
            source.close()


def _rewind(loader: Any) -> None:
    seed_generators(0)
    for _, generator in generators_in("loader", loader):
        if isinstance(generator, torch.Generator):
            generator.manual_seed(0)
        elif isinstance(generator, np.random.Generator):
            bits = generator.bit_generator
            bits.state = type(bits)(0).state
        elif isinstance(generator, np.random.RandomState | random.Random):
            generator.seed(0)


def batch_facts(batch: Any) -> dict[str, Any]:
    """Return a digest of a batch's names, shapes, types and values, and its tensors in words."""
    hasher, tensors = blake2b(digest_size=8), []
    for name, tensor in tensors_in(batch, "batch"):
        fact = f"{name} {str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
        hasher.update(fact.encode("utf-8", "backslashreplace"))
        hasher.update(_bytes_of(tensor))
        tensors.append(fact[:200])
    return {"batch": hasher.hexdigest() if tensors else None, "tensors": tensors}


def _bytes_of(tensor: Tensor) -> bytes:
    values = readable(tensor)[0]
    if values is None:
        return b""
    return values.contiguous().reshape(-1).view(torch.uint8).cpu().numpy().tobytes()
