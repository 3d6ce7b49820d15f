from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from nbinspect.subject import make_subject
from nbinspect.widgets.dashboard_facts import facts_of


class Stream(IterableDataset):
    def __iter__(self):
        yield torch.zeros(2)


class Moody(TensorDataset):
    def __len__(self):
        raise RuntimeError("ask me later")


def test_parts_that_differ_are_told() -> None:
    """Frozen parameters, two dtypes and a frozen batch norm in a training model are all told."""
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3).eval(), nn.Linear(3, 2, dtype=torch.float64))
    model[0].requires_grad_(False)
    facts = facts_of(make_subject(model, [(torch.zeros(2, 4), torch.zeros(2))], nn.functional.mse_loss))
    assert (facts["parameters"], facts["trainable"]) == ("29", "14")
    assert (facts["dtype"], facts["device"]) == ("float32, float64", "cpu")
    assert facts["mode"] == "train and eval"
    assert (facts["loader"], facts["samples"], facts["batches"], facts["batch_size"]) == ("list", None, "1", None)
    assert facts["loss"] == "mse_loss"


def test_what_cannot_be_told_is_left_out() -> None:
    """Lazy parameters, streams and data sets whose length raises leave a gap and raise nothing."""
    model = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2))
    loader = DataLoader(Stream(), batch_size=4)
    facts = facts_of(
        make_subject(model, loader, val_loader=DataLoader(Moody(torch.zeros(3)), batch_size=None, sampler=range(3)))
    )
    assert facts["parameters"] == "8+"
    assert (facts["samples"], facts["batches"], facts["batch_size"]) == (None, None, "4")
    assert facts["validation"] == "3 batches"
    assert facts["loss"] is None
    assert isinstance(model[0].weight, nn.UninitializedParameter)


def test_rates_of_optimizers_are_told() -> None:
    """One rate or the range of several, of the first of several optimizers; a factory has made none yet."""
    model = nn.Linear(2, 2)
    groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.001}]
    optimizer = torch.optim.SGD(groups)
    facts = facts_of(make_subject(model, optimizer={"one": optimizer, "two": torch.optim.Adam(model.parameters())}))
    assert (facts["optimizer"], facts["rate"]) == ("SGD", "0.001 to 0.1")
    facts = facts_of(make_subject(model, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1)))
    assert (facts["optimizer"], facts["rate"]) == (None, None)


class Own(nn.Module):
    """A network that computes its own loss, as those of transformers do."""

    def forward(self, x, labels=None):
        return {"loss": nn.functional.mse_loss(x, labels), "logits": x}


def test_a_loss_that_the_model_computes_is_not_missing():
    """A network that takes labels, or a step of the user's own, has a loss though none was given."""
    assert facts_of(make_subject(Own()))["loss"] == "the model's own"
    assert facts_of(make_subject(nn.Linear(2, 2), train_step=lambda *parts: None))["loss"] == "of train_step"
    assert facts_of(make_subject(nn.Linear(2, 2)))["loss"] is None
