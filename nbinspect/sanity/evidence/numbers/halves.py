"""What float16 loses on the way back and in the optimizer's step, where nothing scales the loss."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nbinspect.sanity.check import CheckResult, Measurement, failed, measured
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded
from nbinspect.subject import named_optimizers, rate_of

_SCALE = 1024.0


def underflow(program: Program, backward: Recorded, *, autocast: bool = False) -> float:
    """Return the share of the gradient's entries that are 0, and are not if the loss is scaled up by 1024 before.

    Args:
        program: run once; left unchanged.
        backward: the recorded pass.
        autocast: whether forward and loss are run under an autocast to float16, and that twice: as they are, too.
    """
    scaled = _gradients(program, backward, _SCALE, autocast=autocast)
    plains = _gradients(program, backward, 1.0, autocast=True) if autocast else backward.gradients
    lost = alive = 0
    for name, found in scaled.items():
        plain = plains.get(name)
        if found is not None and plain is not None:
            there = (found != 0) & found.isfinite()
            alive += int(there.sum())
            lost += int((there & (plain == 0)).sum())
    return lost / alive if alive else 0.0


def _gradients(program: Program, backward: Recorded, scale: float, *, autocast: bool) -> dict[str, Tensor | None]:
    wanted = {name: one for name, one in program.parameters.items() if one.requires_grad}
    device = next(iter(wanted.values())).device.type
    with program.running(gradients=True):
        with torch.autocast(device, torch.float16) if autocast else nullcontext():
            outputs = program.outputs(backward.batch)
            loss = program.scalar_loss(outputs, backward.batch).float() * scale
        return dict(zip(wanted, program.gradients(loss, list(wanted.values()), backward.batch), strict=True))


def lost_in_step(program: Program, backward: Recorded) -> tuple[str, float] | None:
    """Return what of float16 parameters' steps is lost, in words, and its share; None without an optimizer of them."""
    names = {id(one): name for name, one in program.parameters.items() if one.dtype == torch.float16}
    lost = {"squares": 0, "steps": 0}
    known = {"squares": 0, "steps": 0}
    for group, parameter in _groups(program.subject.optimizer):
        gradient = backward.gradients.get(names.get(id(parameter), ""))
        if gradient is None:
            continue
        there = gradient != 0
        kind = "squares" if "betas" in group and "eps" in group else "steps"
        known[kind] += int(there.sum())
        lost[kind] += int((there & _is_lost(kind, group, parameter.detach(), gradient)).sum())
    words = {
        "squares": "squared gradients that are 0 in the optimizer, which divides by them",
        "steps": "steps so small that the parameter stays as it is",
    }
    shares = {words[kind]: lost[kind] / known[kind] for kind in known if known[kind]}
    return max(shares.items(), key=lambda item: item[1], default=None)


def _groups(optimizer: Any) -> Iterator[tuple[dict[str, Any], Tensor]]:
    for one in named_optimizers(optimizer).values():
        for group in one.param_groups if isinstance(one, Optimizer) else []:
            for parameter in group["params"]:
                yield group, parameter


def _is_lost(kind: str, group: dict[str, Any], parameter: Tensor, gradient: Tensor) -> Tensor:
    """Tell where the running mean of squares is 0 and so is what is added to it, or a plain step changes nothing."""
    if kind == "squares":
        small = float(torch.tensor(float(group["eps"])).half()) == 0
        squares = ((1 - float(group["betas"][1])) * gradient.float() ** 2).half()
        return (squares == 0) & small
    rate = (rate_of(group) or 0.0) / (1 - min(0.99, float(group.get("momentum", 0.0))))
    moved: Tensor = parameter.float() - rate * gradient.float()
    return (moved.half() == parameter) & bool(rate)


def has_scaler(program: Program) -> bool:
    """Whether the program scales its loss: by the scaler that it was given, or one that its training step refers to."""
    step = program.subject.train_step
    if program.subject.scaler is not None:
        return True
    if step is None or not inspect.isfunction(step):
        return False
    known = inspect.getclosurevars(step)
    return any("GradScaler" in type(part).__name__ for part in (*known.nonlocals.values(), *known.globals.values()))


def steps_in_half(program: Program) -> bool:
    """Whether the training step itself names an autocast and float16, and nothing that scales."""
    code = getattr(program.subject.train_step, "__code__", None)
    names = {*code.co_names, *code.co_varnames} if code is not None else set()
    return "autocast" in names and "float16" in names and not any("scale" in name.lower() for name in names)


def half_step(program: Program, recorded: Recorded, lost: float, still: float) -> CheckResult | None:
    """Judge float16 parameters by what their own step loses, where the model is not called but in it."""
    half = [name for name, one in program.parameters.items() if one.requires_grad and one.dtype == torch.float16]
    gone = lost_in_step(program, recorded) if half and not has_scaler(program) else None
    if gone is None or gone[1] < (most := lost if gone[0].startswith("squared") else still):
        return None
    return of_half(failed, [measured(gone[0], f"{gone[1]:.1%}", f"below {most:.0%}")], half[0], None)


def of_half(
    say: Callable[..., CheckResult], measurements: list[Measurement], half: str, cast: Operation | None
) -> CheckResult:
    """Tell of float16 whose loss nothing scales, by what is lost."""
    return say(
        "float16 without loss scaling",
        *measurements,
        title="float16 without loss scaling",
        detail="Gradients below 6e-8 are zero in float16"
        + (", and so are updates of its parameters below a thousandth of them." if half else "."),
        remedy="Scale the loss with torch.amp.GradScaler (parameters in float32 under autocast), or use bfloat16.",
        where=half or where_of(cast),
        place=cast.step.place if cast is not None else None,
    )
