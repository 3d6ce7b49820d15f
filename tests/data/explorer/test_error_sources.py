from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.explorer.error_sources import decompose
from nbinspect.data.explorer.explorer import Explorer
from nbinspect.data.explorer.works import CancelledError
from nbinspect.data.human.asking import HumanBaseline
from nbinspect.errors import InputError
from nbinspect.subject import Subject


class Said(nn.Module):
    """Says what the second feature is: right where that is the label."""

    def forward(self, x):
        return nn.functional.one_hot(x[:, 1].long(), 2).float() * 10


def loader(count, wrong):
    """`count` samples of which the network gets `wrong` wrong."""
    labels = torch.arange(count) % 2
    said = labels.clone()
    said[:wrong] = 1 - said[:wrong]
    return DataLoader(TensorDataset(torch.stack([torch.rand(count), said.float()], 1), labels), batch_size=16)


def explorer(val_loader=None):
    own = Explorer(Subject(Said(), loader(50, 5), nn.CrossEntropyLoss(), val_loader=val_loader))
    own.scan()
    return own


def test_the_error_of_each_set_is_that_of_the_network():
    """Levels are the shares of wrong samples of each loader, in the order from training to test, and parts add up."""
    own = explorer(loader(40, 12))
    told = []
    human = HumanBaseline(np.arange(50), np.arange(50) % 2, ["a", "b"], n=10)
    while human.next() is not None:
        human.answer(int(human.next().row % 2))
    found = decompose(own, told.append, train_validation=loader(30, 6), test=loader(20, 10), human=human)
    assert [(level.name, level.value) for level in found.levels] == [
        ("human", 0),
        ("train", 0.1),
        ("train-validation", 0.2),
        ("validation", 0.3),
        ("test", 0.5),
    ]
    assert sum(part.value for part in found.parts) == pytest.approx(0.5)
    assert {doing.work for doing in told} == {"scan", "predict"}


def test_losses_are_taken_apart_where_they_are_asked_for():
    """With the metric loss, levels are mean losses."""
    found = decompose(explorer(loader(40, 12)), lambda _: None, metric="loss")
    assert found.metric == "loss"
    right, wrong = np.log1p(np.exp(-10)), 10 + np.log1p(np.exp(-10))
    assert found.levels[0].value == pytest.approx(0.9 * right + 0.1 * wrong, rel=1e-4)


def test_what_cannot_be_taken_apart_is_refused():
    """Without validation data, or a column of that metric, the reason is told."""
    with pytest.raises(InputError, match="val_loader"):
        decompose(explorer(), lambda _: None)
    with pytest.raises(InputError, match="'error'"):
        decompose(explorer(loader(8, 1)), lambda _: None, metric="rmse")


def test_a_split_without_correctness_is_named_with_the_reason():
    """The error says which data lacks it, why, and what is known there."""
    own = explorer(DataLoader(TensorDataset(torch.rand(40, 2)), batch_size=16))
    said = (
        r"'correct' for each sample of the validation data \(TensorDataset\), there is none: its samples have no label"
    )
    with pytest.raises(InputError, match=said):
        decompose(own, lambda _: None)


class Halves(nn.Module):
    """Predicts half of its only feature, and so is off by the other half."""

    def forward(self, x):
        return x / 2


def numbers(count):
    values = torch.arange(float(count))[:, None]
    return DataLoader(TensorDataset(values, values), batch_size=16)


def test_errors_of_further_loaders_are_in_the_same_units():
    """With targets that were scaled, errors of a further loader are scaled back as those of the splits are."""
    own = Explorer(Subject(Halves(), numbers(40), nn.MSELoss(), val_loader=numbers(40)))
    own.scan()
    own.target_scale = (3.0, 10.0)
    found = decompose(own, lambda _: None, test=numbers(40), metric="rmse")
    expected = 10 * np.sqrt(np.mean((np.arange(40) / 2) ** 2))
    assert [level.value for level in found.levels] == pytest.approx([expected] * 3)


def test_a_cancel_ends_the_prediction_of_a_further_loader():
    """Cancelled while a further loader is predicted, the work ends before all of that has been."""
    own = explorer(loader(40, 12))
    predicted = []

    def told(doing):
        if doing.work == "predict" and own.views["validation"].record.column("loss") is not None:
            predicted.append(doing.done)
            own.cancel()

    with pytest.raises(CancelledError):
        decompose(own, told, test=loader(640, 10))
    assert predicted
    assert max(predicted) < 0.5
