"""Reference data in the form of a user's own batches, and the tensor of a batch that a reference model reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from nbinspect.errors import InputError
from nbinspect.records import TaskRecord
from nbinspect.reference.synthetic import Problem, drawn
from nbinspect.sanity.batches import Batch

_ASIDE = re.compile(r"mask|position|token_type|length|index|_id$|segment")
_MOST_TOKENS = 512


def main_input(batch: Batch) -> str:
    """Return the name of the input that carries what is to be learnt.

    Raises:
        InputError: if several may, or none does.
    """
    inputs = [(name, tensor) for name, tensor in batch.inputs if tensor.dim() and tensor.dtype != torch.bool]
    inputs = [(name, tensor) for name, tensor in inputs if tensor is not batch.targets] or inputs
    told = [(name, t) for name, t in inputs if not _ASIDE.search(name)] if len(inputs) > 1 else inputs
    if len(told) != 1:
        names = ", ".join(name for name, _ in told) or "none"
        raise InputError(f"swap needs one input that the targets depend on; here are {len(told)}: {names}")
    if told[0][1].is_complex() or told[0][1].layout is not torch.strided:
        raise InputError("swap needs an input of plain numbers or token ids")
    return told[0][0]


def reader(name: str) -> Callable[[Batch], Tensor]:
    """Return what gives a batch's input of this name."""
    return lambda batch: dict(batch.inputs)[name]


def are_tokens(tensor: Tensor) -> bool:
    """Return whether inputs are token ids: whole numbers, one row a sample."""
    return tensor.dim() == 2 and not tensor.is_floating_point() and tensor.dtype not in (torch.uint8, torch.bool)


def problem_like(batches: list[Batch], name: str, task: TaskRecord) -> Problem:
    """Return the problem whose inputs and targets look like those of these batches."""
    first = batches[0]
    inputs, targets = dict(first.inputs)[name], first.targets
    assert targets is not None
    tokens: tuple[int, ...] = ()
    if are_tokens(inputs):
        seen = torch.unique(torch.cat([dict(batch.inputs)[name].flatten() for batch in batches[:8]]))
        tokens = tuple(seen[seen >= 0].tolist()[:_MOST_TOKENS])
    shape, target_shape = tuple(inputs.shape[1:]), tuple(targets.shape[1:])
    soft = task.kind == "classification" and targets.is_floating_point()
    kind = task.kind if not (tokens and task.kind == "language-model" and target_shape != shape) else "classification"
    return Problem(
        kind,
        shape,
        () if soft else target_shape,
        task.classes,
        tokens,
        inputs.dtype,
        targets.dtype,
        _followed(inputs, targets) if tokens else "next",
    )


def _followed(inputs: Tensor, targets: Tensor) -> Literal["next", "same", "rule"]:
    if inputs.shape != targets.shape:
        return "rule"
    if float((inputs == targets).double().mean()) > 0.5:
        return "same"
    return "next" if float((inputs[:, 1:] == targets[:, :-1]).double().mean()) > 0.5 else "rule"


def batches_like(batches: list[Batch], name: str, problem: Problem, seed: int) -> list[Batch]:
    """Return batches of the same structure and sizes, in which inputs and targets are a planted teacher's.

    All other tensors of a batch, such as masks, stay; so do targets below 0, which losses leave out.

    Raises:
        InputError: for shapes that no teacher is known for.
    """
    groups: dict[tuple[int, ...], list[Batch]] = {}
    for batch in batches:  # padded to the longest of each batch, texts differ in length
        groups.setdefault(tuple(dict(batch.inputs)[name].shape[1:]), []).append(batch)
    planted: dict[int, Batch] = {}
    for part, (shape, alike) in enumerate(groups.items()):
        sizes = [batch.size for batch in alike]
        inputs, targets = drawn(replace(problem, shape=shape), sum(sizes), seed, part)
        for batch, *pair in zip(alike, torch.split(inputs, sizes), torch.split(targets, sizes), strict=True):
            planted[id(batch)] = _planted(batch, dict(batch.inputs)[name], *pair)
    return [planted[id(batch)] for batch in batches]


def of_one_form(batches: list[Batch]) -> list[Batch]:
    """Return the batches whose targets have the shape of most, beside the number of samples."""
    shapes = [tuple(batch.targets.shape[1:]) if batch.targets is not None else () for batch in batches]
    usual = max(set(shapes), key=shapes.count)
    return [batch for batch, shape in zip(batches, shapes, strict=True) if shape == usual]


def _planted(batch: Batch, main: Tensor, inputs: Tensor, targets: Tensor) -> Batch:
    def put(tensor: Tensor) -> Tensor:
        if tensor is main:
            return inputs.to(tensor)
        if tensor is batch.targets:
            planted = targets.to(tensor)
            return planted if tensor.is_floating_point() else torch.where(tensor < 0, tensor, planted)
        return tensor

    return batch.changed(put)
