from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from nbinspect import Inspector
from nbinspect.errors import InputError
from nbinspect.subject import make_subject, rate_of, unwrapped

DATA = TensorDataset(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))
LOADER = DataLoader(DATA, batch_size=2)


class Stream(IterableDataset):
    def __iter__(self):
        yield from range(3)


BAD = [
    ({"model": nn.Linear}, "expected an instance, got the class Linear; write Linear"),
    ({"model": torch.relu}, "expected a torch.nn.Module"),
    ({"model": None}, "expected a torch.nn.Module, got a NoneType"),
    ({"loader": DATA}, "got the data set TensorDataset, whose items are single samples; write DataLoader"),
    ({"loader": Stream()}, "got the data set Stream"),
    ({"loader": DataLoader}, "expected an instance, got the class DataLoader"),
    ({"loader": torch.zeros(2)}, r"write \[\(x, y\)\] for one batch"),
    ({"loader": {"x": 1}}, "expected an iterable of batches"),
    ({"loader": 3}, "expected an iterable of batches such as a DataLoader, got a int"),
    ({"val_loader": DATA}, "val_loader: expected an iterable of batches"),
    ({"loss_fn": nn.CrossEntropyLoss}, "got the class CrossEntropyLoss; write CrossEntropyLoss"),
    ({"loss_fn": 3.0}, "loss_fn: expected a callable"),
    ({"optimizer": torch.optim.Adam}, r"got the class Adam; write Adam\(model.parameters"),
    ({"optimizer": 0.1}, "expected a torch.optim.Optimizer"),
    ({"optimizer": [torch.optim.SGD]}, r"got the class SGD; write SGD\(model.parameters"),
    ({"optimizer": [torch.optim.SGD(nn.Linear(1, 1).parameters()), 0.1]}, "a dict or list of them .* got a float"),
    ({"split": (0, 1)}, "split: expected a callable"),
    ({"forward": "model(x)"}, "forward: expected a callable"),
    ({"class_names": "cat"}, "class_names: expected a list of names"),
    ({"val_laoder": LOADER}, "unknown keyword 'val_laoder': did you mean 'val_loader'"),
    ({"zzz": 1}, "unknown keyword 'zzz': known are loss_fn, optimizer|known are"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_wrong_arguments_get_one_clear_error(wrong, message):
    """Each wrong argument is refused at once with what was expected, what came and what to write instead."""
    given = {"model": nn.Linear(3, 2), "loader": LOADER, **wrong}
    with pytest.raises(InputError, match=message):
        Inspector(given.pop("model"), given.pop("loader"), given.pop("loss_fn", None), **given)


def test_an_optimizer_of_another_model_is_accepted():
    """An optimizer that holds another model's parameters is no input error: a check says so, with its evidence."""
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    assert make_subject(nn.Linear(3, 2), LOADER, optimizer=optimizer).optimizer is optimizer


def test_many_kinds_of_loaders_are_accepted():
    """DataLoaders, lists, generators and any object that can be iterated are accepted as loaders."""

    class Sequence:
        def __getitem__(self, index):
            return torch.zeros(2, 3)

    for loader in (LOADER, [torch.zeros(2, 3)], (batch for batch in LOADER), DataLoader(Stream()), Sequence()):
        assert make_subject(nn.Linear(3, 2), loader).loader is loader


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, torch.compile, lambda m: torch.compile(nn.DataParallel(m)), lambda m: m]
)
def test_wrappers_are_seen_through(wrap):
    """The user's own module is found inside DataParallel and compiled wrappers, also when nested."""
    network = nn.Linear(3, 2)
    assert unwrapped(wrap(network)) is network


def test_a_child_called_module_is_not_taken_for_a_wrapper():
    """A user's network that names a layer `module` is inspected itself, not unwrapped to that layer."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(3, 2)

    network = Net()
    assert unwrapped(network) is network


def test_the_device_is_the_models_own_unless_asked():
    """The target device is that of the parameters, or the one asked for, or none for a network without tensors."""
    assert make_subject(nn.Linear(1, 1), LOADER).target_device == torch.device("cpu")
    assert make_subject(nn.Linear(1, 1), LOADER, device="meta").target_device == torch.device("meta")
    assert make_subject(nn.ReLU(), LOADER).target_device is None


def test_a_sharded_model_is_refused_with_the_reason():
    """A model sharded over ranks is refused: a probe on one rank alone would wait for the others for ever."""

    class FullyShardedDataParallel(nn.Module):
        pass

    with pytest.raises(InputError, match="cannot be probed on one rank alone"):
        make_subject(FullyShardedDataParallel(), LOADER)


def test_a_scripted_model_is_its_own_network():
    """A scripted model is taken as it is, though its table of modules is no plain dict."""
    scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
    assert make_subject(scripted, [torch.zeros(1, 2)]).network is scripted


@pytest.mark.parametrize(
    ("group", "live", "base"),
    [
        ({"lr": 0.1}, 0.1, 0.1),
        ({"lr": torch.tensor(0.5), "initial_lr": 2.0}, 0.5, 2.0),
        ({"lr": None}, None, None),
        ({}, None, None),
    ],
)
def test_the_rate_of_a_group(group: dict, live: float | None, base: float | None) -> None:
    """A group has the rate of the moment and its schedule's base, or none where the optimizer makes its own."""
    assert rate_of(group) == live
    assert rate_of(group, base=True) == base
