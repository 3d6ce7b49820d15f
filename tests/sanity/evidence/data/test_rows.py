from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from nbinspect.sanity.evidence.data.information import bits_of
from nbinspect.sanity.evidence.data.order import order_of
from nbinspect.sanity.evidence.data.rows import Rows, among_equals, contradicting, repeated
from nbinspect.sanity.evidence.data.stored import is_drawn_anew, stored_rows
from nbinspect.sanity.limits import Limits
from nbinspect.subject import Subject


def rows_of(dataset: Any, **more: Any) -> Rows | None:
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=4)
    order = order_of(loader)
    assert order is not None
    return stored_rows(Subject(nn.Identity(), loader, **more), loader, order, Limits(60))


class Named(Dataset[Any]):
    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"text": self.texts[index], "ids": [ord(c) for c in self.texts[index]], "label": index % 2}


class Wrapped(Dataset[Any]):
    """A random transform on top of another data set, as `Subset`s are often wrapped."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.transform = lambda x: x + torch.randn(3)

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = self.inner[index]
        return self.transform(x), y


def test_equal_samples_have_equal_hashes() -> None:
    """Hashes agree where values do, and tell shape and type apart."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    rows = rows_of(TensorDataset(x, torch.tensor([0, 1, 1])))
    assert rows is not None
    by_index = dict(zip(rows.indices.tolist(), rows.inputs.tolist(), strict=True))
    assert by_index[0] == by_index[2] != by_index[1]
    other = rows_of(TensorDataset(x.double(), torch.tensor([0, 1, 1])))
    assert other is not None
    assert not set(other.inputs.tolist()) & set(rows.inputs.tolist())


def test_repeats_and_contradictions_are_told_apart() -> None:
    """The same inputs with the same target repeat; with another they contradict; flat samples count as neither."""
    x = torch.tensor([[1.0, 2], [1, 2], [1, 2], [5, 5], [5, 5]])
    rows = rows_of(TensorDataset(x, torch.tensor([0, 0, 1, 0, 0])))
    assert rows is not None
    earlier, repeats = repeated(rows)
    assert len(repeats) == 1
    assert {int(rows.indices[repeats[0]]), earlier[int(repeats[0])]} == {0, 1}
    assert len(contradicting(rows)) in (1, 2)


def test_targets_of_equal_inputs_are_compared() -> None:
    """Of groups of equal inputs the variance inside is given as a share of all, as an analysis of variance has it."""
    x = torch.arange(40.0)[:, None].expand(-1, 2) + torch.tensor([0.0, 0.5])
    y = torch.randn(80)
    rows = rows_of(TensorDataset(torch.cat([x[:30], x[:30], x[30:]]), y[:70]))
    assert rows is not None
    groups, share, apart = among_equals(rows)
    pairs = torch.stack([y[:30], y[30:60]]).double()
    expected = float(pairs.var(0, correction=1).mean() / pairs.reshape(-1).var(correction=1))
    assert (groups, share) == (30, pytest.approx(60 / 70))
    assert apart == pytest.approx(expected)
    lone = rows_of(TensorDataset(x, y[:40]))
    assert lone is not None
    assert among_equals(lone) == (0, 0.0, 0.0)


def test_large_samples_are_read_in_smaller_number() -> None:
    """How many are read depends on how large they are, and not on the clock."""
    loader: DataLoader[Any] = DataLoader(TensorDataset(torch.randn(200, 3), torch.arange(200)), batch_size=4)
    order = order_of(loader)
    assert order is not None
    subject = Subject(nn.Identity(), loader)
    for size, count in ((3, 200), (2**28 // 100, 100), (2**40, 64)):
        rows = stored_rows(subject, loader, order, Limits(60), size=size)
        assert rows is not None
        assert len(rows.inputs) == count


def test_samples_of_text_and_lists_are_read() -> None:
    """Named samples of strings and lists of numbers have hashes and labels."""
    rows = rows_of(Named(["one", "two", "one"]))
    assert rows is not None
    assert len(set(rows.inputs.tolist())) == 2
    assert sorted(rows.labels.tolist()) == [0, 0, 1]


class Drawn(Dataset[Any]):
    """Samples that an index does not choose; `kept` is the share that it does choose."""

    def __init__(self, kept: float) -> None:
        self.kept, self.base = kept, torch.randn(60, 8)

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.kept * self.base[index] + (1 - self.kept) * torch.randn(8), index % 2


@pytest.mark.parametrize(("kept", "is_drawn"), [(0.0, True), (0.5, False), (1.0, False)])
def test_an_index_that_chooses_no_sample_is_told_from_augmentation(kept: float, is_drawn: bool) -> None:
    """A sample read again that is as far from itself as from others is drawn anew; one that is disturbed is not."""
    loader: DataLoader[Any] = DataLoader(Drawn(kept), batch_size=4)
    order = order_of(loader)
    assert order is not None
    assert is_drawn_anew(Subject(nn.Identity(), loader), loader, order, Limits(60)) is is_drawn


def test_transforms_of_wrapped_data_sets_are_left_out() -> None:
    """A random transform in any layer is left out, and the objects keep theirs."""
    inner = TensorDataset(torch.randn(20, 3), torch.arange(20))
    data = Wrapped(Subset(Wrapped(inner), range(10)))
    transform = data.transform
    rows, plain = rows_of(data), rows_of(inner)
    assert rows is not None
    assert plain is not None
    assert set(rows.inputs.tolist()) <= set(plain.inputs.tolist())
    assert data.transform is transform


def test_a_data_set_that_keeps_what_it_reads_is_not_filled() -> None:
    """A data set with a cache does not find untransformed samples in it afterwards."""

    class Cached(Wrapped):
        def __init__(self, inner: Any) -> None:
            super().__init__(inner)
            self.cache: dict[int, Any] = {}

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            return self.cache.setdefault(index, super().__getitem__(index))

    data = Cached(TensorDataset(torch.randn(20, 3), torch.arange(20)))
    assert rows_of(data) is not None
    assert not data.cache


def test_objects_of_unknown_kinds_have_no_rows() -> None:
    """A sample that holds an object of no known content gives nothing, and raises nothing."""

    class Odd(Named):
        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"x": object(), "label": 0}

    assert rows_of(Odd(["a", "b"])) is None


@pytest.mark.parametrize(
    ("places", "bits"),
    [
        (np.zeros((64, 5)), 0.0),
        (np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)] * 8, dtype=float), 3.0),
        (np.repeat(np.arange(64)[:, None] % 4, 10, axis=1).astype(float), 2.0),
        (np.arange(64)[:, None].astype(float), 6.0),
        (np.array([[i & 1, i >> 1 & 1, (i ^ i >> 1) & 1] for i in range(64)], dtype=float), 2.0),
    ],
    ids=["constant", "three bits", "copies of one place", "all different", "a parity of two places"],
)
def test_bits_count_what_is_not_known_already(places: Any, bits: float) -> None:
    """The estimate gives the entropy where that is known, and copied places add nothing."""
    assert math.isclose(bits_of(places), bits, abs_tol=1e-9)
