"""A BatchNorm by hand that normalises by the batch in train mode, and in eval mode by buffers that nothing writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import MissingNeed, failed, measured, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.modes import watched
from nbinspect.sanity.trials.running.own_step import record_step

_LEAST = 4


@dataclass(frozen=True, eq=False)
class Unwritten:
    """A module that keeps statistics for eval mode, and never gathers them."""

    path: str
    place: Place | None
    names: tuple[str, ...]
    """Its buffers that eval mode reads."""
    ratio: float
    """The spread of what it gives in one mode over that in the other, at least 1."""
    shift: float
    """How far the means of both lie apart, in standard deviations."""


def of_unwritten(program: Program, attempt: Recorded, *, apart: float) -> CheckResult | None:
    """Tell of the first module whose statistics are never written though eval mode relies on them; None without one.

    Args:
        program: left unchanged; modules run alone on copies.
        attempt: the pass that tells what each was given.
        apart: factor of spread, or four times the shift of the mean, between both modes from where on it matters.
    """
    if attempt.error is not None or not program.network.training:
        return None
    suspects = list(_suspects(program.network, attempt))
    if not suspects:
        return None
    with suppress(MissingNeed):
        copy = program.copied()
        for path, place, x in suspects:
            module = copy.network.get_submodule(path)
            with copy.running(), suppress(RuntimeError, TypeError, ValueError, IndexError):
                found = _looked_at(module, x, path, place)
                if found and (found.ratio > apart or found.shift > apart / 4):
                    say = _teller(program, attempt, found)
                    return None if say is None else _told(found, say)
    return None


def _suspects(network: nn.Module, attempt: Recorded) -> list[tuple[str, Place | None, Tensor]]:
    """Return path, line and input of each module with buffers of its own that may be statistics, still as made."""
    modules = {path: one for path, one in network.named_modules() if not isinstance(one, _NormBase)}
    found: dict[str, tuple[str, Place | None, Tensor]] = {}
    for one in attempt.operations:
        module = modules.get(one.step.path) if one.step.kind == "module" and not one.in_loss else None
        if module is None or not (module.training and _statistics(module)) or len(one.made) != 1 or not one.given:
            continue
        x = one.given[0].detach()
        if x.is_floating_point() and x.dim() > 1 and len(x) >= _LEAST and x.shape == one.made[0].shape:
            found.setdefault(one.step.path, (one.step.path, one.step.place, x))
    return list(found.values())


def _statistics(module: nn.Module) -> dict[str, Tensor]:
    """Return the buffers of a module's own that hold one number everywhere, as statistics that were never gathered."""
    own = module.named_buffers(recurse=False)
    several = {name: one for name, one in own if one.is_floating_point() and one.numel() > 1 and not one.is_meta}
    return {name: one for name, one in several.items() if bool((one == one.flatten()[0]).all())}


def _looked_at(module: nn.Module, x: Tensor, path: str, place: Place | None) -> Unwritten | None:
    """Run a copy of a module alone, in both modes, on a batch and on half of it, and with other statistics."""
    half, kept = x[: len(x) // 2], _statistics(module)
    before = {name: one.clone() for name, one in kept.items()}
    module.train()
    whole, again, part = module(x), module(x), module(half)
    is_noisy, is_of_batch = not _alike(whole, again), not _alike(whole[: len(half)], part)
    if is_noisy or not is_of_batch or any(not torch.equal(kept[name], before[name]) for name in kept):
        return None
    module.eval()
    still = module(x)
    if not _alike(still[: len(half)], module(half)):
        return None
    names = tuple(name for name in kept if not _alike(_with(module, kept[name], x), still))
    module.train()
    if not names or any(not _alike(_with(module, kept[name], x), whole) for name in names):
        return None
    spreads = sorted(float(one.double().std()) for one in (whole, still))
    shift = float((whole.double().mean() - still.double().mean()).abs()) / max(spreads[0], 1e-12)
    return Unwritten(path, place, names, spreads[1] / max(spreads[0], 1e-12), shift)


def _with(module: nn.Module, buffer: Tensor, x: Tensor) -> Tensor:
    """Return what a module gives with one of its buffers raised by one."""
    buffer.add_(1)
    try:
        given: Tensor = module(x)
    finally:
        buffer.sub_(1)
    return given


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True)


def _teller(program: Program, attempt: Recorded, found: Unwritten) -> Callable[..., CheckResult] | None:
    """Return how to tell of it: a defect where eval mode is used and nothing can write the buffers, else a warning.

    None where the model as a whole writes them, or a training step of the user's own.
    """
    subject, before = program.subject, _named(program.network, found)
    copy = program.copied()
    with copy.running():
        copy.outputs(attempt.batch)
        if not _same(_named(copy.network, found), before):
            return None
    if subject.train_step is not None:
        own = record_step(program, attempt.batch)
        if own is None or not _same(_named(own.program.network, found), before):
            return None
    if _is_written_elsewhere(program.network, found):
        return warned
    if subject.eval_step is None:
        return failed if subject.val_loader is not None else warned
    modes = watched(program, "eval_step", attempt.batch)[-1].roots
    return failed if modes and not any(modes) else None


def _named(network: nn.Module, found: Unwritten) -> dict[str, Tensor]:
    module = network.get_submodule(found.path)
    return {name: module.get_buffer(name) for name in found.names}


def _same(after: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(after[name], before[name]) for name in before)


def _is_written_elsewhere(network: nn.Module, found: Unwritten) -> bool:
    """Whether other methods than the forward of the module, or of the model, name one of the buffers."""
    kinds = {*type(network.get_submodule(found.path)).__mro__, *type(network).__mro__} - set(nn.Module.__mro__)
    methods = [
        getattr(one, "__func__", one)  # what a class method wraps
        for kind in kinds
        for name, one in vars(kind).items()
        if name not in ("__init__", "forward", "__annotations__")
    ]
    codes = [code for one in methods if (code := getattr(one, "__code__", None)) is not None]
    return any(name in (*code.co_names, *code.co_consts) for code in codes for name in found.names)


def _told(found: Unwritten, say: Callable[..., CheckResult]) -> CheckResult:
    names = " and ".join(found.names)
    return say(
        f"{names} of {found.path} are never written",
        measured(f"what {found.path} gives in both modes, spread of one over the other", found.ratio, "below 2"),
        measured("means of both apart, in standard deviations", found.shift, "below 0.5"),
        title="The statistics for eval mode are never gathered",
        detail=f"In train mode {found.path} normalises by the batch, in eval mode by {names}, which a step does not "
        "write: they stay as they were made, and eval mode gives other values than those that were trained on.",
        remedy=f"Write them in train mode, by {found.names[0]}.lerp_(…, 0.1) without a graph, or use nn.BatchNorm2d.",
        where=found.path,
        place=found.place,
        confirmed=True,
    )
