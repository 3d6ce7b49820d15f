from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from transformers import BatchEncoding, BertConfig, BertForSequenceClassification

from nbinspect.calling import call_model, split_batch
from nbinspect.errors import InputError
from nbinspect.subject import make_subject

X, Z, Y = torch.randn(4, 3), torch.randn(4, 3), torch.tensor([0, 1, 0, 1])
Labelled = namedtuple("Labelled", ["image", "target"])
Plain = namedtuple("Plain", ["first", "second"])


@dataclass
class Batch:
    features: torch.Tensor
    label: torch.Tensor


class Recorder(nn.Module):
    """Notes what it is called with."""

    def note(self, **given):
        self.given = {name: value for name, value in given.items() if value is not None}
        return X


class OneInput(Recorder):
    def forward(self, x):
        return self.note(x=x)


class TwoInputs(Recorder):
    def forward(self, x, mask):
        return self.note(x=x, mask=mask)


class WholeBatch(Recorder):
    def forward(self, batch):
        return self.note(batch=batch)


class Named(Recorder):
    def forward(self, input_ids, attention_mask=None, labels=None):
        return self.note(input_ids=input_ids, attention_mask=attention_mask, labels=labels)


class AnyName(Recorder):
    def forward(self, **kwargs):
        return self.note(**kwargs)


SPLITS = [
    ((X, Y), X, Y, "y"),
    ([X, Y], X, Y, "y"),
    ((X, Z, Y), (X, Z), Y, "y"),
    ((X,), X, None, "targets"),
    (X, X, None, "targets"),
    ({"image": X, "label": Y}, {"image": X}, Y, "label"),
    ({"x": X, "y": Y}, {"x": X}, Y, "y"),
    ({"x": X}, {"x": X}, None, "targets"),
    (BatchEncoding({"input_ids": X, "labels": Y}), {"input_ids": X}, Y, "labels"),
    (Labelled(X, Y), {"image": X}, Y, "target"),
    (Plain(X, Y), X, Y, "y"),
    (Batch(X, Y), {"features": X}, Y, "label"),
    (((X, Z), Y), (X, Z), Y, "y"),
    ((X, {"boxes": Z}), X, {"boxes": Z}, "y"),
]


@pytest.mark.parametrize(("batch", "inputs", "targets", "name"), SPLITS)
def test_the_usual_batches_are_split(batch, inputs, targets, name):
    """Every usual shape of batch is split into the inputs and the targets that a user would take from it."""
    parts = split_batch(make_subject(OneInput(), [batch]), batch)
    assert _same(parts.inputs, inputs)
    assert _same(parts.targets, targets)
    assert parts.target_name == name


CALLS = [
    (OneInput, (X, Y), {"x": X}),
    (OneInput, (X,), {"x": X}),
    (OneInput, ((X, Z), Y), {"x": (X, Z)}),
    (TwoInputs, (X, Z, Y), {"x": X, "mask": Z}),
    (TwoInputs, ([X, Z], Y), {"x": X, "mask": Z}),
    (TwoInputs, {"x": X, "mask": Z, "label": Y, "id": torch.arange(4)}, {"x": X, "mask": Z}),
    (OneInput, {"image": X, "label": Y, "id": torch.arange(4), "path": ["a"] * 4}, {"x": X}),
    (OneInput, {"anything": X, "label": Y}, {"x": X}),
    (OneInput, Batch(X, Y), {"x": X}),
    (WholeBatch, {"image": X, "label": Y}, {"batch": {"image": X, "label": Y}}),
    (WholeBatch, Batch(X, Y), {"batch": Batch(X, Y)}),
    (Named, {"input_ids": X, "attention_mask": Z, "labels": Y}, {"input_ids": X, "attention_mask": Z, "labels": Y}),
    (Named, BatchEncoding({"input_ids": X, "labels": Y, "id": Z}), {"input_ids": X, "labels": Y}),
    (AnyName, {"a": X, "b": Z, "note": "text"}, {"a": X, "b": Z}),
    (TwoInputs, {"left": X, "right": Z, "label": Y}, {"x": X, "mask": Z}),
]


@pytest.mark.parametrize(("kind", "batch", "given"), CALLS)
def test_the_model_gets_the_arguments_of_its_forward(kind, batch, given):
    """The model is called as its forward asks: by name, by position, with the whole batch, and without stray keys."""
    subject = make_subject(kind(), [batch])
    call_model(subject, batch, split_batch(subject, batch))
    assert _same(subject.model.given, given)


def test_labels_stay_outside_when_there_is_a_loss_function():
    """With a loss function of one's own the labels are not passed to a model that could take them."""
    batch = {"input_ids": X, "labels": Y}
    subject = make_subject(Named(), [batch], nn.CrossEntropyLoss())
    call_model(subject, batch, split_batch(subject, batch))
    assert set(subject.model.given) == {"input_ids"}


def test_a_transformers_model_is_called_with_its_batch():
    """A real transformers model takes its BatchEncoding with labels and returns an object with a loss."""
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    batch = BatchEncoding({"input_ids": torch.ones(2, 5, dtype=torch.long), "labels": torch.tensor([0, 1])})
    subject = make_subject(BertForSequenceClassification(config), [batch])
    assert call_model(subject, batch, split_batch(subject, batch)).loss.dim() == 0


def test_the_users_split_and_forward_decide():
    """A split and a forward of the user's own are taken as they are, and the forward gets the unwrapped network."""
    network = OneInput()
    subject = make_subject(network, [X], split=lambda batch: (batch, Y), forward=lambda model, batch: (model, batch))
    parts = split_batch(subject, X)
    assert parts.targets is Y
    assert call_model(subject, X, parts) == (network, X)


@pytest.mark.parametrize("result", [None, X[:1], (X, Y, Z)])
def test_a_split_that_gives_no_pair_is_refused(result):
    """A split that returns anything but a pair gets an error that says what it should return."""
    with pytest.raises(InputError, match="expected a pair"):
        split_batch(make_subject(OneInput(), [X], split=lambda batch: result), X)


def _same(one, other):
    if isinstance(other, torch.Tensor):
        return one is other
    if isinstance(other, dict):
        return isinstance(one, dict) and set(one) == set(other) and all(_same(one[key], other[key]) for key in other)
    if isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(other, Batch):
        return _same(one.features, other.features)
    return one == other


def test_a_packed_sequence_stays_whole():
    """A PackedSequence is one input, not a tuple of its four parts."""
    packed = nn.utils.rnn.pack_sequence([torch.zeros(3, 2), torch.zeros(1, 2)])
    parts = split_batch(make_subject(nn.GRU(2, 3), [packed]), packed)
    assert parts.inputs is packed
    assert parts.targets is None
