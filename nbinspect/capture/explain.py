"""Why an operation refused what it was given, in terms of the shapes, types and devices at that line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from nbinspect.records import Step, TensorUse

Reason: TypeAlias = "Callable[[Step, re.Match[str]], str]"


def explain(step: Step | None, error: BaseException | str = "") -> str:
    """Return why a step raised, in a sentence: the usual mistakes by name, else the shapes that it was given.

    Args:
        step: the one that raised; None where Python between two steps did. That, and a step that was given no tensor,
            gives an empty text.
        error: what it raised, or its message.
    """
    if step is None or not step.inputs:
        return ""
    message = str(error)
    for pattern, reason in _REASONS:
        found = re.search(pattern, message, re.DOTALL)
        if found is not None and (text := reason(step, found)):
            return text
    return f"{step.name} was given {', '.join(f'{use.name} {use.shape} {use.dtype}' for use in step.inputs)}"


def _features(step: Step, _: re.Match[str]) -> str:
    """Explain a product whose inner lengths differ; a layer's weight is (out, in)."""
    if len(step.inputs) < 2:
        return ""
    given, other = step.inputs[:2]
    if step.name.endswith("addmm") and len(step.inputs) > 2:
        given, other = step.inputs[1:3]
    layer = step.name.rpartition(".")[2] == "linear" or other.name == "weight"
    if min(len(given.shape), len(other.shape)) < 1:
        return ""
    if layer:
        wants, hint = other.shape[-1], _flattening(given, other.shape[-1])
        return f"{_called(given)} {given.shape} ends in {given.shape[-1]} features, {other.origin} takes {wants}{hint}"
    rows = other.shape[-2] if len(other.shape) > 1 else other.shape[0]
    if given.shape[-1] == rows and len(given.shape) > 2:
        return f"{step.name} takes as many matrices on both sides, got {given.shape} and {other.shape}"
    return f"{step.name} cannot multiply {given.shape} by {other.shape}: {given.shape[-1]} columns meet {rows} rows"


def _flattening(given: TensorUse, wants: int) -> str:
    if len(given.shape) > 2 and prod(given.shape[1:]) == wants:
        return "; flatten(1) would give as many"
    return ""


def _view(step: Step, found: re.Match[str]) -> str:
    wanted = tuple(int(part) for part in found[1].split(",") if part.strip())
    shape, total = step.inputs[0].shape, int(found[2])
    if prod(shape) != total:  # of another tensor, somewhere inside a module
        return ""
    sample = f" holds {prod(shape[1:]):,} values a sample" if len(shape) > 1 else f" holds {total:,} values"
    fixed = prod(length for length in wanted if length >= 0)
    text = f"{fixed:,} does not divide {total:,}" if -1 in wanted else f"that takes {fixed:,} values, not {total:,}"
    return f"{shape}{sample}; {_shape(wanted)} does not fit: {text}"


def _not_contiguous(step: Step, _: re.Match[str]) -> str:
    shape = step.inputs[0].shape
    return f"{shape} does not lie in memory in the order of its axes, as after a transpose; use reshape instead of view"


def _channels(step: Step, found: re.Match[str]) -> str:
    weight = next((use for use in step.inputs[1:] if len(use.shape) > 2), None)
    name = weight.origin if weight is not None and weight.step is None else "the weight"
    return (
        f"{_called(step.inputs[0])} {step.inputs[0].shape} has {found[2]} channels on axis 1, {name} takes {found[1]}"
    )


def _axes(step: Step, found: re.Match[str]) -> str:
    return f"{_called(step.inputs[0])} {step.inputs[0].shape} has {len(step.inputs[0].shape)} axes, expected {found[1]}"


def _kernel(step: Step, found: re.Match[str]) -> str:
    padded, kernel = found[1].replace(" x ", " × "), found[2].replace(" x ", " × ")
    return f"{step.inputs[0].shape} is {padded} with its padding, less than the kernel of {kernel}"


def _joined(step: Step, found: re.Match[str]) -> str:
    axis, shapes = int(found[1]), [use.shape for use in step.inputs]
    return f"{step.name} along axis {axis} joins shapes that differ elsewhere: {_listed(shapes)}"


def _stacked(step: Step, _: re.Match[str]) -> str:
    return f"{step.name} needs equal shapes, got {_listed([use.shape for use in step.inputs])}"


def _broadcast(step: Step, _: re.Match[str]) -> str:
    shapes = [use.shape for use in step.inputs]
    for one, other in itertools.pairwise(shapes):
        for back in range(1, min(len(one), len(other)) + 1):
            if one[-back] != other[-back] and 1 not in (one[-back], other[-back]):
                axis = f"axis −{back}: {one[-back]} against {other[-back]}"
                return f"{step.name} cannot broadcast {one} and {other}: they differ on {axis}, and neither is 1"
    return ""


def _assigned(step: Step, found: re.Match[str]) -> str:
    target, value = (f"({part.strip('[]')})" for part in found.groups())
    return f"{step.name} cannot stretch {value} to {target}: only an axis of length 1 stretches"


def _types(step: Step, _: re.Match[str]) -> str:
    kinds = {use.dtype for use in step.inputs}
    if len(kinds) < 2:
        return ""
    given, rest = step.inputs[0], [use for use in step.inputs[1:] if use.dtype != step.inputs[0].dtype]
    return f"{_called(given)} is {given.dtype}, {_called(rest[0])} is {rest[0].dtype}; cast one with .to(torch.…)"


def _devices(step: Step, _: re.Match[str]) -> str:
    names = ", ".join(f"{use.name} ({use.origin})" for use in step.inputs)
    return f"{step.name} was given tensors on different devices: {names}; move them with .to(device)"


def _indices(step: Step, _: re.Match[str]) -> str:
    weight = next((use for use in step.inputs if len(use.shape) == 2 and use.dtype.startswith(("float", "bfl"))), None)
    if "embedding" not in step.name or weight is None:
        return ""
    rows = weight.shape[0]
    return f"{weight.origin} has {rows:,} rows: indices run from 0 to {rows - 1:,}, and one that came lies beyond"


def _index_type(step: Step, _: re.Match[str]) -> str:
    given = step.inputs[0]
    return f"{_called(given)} is {given.dtype}, indices must be int64 or int32: use .long() on indices"


def _normalised(step: Step, found: re.Match[str]) -> str:
    given = step.inputs[0]
    return f"{_called(given)} {given.shape} has {found[1]} channels on axis 1, the layer normalises {found[2]}"


def _layer_norm(step: Step, found: re.Match[str]) -> str:
    given = step.inputs[0]
    return f"{_called(given)} {given.shape} must end in ({found[1]}), which is what the layer normalises"


def _one_sample(step: Step, _: re.Match[str]) -> str:
    return f"{step.inputs[0].shape} holds one value a channel: in train mode a batch norm needs two samples or more"


def _recurrent(step: Step, found: re.Match[str]) -> str:
    given = step.inputs[0]
    if given.shape[-1:] != (int(found[2]),):
        return ""
    return f"{_called(given)} {given.shape} ends in {found[2]} features, the layer takes {found[1]}"


def _beyond(step: Step, found: re.Match[str]) -> str:
    given = step.inputs[0]
    return f"{_called(given)} {given.shape}: index {found[1]} lies beyond an axis of length {found[3]}"


def _leaf(step: Step, _: re.Match[str]) -> str:
    return f"{step.name} writes in place to {step.inputs[0].origin}, which autograd follows as a leaf; use a new tensor"


def _called(use: TensorUse) -> str:
    return use.name if use.step is not None or use.origin == "made outside the pass" else use.origin


def _shape(lengths: Sequence[int]) -> str:
    return f"({', '.join(map(str, lengths))}{',' if len(lengths) == 1 else ''})"


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    more = f" and {len(shapes) - 4} more" if len(shapes) > 4 else ""
    return ", ".join(map(str, shapes[:4])) + more


_REASONS: tuple[tuple[str, Reason], ...] = (
    (r"must have the same dtype|should be the same|expected scalar type|expected m1 and m2", _types),
    (r"following scalar types: Long, Int", _index_type),
    (r"shapes cannot be multiplied|size mismatch|batch2 tensor to be|inconsistent tensor size", _features),
    (r"shape '\[([-\d, ]*)\]' is invalid for input of size (\d+)", _view),
    (r"view size is not compatible", _not_contiguous),
    (r"to have (\d+) channels, but got (\d+) channels", _channels),
    (r"Expected (.{5,40}) input to ", _axes),
    (r"per channel: \(([\d x]+)\)\. Kernel size: \(([\d x]+)\)\. Kernel size can't", _kernel),
    (r"must match except in dimension (\d+)", _joined),
    (r"expects each tensor to be equal size", _stacked),
    (r"Target sizes: (\[[-\d, ]*\]).*Tensor sizes: (\[[-\d, ]*\])", _assigned),
    (r"must match the size of tensor b|doesn't match the broadcast shape|not broadcastable", _broadcast),
    (r"on the same device|expected device|is on (cpu|cuda)|on device \w+ is not on", _devices),
    (r"index out of range in self", _indices),
    (r"running_mean should contain (\d+) elements not (\d+)", _normalised),
    (r"normalized_shape=\[([\d, ]+)\]", _layer_norm),
    (r"more than 1 value per channel when training", _one_sample),
    (r"equal to input_size\. Expected (\d+), got (\d+)", _recurrent),
    (r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)", _beyond),
    (r"leaf Variable that requires grad", _leaf),
)
