from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence
from transformers import BatchEncoding

from nbinspect.nested import fields_of, map_tensors, tensors_in

Pair = namedtuple("Pair", ["image", "label"])


@dataclass(frozen=True)
class Sample:
    image: torch.Tensor
    name: str


ONE = torch.ones(2)
TWO = torch.zeros(3)

NESTED = [
    (ONE, ["b"]),
    ([ONE, TWO], ["b[0]", "b[1]"]),
    ({"x": ONE, "deep": {"y": (TWO,)}}, ["b['x']", "b['deep']['y'][0]"]),
    (Pair(ONE, TWO), ["b.image", "b.label"]),
    (Sample(ONE, "cat"), ["b.image"]),
    (SimpleNamespace(image=ONE, path="p"), ["b.image"]),
    (BatchEncoding({"input_ids": ONE}), ["b['input_ids']"]),
    (pack_sequence([ONE, ONE]), ["b.data"]),
    ([1, "text", None, object()], []),
]


@pytest.mark.parametrize(("value", "names"), NESTED)
def test_every_tensor_is_found_with_the_expression_that_reaches_it(value, names):
    """Walking a nested batch yields each tensor under the expression with which the user would reach it."""
    found = list(tensors_in(value, "b"))
    assert [name for name, _ in found] == names
    for name, tensor in found:
        assert eval(name, {"b": value}) is tensor


@pytest.mark.parametrize(("value", "names"), NESTED)
def test_mapping_keeps_types_and_leaves_the_batch_alone(value, names):
    """Mapping tensors returns the same types around new tensors, and the original batch keeps its own."""
    before = [(name, tensor, tensor.clone()) for name, tensor in tensors_in(value, "b")]
    doubled = map_tensors(lambda tensor: tensor * 2 + 1, value)
    assert type(doubled) is type(value)
    for (_, tensor), (_, original, copy) in zip(tensors_in(doubled, "b"), before, strict=True):
        assert torch.equal(tensor, copy * 2 + 1)
        assert torch.equal(original, copy)
    assert [id(tensor) for _, tensor in tensors_in(value, "b")] == [id(tensor) for _, tensor, _ in before]


def test_a_value_that_contains_itself_ends():
    """A batch that contains itself is walked to a bounded depth instead of for ever."""
    batch = [ONE]
    batch.append(batch)
    assert len(list(tensors_in(batch, "b"))) < 100
    map_tensors(lambda tensor: tensor, batch)


@pytest.mark.parametrize("value", [ONE, [ONE], (ONE,), "text", 3, None, Sample, torch.nn.Linear(1, 1)])
def test_plain_values_have_no_fields(value):
    """Tensors, plain sequences, text, numbers, classes and modules are not taken for batches with named parts."""
    assert fields_of(value) is None
