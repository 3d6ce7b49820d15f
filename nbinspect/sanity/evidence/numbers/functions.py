"""The user's own autograd functions: which there are in a graph, what they were called with, each tested alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.numbers.differences import Slope, directions_for, slope_along
from nbinspect.sanity.evidence.passes.graph import nodes_of
from nbinspect.seeding import seed_torch

_DIRECTIONS = 3
_CONSTANT = 0.9
_WRONG = 1e-3
_EXACT = 1e-5
_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class FunctionCall:
    """A call of a `torch.autograd.Function` of the user's."""

    function: Any
    arguments: tuple[Any, ...]
    """Copies, in float64."""


@dataclass(frozen=True)
class Verdict:
    """What a function's backward gives, beside finite differences of its forward."""

    name: str
    position: int
    """Which of its arguments."""
    slopes: tuple[Slope, ...]


def functions_in(loss: Tensor) -> list[Any]:
    """Return the classes of the functions in a graph that are not PyTorch's own, each once."""
    kinds: list[Any] = [type(node) for node in nodes_of(loss)]
    found = [kind._forward_cls for kind in kinds if hasattr(kind, "_forward_cls")]
    return list(dict.fromkeys(kind for kind in found if not kind.__module__.startswith("torch.")))


@contextmanager
def first_calls(functions: list[Any]) -> Iterator[list[FunctionCall]]:
    """Note what each function is first called with in the block; the functions' classes are put back as they were."""
    calls: list[FunctionCall] = []
    with ExitStack() as stack:
        for function in functions:
            stack.enter_context(_noting(function, calls))
        yield calls


@contextmanager
def _noting(function: Any, calls: list[FunctionCall]) -> Iterator[None]:
    original, own = function.forward, vars(function).get("forward")
    # a function with a `setup_context` gets no context in its forward
    bare = function.setup_context is not torch.autograd.Function.setup_context

    def forward(*args: Any) -> Any:
        if all(call.function is not function for call in calls):
            with torch._C.DisableTorchFunction():  # the recorder is not to take this for the function's own
                calls.append(FunctionCall(function, _doubled(args if bare else args[1:])))
        return original(*args)

    function.forward = staticmethod(forward)
    try:
        yield
    finally:
        if own is None:
            del function.forward
        else:
            function.forward = own


def _doubled(args: tuple[Any, ...]) -> tuple[Any, ...]:
    def double(tensor: Tensor) -> Tensor:
        values = tensor.detach().clone()
        return values.double().requires_grad_(tensor.requires_grad) if tensor.is_floating_point() else values

    doubled: tuple[Any, ...] = map_tensors(double, args)
    return doubled


def tested(call: FunctionCall) -> Verdict | None:
    """Compare a function's backward with finite differences of its forward, one argument at a time.

    Returns:
        The first argument whose gradient is wrong in every direction; None where there is none, or where that is the
        function's purpose: a forward that steps or hands its argument on (straight-through, reversed gradients).

    Raises:
        RuntimeError: if it does not run in float64.
    """
    seed_torch(0)
    points = [one for one in call.arguments if isinstance(one, Tensor) and one.requires_grad]
    made = _outputs(call, points)
    if any(tensor.dtype is not torch.float64 for tensor in made):
        raise RuntimeError(f"{call.function.__name__} gives {made[0].dtype} for float64")
    if not made or _hands_on(call, points):
        return None
    weights = [torch.randn_like(tensor) for tensor in made]

    def weighted() -> Tensor:
        return torch.stack([(t * w).sum() for t, w in zip(_outputs(call, points), weights, strict=True)]).sum()

    def value() -> float:
        return float(weighted().detach())

    total = weighted()
    if not total.requires_grad:
        return None
    gradients: Sequence[Tensor | None] = torch.autograd.grad(total, points, allow_unused=True)
    if any(_steps(call, points, point) for point in points):
        return None
    for position, (point, gradient) in enumerate(zip(points, gradients, strict=True)):
        if gradient is None:
            continue
        slopes = tuple(
            slope_along(value, [point], directions_for([point], [gradient]), [gradient], float(total.detach()))
            for _ in range(_DIRECTIONS)
        )
        if _is_wrong(slopes, float(gradient.norm() * point.detach().square().mean().sqrt())):
            return Verdict(call.function.__name__, position, slopes)
    return None


def _is_wrong(slopes: Sequence[Slope], usual: float) -> bool:
    """Whether slopes are off in every direction: much, or by a part of the `usual` slope in a random direction.

    The directions lean towards the gradient, along which errors in the many other ones hardly show.
    """
    least = min(slope.gap if slope.settled else 0.0 for slope in slopes)
    off = sum(slope.off**2 for slope in slopes) / len(slopes)
    return least > _WRONG or (least > _EXACT and off > (_SHARE * usual) ** 2)


def _outputs(call: FunctionCall, points: list[Tensor]) -> list[Tensor]:
    """Apply the function to copies, for it may write to what it is given."""
    args = [one.clone() if isinstance(one, Tensor) else one for one in call.arguments]
    made = call.function.apply(*args)
    return [tensor for _, tensor in tensors_in(made, "") if tensor.is_floating_point()] if points else []


def _hands_on(call: FunctionCall, points: list[Tensor]) -> bool:
    """Whether the forward gives one of its arguments back, whatever they are."""
    with _shifted(points, 1e-2), torch.no_grad():
        made = _outputs(call, points)
        return any(tensor.shape == point.shape and torch.equal(tensor, point) for tensor in made for point in points)


def _steps(call: FunctionCall, points: list[Tensor], point: Tensor) -> bool:
    """Whether the forward stays as it is nearly everywhere as one argument changes."""
    with torch.no_grad():
        before = _outputs(call, points)
        with _shifted([point], 1e-5):
            after = _outputs(call, points)
    same = [(one == other).double().mean() for one, other in zip(before, after, strict=True) if one.numel()]
    return bool(same) and float(min(same)) > _CONSTANT


@contextmanager
def _shifted(points: list[Tensor], share: float) -> Iterator[None]:
    """Move tensors at random by a share of their size, and back."""
    starts = [point.detach().clone() for point in points]
    with torch.no_grad():
        for point in points:
            point.add_(share * torch.randn_like(point) * point.square().mean().sqrt().clamp_min(1e-2))
    try:
        yield
    finally:
        with torch.no_grad():
            for point, start in zip(points, starts, strict=True):
                point.copy_(start)


def told(call: FunctionCall, verdict: Verdict) -> CheckResult:
    """Return the finding that a function's backward is wrong."""
    slope = max(verdict.slopes, key=lambda one: one.gap)
    return failed(
        f"the backward of {verdict.name} is wrong",
        measured(
            f"slope of {verdict.name} by its backward", slope.autograd, f"{slope.finite:.4g} (finite differences)"
        ),
        title=f"The backward of {verdict.name} is wrong",
        detail=f"Tested alone, with respect to its argument {verdict.position + 1}, its backward gives a slope of "
        f"{slope.autograd:.4g} where its forward has {slope.finite:.4g}, and so in {len(verdict.slopes)} directions.",
        remedy=f"Derive the backward of {verdict.name} anew, or write its forward in torch's operations and drop the "
        "custom function; torch.autograd.gradcheck proves it.",
        where=verdict.name,
        place=_place_of_backward(call.function),
        code=f"+ torch.autograd.gradcheck({verdict.name}.apply, inputs_in_float64)",
        confirmed=True,
    )


def _place_of_backward(function: Any) -> Place | None:
    """Return where a function's backward is written; None where there is no source."""
    try:
        backward = inspect.unwrap(function.backward)
        _, line = inspect.getsourcelines(backward)
        return Place(inspect.getfile(backward), line, backward.__qualname__, line)
    except (OSError, TypeError):
        return None
