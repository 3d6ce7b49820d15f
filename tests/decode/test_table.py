from __future__ import annotations

import numpy as np
import pytest
import torch

from nbinspect.decode.table import decode_table
from nbinspect.errors import InputError

DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_becomes_the_same_numbers(dtype: torch.dtype) -> None:
    """Rows of any dtype give their values as float32."""
    rows = [[0, 1, 1], [1, 0, 1]]
    table = decode_table(torch.tensor(rows).to(dtype), "x")
    assert table.values.dtype == np.float32
    assert table.values.tolist() == rows
    assert table.features == ("feature 0", "feature 1", "feature 2")


def test_one_number_a_sample_is_one_feature() -> None:
    """(N,) becomes N rows of one feature, and NaN stays."""
    table = decode_table(torch.tensor([1.5, float("nan")]), "age", feature_names=["age"])
    np.testing.assert_array_equal(table.values, [[1.5], [np.nan]])
    assert (table.features, table.total_features) == (("age",), 1)


def test_wide_rows_are_cut() -> None:
    """Of 300 features the first 256 are kept, with their names, and the number of all is told."""
    rows = torch.arange(600.0).reshape(2, 300)
    table = decode_table(rows, "x", feature_names=range(300))
    np.testing.assert_array_equal(table.values, np.arange(600).reshape(2, 300)[:, :256])
    assert table.total_features == 300
    assert table.features == tuple(map(str, range(256)))


def test_large_batches_stay_small() -> None:
    """A table of many rows keeps fewer features, so that it is at most 8 MB."""
    table = decode_table(torch.zeros(1, 300).expand(30_000, 300), "x")
    assert table.values.shape[0] == 30_000
    assert 1 < table.values.shape[1] < 256
    assert table.values.nbytes <= 8 * 2**20


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"], []])
def test_names_must_fit(names: list[str]) -> None:
    """A wrong number of feature names is refused with both numbers."""
    with pytest.raises(InputError, match=rf"expected 3 names, one for each feature of x, got {len(names)}"):
        decode_table(torch.zeros(2, 3), "x", feature_names=names)


def test_hostile_names_are_kept_short_and_visible() -> None:
    """Feature names are cut at 60 characters, and control characters are written out."""
    table = decode_table(torch.zeros(1, 3), "x", feature_names=["y" * 10_000, "a\tb\x00", "<b>"])
    assert table.features == ("y" * 59 + "…", "a⇥b\\u0000", "<b>")


def test_other_shapes_are_refused() -> None:
    """Three axes, and samples of different sizes, are no table."""
    with pytest.raises(InputError, match=r"expected rows of features \(N, F\), got \(2, 3, 4\)"):
        decode_table(torch.zeros(2, 3, 4), "x")
    with pytest.raises(InputError, match="samples of different sizes"):
        decode_table([torch.zeros(2), torch.zeros(3)], "x")  # type: ignore[arg-type]
