"""The autograd graph of a pass: its nodes, and which operation of the record each belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from nbinspect.sanity.recorded import Operation, Recorded


def function_of(tensor: Tensor) -> Any:
    """Return the node that made a tensor; None for a leaf, and for a view that can no longer be followed.

    That is one made under no_grad of what was written to since.
    """
    try:
        return tensor.grad_fn
    except RuntimeError:
        return None


def nodes_of(tensor: Tensor, enter: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    """Return the nodes from which a tensor was made, each once, in an order that depends on the graph alone.

    What lies behind nodes that `enter` refuses is left out, as they are.
    """
    found: dict[Any, None] = {}
    waiting = [node for node in (function_of(tensor),) if node is not None]
    while waiting:
        node = waiting.pop()
        if node not in found and enter(node):
            found[node] = None
            waiting += [before for before, _ in node.next_functions if before is not None]
    return list(found)


def steps_of(recorded: Recorded) -> dict[Any, Operation]:
    """Return the operation in which each node of the recorded graph was made."""
    owners: dict[Any, Operation] = {}
    for operation in recorded.operations:
        if operation.step.kind == "operation":
            waiting = [node for node in map(function_of, operation.made) if node is not None]
            own: dict[Any, None] = {}
            while waiting:
                node = waiting.pop()
                if node not in owners and node not in own and not _accumulates(node):
                    own[node] = None
                    waiting += [before for before, _ in node.next_functions if before is not None]
            owners |= dict.fromkeys(own, operation)
    return owners


def _accumulates(node: Any) -> bool:
    return hasattr(node, "variable")
