"""How much of the outputs is due to the inputs, and how much to what the network draws at random while it trains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import contents, sample_axis
from nbinspect.sanity.evidence.samples.awake import stirred
from nbinspect.sanity.evidence.samples.sameness import along, differs
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.fitting.samples import rows_in
from nbinspect.sanity.trials.running.trainee import trained


@dataclass(frozen=True)
class Heard:
    """Root mean squares of changes of the outputs, in train mode, in a copy with noise on all weights."""

    by_inputs: float
    """When all inputs are set to zero but masks and lengths, under the same draws."""
    by_draws: float
    """When the network draws anew, for the same inputs."""
    samples: float
    """When the outputs of one sample are taken for another."""
    by_ids: float | None
    """When every id but 0, which pads, is taken for another of the batch; None where inputs are no ids."""


def heard(program: Program, batch: Batch) -> Heard | None:
    """Return what changes the outputs on a batch; None where that cannot be told. The program is left unchanged."""
    own = contents(batch)
    try:
        copy = stirred(program)
        with copy.running(training=True):
            outputs = tensor_output(copy.outputs(batch))
        with copy.running(training=True):
            silent = tensor_output(copy.outputs(batch.with_inputs({n: torch.zeros_like(t) for n, t in own.items()})))
        with copy.running(training=True):
            seed_all(program.seed, "other draws")
            redrawn = tensor_output(copy.outputs(batch))
        exchanged = {name: other for name, tensor in own.items() if (other := _exchanged(tensor)) is not None}
        with copy.running(training=True):
            others = tensor_output(copy.outputs(batch.with_inputs(exchanged))) if len(exchanged) == len(own) else None
    except Exception:  # noqa: BLE001 - nor need a network take zeros, where it can be copied at all
        return None
    if outputs is None or silent is None or redrawn is None or not outputs.is_floating_point():
        return None
    if outputs.shape != silent.shape or outputs.shape != redrawn.shape or not outputs.dim():
        return None
    by_ids = None if others is None or others.shape != outputs.shape else change_of(outputs, others)
    axis = sample_axis(outputs, batch) or 0
    by_samples = change_of(outputs, outputs.roll(1, axis))
    return Heard(change_of(outputs, silent), change_of(outputs, redrawn), by_samples, by_ids)


def varies(program: Program, batch: Batch) -> bool:
    """Return whether the outputs on a batch are others in train mode when the network draws anew."""
    found = []
    try:
        for what in ("pass", "other draws"):
            with program.running(training=True):
                seed_all(program.seed, what)
                found.append(tensor_output(program.outputs(batch)))
    except Exception:  # noqa: BLE001 - as above
        return False
    one, other = found
    return one is not None and other is not None and not torch.equal(one, other)


def are_drawn(program: Program, batch: Batch, draws: int = 4) -> bool:
    """Return whether outputs vary with what is drawn and are the same to the last bit with all inputs set to zero.

    Under each of several draws in train mode, for a network may leave its inputs out now and then, and in eval mode.

    Args:
        program: run on a copy with noise on all weights; it is left unchanged.
        batch: with inputs that are not zero already.
        draws: of train mode.
    """
    own = contents(batch)
    if not any(bool(tensor.any()) for tensor in own.values()):
        return False
    silent = batch.with_inputs({name: torch.zeros_like(tensor) for name, tensor in own.items()})
    found = []
    try:
        copy = stirred(program)
        for number in range(draws + 1):
            pair = []
            for one in (batch, silent):
                with copy.running(training=number > 0):
                    seed_all(program.seed, f"draws {number}")
                    pair.append(tensor_output(copy.outputs(one)))
            if pair[0] is None or pair[1] is None or not torch.equal(pair[0], pair[1]):
                return False
            found.append(pair[0])
    except Exception:  # noqa: BLE001 - as above
        return False
    return not torch.equal(found[1], found[2])


def _exchanged(tensor: Tensor) -> Tensor | None:
    """Return ids with each but 0 taken for another; None for other numbers, and where that changes few of them."""
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool or tensor.dim() < 2:
        return None
    real = tensor != 0
    ids = tensor[real]
    other = tensor.clone()
    other[real] = ids.roll(len(ids) // 2)
    return other if int((other != tensor).sum()) > len(ids) // 2 else None


def are_alike(program: Program, batches: Sequence[Batch], least: int = 8) -> bool:
    """Return whether within every batch all samples have the same inputs and outputs, and targets that differ.

    Args:
        program: asked for the outputs in eval mode; it is left unchanged.
        batches: as the loader gives them.
        least: samples of a batch, below which that may be chance.
    """
    return all(batch.size >= least and _is_alike(program, batch) for batch in batches)


def _is_alike(program: Program, batch: Batch) -> bool:
    rows, targets = rows_in(batch), batch.targets
    axis = None if targets is None else sample_axis(targets, batch)
    if rows is None or targets is None or axis is None or any(map(differs, rows)):
        return False
    try:
        with program.running(training=False):
            outputs = tensor_output(program.outputs(batch))
    except Exception:  # noqa: BLE001 - no evidence from what does not run
        return False
    made = None if outputs is None else along(outputs, batch.size, program.subject.batch_axis)
    return made is not None and not differs(made) and differs(targets.movedim(axis, 0))


def is_unread(program: Program, batch: Batch, other: Batch, steps: int = 3) -> bool:
    """Return whether steps on either batch take the parameters the same way, and move them; draws are held.

    Args:
        program: left unchanged.
        batch: as it is.
        other: the same with other inputs.
        steps: of each run.
    """
    try:
        ends = [_moved(program, one, steps) for one in (batch, other)]
    except MissingNeed:
        return False
    length = float(ends[0].norm())
    return 0 < length < float("inf") and float((ends[0] - ends[1]).norm()) <= 1e-5 * length


def _moved(program: Program, batch: Batch, steps: int) -> Tensor:
    with trained(program) as trainee:
        began = _joined(trainee.parameters.values())
        for _ in range(steps):
            trainee.step(batch, held=True)
        return _joined(trainee.parameters.values()) - began


def _joined(parameters: Iterable[Tensor]) -> Tensor:
    return torch.cat([parameter.detach().double().cpu().flatten() for parameter in parameters])


def change_of(one: Tensor, other: Tensor) -> float:
    """Return the root mean square of what two tensors of one shape differ by."""
    return float((one.detach().double() - other.detach().double()).square().mean().sqrt())
