"""BatchNorm with a momentum meant as other libraries mean it, so that it keeps the statistics of the last batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, measured, warned
from nbinspect.sanity.evidence.layers.normed import Normed
from nbinspect.sanity.evidence.passes.reach import is_library_part
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.own_steps.modes import teller_of_eval_mode

_HASTY = 0.9
_MOVED, _UNMOVED = 0.3, 1e-3
"""Of the spread of outputs. At 0.25, as with batches of 64 and a momentum of 0.9, an MLP loses a tenth in loss, which
may be borne; at 0.4 and more its accuracy varies by percents from batch to batch."""
_TIMES = 3.0


def of_hasty(program: Program, batches: Sequence[Batch], layers: Sequence[Normed]) -> CheckResult | None:
    """Tell of a BatchNorm that gives the last batch nearly all the weight; None of others, and of a weight of 1.

    A defect where outputs in eval mode are others after another last batch, and far less so with what is left to one;
    not in a model of an installed package, which is its authors' affair.

    Args:
        program: copied; left unchanged.
        batches: one to look at, and two that may be the last.
        layers: that ran in train mode.
    """
    layer = next((one for one in layers if _HASTY <= one.momentum < 1), None)
    say = None if layer is None else teller_of_eval_mode(program, batches[0], layer.path)
    if layer is None or say is None:
        return None
    meant = 1 - layer.momentum
    own = _moved(program, batches, None)
    if len(batches) == 1 or (own is not None and own < _UNMOVED):  # every batch is all the data
        return None
    other = _moved(program, batches, meant)
    shown = [measured(f"momentum of {layer.path}", layer.momentum, f"{meant:.2g}, or 0.01 to 0.3")]
    is_shown = own is not None and other is not None and own > _MOVED and own > _TIMES * other
    certain = is_shown and not is_library_part(program.network, f"{layer.path}.running_mean")
    if own is not None and other is not None:
        words = "outputs in eval mode after one last batch or another, apart as a share of their spread"
        shown.append(measured(words, own, f"{other:.2g}, as with a momentum of {meant:.2g}"))
    return (say if certain else warned)(
        f"momentum {layer.momentum:g}: the statistics are those of the last batch",
        *shown,
        title="BatchNorm keeps the statistics of the last batch",
        detail=f"momentum is the weight of the new batch here, and of what was kept in TensorFlow and Keras: with "
        f"{layer.momentum:g} eval mode normalises by the batch that happened to come last.",
        remedy=f"Use momentum={meant:.2g}, which is {layer.momentum:g} in TensorFlow's sense.",
        code=f"+ BatchNorm(…, momentum={meant:.2g})",
        where=layer.path,
        place=layer.place,
        confirmed=certain,
    )


def _moved(program: Program, batches: Sequence[Batch], momentum: float | None) -> float | None:
    """Return how far outputs in eval mode are apart after one last batch and another, as a share of their spread."""
    if len(batches) < 3:
        return None
    try:
        first, second = (_outputs_after(program, batches[0], last, momentum) for last in batches[1:3])
    except (MissingNeed, RuntimeError, ValueError):
        return None
    if first is None or second is None or not first.is_floating_point() or first.shape != second.shape:
        return None
    first, second = first.double(), second.double()
    spread = (first - first.mean(0)).square().mean().sqrt()
    return float((second - first).square().mean().sqrt() / spread) if spread > 0 else None


def _outputs_after(program: Program, batch: Batch, last: Batch, momentum: float | None) -> Tensor | None:
    """Return the outputs of a batch in eval mode, on a copy that has just seen another one in train mode."""
    own = program.copied()
    norms = [one for one in own.network.modules() if isinstance(one, _BatchNorm) and one.training]
    with own.running(training=False), torch.no_grad():
        for one in norms:
            one.momentum = one.momentum if momentum is None else momentum
            one.train()
        own.outputs(last)
        for one in norms:
            one.eval()
        seed_all(own.seed, "pass")
        return tensor_output(own.outputs(batch))
