"""Quantities of which a data set, its collate function or a loss keeps the whole part alone, told by comparing both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from nbinspect.capture.loader import BatchSource
from nbinspect.nested import tensors_in
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.numbers.precision import Loss
from nbinspect.sanity.evidence.passes.lineage import Source, source_of, where_of
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.recorded import Recorded

_SAMPLES, _LEAST, _TIMES = 64, 16, 4
_FEW, _MANY, _MOSTLY = 6, 16, 0.3


def cut_off(recorded: Recorded, compared: Sequence[Source], limits: Limits) -> Loss | None:
    """Return where numbers that differ become a few whole ones on the way into the program; None where nowhere.

    Those of the loss are `compared`, the targets of predictions. Those of a data set are what it holds a row a sample,
    and what comes out. Nobody bins by an integer part that is 0 on both sides of 0, or nearly always the same.
    """
    return next(_in_loss(recorded, compared), None) or _in_data(recorded, compared, limits)


def _in_loss(recorded: Recorded, compared: Sequence[Source]) -> Iterator[Loss]:
    for target in compared:
        for cast in target.passed:
            given, made = cast.given[0].detach(), cast.made[0].detach()
            if not given.is_floating_point() or made.is_floating_point() or made.dtype == torch.bool:
                continue
            if source_of(recorded, cast, 0).maker is not None and not bool((given < 0).any()):
                continue  # shares times a number are put into bins
            if _is_lost(given.cpu().double().flatten().numpy(), made.cpu().double().flatten().numpy()):
                counts = len(torch.unique(given)), len(torch.unique(made))
                yield _told(where_of(cast), cast.step.place, f"{cast.step.name} in the loss", counts)


def _in_data(recorded: Recorded, compared: Sequence[Source], limits: Limits) -> Loss | None:
    loader = recorded.batch.subject.loader
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return None
    try:
        count = min(_SAMPLES, len(loader.dataset))  # type: ignore[arg-type] # a map
        source = BatchSource(DataLoader(_Seen(loader.dataset, count), batch_size=None, collate_fn=_as_it_is))
        try:
            with limits.watching():
                held, made = source.next().batch
        finally:
            source.close()
    except Exception:  # noqa: BLE001 - the user's own data set may raise anything
        return None
    numbers = _numbers_in(recorded, compared)
    for name, values in made.items():
        if name not in numbers:
            continue
        for before in held:
            # two are as soon a yes or no of another threshold, and one a filling
            if before.size == values.size and len(np.unique(values)) > 2 and _is_lost(before.ravel(), values.ravel()):
                counts = len(np.unique(before)), len(np.unique(values))
                dataset = type(loader.dataset).__name__
                return _told(f"{dataset}.__getitem__", None, f"{dataset}, in what it makes of its samples,", counts)
    return None


def _numbers_in(recorded: Recorded, compared: Sequence[Source]) -> set[str]:
    """Return the parts of a sample that go on as quantities: floats, and targets that predictions are compared with."""
    parts = dict(tensors_in(recorded.batch.raw, "sample"))
    found = {name for name, part in parts.items() if part.is_floating_point()}
    wanted = {id(one.tensor) for one in compared}
    return found | {name for name, part in parts.items() if id(part) in wanted}


def _is_lost(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether all are the whole parts of numbers with fractions, and next to nothing is left of what these tell."""
    if before.size < _LEAST or not np.isfinite(before).all() or not np.array_equal(np.trunc(before), after):
        return False
    kinds, counts = np.unique(after, return_counts=True)
    many = np.unique(before).size
    if (before != after).mean() < 0.5 or many < max(10, _TIMES * kinds.size):
        return False
    both = bool((before < 0).any() and (before > 0).any()) and float(counts.max() / counts.sum()) > _MOSTLY
    return kinds.size <= _FEW or (both and kinds.size <= _MANY)


class _Seen(Dataset[Any]):
    """One item: what the data set holds for its first samples, and what it gives for them."""

    def __init__(self, dataset: Any, count: int) -> None:
        self._dataset, self._count = dataset, count

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[list[NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
        samples = [self._dataset[at] for at in range(self._count)]
        each = [dict(_parts(sample, "sample")) for sample in samples]
        made = {
            name: np.stack([one[name] for one in each])
            for name in each[0]
            if len({_shape(one, name) for one in each}) == 1
        }
        return list(_held(self._dataset, list(range(self._count)))), made


def _as_it_is(item: Any) -> Any:
    return item


def _shape(parts: Mapping[str, NDArray[np.float64]], name: str) -> tuple[int, ...] | None:
    return parts[name].shape if name in parts else None


def _held(dataset: Any, rows: list[int]) -> Iterator[NDArray[np.float64]]:
    """Give the fractions that a data set, or the one it wraps, keeps a row a sample."""
    if isinstance(dataset, Subset):
        yield from _held(dataset.dataset, [dataset.indices[row] for row in rows])
        return
    for value in [*vars(dataset).values(), *getattr(dataset, "tensors", ())]:
        if isinstance(value, Dataset) and len(value) == len(dataset):  # type: ignore[arg-type] # a map
            yield from _held(value, rows)
        columns = (
            [value[name] for name in value.columns] if hasattr(value, "columns") and hasattr(value, "iloc") else []
        )
        for part in (value, *columns):
            if (found := _floats(part, len(dataset))) is not None:
                yield found[rows]


def _floats(value: Any, size: int) -> NDArray[np.float64] | None:
    if not hasattr(value, "__len__") or isinstance(value, str | Mapping) or len(value) != size:
        return None
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy() if value.is_floating_point() else None
    elif isinstance(value, list | tuple):
        value = np.asarray(value) if isinstance(value[0], float | np.floating | np.ndarray) else None
    else:
        value = np.asarray(value)
    if value is None or value.dtype.kind != "f":
        return None
    return value.astype(np.float64)  # type: ignore[no-any-return] # a cast


def _parts(value: Any, name: str) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Give the numbers of a sample by the names that the tensors of a batch have."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _parts(part, f"{name}['{key}']")
    elif isinstance(value, list | tuple):
        for at, part in enumerate(value):
            yield from _parts(part, f"{name}[{at}]")
    elif isinstance(value, Tensor):
        yield name, value.detach().cpu().double().numpy()
    elif isinstance(value, np.ndarray | np.number | int | float):
        yield name, np.asarray(value, dtype=np.float64)


def _told(where: str, place: Any, what: str, counts: tuple[int, int]) -> Loss:
    before, after = counts
    return Loss(
        where,
        place,
        "Quantities cut off to whole numbers",
        f"{what[0].upper()}{what[1:]} drops what is behind the point: of {before} different values {after} are left.",
        "Keep quantities as floats: dtype=torch.float32 in place of an integer type, float(y) in place of int(y).",
        measured("different values that are left", after, f"{before}, as before"),
    )
