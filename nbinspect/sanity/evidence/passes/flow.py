"""What flows where in a recorded pass: which parameters stand behind a tensor, and where they are cut off the graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.capture.operation_mode import LEAVES_THE_GRAPH
from nbinspect.nested import tensors_in
from nbinspect.sanity.recorded import Operation, Recorded

CutKind: TypeAlias = Literal["no_grad", "detach", "number", "index", "step", "copy"]

# of what they are given these take the shape, or whether it is finite, and no values
_NO_VALUES = re.compile(r"\w*(zeros|ones|rand|randn|randint|empty|full)(_like)?|is\w+|shape|size|dtype|device")
_STEPS = re.compile(r"gt|ge|lt|le|eq|ne|greater\w*|less\w*|not_equal|long|int|short|char|byte|bool|to|type|heaviside")
_ONE_HOT = ("one_hot", "scatter")


@dataclass(frozen=True, eq=False)
class Cut:
    """An operation behind which autograd does not know of the parameters that went into it."""

    operation: Operation
    kind: CutKind
    """`no_grad`: ran while no graph was built; `detach`: or ``.data``; `number`: to Python or NumPy; `index`: argmax
    and the like; `step`: of derivative zero, a comparison, a cast, argmax made one-hot; `copy`: ``torch.tensor(x)``."""
    parameters: frozenset[str]
    """Those whose values flow into it."""


@dataclass(frozen=True, eq=False)
class Flow:
    """What a pass did with the values of some parameters."""

    cuts: tuple[Cut, ...]
    """Those whose values go on into the loss, or leave to where nobody can follow them; in order."""
    used: frozenset[str]
    """Parameters that an operation was given."""
    returned: frozenset[str]
    """Parameters whose values are in what the model returned."""
    behind: Mapping[int, frozenset[int]] = field(repr=False)
    """Indices of the cuts that lie before a tensor, by `memory_of` it."""

    def lies_behind(self, tensor: Tensor, cut: Cut) -> bool:
        """Whether values that went through a cut are in a tensor."""
        return cut.operation.step.index in self.behind.get(memory_of(tensor), ())


@dataclass(eq=False)
class _Sweep:
    names: dict[int, frozenset[str]]
    behind: dict[int, frozenset[int]] = field(default_factory=dict)
    cuts: dict[int, Cut] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    """Cuts behind which values went on to Python or NumPy."""


def follow(recorded: Recorded, parameters: Mapping[str, Tensor]) -> Flow:
    """Follow the values of parameters through a pass, along the graph and past where it is cut."""
    own = {id(tensor): name for name, tensor in parameters.items()}
    sweep = _Sweep({key: frozenset({name}) for key, name in own.items()})
    for operation in recorded.operations:
        if operation.step.kind == "operation":
            sweep.used |= {own[id(tensor)] for tensor in operation.given if id(tensor) in own}
            _pass_on(sweep, operation)
    returned = _union(sweep.names.get(id(tensor)) for _, tensor in tensors_in(recorded.outputs, ""))
    reached = sweep.behind.get(memory_of(recorded.loss), ()) if isinstance(recorded.loss, Tensor) else ()
    return Flow(tuple(_chosen(sweep, reached)), frozenset(sweep.used), returned, sweep.behind)


def _chosen(sweep: _Sweep, reached: Collection[int]) -> Iterator[Cut]:
    """Give the cuts behind which the loss is, and for other parameters the last that left for Python."""
    found = [cut for index, cut in sweep.cuts.items() if index in reached]
    yield from found
    covered = _union(cut.parameters for cut in found)
    for index, cut in reversed(sweep.cuts.items()):
        if (cut.kind == "number" or index in sweep.left) and cut.parameters - covered:
            yield replace(cut, parameters=cut.parameters - covered)
            covered |= cut.parameters


def _pass_on(sweep: _Sweep, operation: Operation) -> None:
    """Hand what is known of an operation's inputs on to what it made."""
    step = operation.step
    if _NO_VALUES.fullmatch(word_of(step.name)):
        return
    names = _union(sweep.names.get(id(tensor)) for tensor in operation.given)
    behind = _union(sweep.behind.get(memory_of(tensor)) for tensor in operation.given)
    if step.name in LEAVES_THE_GRAPH:
        sweep.left |= behind
    if word_of(step.name) in _ONE_HOT:
        picked = {index: sweep.cuts[index] for index in behind if sweep.cuts[index].kind == "index"}
        sweep.cuts |= {index: replace(cut, kind="step") for index, cut in picked.items()}
    # as it was then: a later write in place may have put the tensor into the graph
    with_graph = [activation.requires_grad for activation in step.outputs]
    if names and not (with_graph and all(with_graph)):
        sweep.cuts[step.index] = Cut(operation, _kind(operation), names)
    for tensor, in_graph in zip(operation.made, with_graph, strict=True):
        if in_graph and names:
            sweep.names[id(tensor)] = sweep.names.get(id(tensor), frozenset()) | names
        further = behind if in_graph or not names else behind | {step.index}
        if further:
            sweep.behind[memory_of(tensor)] = sweep.behind.get(memory_of(tensor), frozenset()) | further


def _kind(operation: Operation) -> CutKind:
    step, word = operation.step, word_of(operation.step.name)
    if step.name in LEAVES_THE_GRAPH:
        return "number"
    if word in ("detach", "data"):
        return "detach"
    if not step.grad_enabled:
        return "no_grad"
    if _STEPS.fullmatch(word):
        return "step"
    return "copy" if any(tensor.is_floating_point() for tensor in operation.made) else "index"


def memory_of(tensor: Tensor) -> int:
    """Return what tells a live tensor's memory from that of others; views and NumPy's arrays share it."""
    try:
        return tensor.untyped_storage().data_ptr() or -id(tensor)
    except (RuntimeError, NotImplementedError):  # sparse, or a wrapper without a storage
        return -id(tensor)


def _union(parts: Iterable[frozenset[Any] | None]) -> frozenset[Any]:
    return frozenset().union(*(part for part in parts if part))
