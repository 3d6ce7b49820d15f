"""Values that arithmetic in integers, or in half precision, loses on the way through a pass."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Measurement, Place
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.lineage import reaching, roots, source_of, where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_SMALL = (torch.uint8, torch.int8, torch.int16)
_ARITHMETIC = ("add", "sub", "subtract", "rsub", "mul", "multiply", "neg")
_DIVISIONS = ("floor_divide", "floordiv", "rfloordiv")
_TO_INTEGERS = ("to", "type", "long", "int", "byte", "short", "char")
_SCALE = 1024.0


@dataclass(frozen=True, eq=False)
class Loss:
    """Values that are lost at a place."""

    where: str
    place: Place | None
    title: str
    detail: str
    remedy: str
    measurement: Measurement


def losses(recorded: Recorded) -> Iterator[Loss]:
    """Give the operations on integers before the network that lose values, on the way to the loss. Source: T-dtype."""
    wanted = reaching(recorded)
    for one in recorded.operations:
        plain = one.step.kind == "operation" and one.step.index in wanted and not one.in_loss and not one.step.in_place
        if plain and one.given and one.made and _is_whole(one.made[0]):
            word = word_of(one.step.name)
            if word in _ARITHMETIC:
                yield from _wrapped(one)
            elif word in _DIVISIONS:
                yield from _divided(recorded, one)
            elif word in _TO_INTEGERS:
                yield from _cut_off(recorded, one)


def _is_whole(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def _wrapped(one: Operation) -> Iterator[Loss]:
    """Find small integers that ran over their ends: compared with 64 bits, or no longer in order."""
    made, given = one.made[0], one.given
    if made.dtype not in _SMALL or not all(_is_whole(tensor) for tensor in given):
        return
    if len(given) == 2:
        wide = [tensor.long() for tensor in given]
        word = word_of(one.step.name)
        true = (
            wide[0] * wide[1] if word.startswith("mul") else wide[0] + wide[1] if word == "add" else wide[0] - wide[1]
        )
        share = float((true != made.long()).double().mean())
    else:
        order = made.flatten().long()[given[0].flatten().long().argsort()]
        rising = order[1:] - order[:-1]
        share = float(min((rising < 0).double().mean(), (rising > 0).double().mean())) if len(order) > 1 else 0.0
    if share:
        name = str(made.dtype).removeprefix("torch.")
        yield Loss(
            where_of(one),
            one.step.place,
            f"{name} runs over",
            f"{one.step.name} on {name} wraps around at its ends: values below 0 or above its greatest come out wrong.",
            "Convert to float before the arithmetic: x.float().",
            measured("values that wrap around, at least", f"{share:.1%}", "0%"),
        )


def _divided(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    before, after = len(torch.unique(one.given[0])), len(torch.unique(one.made[0]))
    if after <= 2 and before >= 10 and _is_whole(one.given[0]) and _becomes_float(recorded, one):
        yield Loss(
            where_of(one),
            one.step.place,
            "Integer division",
            f"{one.step.name} of integers drops the remainder: of {before} different values {after} are left.",
            "Divide floats: x.float() / 255.",
            measured("different values after the division", after, f"{before}, as before"),
        )


def _cut_off(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find features of the batch that are cut off to integers, so that next to nothing of them is left."""
    given = one.given[0]
    if not given.is_floating_point() or not bool((given != given.round()).any()):
        return
    if not all(name.startswith("batch") for name in roots(recorded, one, 0)):
        return
    before, after = len(torch.unique(given)), len(torch.unique(one.made[0]))
    raw = source_of(recorded, one, 0).from_batch
    lost = (raw and after <= 6 and before >= 4 * after) or (after == 1 and before >= 10)
    indexes = any(word_of(later.step.name) == "embedding" for later in _followers(recorded, one))
    if lost and (indexes or _becomes_float(recorded, one)):
        yield Loss(
            where_of(one),
            one.step.place,
            "Features cut off to integers",
            f"{one.step.name} drops what is behind the point: of {before} different values {after} are left.",
            "Keep quantities as floats and give them to a linear layer; an embedding is for indices.",
            measured("different values after the cast", after, f"{before}, as before"),
        )


def _followers(recorded: Recorded, one: Operation) -> list[Operation]:
    found = (later for later in recorded.operations if later.step.kind == "operation")
    return [later for later in found if any(use.step == one.step.index for use in later.step.inputs)]


def _becomes_float(recorded: Recorded, one: Operation) -> bool:
    """Whether integers go on as quantities, and not as indices."""
    followers = (later for later in _followers(recorded, one) if word_of(later.step.name) != "embedding")
    return any(made.dtype.startswith("float") for later in followers for made in later.step.outputs)


def promoted(recorded: Recorded) -> Operation | None:
    """Return the operation at which float64 data made float64 of a float32 parameter; None where none did."""
    for one in recorded.operations:
        uses = one.step.inputs
        single = any(use.origin in one.step.parameters and use.dtype == "float32" for use in uses)
        double = any(
            use.dtype == "float64" and any(name.startswith("batch") for name in roots(recorded, one, at))
            for at, use in enumerate(uses)
        )
        if single and double and not one.in_loss and any(made.dtype == "float64" for made in one.step.outputs):
            return one
    return None


def underflow(program: Program, backward: Recorded) -> float:
    """Return the share of the gradient's entries that are 0, and are not if the loss is scaled up by 1024 before."""
    wanted = {name: one for name, one in program.parameters.items() if one.requires_grad}
    with program.running(gradients=True):
        outputs = program.outputs(backward.batch)
        loss = program.scalar_loss(outputs, backward.batch).float() * _SCALE
        scaled = dict(zip(wanted, program.gradients(loss, list(wanted.values()), backward.batch), strict=True))
    lost = alive = 0
    for name, found in scaled.items():
        plain = backward.gradients.get(name)
        if found is not None and plain is not None:
            there = (found != 0) & found.isfinite()
            alive += int(there.sum())
            lost += int((there & (plain == 0)).sum())
    return lost / alive if alive else 0.0


def has_scaler(program: Program) -> bool:
    """Whether the program scales its loss: by the scaler that it was given, or one that its training step refers to."""
    step = program.subject.train_step
    if program.subject.scaler is not None:
        return True
    if step is None or not inspect.isfunction(step):
        return False
    known = inspect.getclosurevars(step)
    return any("GradScaler" in type(part).__name__ for part in (*known.nonlocals.values(), *known.globals.values()))
