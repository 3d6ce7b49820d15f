"""The clone: what it shares with the model, what it does not, and models that resist being copied."""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.clone import clones_of, parameter_copies
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import MODELS, Net, Tied, called, made, normal

Opened = Callable[..., ForwardStepper]


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_shared_and_buffers_are_not(name: str) -> None:
    """The clone's parameters lie in the memory of the model's, tied ones too; its buffers are copies."""
    model, _ = made(name)
    (clone,) = clones_of(model)
    pairs = zip(
        clone.named_parameters(remove_duplicate=False), model.named_parameters(remove_duplicate=False), strict=True
    )
    assert all(one[0] == other[0] and one[1].data_ptr() == other[1].data_ptr() for one, other in pairs)
    assert len(list(clone.parameters())) == len(list(model.parameters()))
    assert not {id(p) for p in clone.parameters()} & {id(p) for p in model.parameters()}
    assert not {id(b) for b in clone.buffers()} & {id(b) for b in model.buffers()}
    assert not {b.data_ptr() for b in clone.buffers()} & {b.data_ptr() for b in model.buffers() if b.numel()}
    assert not set(clone.modules()) & set(model.modules())


def test_other_values_can_be_used_for_the_parameters() -> None:
    """With values by name the clone has them, in tied weights and in recurrent layers too, and shares none."""
    for model, batch in ((Tied(), torch.arange(4)), (nn.LSTM(3, 4), normal(2, 2, 3))):
        kept = parameter_copies(model)
        with torch.no_grad():
            expected = model(batch)
            for parameter in model.parameters():
                parameter.add_(1)
            (clone,) = clones_of(model, values=kept)
            got = clone(batch)
        first = expected if isinstance(expected, Tensor) else expected[0]
        assert torch.equal(got if isinstance(got, Tensor) else got[0], first)
    (clone,) = clones_of(Tied(), values=parameter_copies(Tied()))
    assert clone.out.weight is clone.embedding.weight


class Keeps(nn.Module):
    """Holds what a deep copy refuses or what must not be shared."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.bn = nn.BatchNorm1d(4)
        self.lock = threading.Lock()
        self.kept = self.layer.weight * 2
        self.numbers = (n for n in range(3))
        self.file = path.open("w")
        self.act = lambda x: self.bn(x) * 2
        self.dice = torch.Generator().manual_seed(3)
        self.history: list[Tensor] = [self.layer.weight * 3]

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            self.kept = self.layer(x)
        self.history.append(self.kept)
        return self.act(self.kept) + torch.rand(4, generator=self.dice)


def test_a_model_that_resists_copying_is_stepped_all_the_same(opened: Opened, tmp_path: Path) -> None:
    """Locks, files, generators, kept tensors, random generators and lambdas over self leave the model as it was."""
    model = Keeps(tmp_path / "log")
    try:
        kept, dice, drawn = (
            model.kept,
            model.dice.get_state(),
            torch.rand(4, generator=torch.Generator().manual_seed(3)),
        )
        stepper = opened(model, normal(3, 4))
        assert stepper.over().name == "Linear"
        assert stepper.over().name == "BatchNorm1d"  # not hidden behind the lambda
        stepper.run()
        assert stepper.failure is None
        assert model.kept is kept
        assert len(model.history) == 1
        assert torch.equal(model.dice.get_state(), dice)
        assert model.bn.num_batches_tracked == 0
        expected = model.bn(model.layer(normal(3, 4))) * 2 + drawn
        assert torch.equal(stepper.outputs, expected)
    finally:
        model.file.close()


class Counts(nn.Module):
    """Has hooks: its own method, the user's, and one through a partial."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("seen", torch.zeros(()))
        self.layer.register_forward_hook(self.count)

    def count(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.seen += 1

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.seen


def adds_ten(owner: Counts, *_: Any) -> None:
    owner.seen += 10


def test_hooks_of_the_user_run_and_belong_to_the_user(opened: Opened) -> None:
    """A hook that is a method writes to the clone; the user's own function writes to the user's own list."""
    model, calls = Counts(), []
    model.layer.register_forward_hook(lambda module, args, output: calls.append(module) or output * 2)
    model.layer.register_forward_hook(functools.partial(adds_ten, model))
    expected = F.linear(torch.ones(2, 4), model.layer.weight, model.layer.bias) * 2 + 11
    stepper = opened(model, torch.ones(2, 4))
    stepper.run()
    assert model.seen == 0
    assert len(calls) == 1
    assert calls[0] is not model.layer
    torch.testing.assert_close(stepper.outputs, expected)


def test_a_forward_that_was_patched_runs_on_the_clone(opened: Opened) -> None:
    """A function or method that was set in place of a forward, and calls the one before, steps through the clone."""
    net = Net()
    before = net.forward
    net.forward = lambda x: before(x) + 1
    net.bn.forward = types.MethodType(lambda self, x: nn.BatchNorm2d.forward(self, x) * 2, net.bn)
    stepper = opened(net, normal(4, 3, 8, 8))
    assert [stepper.over().name for _ in range(3)] == ["Conv2d", "BatchNorm2d", "F.relu"]
    assert net.bn.num_batches_tracked == 0
    assert "forward" in vars(net)


def test_what_a_forward_writes_to_weights_of_an_embedding_is_the_clones(opened: Opened) -> None:
    """An embedding that renormalises its rows leaves the model's own rows alone."""
    model = nn.Embedding(5, 4, max_norm=0.1)
    before = model.weight.detach().clone()
    stepper = opened(model, torch.arange(5))
    stepper.run()
    assert stepper.outputs.norm(dim=1).max() < 0.11
    assert torch.equal(model.weight, before)


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_lazy_modules_stay_lazy() -> None:
    """The clone works out its own shapes, and the model's parameters stay uninitialised."""
    model = nn.Sequential(nn.LazyLinear(3))
    (clone,) = clones_of(model)
    assert clone(normal(2, 4)).shape == (2, 3)
    assert isinstance(model[0], nn.LazyLinear)
    assert isinstance(model[0].weight, nn.UninitializedParameter)


class Marked(Tensor):
    """A tensor that is asked about every operation on it."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return super().__torch_function__(function, types, args, kwargs or {})


def test_subclasses_of_tensors_stay_what_they_are(opened: Opened) -> None:
    """A batch of a subclass with its own `__torch_function__` goes through the pass as itself."""
    model = nn.Linear(4, 2)
    batch = normal(3, 4).as_subclass(Marked)
    stepper = opened(model, batch)
    stepper.run()
    assert stepper.failure is None
    assert type(stepper.outputs) is Marked
    assert torch.equal(stepper.outputs.as_subclass(Tensor), model(batch.as_subclass(Tensor)))


class Refuses:
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("one of a kind")


def test_what_refuses_inside_a_container_is_shared(opened: Opened) -> None:
    """An object in a list that cannot be copied does not keep the rest from being the clone's own."""

    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.things = [Refuses()]
            self.bn = nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.bn(x)

    model = Holds()
    stepper = opened(model, normal(3, 4))
    stepper.run()
    assert stepper.failure is None
    assert model.bn.num_batches_tracked == 0


def test_iterating_is_not_needed_to_copy() -> None:
    """Generators of numbers are not consumed by the copy."""

    def numbers() -> Iterator[int]:
        yield from range(3)

    model = nn.Linear(2, 2)
    model.numbers = numbers()
    clones_of(model)
    assert list(model.numbers) == [0, 1, 2]
    assert called(model, torch.ones(1, 2)).shape == (1, 2)


class Trainer:
    """Holds the model beside other things, as many scripts do."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.parts, self.itself = model, {"nets": [model]}, self
        self.lock = threading.Lock()

    def run(self, _: nn.Module, batch: Tensor) -> Tensor:
        return self.model(batch) + self.itself.parts["nets"][0](batch)


def test_an_object_that_holds_the_model_holds_the_clone_for_its_functions() -> None:
    """Methods of such an object, and functions that close over it, run the clone; the user's object is left alone."""
    model = nn.BatchNorm1d(4)
    trainer = Trainer(model)
    for forward in (trainer.run, lambda model, batch: 1 * trainer.run(model, batch)):
        clone, own = clones_of(model, forward, shared=False)
        own(clone, normal(3, 4)).sum().backward()
        assert clone.weight.grad is not None
        assert clone.num_batches_tracked == 2
    assert model.weight.grad is None
    assert model.num_batches_tracked == 0
    assert trainer.model is model
    assert trainer.parts == {"nets": [model]}


def test_functions_reach_the_clone_through_their_globals() -> None:
    """A penalty on the weights of a global model, or by a helper on them, is one on the clone's."""
    names: dict[str, Any] = {"model": nn.Linear(2, 1), "__name__": "__main__"}
    source = "def size():\n    return model.weight.square().sum()\n\n"
    source += "def loss(out, y):\n    return (out - y).sum() + size()\n"
    exec(compile(source, "<stdin>", "exec"), names)
    model, loss = names["model"], names["loss"]
    clone, own = clones_of(model, loss, shared=False)
    own(torch.zeros(1), torch.zeros(1)).backward()
    assert clone.weight.grad is not None
    assert model.weight.grad is None
    assert names["model"] is model
    assert clones_of(nn.Linear(2, 1), loss)[1] is loss
