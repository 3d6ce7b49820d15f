"""Which samples are chosen."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.probe import choose_probe
from nbinspect.dynamics.selection import choose, led_by
from nbinspect.errors import InputError, LoaderError
from nbinspect.subject import make_subject
from tests.dynamics import programs as made


def chosen(how, size, **options):
    subject = made.digits(**options)
    subject.model.eval()

    def losses(batch):
        with torch.no_grad():
            return F.cross_entropy(subject.model(batch[0]), batch[1], reduction="none")

    return subject, choose(subject, how, subject.loader, size, losses)


def test_the_first_samples_are_those_of_the_next_epoch():
    """The probe has the samples with which the user's next epoch begins, with their indices."""
    torch.manual_seed(2)
    subject, found = chosen("first", 10)
    x, y = next(iter(subject.loader))
    assert torch.equal(found.batch[0], x[:10])
    assert torch.equal(found.batch[1], y[:10])
    assert torch.equal(made.CLASSES[list(found.indices)], y[:10])
    assert found.words == "first 10 of the first batch"


def test_classes_are_evenly_represented():
    """Of ten classes in a sorted data set of small batches, 25 samples have two or three of each class."""
    order = made.CLASSES[:600].argsort()
    data = TensorDataset(made.PIXELS[order], made.CLASSES[order])
    subject = make_subject(made.mlp(), DataLoader(data, 40), nn.CrossEntropyLoss())
    found = choose(subject, "stratified", subject.loader, 25, lambda batch: None)
    assert set(Counter(found.batch[1].tolist()).values()) <= {2, 3}
    assert found.batch[1][:10].tolist() == list(range(10))
    assert torch.equal(data.tensors[0][list(found.indices)], found.batch[0])


def test_the_hardest_come_first():
    """Samples of several batches come in the order of their losses, in words with the number of batches."""
    subject, found = chosen("hardest", 12)
    with torch.no_grad():
        losses = F.cross_entropy(subject.model(found.batch[0]), found.batch[1], reduction="none")
    assert (losses.diff() <= 1e-6).all()
    assert found.words == "the hardest of 8 batches"


def test_the_hardest_of_a_probe_are_found_by_its_own_loss():
    """Chosen through the model itself, no sample of the looked-at batches is harder than the easiest chosen."""
    data = TensorDataset(made.PIXELS[:200], made.CLASSES[:200])
    model = made.mlp().eval()
    subject = make_subject(model, DataLoader(data, 50), nn.CrossEntropyLoss())
    losses = choose_probe(subject, how="hardest", size=20).read(0).losses
    with torch.no_grad():
        every = F.cross_entropy(model(made.PIXELS[:200]), made.CLASSES[:200], reduction="none")
    assert torch.allclose(torch.tensor(losses), every.sort(descending=True).values[:20], rtol=1e-4)


def test_targets_without_classes_cannot_be_stratified():
    """Numbers as targets are refused with what would do."""
    loader = [(torch.randn(8, 3), torch.randn(8, 2))]
    with pytest.raises(InputError, match="one class a sample"):
        choose_probe(make_subject(nn.Linear(3, 2), loader, nn.MSELoss()), how="stratified")


def test_an_empty_loader_is_named():
    """A loader without batches raises LoaderError, however samples are chosen."""
    for how in ("first", "stratified", "hardest"):
        with pytest.raises(LoaderError):
            choose_probe(make_subject(made.mlp(), [], nn.CrossEntropyLoss()), how=how)


def test_a_picked_sample_leads_the_samples_of_its_batch():
    """The sample stands first and once, the others keep their order, indices go along, and the batch is left alone."""
    subject = made.digits()
    batch = (torch.arange(6.0).reshape(6, 1), torch.arange(6))
    led = led_by(subject, batch, 4, 3, (10, 11, 12, 13, 14, 15))
    assert led.batch[1].tolist() == [4, 0, 1]
    assert led.indices == (14, 10, 11)
    assert led.size == 3
    batch[0].zero_()
    assert led.batch[0].flatten().tolist() == [4, 0, 1]
    assert led_by(subject, batch, 0, 24, None).batch[1].tolist() == [0, 1, 2, 3, 4, 5]
    assert led_by(subject, batch, 2, 24, (1, 2)).indices is None


def test_a_probe_is_led_before_the_run_and_not_after():
    """The plan watches the samples that it was given, of their split, and refuses others once they were chosen."""
    x, y = made.PIXELS[:20], made.CLASSES[:20]
    subject = make_subject(made.mlp(), DataLoader(TensorDataset(x, y), 5), nn.CrossEntropyLoss())
    observer = Observer(subject, size=4)
    observer.plan.lead(led_by(subject, (x[5:10], y[5:10]), 2, 4, (5, 6, 7, 8, 9)), "train")
    assert observer.plan.splits == ["train"]
    with observer:
        assert observer.record.probes[0].batch.batch.indices == (7, 5, 6, 8)
        assert torch.equal(observer.plan.watched[0].batch[0], x[[7, 5, 6, 8]])
        with pytest.raises(InputError, match="were chosen when the run began"):
            observer.plan.lead(led_by(subject, (x[:5], y[:5]), 0, 4, None), "train")


def test_flags_are_classes() -> None:
    """Targets of True and False are two classes to choose evenly from."""
    data = TensorDataset(torch.arange(16.0).reshape(8, 2), torch.tensor([True] * 6 + [False] * 2))
    subject = make_subject(nn.Linear(2, 1), DataLoader(data, 8), nn.BCEWithLogitsLoss())
    found = choose(subject, "stratified", subject.loader, 4, lambda batch: None)
    assert sorted(found.batch[1].tolist()) == [False, False, True, True]
