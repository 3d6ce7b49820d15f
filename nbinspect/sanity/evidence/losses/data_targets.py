"""Targets that are data, and how large they are beside the outputs of the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.records import Floats
from nbinspect.sanity.evidence.passes.flow import memory_of
from nbinspect.sanity.evidence.passes.lineage import argument, roots
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.sanity.task import LossCall

_DATA = ("batch", "made outside the pass")
_MOST_OUTPUTS = 64


@dataclass(frozen=True)
class Output:
    """One output of the model beside its targets, as the loss compares them."""

    name: str
    mean: float
    """Of the targets, as `std`."""
    std: float
    peak: float
    """The largest target, whatever its sign."""
    given_mean: float
    """Of the outputs, as `given_std`."""
    given_std: float

    @property
    def offset(self) -> float:
        """How far the targets are from the outputs, in deviations of either, or of one."""
        return abs(self.mean - self.given_mean) / max(self.std, self.given_std, 1.0)

    @property
    def spread(self) -> float:
        """The targets' deviation over that of the outputs, which for unit scale counts as one at least."""
        return self.std / max(self.given_std, 1.0)

    @property
    def faintness(self) -> float:
        """The outputs' deviation, which for unit scale counts as one at most, over the targets' typical size.

        Targets that are mostly zero are about as large as those that are not: a tenth of the largest counts at least.
        """
        size = max(float(np.hypot(self.mean, self.std)), self.peak / 10)
        return min(self.given_std, 1.0) / size if self.std else 0.0


def are_data(recorded: Recorded, call: LossCall) -> bool:
    """Tell whether no parameter or buffer has a part in the targets, as codes of a codebook and teachers' outputs have.

    What lies far off those is for training to settle, and no scale of the data. A teacher may be no part of the model.
    """
    at = argument(call.operation, "target", 1)
    if at is None or not all(name.startswith(_DATA) for name in roots(recorded, call.operation, at)):
        return False
    return not any(isinstance(one, nn.Parameter) for one in _made_of(recorded, call.operation.given[at]))


def _made_of(recorded: Recorded, tensor: Tensor) -> Iterator[Tensor]:
    """Give all tensors of which one was made, also before it was wrapped anew, as by ``Variable(x.data)``."""
    makers: dict[int, list[Operation]] = {}
    for one in recorded.operations:
        for made in one.made if one.step.kind == "operation" else ():
            makers.setdefault(memory_of(made), []).append(one)
    waiting = [tensor]
    while waiting:
        for maker in makers.pop(memory_of(waiting.pop()), ()):
            yield from maker.given
            waiting += maker.given


def beside_targets(calls: Sequence[LossCall], few: int) -> list[Output]:
    """Return each output beside its targets over several calls; those of pictures, or of very many outputs, as one.

    There is none where rows are fewer than `few`, or some value is not finite.
    """
    outputs, targets = _table([call.outputs for call in calls]), _table([call.targets for call in calls])
    if len(targets) < few or not (np.isfinite(outputs).all() and np.isfinite(targets).all()):
        return []
    moments = targets.mean(0), targets.std(0), np.abs(targets).max(0), outputs.mean(0), outputs.std(0)
    return [Output(f"output {k}", *map(float, five)) for k, five in enumerate(zip(*moments, strict=True))]


def _table(tensors: Sequence[Tensor]) -> Floats:
    """Return (N, K) values, an output a column."""
    flat = [tensor.detach().cpu().double() for tensor in tensors]
    single = any(tensor.dim() != 2 or tensor.shape[1] > _MOST_OUTPUTS for tensor in flat)
    return torch.cat([tensor.reshape(-1, 1) if single else tensor for tensor in flat]).numpy()
