"""Where the tensors of a recorded pass come from, and which of its steps the loss is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import TensorUse
from nbinspect.sanity.recorded import Operation, Recorded

_LAYS_OUT = re.compile(
    r"view(_as)?|reshape(_as)?|flatten|unflatten|ravel|squeeze|unsqueeze|transpose|swapaxes|swapdims|permute|t|mt|h|mh"
    r"|movedim|moveaxis|contiguous|clone|detach|alias|getitem|select|narrow|index_select|masked_select|expand(_as)?"
    r"|chunk|split|unbind|float|double|half|bfloat16|to|type|type_as|long|int|data|identity|atleast_[12]d"
)

_LIKE = re.compile(r"(view|reshape|expand|type)_as|to|type")


@dataclass(frozen=True, eq=False)
class Source:
    """What a tensor is at bottom, past views, selections, copies and casts of it."""

    maker: Operation | None
    """What computed it; None where no step did: a tensor of the batch, a parameter."""
    use: TensorUse
    tensor: Tensor
    passed: tuple[Operation, ...]
    """The views, selections, copies and casts in between, the latest first."""

    @property
    def word(self) -> str:
        """The bare name of what computed it: ``softmax``; empty where no step did."""
        return word_of(self.maker.step.name) if self.maker is not None else ""

    @property
    def from_batch(self) -> bool:
        """Whether it is a tensor of the batch itself."""
        return self.maker is None and self.use.origin.startswith("batch")


def source_of(recorded: Recorded, operation: Operation, position: int) -> Source:
    """Return what a tensor is at bottom that an operation was given."""
    passed: list[Operation] = []
    while True:
        use, tensor = operation.step.inputs[position], operation.given[position]
        maker = recorded.by_index.get(use.step) if use.step is not None else None
        if maker is None or not hands_on(maker):
            return Source(maker, use, tensor, tuple(passed))
        passed.append(maker)
        operation, position = maker, 0


def source_of_output(recorded: Recorded, tensor: Tensor) -> Source | None:
    """Return what a tensor is at bottom that the model returned; None where no step is known to have made it."""
    maker = recorded.maker(tensor)
    if maker is None:
        return None
    if hands_on(maker):
        found = source_of(recorded, maker, 0)
        return Source(found.maker, found.use, found.tensor, (maker, *found.passed))
    step = maker.step
    use = TensorUse("output", f"step {step.index}", step.index, tuple(tensor.shape), str(tensor.dtype))
    return Source(maker, use, tensor, ())


def hands_on(maker: Operation) -> bool:
    """Whether a step does no more than lay out, select, copy or cast what it was first given."""
    if not maker.given:
        return False
    same = any(tensor is maker.given[0] for tensor in maker.made) and not maker.step.in_place
    return same or (maker.step.kind == "operation" and _LAYS_OUT.fullmatch(word_of(maker.step.name)) is not None)


def reaching(recorded: Recorded) -> frozenset[int]:
    """Return the steps of which the loss is made, or several are; all where it cannot be told which steps made them."""
    losses = recorded.loss if isinstance(recorded.loss, tuple) else (recorded.loss,)
    made = [recorded.maker(one) if isinstance(one, Tensor) else None for one in losses]
    last = [one for one in made if one is not None]
    if len(last) < len(made) or not last:
        return frozenset(recorded.by_index)
    return frozenset(one.step.index for end in last for one in ancestors(recorded, end))


def ancestors(recorded: Recorded, operation: Operation) -> Iterator[Operation]:
    """Give an operation and every one that it depends on, each once."""
    waiting, seen = [operation], {operation.step.index}
    while waiting:
        one = waiting.pop()
        yield one
        before = {use.step for use in one.step.inputs if use.step is not None} - seen
        seen |= before
        waiting += [recorded.by_index[index] for index in before if index in recorded.by_index]


def roots(recorded: Recorded, operation: Operation, position: int) -> frozenset[str]:
    """Return what no step made of all that an argument depends on: ``batch[0]``, ``fc.weight``."""
    use = operation.step.inputs[position]
    waiting, seen, found = [use], set[int](), set[str]()
    while waiting:
        use = waiting.pop()
        maker = recorded.by_index.get(use.step) if use.step is not None else None
        if maker is None:
            found |= {use.origin} if use.step is None or use is operation.step.inputs[position] else set()
        elif maker.step.index not in seen:
            seen.add(maker.step.index)
            # only the shape or the type is taken of another
            waiting += maker.step.inputs[:1] if _LIKE.fullmatch(word_of(maker.step.name)) else maker.step.inputs
    return frozenset(found)


def argument(operation: Operation, name: str, position: int) -> int | None:
    """Return which of an operation's tensors is an argument, given by name or by position; None where it is none."""
    written = {name, "input" if position == 0 else f"args[{position}]"}
    return next((at for at, use in enumerate(operation.step.inputs) if use.name in written), None)


def where_of(operation: Operation | None) -> str:
    """Return an operation with its module, to be read: ``torch.softmax in head``."""
    step = operation.step if operation is not None else None
    return "" if step is None else f"{step.name} in {step.path}" if step.path else step.name
