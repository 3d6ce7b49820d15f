"""Values that arithmetic in integers loses on the way through a pass, and where float64 creeps into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Measurement, Place
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.data.contents import is_whole
from nbinspect.sanity.evidence.passes.lineage import ancestors, hands_on, reaching, roots, source_of, where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded, tensor_output

_SMALL = (torch.uint8, torch.int8, torch.int16)
_ARITHMETIC = ("add", "sub", "subtract", "rsub", "mul", "multiply", "neg")
_DIVISIONS = ("floor_divide", "floordiv", "rfloordiv", "div", "divide")  # of integers to integers
_KEEP_THE_UNIT = ("abs", "absolute", "clamp", "clip", "relu", "floor", "ceil", "round", "trunc", "nan_to_num", "neg")
_TO_INTEGERS = ("to", "type", "long", "int", "byte", "short", "char")
_JOINS = ("cat", "concat", "stack", "hstack", "vstack")
_INVERSIONS = ("bitwise_not", "invert")
_FEW, _STANDARDISED, _MOSTLY = 6, 16, 0.3


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
        plain = one.step.kind == "operation" and one.step.index in wanted and not one.step.in_place
        word = word_of(one.step.name)
        if plain and one.given and one.made and is_whole(one.made[0]) and (word in _DIVISIONS or not one.in_loss):
            if word in _ARITHMETIC:
                yield from _wrapped(one)
            elif word in _DIVISIONS:
                yield from _divided(recorded, one)
            elif word in _TO_INTEGERS:
                yield from _cut_off(recorded, one)
            elif word in _INVERSIONS:
                yield from _inverted(recorded, one)


def overrun_in_place(program: Program, recorded: Recorded) -> Loss | None:
    """Return where small integers of the batch run over in place, told by the outputs of the batch in 64 bits."""
    wanted = reaching(recorded)
    one = next(
        (
            one
            for one in recorded.operations
            if one.step.in_place and one.step.index in wanted and one.given and one.given[0].dtype in _SMALL
            if word_of(one.step.name).removeprefix("i") in _ARITHMETIC
        ),
        None,
    )
    outputs = tensor_output(recorded.outputs)
    if one is None or outputs is None:
        return None
    wide = recorded.batch.mapped(lambda tensor: tensor.long() if tensor.dtype in _SMALL else tensor)
    with program.running():
        try:
            other = tensor_output(program.outputs(wide))
        except Exception:  # noqa: BLE001 - the user's model may take bytes alone
            return None
    if other is None or other.shape != outputs.shape:
        return None
    share = float((~torch.isclose(other, outputs.detach(), rtol=1e-3, atol=1e-5)).double().mean())
    return _overrun(one, measured("outputs that 64 bits change", f"{share:.1%}", "0%")) if share else None


def _wrapped(one: Operation) -> Iterator[Loss]:
    """Find small integers that ran over their ends: compared with 64 bits, or no longer in order."""
    made, given = one.made[0], one.given
    if made.dtype not in _SMALL or not all(is_whole(tensor) for tensor in given):
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
        yield _overrun(one, measured("values that wrap around, at least", f"{share:.1%}", "0%"))


def _inverted(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find masks of 0 and 1 in bytes or integers whose bits are turned over, which makes 255 and 254 of them."""
    given, made = one.given[0], one.made[0]
    if made.dtype == torch.bool or not bool(((given == 0) | (given == 1)).all()) or not becomes_float(recorded, one):
        return
    name, values = str(made.dtype).removeprefix("torch."), sorted(torch.unique(made).tolist())
    yield Loss(
        where_of(one),
        one.step.place,
        f"~ of a mask in {name}",
        f"The mask holds 0 and 1 in {name}, of which ~ turns every bit over: it makes {values} of them, "
        "and they go on as numbers.",
        "Make the mask bool, mask.bool(), or write 1 - mask.",
        measured("values of the mask after ~", str(values), "[0, 1]"),
    )


def _overrun(one: Operation, measurement: Measurement) -> Loss:
    name = str(one.given[0].dtype).removeprefix("torch.")
    return Loss(
        where_of(one),
        one.step.place,
        f"{name} runs over",
        f"{one.step.name} on {name} wraps around at its ends: values below 0 or above its greatest come out wrong.",
        "Convert to float before the arithmetic: x.float().",
        measurement,
    )


def _divided(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    before, after = len(torch.unique(one.given[0])), len(torch.unique(one.made[0]))
    most = _STANDARDISED if _is_standardising(recorded, one) else 2
    if after <= most and before >= max(10, 4 * after) and is_whole(one.given[0]) and becomes_float(recorded, one):
        yield Loss(
            where_of(one),
            one.step.place,
            "Integer division",
            f"{one.step.name} of integers drops the remainder: of {before} different values {after} are left.",
            "Divide floats: x.float() / 255.",
            measured("different values after the division", after, f"{before}, as before"),
        )


def _is_standardising(recorded: Recorded, one: Operation) -> bool:
    """Whether features are divided after something was subtracted that left them on both sides of 0, as a mean does.

    ``(x - mean) // std``, by a tensor whatever the sides.
    """
    given = one.given[0]
    centred = source_of(recorded, one, 0).word in ("sub", "subtract")
    both = bool((given < 0).any() and (given > 0).any())
    is_data = any(name.startswith("batch") for name in roots(recorded, one, 0))
    return centred and is_data and (len(one.given) == 2 or both)


def _cut_off(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find features of the batch that are cut off to integers, so that next to nothing of them is left."""
    given = one.given[0]
    if not given.is_floating_point() or not bool((given != given.round()).any()):
        return
    if not all(name.startswith("batch") for name in roots(recorded, one, 0)):
        return
    levels, counts = torch.unique(one.made[0], return_counts=True)
    before, after = len(torch.unique(given)), len(levels)
    lost = (after == 1 and before >= 10) or (before >= 4 * after and _is_crude(recorded, one, counts))
    if lost and (_is_index(recorded, one) or becomes_float(recorded, one)):
        yield Loss(
            where_of(one),
            one.step.place,
            "Features cut off to integers",
            f"{one.step.name} drops what is behind the point: of {before} different values {after} are left.",
            "Keep quantities as floats and give them to a linear layer; an embedding is for indices.",
            measured("different values after the cast", after, f"{before}, as before"),
        )


def _is_crude(recorded: Recorded, one: Operation, counts: Tensor) -> bool:
    """Whether features come to a cast in their own unit and leave it with next to nothing.

    Bins are made by a scale before the cast; and nobody bins by an integer part that is 0 on both sides of 0.
    """
    source, between = source_of(recorded, one, 0), []
    while source.maker is not None and source.word in _KEEP_THE_UNIT:
        between.append(source.maker.step.index)
        source = source_of(recorded, source.maker, 0)
    if not source.from_batch or len(counts) > _STANDARDISED:
        return False
    passed = {one.step.index, *between, *(step.step.index for step in source.passed)}
    elsewhere = any(
        use.origin == source.use.origin and later.step.index not in passed
        for later in recorded.operations
        if later.step.kind == "operation"
        for use in later.step.inputs
    )
    values = source.tensor.detach()
    both = bool((values < 0).any() and (values > 0).any()) and float(counts.max() / counts.sum()) > _MOSTLY
    return not elsewhere and (both or (not between and len(counts) <= _FEW))


def _is_index(recorded: Recorded, one: Operation) -> bool:
    """Whether an embedding looks up what becomes of these integers."""
    tables = recorded.named("F.embedding", "F.embedding_bag")
    return any(later.step.index == one.step.index for table in tables for later in ancestors(recorded, table))


def _followers(recorded: Recorded, one: Operation) -> list[Operation]:
    found = (later for later in recorded.operations if later.step.kind == "operation")
    return [later for later in found if any(use.step == one.step.index for use in later.step.inputs)]


def becomes_float(recorded: Recorded, one: Operation) -> bool:
    """Return whether integers go on as quantities, and not as indices: also past views, and what is written besides."""
    waiting, seen = [one], {one.step.index}
    while waiting:
        before = waiting.pop()
        for later in _followers(recorded, before):
            word = word_of(later.step.name)
            if word != "embedding" and any(made.dtype.startswith("float") for made in later.step.outputs):
                return True
            first = bool(later.step.inputs) and later.step.inputs[0].step == before.step.index
            goes_on = word in _JOINS or (first and (hands_on(later) or later.step.in_place))
            if goes_on and later.step.index not in seen:
                seen.add(later.step.index)
                waiting.append(later)
    return False


def promoted(recorded: Recorded) -> Operation | None:
    """Return the operation at which float64 data made float64 of a float32 parameter; None where none did."""
    for one in recorded.operations:
        uses = one.step.inputs
        single = any(use.origin in one.step.parameters and use.dtype == "float32" for use in uses)
        double = any(
            use.dtype == "float64" and any(name.startswith("batch") for name in roots(recorded, one, at))
            for at, use in enumerate(uses)
        )
        # a module that was moved to the data's type on the way holds float64 now
        moved = any(use.origin in one.step.parameters and use.dtype == "float64" for use in uses)
        if (single or moved) and double and not one.in_loss and any(x.dtype == "float64" for x in one.step.outputs):
            return one
    return None
