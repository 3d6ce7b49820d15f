from __future__ import annotations

import itertools
import random
import re
from collections import namedtuple
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from transformers import BatchEncoding, BertConfig, BertForSequenceClassification

from nbinspect.calling import call_model, set_mode, split_batch
from nbinspect.capture.forward import record_forward
from nbinspect.errors import CaptureError, InputError
from nbinspect.inspector import Inspector
from nbinspect.preserve import preserve
from nbinspect.seeding import seed_generators
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


class Denoiser(nn.Module):
    """Gives its input on, moved by a parameter that is zero."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.shift


def noisy(batch):
    """Random inputs, which are the targets too: drawn anew at each call."""
    drawn = torch.randn_like(batch[0]) + float(np.random.rand()) + random.random()
    return drawn, drawn


def drawn_next():
    """What the three generators would give next; their states are left as they are."""
    with preserve():
        return torch.rand(1).item(), np.random.rand(), random.random()


def test_a_split_that_draws_leaves_the_random_states():
    """A `split` that draws noise moves no random state, and inside a guard it draws other noise for each batch."""
    subject, before = make_subject(Denoiser(), split=noisy), drawn_next()
    first, again = (split_batch(subject, (X, Y)).inputs for _ in range(2))
    assert drawn_next() == before
    assert torch.equal(first, again)
    with preserve():
        first, again = (split_batch(subject, (X, Y)).inputs for _ in range(2))
        assert not torch.equal(first, again)
    assert drawn_next() == before


def loaded():
    return DataLoader(TensorDataset(torch.randn(24, 5), torch.zeros(24)), 8)


WATCHED = {
    "batch": lambda inspector: inspector.batch().predict(),
    "next": lambda inspector: inspector.batch().next(),
    "follow": lambda inspector: inspector.batch(follow=True),
    "forward": lambda inspector: inspector.forward(),
    "data": lambda inspector: inspector.data().predict(),
    "dynamics": lambda inspector: inspector.dynamics(budget=0.5).attach().detach(),
    "hardest": lambda inspector: inspector.dynamics(probe="hardest").attach().detach(),
}


@pytest.mark.parametrize("view", WATCHED)
def test_no_view_moves_the_random_states_by_a_split_that_draws(view):
    """Whatever view is opened, a training goes on with the very random numbers that it would have had."""
    inspector = Inspector(Denoiser(), loaded(), nn.MSELoss(), split=noisy)
    before = drawn_next()
    WATCHED[view](inspector)
    assert drawn_next() == before


def trained(watch):
    """The weights after some steps on noise that is drawn in the loop, watched or not."""
    seed_generators(0)
    model = nn.Linear(5, 5)
    loader, loss_fn, optimizer = loaded(), nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1)
    inspector = Inspector(model, loader, loss_fn, val_loader=loaded(), optimizer=optimizer, split=noisy)
    with inspector.dynamics(budget=1.0, size=8) if watch else nullcontext():
        for _ in range(10):
            for batch in loader:
                inputs, targets = noisy(batch)
                optimizer.zero_grad()
                loss_fn(model(inputs.tanh()), targets.tanh()).backward()
                optimizer.step()
    return model.weight


def test_a_watched_run_with_a_split_that_draws_has_the_same_weights():
    """The weights of a run whose noise is drawn in the loop and in `split` are the same, watched or not."""
    assert torch.equal(trained(watch=True), trained(watch=False))


def test_losses_compare_with_the_targets_of_the_same_split():
    """Where inputs and targets are the same noise, the losses of a network that changes nothing are all zero."""
    made = itertools.count()

    def fresh(batch):  # noise that putting random states back does not bring again
        drawn = torch.randn(batch[0].shape, generator=torch.Generator().manual_seed(next(made)))
        return drawn, drawn

    inspector = Inspector(Denoiser(), loaded(), nn.MSELoss(), split=fresh)
    data = inspector.data()
    data.predict()
    assert not data.to_frame()["loss"].any()
    batch = inspector.batch()
    batch.predict()
    assert not batch.decoded.losses.any()
    assert torch.equal(batch._browser.held().inputs[0][1], batch._browser.held().targets)
    dynamics = inspector.dynamics(budget=1.0).attach()
    dynamics.detach()
    assert not any(reading.losses.any() for reading in dynamics.record.readings[0])


class OfAttributes(Denoiser):
    def forward(self, b):
        return b.image


class OfKeys(Denoiser):
    def forward(self, b):
        return b["image"]


class Broken(Denoiser):
    def forward(self, b):
        raise ValueError("anything else")


@dataclass
class Pictured:
    image: torch.Tensor
    label: torch.Tensor


HINT = "nbinspect gave {} alone; for a model that takes the whole batch, give forward=lambda model, batch: model(batch)"


@pytest.mark.parametrize(
    ("model", "batch", "given"),
    [(OfAttributes(), Pictured(X, X), "batch.image"), (OfKeys(), {"image": X, "label": X}, "batch['image']")],
)
def test_a_batch_that_was_taken_apart_by_guess_is_told_of_where_the_forward_raises(model, batch, given):
    """Where a model that takes the whole batch gets a part of it, every view says which, and what to give."""
    hint = HINT.format(given)
    with pytest.raises((AttributeError, IndexError, TypeError), match=re.escape(hint)):
        call_model(make_subject(model), batch, split_batch(make_subject(model), batch))
    inspector = Inspector(model, [batch, batch], nn.MSELoss())
    assert hint in inspector.batch().record.error
    assert hint in record_forward(make_subject(model), batch).failure.error
    with pytest.raises(CaptureError, match=re.escape(hint)):
        inspector.data().predict()
    dynamics = inspector.dynamics().attach()
    dynamics.detach()
    assert any(hint in moment.text for moment in dynamics.record.moments)
    whole = make_subject(model, forward=lambda model, batch: model(batch))
    assert call_model(whole, batch, split_batch(whole, batch)) is X


def test_other_errors_of_a_forward_are_left_as_they_are():
    """An error that does not come of what was given, or where nothing was guessed, is told in its own words alone."""
    for model, batch in ((Broken(), Pictured(X, X)), (OfAttributes(), (X, Y))):
        with pytest.raises((ValueError, AttributeError)) as raised:
            call_model(make_subject(model), batch, split_batch(make_subject(model), batch))
        assert "nbinspect" not in str(raised.value)


IMAGES, NUMBERS, PATHS = torch.randn(4, 3, 8), torch.arange(4), ["a.png", "b.png", "c.png", "d.png"]


@pytest.mark.parametrize(
    "batch",
    [
        (IMAGES, Y, NUMBERS),
        (IMAGES, Y.float().unsqueeze(1), NUMBERS),
        (NUMBERS, IMAGES, Y),
        [IMAGES, Y, PATHS],
        (IMAGES, Y, {"path": PATHS, "row": NUMBERS}),
        (IMAGES, Y, NUMBERS, PATHS),
        (IMAGES[0], 1, 7),
        (IMAGES[0], 1, "a.png"),
    ],
    ids=["number last", "of one value", "number first", "paths", "facts", "both", "a sample", "a sample's path"],
)
def test_numbers_and_paths_of_samples_are_no_targets(batch):
    """Where the model takes a single input, what only names the samples is neither input nor target."""
    parts = split_batch(make_subject(OneInput()), batch)
    assert torch.is_tensor(parts.inputs)
    assert parts.inputs.shape in (IMAGES.shape, IMAGES[0].shape)
    wanted = 1 if isinstance(batch[1], int) else next(p for p in batch[1:] if torch.is_tensor(p) and p is not IMAGES)
    assert parts.targets is wanted or parts.targets == 1


@pytest.mark.parametrize("batch", [(X, Z, Y), (X, Y, Y), (X, Z, {"boxes": Z, "names": PATHS}), (Y, NUMBERS, X[:, 0])])
def test_what_may_be_inputs_stays_a_tuple(batch):
    """Two inputs and a target are no image, label and number; a model may take the two as one tuple, or one by one."""
    subject = make_subject(TwoInputs() if batch[1] is Y else OneInput())
    assert split_batch(subject, batch).inputs == batch[:2]
    assert split_batch(subject, batch).targets is batch[2]


class Trainer(nn.Linear):
    """A layer whose `train` takes something else than a mode."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.calls = []

    def train(self, positive, negative=None):
        self.calls.append((positive, negative))


class Frozen(nn.Linear):
    """A layer whose `train` keeps it in eval mode."""

    def train(self, mode=True):
        return super().train(False)


class Verbose(Frozen):
    def train(self, mode: bool = True, verbose=False):
        return super().train(mode)


@pytest.mark.parametrize("training", [True, False])
def test_a_train_that_takes_no_mode_is_not_called(training):
    """The modes are set all the same where a class uses the name for its own training loop, and one inside of it."""
    model = nn.Sequential(Trainer(2, 2), nn.Dropout())
    for module in model.modules():
        module.training = not training
    set_mode(model, training)
    assert [module.training for module in model.modules()] == [training] * 3
    assert model[0].calls == []


@pytest.mark.parametrize("kind", [Frozen, Verbose])
def test_a_train_that_takes_a_mode_decides(kind):
    """What a class does with the mode is left to it."""
    model = nn.Sequential(kind(2, 2), nn.Dropout())
    set_mode(model, training=True)
    assert [module.training for module in model.modules()] == [True, False, True]
