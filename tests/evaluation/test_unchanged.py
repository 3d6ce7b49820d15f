"""The narrow guard: what a forward can change comes back."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.errors import CaptureError
from nbinspect.evaluation.unchanged import Unchanged, _run
from tests.dynamics import programs as made
from tests.dynamics.programs import everything, same


@dataclass
class Notes:
    calls: int = 0
    seen: list[int] = field(default_factory=list)


class Meddles(nn.Module):
    """Its forward changes all that a forward may come to change."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
        self.register_buffer("count", torch.zeros(2))
        self.register_buffer("moved", torch.ones(3))
        self.plain, self.calls, self.history, self.notes = torch.zeros(2), 0, [1], Notes()
        self.cache = {"deep": {"list": [torch.zeros(1)]}}
        self.empty, self.names = [], {"a"}
        self.draws, self.throws = torch.Generator(), np.random.default_rng(1)

    def forward(self, x):
        self.calls += 1
        self.last = x
        self.history.append(x)
        self.empty.append(1)
        self.names.add("b")
        self.notes.calls += 1
        self.notes.seen.append(1)
        self.cache["deep"]["list"][0].add_(1)
        self.cache["deep"]["more"] = 1
        self.count.add_(1)
        self.count.data.add_(1)
        self.moved.data = torch.zeros(5)
        self.plain += 1
        self.norm.eval()
        self.late = nn.Linear(2, 2)
        self.head.register_forward_hook(lambda *_: None)
        self.head.requires_grad_(True)
        torch.rand(1), random.random(), np.random.rand()
        torch.rand(1, generator=self.draws), self.throws.random()
        torch.set_default_dtype(torch.float64)
        return self.head(self.norm(x))


def state(model):
    held = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    return repr(
        [held, model.notes, model.draws.get_state().tolist(), model.throws.bit_generator.state, list(model._modules)]
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_whatever_a_forward_changes_comes_back(training, fails):
    """Attributes, containers to any depth, buffers, hooks, submodules, modes, generators and settings are as before."""
    model = Meddles().train()
    guard = Unchanged(model)
    assert not guard.whole
    before, held, memory = everything(model), state(model), model.moved.data_ptr()
    try:
        with guard.passes(training):
            assert model.training is training
            model(torch.randn(4, 3))
            if fails:
                raise KeyboardInterrupt  # noqa: TRY301 - as a user's own, in the midst of a forward
    except KeyboardInterrupt:
        assert fails
    assert not same(before, everything(model))
    assert state(model) == held
    assert model.moved.data_ptr() == memory
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()


def test_a_graph_that_waits_stays_valid():
    """A backward through batch statistics and an in-place buffer works after a reading, with the same gradients."""
    gradients = []
    for look in (False, True):
        torch.manual_seed(0)
        model = made.cnn().train()
        loss = model(made.PIXELS[:16]).square().mean() + (model[2].running_mean * model[2].weight).sum()
        if look:
            with Unchanged(model).passes(training=True):
                model(made.PIXELS[:8])
        loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(map(torch.equal, *gradients))


def test_modules_that_were_frozen_stay_so():
    """Flags that differ between modules come back one by one; in train mode each keeps its own."""
    model = made.cnn().train()
    model[2].eval()
    guard = Unchanged(model)
    with guard.passes(training=True):
        assert model.training
        assert not model[2].training
    with guard.passes(training=False):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model].count(False) == 1


def test_a_train_of_the_users_own_is_called():
    """A model that does more than set flags in `train` goes through it, and its weights come back."""

    class Merges(nn.Linear):
        def train(self, mode: bool = True):
            if self.training and not mode:
                self.weight.data *= 2
            return super().train(mode)

    model = Merges(2, 2).train()
    before = model.weight.detach().clone()
    with Unchanged(model).passes(training=False):
        assert torch.equal(model.weight, 2 * before)
    assert torch.equal(model.weight, before)
    assert model.training


def test_embeddings_that_renormalise_are_put_back():
    """An embedding with a largest norm writes to its weights when it is read; they are as before."""
    model = nn.Embedding(5, 3, max_norm=0.1)
    before = everything(model)
    with Unchanged(model).passes(training=False):
        model(torch.arange(5))
    assert not same(before, everything(model))


def test_writing_to_parameters_is_seen():
    """A write at the first pass is undone; one that begins later is said, and from then on parameters are put back."""
    model = nn.Linear(2, 2)
    guard = Unchanged(model)
    before = everything(model)
    with guard.passes(training=False):
        model.bias.data.add_(1)
    assert not same(before, everything(model))
    assert guard.whole
    guard = Unchanged(model)
    with guard.passes(training=False):
        pass
    with pytest.raises(CaptureError, match="writes to parameters"), guard.passes(training=False):
        model.bias.add_(1)
    before = everything(model)
    with guard.passes(training=False):
        model.bias.add_(1)
    assert not same(before, everything(model))


def test_scripted_models_are_guarded_as_a_whole():
    """A scripted model keeps its flags elsewhere; they come back as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.script(nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with Unchanged(model).passes(training=False):
        assert not model.training
        model(torch.randn(4, 3))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_trainer_that_the_model_knows_is_not_walked_through():
    """Attributes of an object that a module holds come back; what that object's own parts hold is left alone."""
    model = nn.Linear(2, 2)
    model.trainer = Notes()
    model.trainer.program = Notes()
    with Unchanged(model).passes(training=False):
        model.trainer.calls = model.trainer.program.calls = 5
    assert model.trainer.calls == 0
    assert model.trainer.program.calls == 5


class Frees(nn.Module):
    """Its forward gives the memory of a buffer back, and writes to another one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("freed", torch.ones(3))
        self.register_buffer("written", torch.ones(3))

    def forward(self, x):
        self.freed.untyped_storage().resize_(0)
        self.written += 1
        return x


def test_memory_that_a_forward_gave_back_is_there_again():
    """A buffer whose storage was freed has its memory and values again, at the first block as at the later ones."""
    model = Frees()
    guard = Unchanged(model)
    for _ in range(3):
        with guard.passes(training=False):
            model(torch.zeros(1))
        assert model.freed.tolist() == model.written.tolist() == [1, 1, 1]


def test_what_cannot_be_put_back_does_not_keep_the_rest_from_it():
    """All else is put back where one thing cannot be, and then its error is raised."""
    done: list[int] = []

    def fail():
        raise RuntimeError("its memory is gone")

    with pytest.raises(RuntimeError, match="memory is gone"):
        _run([(done.append, (1,)), (fail, ()), (done.append, (2,))])
    assert done == [1, 2]
