"""Terms of the loss that trained parameters make, and that send them nothing: a choice, rounding or copy is between."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.flat import rounds
from nbinspect.sanity.evidence.passes.flow import Cut, Flow, follow, memory_of
from nbinspect.sanity.evidence.passes.graph import function_of, nodes_of
from nbinspect.sanity.evidence.passes.lineage import ancestors, hands_on
from nbinspect.sanity.evidence.passes.reach import leaves_of
from nbinspect.sanity.recorded import Operation, Recorded

_SUMS = re.compile(r"[ir]?add|[ir]?sub|subtract|rsub|stack|cat|concat|hstack")
_TAKES = re.compile(r"[ir]?sub|subtract|rsub")
_SCALES = re.compile(r"mul|multiply|rmul|imul|div|divide|true_divide|truediv|itruediv|rtruediv|mean|sum|neg")
_OF_ONE = re.compile(r"mul|multiply|rmul|div|divide|true_divide|truediv|neg|r?add|r?sub|subtract")
_KINDS = ("index", "step", "copy", "no_grad")


@dataclass(frozen=True, eq=False)
class IdleTerm:
    """A summand of the loss without a gradient."""

    value: float
    """Its mean."""
    cut: Cut
    """What lies between it and the parameters: the last such step."""
    is_certain: bool
    """Whether nobody wanted it so; what was computed under no_grad may be there to be reported."""


def idle_term(recorded: Recorded, parameters: Mapping[str, Tensor]) -> IdleTerm | None:
    """Return a summand of the loss that parameters make by choices, rounding or copies alone; None without.

    What such a step gives may be a constant on purpose where it steers what is trained, as the steps of adaptive
    computation do, which are counted beside what is left over. What is detached in so many words may be so too, and
    exchange the value of what is trained for another; but not weights themselves, as in a penalty on them. What is
    computed under no_grad and taken from another is a reference.
    """
    flow = follow(recorded, parameters)
    on_the_way: set[int] = set()
    summands = list(_summands(recorded, flow, on_the_way))
    if any(_is_exchanged(flow, tensor) for _, tensor in summands):
        return None
    others = [one for one in recorded.operations if one.step.kind == "operation" and one.step.index not in on_the_way]
    steering = {
        at for one in others for made in one.made if made.requires_grad for at in flow.behind.get(memory_of(made), ())
    }
    wanted = {id(tensor) for tensor in parameters.values()}
    ends = ((one, function_of(one.made[0])) for one in recorded.operations if len(one.made) == 1)
    flat = {node: one for one, node in ends if rounds(node)}
    wholes = {id(_whole(recorded, tensor)) for _, tensor in summands}
    for one, tensor in summands:
        if not one.step.grad_enabled or not bool(tensor.detach().any()):
            continue
        value, cut = float(tensor.detach().double().mean()), _of_cut(flow, tensor, steering)
        if cut is not None and not (cut.kind == "no_grad" and _TAKES.fullmatch(word_of(one.step.name))):
            return IdleTerm(value, cut, cut.kind != "no_grad")
        rounded = _of_rounding(recorded, tensor, wanted, flat, on_the_way) if flat else None
        if rounded is not None and id(_whole(recorded, rounded.given[0])) not in wholes:  # else a fraction is left
            return IdleTerm(value, Cut(rounded, "step", frozenset(parameters)), is_certain=True)
    return None


def _summands(recorded: Recorded, flow: Flow, passed: set[int]) -> Iterator[tuple[Operation, Tensor]]:
    """Give what sums up to the loss, each with the operation that adds it; and note the steps on the way."""
    last = recorded.maker(recorded.loss) if isinstance(recorded.loss, Tensor) else None
    waiting = [] if last is None else [last]
    while waiting:
        one = waiting.pop()
        is_sum = _SUMS.fullmatch(word_of(one.step.name)) is not None and len(one.given) > 1
        is_passed_on = _is_scale(one, flow) or (hands_on(one) and len(one.given) == 1)  # places may be chosen
        if one.step.index in passed or not (is_sum or is_passed_on):
            continue
        passed.add(one.step.index)
        if is_sum:
            yield from ((one, tensor) for tensor in one.given)
        made = [use.step for use, tensor in zip(one.step.inputs, one.given, strict=True) if tensor.requires_grad]
        waiting += [recorded.by_index[at] for at in made if at in recorded.by_index]


def _is_scale(one: Operation, flow: Flow) -> bool:
    """Whether a step multiplies by nothing that was made of parameters, or averages."""
    others = [tensor for tensor in one.given if not tensor.requires_grad]
    steady = not any(flow.lies_behind(tensor, cut) for tensor in others for cut in flow.cuts)
    return _SCALES.fullmatch(word_of(one.step.name)) is not None and len(one.given) - len(others) == 1 and steady


def _whole(recorded: Recorded, tensor: Tensor) -> Tensor:
    """Return what a tensor is a multiple or a view of, or lies a constant off."""
    maker = recorded.maker(tensor)
    while (
        maker is not None and len(maker.given) == 1 and (hands_on(maker) or _OF_ONE.fullmatch(word_of(maker.step.name)))
    ):
        tensor = maker.given[0]
        maker = recorded.maker(tensor)
    return tensor


def _of_cut(flow: Flow, term: Tensor, steering: Collection[int]) -> Cut | None:
    """Return the last cut behind a term without a graph; None where one may be meant, or steers what is trained.

    So does one of the opposite, as in a loss of two pieces, each with its mask.
    """
    cuts = [cut for cut in flow.cuts if flow.lies_behind(term, cut)]
    if term.requires_grad or not cuts or not all(map(_is_no_purpose, cuts)):
        return None
    guides = [cut for cut in flow.cuts if cut.operation.step.index in steering]
    if any(cut is guide or _are_pieces(cut, guide) for cut in cuts for guide in guides):
        return None
    return cuts[-1]


def _are_pieces(cut: Cut, other: Cut) -> bool:
    """Whether two comparisons mark the same places, or each what the other one leaves."""
    one, two = (part.operation.made[0] if part.operation.made else None for part in (cut, other))
    if one is None or two is None or not one.dtype == two.dtype == torch.bool or one.shape != two.shape:
        return False
    return torch.equal(one, two) or torch.equal(one, ~two)


def _is_no_purpose(cut: Cut) -> bool:
    of_weights = all(isinstance(one, nn.Parameter) for one in cut.operation.given)
    return cut.kind in _KINDS or (cut.kind == "detach" and of_weights)


def _is_exchanged(flow: Flow, term: Tensor) -> bool:
    """Whether a summand was detached on purpose, as where its value is taken away and another one added."""
    return any(flow.lies_behind(term, cut) and not _is_no_purpose(cut) for cut in flow.cuts) and not term.requires_grad


def _of_rounding(
    recorded: Recorded, term: Tensor, wanted: set[int], flat: Mapping[Any, Operation], on_the_way: set[int]
) -> Operation | None:
    """Return the rounding through which alone a term reaches parameters; None where it is used for others too."""
    maker = recorded.maker(term)
    if term.grad_fn is None or maker is None or _is_free(term, wanted, flat):
        return None
    met = [flat[node] for node in nodes_of(term) if node in flat]
    if not met or not wanted & leaves_of(term).keys():
        return None
    rounded = {id(one.made[0]) for one in met}
    own = on_the_way | {one.step.index for one in ancestors(recorded, maker)}
    others = (one for one in recorded.operations if one.step.kind == "operation" and one.step.index not in own)
    return None if any(id(tensor) in rounded for one in others for tensor in one.given) else met[0]


def _is_free(term: Tensor, wanted: set[int], flat: Mapping[Any, Operation]) -> bool:
    """Whether a term reaches a parameter past all rounding; the first one found is enough."""
    waiting: list[Any] = [term.grad_fn]
    seen: set[Any] = {term.grad_fn}
    while waiting:
        node = waiting.pop()
        if id(getattr(node, "variable", None)) in wanted:
            return True
        further = {before for before, _ in node.next_functions if before is not None} - seen if node not in flat else ()
        seen |= set(further)
        waiting += further
    return False
