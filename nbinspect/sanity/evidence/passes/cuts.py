"""Cuts of the graph in words: what cuts, on which line, and what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nbinspect.records import Place, Step
from nbinspect.sanity.evidence.passes.flow import Cut, CutKind, Flow
from nbinspect.sanity.evidence.source.statements import line_at
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import loss_call

_SAYS: dict[CutKind, tuple[str, str]] = {
    "no_grad": ("`torch.no_grad()`", "Run it outside of `torch.no_grad()`"),
    "detach": ("`{}`", "Remove `{}`"),
    "number": ("`{}`, which leaves the graph for Python,", "Keep the tensor and compute with torch, without `{}`"),
    "index": ("`{}`, whose positions have no derivative,", "Hand on the values themselves, or their softmax, not `{}`"),
    "copy": ("`{}`, which copies values alone,", "Hand on the tensor itself, not a copy made by `{}`"),
    "step": ("`{}`, which has no derivative,", "Train by a smooth loss, not by `{}`"),
}


@dataclass(frozen=True)
class Told:
    """What there is to say of a cut."""

    name: str
    """``Tensor.detach``, ``torch.no_grad``."""
    by: str
    """As the beginning of a sentence on what it does."""
    remedy: str
    """What to do instead, without a full stop."""
    place: Place | None
    code: str
    """The line as it is and as it should be; empty where that takes more than leaving something out."""

    @property
    def shown(self) -> dict[str, Any]:
        """Return it as fields of a result."""
        return {"where": self.name, "place": self.place, "code": self.code}


def tell(recorded: Recorded, cut: Cut) -> Told:
    """Return what there is to say of a cut."""
    outer = _outermost(recorded, cut.operation.step) if cut.kind == "no_grad" else cut.operation.step
    name = "torch.no_grad" if cut.kind == "no_grad" else outer.name
    by, remedy = _SAYS[cut.kind]
    line = line_at(recorded.record, outer.place)
    bare = re.sub(r"\.detach\(\)|\.data\b|\.item\(\)", "", line)
    code = f"- {line}\n+ {bare}" if cut.kind in ("detach", "number") and bare != line else ""
    return Told(name, by.format(name), remedy.format(name), outer.place, code)


def _outermost(recorded: Recorded, step: Step) -> Step:
    """Return the outermost call around a step that ran without a graph."""
    while step.parent is not None and not recorded.by_index[step.parent].step.grad_enabled:
        step = recorded.by_index[step.parent].step
    return step


def is_stopped_target(recorded: Recorded, flow: Flow, cut: Cut) -> bool:
    """Return whether what was cut is what the network's output is compared with: a target whose gradient is stopped."""
    call = loss_call(recorded)
    if call is None or not call.outputs.requires_grad:
        return False
    return flow.lies_behind(call.targets, cut) and not flow.lies_behind(call.outputs, cut)


def has_no_graph(loss: object) -> bool:
    """Return whether a loss is a number, or a tensor made anew, behind which there is nothing to go back to."""
    return loss.grad_fn is None if isinstance(loss, Tensor) else isinstance(loss, int | float)
