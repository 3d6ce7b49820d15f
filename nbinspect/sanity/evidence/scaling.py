"""How a loss grows with the number of samples, and the rate of the optimizer that it meets."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, SGD, Optimizer

from nbinspect.nested import map_tensors
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def growth(program: Program, recorded: Recorded, times: int) -> float:
    """Return by what a loss grows when every sample stands in the batch several times: 1 for a mean, `times` for a sum.

    Raises:
        MissingNeed: if there is no loss of one finite value that is not 0, or it takes no batch of another size.
    """
    if program.subject.loss_fn is None:
        first = list(range(min(4, recorded.batch.size)))
        once, often = (_whole(program, recorded, first * count) for count in (1, times))
    else:
        once, often = (_of_outputs(program, recorded, count) for count in (1, times))
    if not (math.isfinite(once) and math.isfinite(often)) or once == 0:
        raise MissingNeed("a finite loss other than 0")
    return often / once


def _whole(program: Program, recorded: Recorded, samples: list[int]) -> float:
    batch = recorded.batch.taken(samples)
    with program.running(training=False):
        return float(program.scalar_loss(program.outputs(batch), batch))


def _of_outputs(program: Program, recorded: Recorded, times: int) -> float:
    """Return the loss of the recorded outputs, each of them several times; the model is not run again."""
    batch, axis = recorded.batch, program.subject.batch_axis

    def repeated(tensor: Tensor) -> Tensor:
        at = next((a for a in (axis, 0) if tensor.dim() > a and tensor.shape[a] == batch.size), None)
        return tensor.detach() if at is None else torch.cat([tensor.detach()] * times, at)

    parts = replace(batch.parts, targets=map_tensors(repeated, batch.parts.targets))
    with program.running():
        try:
            loss = program.scalar_loss(map_tensors(repeated, recorded.outputs), replace(batch, parts=parts))
        except MissingNeed:
            raise
        except Exception as error:
            raise MissingNeed(f"a loss that takes batches of any size ({type(error).__name__})") from error
    return float(loss)


def plain_rate(program: Program) -> float | None:
    """Return the rate of an optimizer whose steps grow with the gradient (its peak), 0 of one that rescales gradients.

    None where there is no optimizer, or it cannot be told.
    """
    given: Any = program.subject.optimizer
    given = next(iter(given.values()), None) if isinstance(given, dict) else given
    if given is not None and not isinstance(given, Optimizer) and callable(given):
        given = given(list(program.copied().parameters.values()))
    if not isinstance(given, Optimizer):
        return None
    if not isinstance(given, SGD | LBFGS):
        return 0.0
    return max(float(group.get("initial_lr", group["lr"])) for group in given.param_groups)
