"""Whether samples differ in a tensor, and where in a pass they cease to."""

from __future__ import annotations

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.recorded import Operation, Recorded


def along(tensor: Tensor, size: int, axis: int) -> Tensor | None:
    """Return a tensor with the batch axis first; None where no axis at which samples may lie has their number."""
    at = next((a for a in (axis, 0) if tensor.dim() > a and tensor.shape[a] == size), None)
    return None if at is None or tensor.layout is not torch.strided or tensor.is_nested else tensor.movedim(at, 0)


def differs(samples: Tensor) -> bool:
    """Whether any of N samples, the first axis, differs from the first by more than float error."""
    first, rest = samples[:1].detach(), samples[1:].detach()
    if not samples.is_floating_point():
        return bool((rest != first).any())
    allowed = 2 * torch.finfo(samples.dtype).eps * samples.detach().abs().amax() if samples.numel() else 0
    return not bool(((rest - first).abs() <= allowed).all())  # NaN differs


def where_wiped(recorded: Recorded, output: Tensor) -> Operation | None:
    """Return the first operation, on the way to an output, that makes equal samples of different ones."""
    maker = recorded.maker(output)
    if maker is None:
        return None
    way = sorted(ancestors(recorded, maker), key=lambda one: one.step.index)
    found = [one for one in way if one.step.kind == "operation" and _wipes(recorded, one)]
    # zeros in the shape of something are laid down for many reasons
    computed = [one for one in found if not word_of(one.step.name).endswith("_like")]
    return next(iter(computed or found), None)


def _wipes(recorded: Recorded, one: Operation) -> bool:
    size, axis = recorded.batch.size, recorded.batch.subject.batch_axis
    uses = zip(one.given, one.step.inputs, strict=True)
    given = [along(tensor, size, axis) for tensor, use in uses if use.origin not in one.step.parameters]
    made = [along(tensor, size, axis) for tensor in one.made]
    if not made or not any(tensor is not None and differs(tensor) for tensor in given):
        return False
    return all(tensor is not None and tensor.is_floating_point() and not differs(tensor) for tensor in made)
