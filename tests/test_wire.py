from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from nbinspect.wire import pack


def restored(packed, buffers=None):
    data = packed["data"] if buffers is None else buffers[packed["buffer"]]
    return np.frombuffer(data, packed["dtype"]).reshape(packed["shape"])


ARRAYS = [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.arange(6, dtype=np.float32).reshape(2, 3).T,
    np.array([True, False]),
    np.array([1, -5, 2**31 - 1]),
    np.array([2**31, -(2**40)]),
    np.array([0.5, np.nan, np.inf]),
    np.array([0.5, -2], dtype=np.float16),
    np.zeros((0, 3), dtype=np.float32),
    np.zeros((2, 0, 3), dtype=np.int64),
    np.array(3.5),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
@pytest.mark.parametrize("apart", [False, True])
def test_arrays_come_back_from_their_bytes(array, apart):
    """An array of any layout is rebuilt exactly from the shape, dtype and bytes that the page gets."""
    buffers = [] if apart else None
    back = restored(pack(array, buffers), buffers)
    assert back.shape == array.shape
    np.testing.assert_array_equal(back.astype(np.float64), array.astype(np.float64))


READABLE_BY_JAVASCRIPT = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "bool"}


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "int64", "uint64", "float16", "float32", "complex64"]
)
def test_only_types_with_a_typed_array_are_sent(dtype):
    """Whatever the array's type, the page gets one that JavaScript can read."""
    assert pack(np.ones(3, dtype=dtype))["dtype"] in READABLE_BY_JAVASCRIPT


def test_records_become_plain_json():
    """Nested records become JSON objects under their field names; numbers that JSON lacks become null."""

    @dataclasses.dataclass(frozen=True)
    class Record:
        name: str
        values: tuple
        missing: float

    packed = pack({"record": Record("<b>", (1, np.float32(0.5), None), float("nan"))})
    assert json.loads(json.dumps(packed)) == {"record": {"name": "<b>", "values": [1, 0.5, None], "missing": None}}
