from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.capture.batch import capture_batch
from nbinspect.capture.follow import Follower
from nbinspect.capture.hook import add_hook, add_pre_hook
from nbinspect.dynamics.observer import Observer
from nbinspect.subject import make_subject

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.layer(x) * scale


def scripted() -> nn.Module:
    return torch.jit.script(Scaled())


def traced() -> nn.Module:
    return torch.jit.trace(nn.Sequential(nn.Linear(6, 2)), X[:3])


def test_hooks_see_every_call_of_a_scripted_module() -> None:
    """What enters a scripted module by position and by name is told, and that it was left, also where it raises."""
    model, told = scripted(), []
    handles = [
        add_pre_hook(model, lambda _, args, kwargs: told.append((len(args), dict(kwargs)))),
        add_hook(model, lambda *_: told.append("left"), always_call=True),
    ]
    model(X[:2], scale=2.0)
    with pytest.raises(RuntimeError):
        model(X[:2, :3])
    for handle in handles:
        handle.remove()
    model(X[:2])
    assert told == [(1, {"scale": 2.0}), "left", (1, {}), "left"]


@pytest.mark.parametrize("make", [scripted, traced])
@pytest.mark.parametrize("forward", [None, lambda network, batch: network(batch[0])])
def test_what_enters_a_scripted_model_is_captured(make, forward) -> None:
    """The batch that enters a model that is scripted as a whole is caught at its door, which is left without hooks."""
    model = make()
    record = capture_batch(make_subject(model, None, nn.CrossEntropyLoss(), forward=forward), (X[:5], Y[:5])).record
    assert (record.size, record.error, record.origin.notes) == (5, None, ())
    assert record.tensors[0].facts.shape == (5, 6)
    assert not model._forward_pre_hooks
    assert not model._forward_hooks


@pytest.mark.parametrize("make", [scripted, traced])
def test_the_training_of_a_scripted_model_is_watched(make) -> None:
    """Steps, losses, probe predictions and the batches of a scripted model's training are seen from outside."""
    model = make()
    loader = DataLoader(TensorDataset(X, Y), batch_size=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    subject = make_subject(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer)
    seen = _Seen()
    follower = Follower(subject, seen.receive, seen.gone, seen.failed, at_once=True)
    losses = []
    with Observer(subject, budget=1.0) as observer:
        for x, y in loader:
            optimizer.zero_grad()
            loss = subject.loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    follower.detach()
    (trace,) = [each for each in observer.record.traces if each.name == "loss"]
    assert trace.mean.tolist() == pytest.approx(losses)
    assert observer.record.readings[0]
    assert seen.batches[0].record.size == 10
    assert not model._forward_hooks


class _Seen:
    def __init__(self) -> None:
        self.batches = []

    def receive(self, batch) -> None:
        self.batches.append(batch)

    def gone(self) -> None:
        """Nobody takes this one's place."""

    def failed(self, text) -> None:
        raise AssertionError(text)
