"""Small integers that run over inside a data set or its collate function: told by what wide ones come to there.

So are casts to them that wrap around, told by what casts that stop at the ends come to.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from nbinspect.capture.loader import BatchSource
from nbinspect.nested import tensors_in
from nbinspect.records import Place
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.numbers.overrunning import SMALL, WideArithmetic, Wrap, wrapped_scalar
from nbinspect.sanity.evidence.numbers.precision import Loss
from nbinspect.sanity.evidence.numbers.saturating import SaturatingCasts, saturating
from nbinspect.sanity.limits import Limits
from nbinspect.seeding import seed_generators
from nbinspect.whose import is_installed

_SAMPLES = 8
_LEAST = 16
_MOST_STEPS = 24
_PRECISION = 1e-4


def wrapped(loader: Any, limits: Limits) -> Loss | None:
    """Return what eight samples lose to it; None where nothing is lost, or nothing can be told.

    They are made in a worker process, so that loader and data set are left unchanged. Source: T-dtype.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return None
    if loader.batch_sampler is None:
        return None
    try:
        chosen = np.linspace(0, len(loader.dataset) - 1, _SAMPLES).astype(np.int64)  # type: ignore[arg-type] # a map
        source = BatchSource(DataLoader(_Both(loader.dataset, loader.collate_fn, chosen.tolist()), batch_size=None))
        try:
            with limits.watching():
                stage, share, steps, wrap = source.next().batch
        finally:
            source.close()
    except Exception:  # noqa: BLE001 - the user's own data set may raise anything, above all on other types
        return None
    if not steps:
        return None
    where, function = _culprit(loader, stage)
    if stage == "cast":
        return _of_casts(where, _place_of(function), share)
    if wrap is not None:
        return _of_line(where, wrap, share)
    amounts = ", ".join(f"{step:.3g}" for step in steps[:3]) + (", …" if len(steps) > 3 else "")
    return Loss(
        where,
        _place_of(function),
        "Small integers run over",
        f"{where} calculates in integers of one or two bytes, which wrap around at their ends: made of wide integers, "
        f"the same values are off by {amounts} where they wrap, and equal everywhere else.",
        "Convert to float before the arithmetic: x.float(), or x.astype(np.float32).",
        measured("values of a batch that wrap around", f"{share:.1%}", "0%"),
    )


def _of_line(where: str, wrap: Wrap, share: float) -> Loss:
    return Loss(
        where,
        wrap.place,
        "Small integers run over",
        f"{where} calculates in integers of one or two bytes, which wrap around at their ends: {wrap.told}. "
        f"Where that arithmetic alone is wide, {share:.1%} of the values come out otherwise.",
        "Convert to float before the arithmetic: x.float(), float(x).",
        measured("values of a batch that come of wraps", f"{share:.1%}", "0%"),
    )


def _of_casts(where: str, place: Place | None, share: float) -> Loss:
    return Loss(
        where,
        place,
        "Values cast to small integers wrap around",
        f"{where} casts numbers to integers of one or two bytes which do not hold them: bright becomes dark. Where the "
        f"cast stops at the ends of the type, {share:.1%} of the values come out otherwise.",
        "Clip before the cast, not after it: x.clip(0, 255).astype(np.uint8). If values are meant to go round, take "
        "the remainder before it: what such a cast of fractions gives depends on the machine.",
        measured("values of a batch that wrap around", f"{share:.1%}", "0%"),
    )


class _Both(Dataset[Any]):
    """One item: how a batch differs from the same batch made of wide integers, and after which of two stages."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], chosen: Sequence[int]) -> None:
        self._dataset, self._collate, self._chosen = dataset, collate, chosen

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[str, float, list[float], Wrap | None]:
        plain, again = self._samples(self._dataset), self._samples(self._dataset)
        parts = _columns(plain)
        if any(not np.array_equal(*pair, equal_nan=True) for pair in zip(parts, _columns(again), strict=True)):
            return "", 0.0, [], None  # made anew at each reading
        with suppress(Exception):  # the user's own data set may raise anything on other types
            share, steps = _differences(parts, _columns(self._samples(_changed(self._dataset, _wide))))
            if steps:
                return "samples", share, steps, None
        with suppress(Exception):
            share, first = self._under(WideArithmetic(), parts)
            # values that are written over come out the same with any others in their place
            if first is not None and share and self._under(WideArithmetic(stops=True), parts)[0]:
                return "samples", share, [share], first
        with suppress(Exception), np.errstate(over="raise"):
            wrap = wrapped_scalar(lambda: self._samples(self._dataset))
            if wrap and (share := _other(parts, _columns(self._samples(_changed(self._dataset, _wide))))):
                return "samples", share, [share], wrap
        with suppress(Exception), SaturatingCasts():  # type: ignore[no-untyped-call] # PyTorch's own class
            share = _other(parts, _columns(self._samples(_changed(self._dataset, saturating))))
            if share and SaturatingCasts.stopped and not self._goes_round(parts):
                return "cast", share, [share], None
        batches = (list(_arrays(self._batch(samples))) for samples in (plain, _wide(plain)))
        return "collate", *_differences(*batches), None

    def _under(self, arithmetic: WideArithmetic, plain: Sequence[Any]) -> tuple[float, Wrap | None]:
        """Return the share of values that come out otherwise by an arithmetic, and what first wrapped around."""
        with arithmetic:
            samples = self._samples(self._dataset)
        return _other(plain, _columns(samples)), arithmetic.first

    def _goes_round(self, plain: Sequence[Any]) -> bool:
        """Whether values that did not wrap come to the same, as parities and angles do: there a wrap is meant."""
        SaturatingCasts.widens = True
        try:
            wide = _columns(self._samples(_changed(self._dataset, saturating)))
        except Exception:  # noqa: BLE001 - the user's own data set may raise anything on other types
            return False
        finally:
            SaturatingCasts.widens = False
        pairs = zip(plain, wide, strict=True)
        return all(one.shape == its.shape and bool(_alike(one, its).all()) for one, its in pairs)

    def _samples(self, dataset: Any) -> list[Any]:
        seed_generators(0)
        return [dataset[at] for at in self._chosen]

    def _batch(self, samples: list[Any]) -> Any:
        seed_generators(0)
        return self._collate(copy.deepcopy(samples))


class _Stand:
    """Stands in for an array, or a list of them: what is taken out of it is changed."""

    def __init__(self, values: Any, change: Callable[[Any], Any]) -> None:
        self._values, self._change = values, change

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, key: Any) -> Any:
        return self._change(self._values[key])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._values, name)


def _changed(dataset: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of a data set, and of those inside it, that gives what it holds changed."""
    if isinstance(dataset, list | tuple):
        return _Stand(dataset, change)
    again = copy.copy(dataset)
    for name, part in vars(dataset).items():
        if isinstance(part, Dataset):
            object.__setattr__(again, name, _changed(part, change))
        elif isinstance(part, list | tuple) and part and all(isinstance(one, Dataset) for one in part):
            object.__setattr__(again, name, [_changed(one, change) for one in part])
        elif name == "tensors" and isinstance(part, tuple):
            object.__setattr__(again, name, tuple(_Stand(one, change) for one in part))
        elif isinstance(part, list) or (isinstance(part, Tensor | np.ndarray) and part.ndim):
            object.__setattr__(again, name, _Stand(part, change))
    return again


def _wide(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to(torch.int32) if value.dtype in SMALL else value
    if isinstance(value, np.ndarray | np.generic):
        return value.astype(np.int32) if value.dtype in (np.uint8, np.int8, np.int16) else value
    if isinstance(value, Mapping):
        return {key: _wide(part) for key, part in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_wide(part) for part in value)
    return value


def _columns(samples: Sequence[Any]) -> list[Any]:
    """Return the values of each part of the samples, one after another."""
    each = [list(_arrays(sample)) for sample in samples]
    return [np.concatenate([array.reshape(-1) for array in part]) for part in zip(*each, strict=True)]


def _differences(plain: Sequence[Any], wide: Sequence[Any]) -> tuple[float, list[float]]:
    """Return the share of values that differ, and by how much; nothing where the steps are too many to be wraps.

    A value that wraps around is off by the range of its type, scaled as the channel is; one that is prepared in another
    way, because of its type, is off by as many steps as there are values.
    """
    worst: tuple[float, list[float]] = (0.0, [])
    for one, other in zip(plain, wide, strict=True):
        if one.shape != other.shape or one.size < _LEAST:
            continue
        gap = other - one
        unit = _PRECISION * max(float(np.abs(other).max()), 1e-30)
        off = np.abs(gap) > unit
        if bool(((one == 255) & (other == -1))[off].all()):  # 0 - 1 makes the mark of labels that a loss leaves out
            continue
        steps = np.unique(np.round(gap[off] / unit / 10)) * unit * 10
        # where all are off, the type itself may be meant: ~x inverts bytes
        few = 0 < steps.size <= min(_MOST_STEPS, off.sum() / 4)
        if few and min(off.sum(), (~off).sum()) >= _LEAST:
            worst = max(worst, (float(off.mean()), steps.tolist()))
    return worst


def _other(plain: Sequence[Any], other: Sequence[Any]) -> float:
    """Return the greatest share of values of a part that differ; 0 where they are but a few."""
    pairs = [(one, its) for one, its in zip(plain, other, strict=True) if one.shape == its.shape]
    differs = [~_alike(one, its) for one, its in pairs]
    return max((float(part.mean()) for part in differs if part.sum() >= _LEAST), default=0.0)


def _alike(one: Any, other: Any) -> Any:
    """Return which values are the same, but for rounding."""
    size = float(np.abs(one[np.isfinite(one)]).max(initial=0))
    return np.isclose(one, other, rtol=0, atol=_PRECISION * max(size, 1e-30), equal_nan=True)


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)
    elif isinstance(value, np.ndarray):
        yield value.astype(np.float64)
    else:
        for _, tensor in tensors_in(value, ""):
            yield tensor.detach().to(torch.float64).numpy()


def _culprit(loader: DataLoader[Any], stage: str) -> tuple[str, Any]:
    if stage == "collate":
        name = getattr(loader.collate_fn, "__qualname__", type(loader.collate_fn).__name__)
        return name, loader.collate_fn
    dataset: Any = loader.dataset
    while isinstance(inner := getattr(dataset, "dataset", next(iter(getattr(dataset, "datasets", ())), None)), Dataset):
        dataset = inner
    return f"{type(dataset).__name__}.__getitem__", getattr(type(dataset), "__getitem__", None)


def _place_of(function: Any) -> Place | None:
    """Return where a function of the user's own begins."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    if code is None or is_installed(code.co_filename):
        return None
    return Place(code.co_filename, code.co_firstlineno, function.__qualname__, code.co_firstlineno)
