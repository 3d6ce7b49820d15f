"""Unit tests for networks, for pytest: each function passes silently, or fails with the evidence in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.errors import InputError
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.preserve import preserve
from nbinspect.records import CheckResult
from nbinspect.report.report import Report
from nbinspect.report.running import check
from nbinspect.seeding import seed_generators

__tracebackhide__ = True
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 2e-2, torch.float32: 1e-4, torch.complex64: 1e-4}


def assert_healthy(model: Any, loader: Any, loss_fn: Any = None, **options: Any) -> Report:
    """Fail where a sanity check fails on a program, or cannot finish; return the report where none does.

    Args:
        model: the `torch.nn.Module`, or an `Inspector`.
        loader: any iterable of batches.
        loss_fn: ``loss_fn(outputs, targets) -> scalar``.
        **options: as `nbinspect.check` takes them: ``optimizer=``, ``only="wiring"``, ``skip=["capacity"]``, …

    Raises:
        AssertionError: with what failed, causes first, each with its numbers, its line and its remedy.
        InputError: for options that cannot be used.

    The program is left unchanged. Source: S-unit-test.
    """
    report = check(model, loader, loss_fn, **options)
    report.raise_for_failures()
    return report


def assert_no_batch_leak(model: nn.Module, inputs: Any, **options: Any) -> None:
    """Fail where, in eval mode, the output of one sample depends on the input of another.

    Args:
        model: left unchanged.
        inputs: a batch as the loader gives it, with at least two samples.
        **options: ``batch_axis``, ``forward``, ``split``, … as `nbinspect.check` takes them.

    Raises:
        AssertionError: naming the samples; also if the question cannot be answered for this model, with the reason.

    Source: K-dependencies.
    """
    _require("batch-leak", model, inputs, None, options)


def assert_causal(model: nn.Module, inputs: Any, **options: Any) -> None:
    """Fail where an output at time t depends on inputs after t.

    Args:
        model: a model of sequences; left unchanged.
        inputs: a batch as the loader gives it, ``(N, T)`` or ``(N, T, F)``.
        **options: as `nbinspect.check` takes them.

    Raises:
        AssertionError: naming the times; also if the question cannot be answered for this model, with the reason.

    Source: K-dependencies.
    """
    _require("causality", model, inputs, None, {"causal": True, **options})


def assert_overfits(model: nn.Module, batch: Any, loss_fn: Any = None, **options: Any) -> None:
    """Fail where the program cannot drive the loss of this batch to the floor that its targets set.

    Args:
        model: trained on copies for at most some 300 steps, mostly far fewer; left unchanged.
        batch: a batch as the loader gives it.
        loss_fn: ``loss_fn(outputs, targets) -> scalar``.
        **options: ``optimizer``, ``train_step``, … as `nbinspect.check` takes them; Adam without either.

    Raises:
        AssertionError: with the loss that was reached, the floor, and the kind of curve.

    Source: K-overfit-batch, S-one-point.
    """
    _require("overfit-one-batch", model, batch, loss_fn, options)


def assert_updates(model: nn.Module, batch: Any, loss_fn: Any = None, **options: Any) -> None:
    """Fail where the training step leaves a trainable parameter as it is, or changes a frozen one.

    Args:
        model: trained on a copy for a few steps; left unchanged.
        batch: a batch as the loader gives it.
        loss_fn: ``loss_fn(outputs, targets) -> scalar``.
        **options: ``optimizer`` and, if there is one, ``train_step``, as `nbinspect.check` takes them.

    Raises:
        AssertionError: naming the parameters.

    Source: S-not-applied, S-unit-test.
    """
    for name in ("updates-not-applied", "optimizer-mismatch", "frozen-parameters-change"):
        _require(name, model, batch, loss_fn, options, optional=name == "frozen-parameters-change")


def assert_equivalent(
    f: Callable[..., Any],
    g: Callable[..., Any],
    inputs: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    gradients: bool = True,
) -> None:
    """Fail where two functions give different outputs, or different gradients with respect to their inputs.

    Write the loop first, vectorise it later, and prove both equal. Both see the same random draws, of torch, NumPy and
    Python; modules among them run in the mode that they are in and are left unchanged.

    Args:
        f: the plain version, such as a loop over samples.
        g: the other, such as a vectorised one.
        inputs: a tensor, a tuple of arguments, or an iterator of such, to try several.
        rtol: relative tolerance; by default 1e-4 in float32, 1e-2 in float16, 2e-2 in bfloat16, 1e-7 in float64.
        atol: absolute tolerance; by default `rtol` times the largest value of the output of `f`.
        gradients: whether to compare the gradients of a random sum of the outputs with respect to floating inputs too.

    Raises:
        AssertionError: with the output that differs most, where, by how much, and by how much it may.
        InputError: for an iterator without inputs.

    Source: K-special-case.
    """
    several = inputs if isinstance(inputs, Iterator) else iter([inputs])
    number = -1
    for number, one in enumerate(several):
        given = one if isinstance(one, tuple) else (one,)
        with _untouched(f, g):
            first, second = (_traced(function, given, gradients) for function in (f, g))
        where = f"inputs {number}: " if isinstance(inputs, Iterator) else ""
        _compare(first, second, rtol, atol, where)
    if number < 0:
        raise InputError("inputs: expected at least one set of inputs, got an iterator without any")


def _require(
    name: str, model: Any, batch: Any, loss_fn: Any, options: dict[str, Any], *, optional: bool = False
) -> None:
    """Run one check on one batch, and fail where it does not pass."""
    result = check(model, [batch], loss_fn, **{**options, "only": name})[name]
    if result.status in ("pass", "waived", "warn") or (optional and result.status == "skip"):
        return
    raise AssertionError(_told(result))


def _told(result: CheckResult) -> str:
    lines = [f"{result.check}: {result.title or result.summary}"]
    if result.status != "fail":
        return f"{result.check} could not be judged: {result.summary}. {result.detail}".strip()
    lines += [f"  {one.quantity}: {one.measured} (expected {one.expected})" for one in result.measurements]
    if result.where or result.place is not None:
        at = f" at {result.place.file}:{result.place.line}" if result.place is not None else ""
        lines.append(f"  in {result.where}{at}")
    return "\n".join([*lines, f"  {result.remedy}"])


@contextmanager
def _untouched(*functions: Any) -> Iterator[None]:
    modules = [
        part for one in functions for part in (one, getattr(one, "__self__", None)) if isinstance(part, nn.Module)
    ]
    with preserve(*modules), torch.enable_grad():
        yield


def _traced(function: Callable[..., Any], given: tuple[Any, ...], gradients: bool) -> dict[str, Tensor]:
    """Return the tensors of a function's outputs by name, and the gradients of a random sum of them."""
    leaves: list[Tensor] = []

    def own(tensor: Tensor) -> Tensor:
        copy = tensor.detach().clone()
        if gradients and (copy.is_floating_point() or copy.is_complex()):
            leaves.append(copy.requires_grad_())
            return copy.clone()  # which may be written to in place
        return copy

    arguments = map_tensors(own, given)
    seed_generators(0)
    found = dict(tensors_in(_as_tensors(function(*arguments)), "output"))
    outputs = [tensor for tensor in found.values() if tensor.requires_grad]
    if not gradients or not leaves or not outputs:
        return {name: tensor.detach() for name, tensor in found.items()}
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(tensor.shape, generator=generator, device="cpu").to(tensor) for tensor in outputs]
    total = sum((tensor * weight).sum().real for tensor, weight in zip(outputs, weights, strict=True))
    slopes = torch.autograd.grad(total, leaves, allow_unused=True)  # type: ignore[arg-type] # a sum of tensors is one
    named = {
        f"gradient of input {at}": torch.zeros_like(leaf) if slope is None else slope
        for at, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True))
    }
    return {name: tensor.detach() for name, tensor in (*found.items(), *named.items())}


def _as_tensors(value: Any) -> Any:
    return torch.as_tensor(value) if isinstance(value, bool | int | float) else value


def _compare(
    first: dict[str, Tensor], second: dict[str, Tensor], rtol: float | None, atol: float | None, where: str
) -> None:
    if first.keys() != second.keys():
        raise AssertionError(f"{where}the first gives {_list(first)}, the second {_list(second)}")
    for name, one in first.items():
        other = second[name]
        if one.shape != other.shape:
            raise AssertionError(f"{where}{name} has the shape {tuple(one.shape)} and {tuple(other.shape)}")
        relative = _TOLERANCE.get(one.dtype, 1e-7) if rtol is None else rtol
        size = one.to(torch.complex128).abs()  # of flags too, which have no magnitude
        largest = float(size.where(size.isfinite(), 0.0).max()) if size.numel() else 0.0
        allowed = (relative * largest if atol is None else atol) + relative * size
        gap = (one.to(torch.complex128) - other.to(torch.complex128)).abs()
        alike = (gap <= allowed) | (one == other) | (one.isnan() & other.isnan())
        if not bool(alike.all()):
            allowed = allowed.expand_as(gap)
            gap = torch.where(alike, torch.zeros_like(gap), gap.nan_to_num(torch.inf, torch.inf))
            at = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
            raise AssertionError(
                f"{where}{name}{list(at) if at else ''} is {_number(one[at])} and {_number(other[at])}, "
                f"apart by {float(gap[at]):.3g} where {float(allowed[at]):.3g} is allowed; "
                f"{int((~alike).sum()):,} of {alike.numel():,} values differ"
            )


def _list(named: Iterable[str]) -> str:
    return ", ".join(named) or "no tensor"


def _number(value: Tensor) -> str:
    return f"{value.item():.6g}"
