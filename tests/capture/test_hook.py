from __future__ import annotations

import gc
import threading

import pytest
import torch
from torch import nn
from torch.optim import optimizer as torchs
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.capture.batch import capture_batch
from nbinspect.capture.follow import Follower
from nbinspect.capture.hook import Hook, add_hook, add_pre_hook, remove_step_hooks
from nbinspect.dynamics.hooks import Hooks
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


class Counting:
    """Counts steps; what is given to it is done at the first one."""

    def __init__(self, at_first: object = None) -> None:
        self.steps, self.at_first = 0, at_first

    def loss_seen(self, loss: torch.Tensor, targets: object) -> None:
        """Nothing is done with a loss."""

    def batch_seen(self, arguments: object) -> None:
        """Nor with a batch."""

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Nor before a step."""

    def after_step(self, *_: object) -> None:
        self.steps += 1
        if self.steps == 1 and callable(self.at_first):
            self.at_first()


def stepped(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(X).sum().backward()
    optimizer.step()


def step_hooks() -> int:
    return len(torchs._global_optimizer_pre_hooks) + len(torchs._global_optimizer_post_hooks)


def test_hooks_that_become_garbage_within_a_step_do_not_raise_in_it() -> None:
    """What watched another network, and is collected while an optimizer steps, leaves after that step, silently."""
    before, model = step_hooks(), nn.Linear(6, 2)
    subject = make_subject(model, None, nn.MSELoss())

    def collect() -> None:
        later.clear()
        gc.collect()

    first = Hooks(subject, Counting(collect))
    later = [Hooks(make_subject(nn.Linear(2, 2), None, nn.MSELoss()), Counting())]
    stepped(model)
    first.remove()
    assert step_hooks() == before


def test_hooks_removed_from_another_thread_within_a_step_are_silent_at_once() -> None:
    """They are told of no step any more, and the step that is under way ends; the next removal takes them along."""
    before, model = step_hooks(), nn.Linear(6, 2)
    told = Counting()
    handles: list[torch.utils.hooks.RemovableHandle] = []

    def from_elsewhere() -> None:
        thread = threading.Thread(target=remove_step_hooks, args=(handles,))
        thread.start()
        thread.join()

    first = torchs.register_optimizer_step_post_hook(Hook(Counting(from_elsewhere).after_step))
    kept = Counting(from_elsewhere)
    second = torchs.register_optimizer_step_post_hook(Hook(kept.after_step))
    handles.append(torchs.register_optimizer_step_post_hook(Hook(told.after_step)))
    stepped(model)
    stepped(model)
    assert told.steps == 0
    assert kept.steps == 2
    remove_step_hooks([first, second])
    assert step_hooks() == before
