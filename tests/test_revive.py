from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import DynamicsRecord, Finding, Labels, Pictures, ProbeRecord, Trace
from nbinspect.revive import made
from nbinspect.wire import pack
from tests.runlog.logged import news, probe_record


def packed(record, apart=True):
    buffers = [] if apart else None
    found = pack(record, buffers)
    return found if buffers is None else json.loads(json.dumps(found)), buffers


@pytest.mark.parametrize("kind", ["image", "text", "table", "series", "audio"])
@pytest.mark.parametrize("apart", [False, True])
def test_a_probe_of_every_decoder_comes_back_whole(kind, apart):
    """A probe is rebuilt as the records that it was, the decoded input chosen by its decoder, every byte alike."""
    record = probe_record(kind)
    text, buffers = packed(record, apart)
    again = made(ProbeRecord, text, buffers)
    assert type(again.batch.inputs[0]) is type(record.batch.inputs[0])
    twice, bytes_ = [], []
    assert pack(again, twice) == pack(record, bytes_)
    assert [bytes(part) for part in twice] == [bytes(part) for part in bytes_]


def test_what_json_lacks_comes_back():
    """Numbers that are NaN come back as NaN, optional ones as None, flags as flags and large counts as integers."""
    record = news(1, 3, overhead=math.nan)
    text, buffers = packed(record)
    again = made(DynamicsRecord, text, buffers)
    assert math.isnan(again.overhead)
    assert again.moments[0].since is None
    assert made(NDArray[np.bool_], pack(np.array([True, False]))).dtype == bool
    large = made(Trace.__annotations__ and NDArray[np.integer], pack(np.array([2**40, 1])))
    assert (large.dtype.kind, large.tolist()) == ("i", [2**40, 1])


ARRAY = {"dtype": "float32", "shape": [2, 2], "buffer": 0}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NDArray[np.floating], {**ARRAY, "dtype": "object"}),
        (NDArray[np.floating], {**ARRAY, "dtype": "O"}),
        (NDArray[np.floating], {**ARRAY, "dtype": ["float32"]}),
        (NDArray[np.floating], {**ARRAY, "dtype": "int32"}),
        (NDArray[np.floating], {**ARRAY, "shape": [2, 3]}),
        (NDArray[np.floating], {**ARRAY, "shape": [-2, -2]}),
        (NDArray[np.floating], {**ARRAY, "shape": [0, 2**62]}),
        (NDArray[np.floating], {**ARRAY, "shape": [2.0, 2]}),
        (NDArray[np.floating], {**ARRAY, "shape": [True, 4]}),
        (NDArray[np.floating], {**ARRAY, "shape": 4}),
        (NDArray[np.floating], {**ARRAY, "shape": [1] * 40 + [4]}),
        (NDArray[np.floating], {**ARRAY, "buffer": 1}),
        (NDArray[np.floating], {**ARRAY, "buffer": -1}),
        (NDArray[np.floating], {**ARRAY, "buffer": "0"}),
        (NDArray[np.floating], {**ARRAY, "data": "text"}),
        (NDArray[np.floating], {}),
        (NDArray[np.floating], 3),
        (NDArray[np.uint8], ARRAY),
        (NDArray[np.integer], ARRAY),
        (float, True),
        (float, [1.0]),
        (float, 10**400),
        (int, 1.5),
        (int, True),
        (str, 3),
        (tuple[int, int], [1, 2, 3]),
        (tuple[int, ...], "12"),
        (Finding, {"level": "fatal", "kind": "nan", "text": "x"}),
        (Finding, {"level": ["ok"], "kind": "nan", "text": "x"}),
        (Finding, {"level": "ok"}),
        (Finding, []),
        (Pictures | Labels, {"decoder": "text"}),
        (Pictures | Labels, {"decoder": ["image"]}),
        (Pictures | Labels, 3),
    ],
)
def test_a_value_of_another_form_is_refused(kind, value):
    """What does not fit the record is one clear error: no unknown dtype, no foreign bytes, no other kind of value."""
    with pytest.raises(InputError):
        made(kind, value, [np.ones(4, dtype=np.float32).data])


def test_an_array_holds_nothing_else_alive():
    """An array is a copy of its own bytes, aligned and writable."""
    buffer = bytearray(np.arange(4, dtype=np.float32).tobytes())
    array = made(NDArray[np.floating], ARRAY, [buffer])
    buffer[:] = bytes(16)
    assert array.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert array.flags.writeable
    assert array.flags.aligned


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def places(value, path=()):
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


WHOLE, BUFFERS = packed(news(1, 2))
PLACES = list(places(WHOLE))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(PLACES) - 1), new=JSON)
def test_any_value_anywhere_is_read_or_refused(place, new):
    """Whatever stands in any one place of a whole record, it is read as a record or refused by one kind of error."""
    try:
        found = made(DynamicsRecord, replaced(WHOLE, PLACES[place], new), BUFFERS)
    except NbinspectError:
        return
    assert isinstance(found, DynamicsRecord)
