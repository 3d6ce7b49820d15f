"""How grave it is that the loss does not reach some parameters: forgotten, or waiting for their turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.sanity.evidence.passes.flow import follow
from nbinspect.sanity.evidence.passes.lineage import reaching, roots
from nbinspect.sanity.evidence.passes.logged import without_logged
from nbinspect.sanity.evidence.passes.reach import is_library_part, trains_alike
from nbinspect.sanity.evidence.passes.uncalled import gravity_of_uncalled, may_be_picked
from nbinspect.sanity.evidence.source.picking import passes_alike
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


@dataclass(frozen=True)
class Unused:
    """Parameters that the loss never reaches, by how grave that is."""

    forgotten: tuple[str, ...] = ()
    """Nothing will ever use them."""
    doubtful: tuple[str, ...] = ()
    spared: int = 0
    """How many are of published models, wait for their turn, or shift what is only differentiated."""
    cut: int = 0
    """How many are cut off the graph, which another check tells of."""


def judged(program: Program, missing: Mapping[str, Tensor], recordings: Sequence[Recorded]) -> Unused:
    """Return how grave it is that parameters get no gradient in any pass."""
    if not missing:
        return Unused()
    flows = [follow(one, missing) for one in recordings]
    kept = without_logged(program, recordings[0], flows[0])
    logged = [one for one in flows[0].cuts if one not in kept]
    cut = {name for flow in flows for one in flow.cuts for name in one.parameters}
    numbers = {name for one in logged for name in one.parameters} - {name for one in kept for name in one.parameters}
    cut -= numbers
    used = {name for flow in flows for name in flow.used}
    # a head that is returned may wait for its turn, unless the loss is seen to take the same parts of them every time
    always = trains_alike(program.subject)
    of_step = any(one.of_step for one in recordings)
    returned = used if of_step else {name for flow in flows for name in flow.returned}
    # so may what a number was made of, that the text of a pass can look at, or whose loss it can leave out for now
    waiting = (set() if always else returned) | (set() if always and passes_alike(program.network) else numbers)
    found: dict[str, list[str]] = {"fail": [], "warn": [], "": []}
    calls = called_in(recordings)
    for name in missing.keys() - cut - _differentiated(recordings):
        if name not in used:
            gravity = gravity_of_uncalled(program.subject, name, calls, missing)
        else:
            is_picked = name in waiting or may_be_picked(program, name, missing, recordings)
            gravity = "warn" if is_picked else "fail"
        found["" if is_library_part(program.network, name) else gravity].append(name)
    forgotten, doubtful = (tuple(sorted(found[gravity])) for gravity in ("fail", "warn"))
    return Unused(forgotten, doubtful, len(missing.keys() - cut), len(cut))


def _differentiated(recordings: Sequence[Recorded]) -> set[str]:
    """Return what stands behind outputs of which the loss takes a derivative: what only shifts them has none there."""
    found = set[str]()
    for one in recordings:
        wanted = reaching(one)
        for derivative in one.named("torch.autograd.grad"):
            uses = enumerate(derivative.step.inputs) if derivative.step.index in wanted else ()
            outputs = [at for at, use in uses if use.name.startswith(("input", "outputs"))]
            found.update(name for at in outputs for name in roots(one, derivative, at))
        inside = (operation for operation in one.operations if any(map(_is_of_func, operation.given)))
        found.update(use.origin for operation in inside for use in operation.step.inputs)
    return found


def _is_of_func(tensor: Tensor) -> bool:
    """Whether a tensor is one that `torch.func` differentiates by, as `torch.func.grad` does; what it gives is new."""
    return bool(torch._C._functorch.is_gradtrackingtensor(tensor))


def judged_uncalled(program: Program, missing: Mapping[str, Tensor], recordings: Sequence[Recorded]) -> Unused:
    """Return the same for steps of which there is no trace: of what nothing was seen to call, and no text mentions."""
    used = {name for one in recordings for name in follow(one, missing).used}
    gravity = {
        name: gravity_of_uncalled(program.subject, name, called_in(recordings), missing)
        for name in missing.keys() - used
        if not is_library_part(program.network, name)
    }
    forgotten = tuple(sorted(name for name, one in gravity.items() if one == "fail"))
    return Unused(forgotten, spared=len(missing))


def called_in(recordings: Sequence[Recorded]) -> Collection[str]:
    """Return the paths of the modules that ran."""
    return {one.step.path for r in recordings for one in r.operations if one.step.kind == "module"}
