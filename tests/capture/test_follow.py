from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.capture.batch import capture_batch
from nbinspect.capture.follow import Follower
from nbinspect.subject import make_subject


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))


def data():
    generator = torch.Generator().manual_seed(1)
    return TensorDataset(torch.randn(32, 3, generator=generator), torch.arange(32) % 2)


class Receiver:
    def __init__(self):
        self.batches = []
        self.ended = 0
        self.failures = []

    def receive(self, captured):
        self.batches.append(captured)

    def replaced(self):
        self.ended += 1

    def failed(self, text):
        self.failures.append(text)


def follow(model, loss_fn=None, **options):
    receiver = Receiver()
    subject = make_subject(model, [torch.zeros(1, 3)], loss_fn)
    return receiver, Follower(subject, receiver.receive, receiver.replaced, receiver.failed, **options)


def train(model, loss_fn, epochs=2):
    torch.manual_seed(7)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for x, y in DataLoader(data(), batch_size=8, shuffle=True):
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()] + list(model.buffers())


@pytest.mark.parametrize("wrap", [lambda model: model, nn.DataParallel])
def test_training_with_a_follower_gives_the_same_weights(wrap):
    """Weights and BatchNorm statistics after training are bit-identical with and without a follower on every step."""
    bare = train(wrap(network()), nn.CrossEntropyLoss())
    model, loss_fn = wrap(network()), nn.CrossEntropyLoss()
    receiver, follower = follow(model, loss_fn, interval=0.0, budget=1e9)
    watched = train(model, loss_fn)
    assert len(receiver.batches) >= 7
    assert all(torch.equal(one, other) for one, other in zip(bare, watched, strict=True))
    follower.detach()


def test_every_batch_is_handed_over_with_its_targets():
    """What is handed over is the batch of that step, with the targets that its loss compared it with."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    receiver, _follower = follow(model, loss_fn, interval=0.0, at_once=True)
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    loss_fn(model(x), y)
    (captured,) = receiver.batches
    assert torch.equal(captured.inputs[0][1], x)
    assert torch.equal(captured.targets, y)
    assert captured.record.origin.how == "training"
    assert captured.record.origin.step == 1


def test_a_plain_loss_function_leaves_the_targets_out_and_says_so():
    """With a loss that is a plain function the batch is handed over without targets, and a note says why."""
    model = network()
    receiver, _follower = follow(model, nn.functional.cross_entropy, at_once=True)
    model(torch.randn(4, 3))
    assert receiver.batches[0].targets is None
    assert "targets are not seen" in receiver.batches[0].record.origin.notes[0]


def test_nothing_is_handed_over_before_the_interval_but_the_last_batch_is_kept():
    """Within the interval no batch is handed over; asked for, the last one seen is, and only once."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    receiver, follower = follow(model, loss_fn, interval=3600.0)
    for number in range(5):
        loss_fn(model(torch.full((2, 3), float(number))), torch.tensor([0, 1]))
    assert receiver.batches == []
    follower.hand_over()
    follower.hand_over()
    (captured,) = receiver.batches
    assert captured.inputs[0][1].unique().tolist() == [4.0]
    assert captured.record.origin.step == 5


def test_a_batch_that_was_changed_meanwhile_is_not_shown_as_what_entered():
    """A held batch whose tensor was changed in place after the step is not handed over as the batch that entered."""
    model = network()
    receiver, follower = follow(model, nn.CrossEntropyLoss(), interval=3600.0)
    x = torch.zeros(2, 3)
    model(x)
    x.add_(1)
    follower.hand_over()
    assert receiver.batches == []


def test_probes_of_nbinspect_itself_are_not_steps():
    """A capture of another view on the same model is neither counted nor handed over."""
    model = network()
    receiver, follower = follow(model, nn.CrossEntropyLoss(), at_once=True)
    capture_batch(make_subject(model, [1]), (torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)))
    assert follower.step == 0
    assert receiver.batches == []


def test_a_second_follower_takes_the_place_of_the_first():
    """A cell run again replaces the hooks of the last one: they are never stacked, and the older view is told."""
    model = network()
    first, _kept = follow(model)
    second, follower = follow(model, at_once=True)
    assert first.ended == 1
    assert len(model._forward_pre_hooks) == 1
    model(torch.zeros(2, 3))
    assert len(second.batches) == 1
    assert first.batches == []
    follower.detach()
    assert not model._forward_pre_hooks
    assert not model._forward_hooks


def test_copies_and_pickles_of_the_model_carry_no_follower():
    """A followed model can be deep-copied, pickled and saved whole; the copy is not watched."""
    model = network()
    receiver, _follower = follow(model, at_once=True)
    torch.save(model, io.BytesIO())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin(torch.zeros(2, 3))
    assert receiver.batches == []
    model(torch.zeros(2, 3))
    assert len(receiver.batches) == 1


def test_a_followed_model_does_not_keep_its_view_alive():
    """When the view is gone the hooks do nothing, and neither view nor follower is kept alive by the model."""
    model = network()
    receiver, follower = follow(model, at_once=True)
    gone = weakref.ref(receiver)
    del receiver, follower
    gc.collect()
    assert gone() is None
    model(torch.zeros(2, 3))


def test_labels_passed_to_the_model_are_targets():
    """A model that takes its labels itself is handed over with these as targets."""

    class Own(nn.Module):
        def forward(self, x, labels=None):
            return x.sum()

    model = Own()
    receiver, _follower = follow(model, at_once=True)
    model(torch.zeros(3, 2), labels=torch.tensor([1, 0, 1]))
    assert receiver.batches[0].target_name == "labels"
    assert [t.facts.role for t in receiver.batches[0].record.tensors] == ["input", "target"]


def short_of_memory(*_, **__):
    raise torch.OutOfMemoryError("tried to allocate 80 GiB")


@pytest.mark.parametrize("place", ["note_visit", "build", "_without_graph"])
def test_a_failure_of_ours_is_told_and_training_goes_on_bit_for_bit(monkeypatch, place):
    """Where noting or describing a batch raises, weights are those of a bare training, and each failure is told."""
    bare = train(network(), nn.CrossEntropyLoss())
    model, loss_fn = network(), nn.CrossEntropyLoss()
    receiver, follower = follow(model, loss_fn, interval=0.0, budget=1e9)
    monkeypatch.setattr(f"nbinspect.capture.follow.{place}", short_of_memory)
    watched = train(model, loss_fn)
    assert all(torch.equal(one, other) for one, other in zip(bare, watched, strict=True))
    assert receiver.batches == []
    assert "step 1: this batch cannot be shown: OutOfMemoryError: tried to allocate 80 GiB" in receiver.failures[0]
    monkeypatch.undo()
    loss_fn(model(torch.zeros(2, 3)), torch.tensor([0, 1]))
    assert len(receiver.batches) == 1
    follower.detach()


def test_after_a_failure_the_next_batch_waits_for_its_interval(monkeypatch):
    """A failure is not met again at every step: the next batch is tried after the interval."""
    model = network()
    receiver, _follower = follow(model, interval=3600.0, at_once=True)
    monkeypatch.setattr("nbinspect.capture.follow.build", short_of_memory)
    for _ in range(5):
        model(torch.zeros(2, 3))
    assert len(receiver.failures) == 1


def test_an_interrupt_is_the_users_own(monkeypatch):
    """An interrupt within our work is no failure to be told: it reaches the loop that the user stops."""

    def stop(*_):
        raise KeyboardInterrupt

    model = network()
    receiver, _follower = follow(model, at_once=True)
    monkeypatch.setattr("nbinspect.capture.follow.note_visit", stop)
    with pytest.raises(KeyboardInterrupt):
        model(torch.zeros(2, 3))
    assert receiver.failures == []


def test_a_followed_batch_with_time_first_counts_samples():
    """With batch_axis=1 what is handed over has as many samples as the second axis is long."""
    model, loss_fn, receiver = nn.GRU(3, 4), nn.MSELoss(), Receiver()
    subject = make_subject(model, [torch.zeros(12, 8, 3)], loss_fn, batch_axis=1)
    follower = Follower(subject, receiver.receive, receiver.replaced, receiver.failed, at_once=True)
    x, y = torch.randn(12, 8, 3), torch.randn(12, 8, 4)
    loss_fn(model(x)[0], y)
    (captured,) = receiver.batches
    assert captured.record.size == 8
    assert torch.equal(captured.inputs[0][1], x.transpose(0, 1))
    assert torch.equal(captured.targets, y.transpose(0, 1))
    follower.detach()
