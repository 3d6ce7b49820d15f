"""What each BatchNorm was given in the recorded pass, beside the statistics that it keeps for eval mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from nbinspect.records import Chart, Place
from nbinspect.sanity.recorded import Recorded

_FADED = 0.05
_MANY = 1000
_SEVERAL = 50
_HARDLY = 0.05


@dataclass(frozen=True)
class Normed:
    """A BatchNorm in train mode that ran."""

    path: str
    place: Place | None
    values: float
    """Values per channel in the batch; of one sample, `of_sample`."""
    of_sample: float
    batches: int
    """How many batches its statistics were gathered from; 0 where it keeps none."""
    is_settled: bool
    """Whether hardly anything of the statistics' initial values is left."""
    is_stuck: bool
    """Whether they are still what they were made as, after many batches."""
    is_fixed: bool
    """Whether they are what they were made as, and a momentum of zero keeps them so for ever."""
    is_fresh: bool
    """Whether they are what they were made as, before any batch."""
    is_broken: bool
    """Whether they are no numbers, and never will be again, for they are averages."""
    momentum: float
    """NaN where all batches count alike."""
    eps: float
    shift: float
    """How far the mean of the batch is from the one kept, in its standard deviations; median over channels."""
    ratio: float
    """By what factor its variance is larger or smaller than the one kept; median over channels, at least 1."""


def normed(recorded: Recorded, *, training: bool = True) -> Iterator[Normed]:
    """Give every BatchNorm of the model that ran in train mode, or in eval mode."""
    modules = dict(recorded.batch.subject.network.named_modules())
    for one in recorded.named("F.batch_norm", "torch.batch_norm"):
        module = modules.get(one.step.path)
        x = one.given[0].detach() if one.given else None
        if (
            x is None
            or not isinstance(module, _BatchNorm)
            or module.training is not training
            or x.dim() < 2
            or not x.numel()
        ):
            continue
        values = x.numel() / x.shape[1]
        known = None if module.num_batches_tracked is None else int(module.num_batches_tracked)
        batches = known if known is not None and module.running_mean is not None else 0
        fresh = _fresh(module)
        kept = batches or fresh or (not training and module.running_mean is not None)
        shift, ratio = _apart(x.double(), module) if kept and values > 1 else (0.0, 1.0)
        yield Normed(
            path=one.step.path,
            place=one.step.place,
            values=values,
            of_sample=values / max(1, recorded.batch.size),
            batches=batches,
            is_settled=_settled(module, batches),
            is_stuck=_stuck(module, batches),
            is_fixed=fresh and module.momentum == 0,
            is_fresh=fresh,
            is_broken=_broken(module) and bool(x.isfinite().all()),
            momentum=float("nan") if module.momentum is None else module.momentum,
            eps=module.eps,
            shift=shift,
            ratio=ratio,
        )


def _settled(module: _BatchNorm, batches: int) -> bool:
    if module.momentum is None:
        return batches > 1
    return batches >= _MANY or (1 - module.momentum) ** batches < _FADED


def _stuck(module: Any, batches: int) -> bool:
    if batches < _SEVERAL:
        return False
    mean, variance = module.running_mean, module.running_var
    return bool((mean.abs() < _HARDLY).all() and ((variance - 1).abs() < _HARDLY).all())


def _fresh(module: Any) -> bool:
    if module.running_mean is None or module.running_var is None:
        return False
    return bool((module.running_mean == 0).all() and (module.running_var == 1).all())


def _broken(module: Any) -> bool:
    kept = (module.running_mean, module.running_var)
    return any(tensor is not None and not bool(tensor.isfinite().all()) for tensor in kept)


def _apart(x: torch.Tensor, module: Any) -> tuple[float, float]:
    """Return by how much a batch differs from the statistics kept: shift of the mean, factor of the variance."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    kept = module.running_var.double().clamp_min(0) + module.eps
    variance = x.var(axes) + module.eps
    shift = (x.mean(axes) - module.running_mean.double()).abs() / torch.minimum(kept, variance).sqrt()
    ratio = torch.maximum(variance / kept, kept / variance)
    return float(shift.median()), float(ratio.median())


def last_of_one(loader: Any) -> int | None:
    """Return how many samples a loader has whose last batch is one sample alone; None for other loaders."""
    if not isinstance(loader, DataLoader) or loader.drop_last or not loader.batch_size or loader.batch_size < 2:
        return None
    try:
        count = len(loader.sampler)  # type: ignore[arg-type] # what has no length raises
    except TypeError:
        return None
    return count if count % loader.batch_size == 1 and count > 1 else None


def chart_of(layers: list[Normed]) -> Chart:
    """Return the shift of each layer as a picture."""
    shifts = np.array([layer.shift for layer in layers])
    names = tuple(layer.path for layer in layers)
    return Chart(
        "bars", "Mean off the one kept", "layer", "standard deviations", names, (shifts,), np.zeros(0), (0.0, 1.0)
    )
