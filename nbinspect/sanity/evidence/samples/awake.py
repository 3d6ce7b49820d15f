"""Copies of a program in which nothing is shut: what begins at zero carries signal, as it will after a few steps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program

_FAINT = 1e-3
"""Of the usual size of a matrix of weights, one over the root of its inputs: below it what it carries is rounded off
beside the rest."""


def awakened(program: Program, batch: Batch) -> Program:
    """Return the program with its weights of (almost) zero random, and BatchNorm's statistics fixed if it has none.

    What its forward writes to weights on the batch, as an embedding does that has a `max_norm` or a layer that is set
    up by the first batch, is written already.

    A zero-initialised branch hides what its inputs do, and BatchNorm without running statistics depends on the whole
    batch by design. It is a copy, which is left in the modes of the original; the program itself where there is
    neither, or where it cannot be copied.
    """
    if next(_shut(program), None) is None and next(_bare(program), None) is None:
        return _settled(program, batch)
    try:
        copy = program.copied()
    except MissingNeed:
        return program
    with torch.no_grad():
        for weight in list(_shut(copy)):
            fan_in = weight[0].numel() if weight.dim() > 1 else 1
            weight.copy_(torch.randn(weight.shape, dtype=torch.float32) / fan_in**0.5)
        for module in list(_bare(copy)):
            like = module.weight if module.affine else torch.zeros(0, device=copy.subject.target_device)
            module.running_mean = torch.zeros(module.num_features, device=like.device, dtype=like.dtype)
            module.running_var = torch.ones_like(module.running_mean)
    return _settled(copy, batch)


def _settled(program: Program, batch: Batch) -> Program:
    if not program.writes:
        return program
    try:
        copy = program.copied()
    except MissingNeed:
        return program
    copy.writes = False  # for once what is written stays
    try:
        with copy.running(training=False):
            copy.outputs(batch)
            written = [buffer.clone() for buffer in copy.network.buffers()]
    except Exception:  # noqa: BLE001 - whoever asked runs into it again
        return program
    with torch.no_grad():  # with the mark that it was done: a first batch sets up its layer once
        for buffer, value in zip(copy.network.buffers(), written, strict=True):
            buffer.copy_(value)
    copy.writes = True
    return copy


def stirred(program: Program) -> Program:
    """Return the program with noise of their own size on all of its weights, so that none is zero; it is a copy.

    Raises:
        MissingNeed: if the model cannot be copied.
    """
    copy = program.copied()
    with torch.no_grad():
        for weight in copy.network.parameters():
            if weight.is_floating_point() and weight.numel() and not weight.is_meta:
                fan_in = weight[0].numel() if weight.dim() > 1 else weight.numel()
                size = float(weight.float().square().mean().sqrt()) or fan_in**-0.5
                weight.add_((torch.randn(weight.shape) * size).to(weight))
    return copy


def _shut(program: Program) -> Iterator[nn.Parameter]:
    for name, parameter in program.network.named_parameters():
        is_weight = parameter.requires_grad and parameter.is_floating_point() and "bias" not in name.rpartition(".")[2]
        if is_weight and not parameter.is_meta and parameter.numel() and _is_shut(parameter.detach()):
            yield parameter


def _is_shut(weight: torch.Tensor) -> bool:
    if not bool(weight.any()):
        return True
    fan_in = weight[0].numel() if weight.dim() > 1 else 0
    return fan_in > 0 and float(weight.float().square().mean().sqrt()) < _FAINT / fan_in**0.5


def _bare(program: Program) -> Iterator[_BatchNorm]:
    for module in program.network.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            yield module
