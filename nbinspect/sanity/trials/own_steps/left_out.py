"""Trainable parameters that no optimizer holds, and what training would be with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.losses.untrained import is_untrained
from nbinspect.sanity.evidence.passes.lineage import ancestors, roots
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record, tensor_output
from nbinspect.sanity.task import infer_task
from nbinspect.sanity.trials.running.comparison import Losses, losses_of
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import Trainee


def held_by_none(program: Program, observed: Observed) -> list[str]:
    """Return the trainable parameters that gradients come for, and that neither an optimizer nor the step changes."""
    updates = [update for one in observed.steps for update in one.events.updates]
    stepped = frozenset().union(*(update.sizes for update in updates))
    held = frozenset().union(*observed.held.values()) | stepped
    return sorted((observed.trainable & program.parameters.keys() & observed.arrived) - held - observed.rewritten)


def left_out(program: Program, batch: Batch, observed: Observed) -> tuple[str, ...]:
    """Return which of those work, on the way to the output, on what trained parameters give them, as a head does.

    Only where a group of an optimizer is empty, as of a generator that was used up, or of a filter that finds nothing:
    a judge, a model of the world, a fixed head or an optimizer that was not handed over are left out in the same way.
    None where they may be left on purpose all the same: where the network has been trained; where more is left out than
    is trained, as around adapters; where what is left out comes first, as a body below a head; parts that are no
    matrices; and where the task is not known.

    Args:
        program: run once, on suspicion; left unchanged.
        batch: what it is run on.
        observed: steps on a copy.
    """
    groups = [group for one in observed.steps for update in one.events.updates for group in update.groups]
    if all(groups):
        return ()
    own = {name for name, _ in program.network.named_parameters()}
    missing = [name for name in held_by_none(program, observed) if name in own]
    trained = observed.rewritten & program.parameters.keys()
    if not trained or not any(program.parameters[name].dim() > 1 for name in missing):
        return ()
    counts = [sum(program.parameters[name].numel() for name in names) for names in (missing, trained)]
    if counts[0] > counts[1]:
        return ()
    try:
        recorded = record(program, batch)
    except MissingNeed:
        return ()
    task = infer_task(program.subject, batch, recorded)
    if recorded.error is not None or task.kind == "other" or not is_untrained(program, recorded, task):
        return ()
    above = _above(recorded, frozenset(missing), trained)
    return tuple(name for name in missing if name in above)


def in_place_of(program: Program, observed: Observed) -> tuple[str, ...]:
    """Return the parameters that no optimizer holds, where one was given others two times in their place.

    Those are of the same shapes, or all that one part of the network has, as these are all of a part beside it: not
    those of a part that has two names, each of which may be listed.
    """
    missing = held_by_none(program, observed)
    twice = frozenset().union(*(one.doubled for step in observed.steps for one in step.events.updates))
    twice &= program.parameters.keys()
    if not missing or not twice:
        return ()
    known_as = Counter(id(one) for _, one in program.network.named_parameters(remove_duplicate=False))
    if any(known_as[id(program.parameters[name])] > 1 for name in twice):
        return ()
    if _shapes(program, missing) == _shapes(program, twice):
        return tuple(missing)
    among = observed.trainable & program.parameters.keys()
    beside = _places(twice, among) & _places(frozenset(missing), among)
    return tuple(missing) if beside else ()


def _shapes(program: Program, names: Iterable[str]) -> list[tuple[int, ...]]:
    return sorted(tuple(program.parameters[name].shape) for name in names)


def _places(names: frozenset[str], among: frozenset[str]) -> set[str]:
    """Return the paths of all modules of which one child has just these of all parameters."""
    first = next(iter(names)).split(".")[:-1]
    paths = {".".join(first[:depth]): ".".join(first[: depth - 1]) for depth in range(1, len(first) + 1)}
    return {above for path, above in paths.items() if {name for name in among if name.startswith(f"{path}.")} == names}


def _above(recorded: Recorded, names: frozenset[str], below: frozenset[str]) -> frozenset[str]:
    """Return which parameters are used, for the model's output, in an operation on what others have made."""
    output = tensor_output(recorded.outputs)
    last = recorded.maker(output) if isinstance(output, Tensor) else None
    found: set[str] = set()
    for one in ancestors(recorded, last) if last is not None else ():
        uses = {use.origin for use in one.step.inputs if use.step is None} & names
        if uses - found and any(roots(recorded, one, at) & below for at in range(len(one.step.inputs))):
            found |= uses
    return frozenset(found)


def losses_with(program: Program, batch: Batch, names: list[str], steps: int) -> Losses | None:
    """Return the losses of a short run in which these parameters are given to the first optimizer as well."""

    def add(trainee: Trainee) -> None:
        optimizer = next(iter(trainee.optimizers.values()))
        optimizer.add_param_group({"params": [trainee.parameters[name] for name in names]})

    return losses_of(program, (batch,), steps, before=add)
