"""Whether the network has been trained already: then what is said of untrained ones does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from nbinspect.records import TaskRecord
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.losses.chance import Chance, chance_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import named_optimizers

_BELOW = {True: 0.25, False: 0.6}
"""Of the loss of the best constant: what no untrained network comes to; in regression and otherwise."""
_LEAST_TARGETS = 8
_CHANNELS, _AROUND = 8, 0.5
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True, eq=False)
class Untrained:
    """Nothing says that the network has been trained."""

    chance: Chance | None
    """What its loss would be by chance; None where that cannot be computed."""


def require_untrained(program: Program, recorded: Recorded, task: TaskRecord) -> Untrained:
    """Return what chance gives for a network that has not been trained; nothing is run or changed.

    Raises:
        MissingNeed: with the evidence that it was trained: the optimizer's state, BatchNorm's counters, a loss clearly
            below chance, weights that were loaded, norms whose scales have moved.
    """
    chance = None if task.kind == "other" else chance_of(recorded)
    evidence = next(_evidence(program, chance), None)
    if evidence is not None:
        raise MissingNeed(f"an untrained network: {evidence}", "trained")
    return Untrained(chance)


def is_untrained(program: Program, recorded: Recorded, task: TaskRecord) -> bool:
    """Return whether nothing says that the network has been trained."""
    try:
        require_untrained(program, recorded, task)
    except MissingNeed:
        return False
    return True


def is_fresh(program: Program) -> bool:
    """Return whether optimizer, BatchNorm and the model's name tell of no training, whatever its loss."""
    return next(_evidence(program, None), None) is None


def _evidence(program: Program, chance: Chance | None) -> Iterator[str]:
    for one in named_optimizers(program.subject.optimizer).values():
        state = getattr(one, "state", None)
        if state:
            parts = [part for part in state.values() if isinstance(part, dict)]
            taken = max((_number(part.get("step")) for part in parts), default=0)
            if taken:
                yield f"the optimizer has taken {taken:,} steps"
            elif not all("step" in part for part in parts):  # some count from 0 in state that they are made with
                yield "the optimizer has state of earlier steps"
    for path, module in program.network.named_modules():
        seen = getattr(module, "num_batches_tracked", None) if isinstance(module, nn.modules.batchnorm._NormBase) else 0
        if isinstance(seen, Tensor) and not seen.is_meta and int(seen) > 0:
            yield f"{path or type(module).__name__} has seen {int(seen):,} batches"
        if isinstance(module, _NORMS) and _has_moved(module):
            yield f"the scales and shifts of {path or type(module).__name__} have moved from where they begin"
    yield from _of_knowing(program, chance)


def has_learnt(program: Program, recorded: Recorded, task: TaskRecord) -> bool:
    """Return whether weights were loaded or the loss is clearly below chance, whatever steps were taken."""
    chance = None if task.kind == "other" else chance_of(recorded)
    return next(_of_knowing(program, chance), None) is not None


def _of_knowing(program: Program, chance: Chance | None) -> Iterator[str]:
    loaded = getattr(program.network, "name_or_path", "")
    if isinstance(loaded, str) and loaded:
        yield f"its weights were loaded from {loaded}"
    if chance is not None and chance.call.targets.numel() >= _LEAST_TARGETS:
        most = _BELOW[chance.is_regression] * chance.prior
        if chance.measured < most:
            yield f"its loss of {chance.measured:.3g} is clearly below {chance.prior:.3g}, that of the best constant"


def _has_moved(norm: nn.Module) -> bool:
    """Whether both scales and shifts of a norm differ from channel to channel, and the scales still lie around one.

    Some draw the scales, around one, and leave the shifts at zero; who draws all parameters alike draws scales around
    zero.
    """
    if not (isinstance(norm.weight, Tensor) and isinstance(norm.bias, Tensor)) or norm.weight.is_meta:
        return False
    scales, shifts = (tensor.detach().double().flatten() for tensor in (norm.weight, norm.bias))
    if scales.numel() < _CHANNELS or min(len(set(scales.tolist())), len(set(shifts.tolist()))) < len(scales) / 2:
        return False
    return bool(abs(scales.mean()) > 2 * scales.std()) and abs(float(scales.mean()) - 1) < _AROUND


def _number(step: Any) -> int:
    return int(step) if isinstance(step, int | float | Tensor) else 0
