"""One BatchNorm behind several layers, whose running statistics are a mixture that fits none of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.capture.hook import add_hook
from nbinspect.records import CheckResult
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.layers.normed import Normed
from nbinspect.sanity.evidence.passes.lineage import source_of
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.trials.own_steps.modes import teller_of_eval_mode

_LOST = 1.0
"""How far outputs in eval mode are from those in train mode, as a share of their spread, that no network bears."""
_NEAR = 0.1


def shared_norms(attempt: Recorded, layers: list[Normed]) -> Iterator[tuple[Normed, int]]:
    """Give each BatchNorm that ran right behind layers of different weights, with the number of its calls.

    Not one that takes what the same weights give for several inputs, or step after step.
    """
    for path in dict.fromkeys(layer.path for layer in layers):
        calls = [one for one in attempt.named("F.batch_norm", "torch.batch_norm") if one.step.path == path]
        weights = [_weight_behind(attempt, one) for one in calls]
        if len(calls) > 1 and None not in weights and len(set(weights)) > 1:
            yield next(layer for layer in layers if layer.path == path), len(calls)


def _weight_behind(attempt: Recorded, call: Any) -> int | None:
    maker = source_of(attempt, call, 0).maker
    given = () if maker is None else maker.given[1:]
    return next((id(one) for one in given if isinstance(one, nn.Parameter) and one.dim() > 1), None)


def mixed(program: Program, attempt: Recorded, layer: Normed, calls: int) -> CheckResult | None:
    """Tell of a BatchNorm whose calls need statistics of their own; None where one mixture of them does.

    Tried on copies: statistics of just this batch are what eval mode is given, so that outputs are those of train mode
    but for what the calls have to share.
    """
    own = _lost_in_eval_mode(program, attempt, layer.path, 1)
    if own is None or not own > _LOST:
        return None
    apart = _lost_in_eval_mode(program, attempt, layer.path, calls)
    if apart is None or not apart < _NEAR:
        return None
    say = teller_of_eval_mode(program, attempt.batch, layer.path)
    if say is None:
        return None
    return say(
        f"{layer.path} runs behind {calls} layers: outputs in eval mode off by {own:.2g} of their spread",
        measured("outputs in eval mode off those in train mode, as a share of their spread", own, f"below {_LOST:g}"),
        measured("the same with a BatchNorm for each call, on a copy", apart, f"below {_NEAR:g}"),
        title="One BatchNorm for several layers",
        detail=f"{layer.path} is called {calls} times in a pass, on what layers of different weights give, and its "
        f"running statistics are a mixture that fits none of them. With statistics of this very batch eval mode is off "
        f"by {own:.2g} of the outputs' spread; with a BatchNorm for each call by {apart:.2g}.",
        remedy="Give each layer a BatchNorm of its own.",
        where=layer.path,
        place=layer.place,
        confirmed=True,
    )


def _lost_in_eval_mode(program: Program, attempt: Recorded, path: str, parts: int) -> float | None:
    """Return how far outputs in eval mode are off those in train mode, where a BatchNorm is as many as told."""
    own = program.copied()
    norms = [one for one in own.network.modules() if isinstance(one, _BatchNorm) and one.training]
    twins = [copy.deepcopy(own.network.get_submodule(path)) for _ in range(parts)]
    norms += [one for one in twins if isinstance(one, _BatchNorm)]
    count = 0

    def replaced(_: nn.Module, given: tuple[Any, ...], __: Any) -> Any:
        nonlocal count
        count += 1
        return twins[(count - 1) % parts](*given)

    if parts > 1:
        add_hook(own.network.get_submodule(path), replaced)
    with own.running(training=False):
        for one in norms:
            one.reset_running_stats()
            one.momentum = None
            one.train()
        made = [tensor_output(own.outputs(attempt.batch))]
        for one in norms:
            one.eval()
        seed_all(own.seed, "pass")
        made.append(tensor_output(own.outputs(attempt.batch)))
    first, second = made
    if first is None or second is None or not first.is_floating_point() or first.shape != second.shape:
        return None
    first, second = first.double(), second.double()
    spread = (first - first.mean(0)).square().mean().sqrt()
    return float((second - first).square().mean().sqrt() / spread) if spread > 0 else None
