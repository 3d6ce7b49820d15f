from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect import check
from nbinspect.sanity.wiring.runs import CHECK
from tests.sanity.running import run_one

X, Y = torch.randn(32, 4, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def asked(model: nn.Module | None = None, loader: Any = None, loss_fn: Any = None, **rest: Any) -> Any:
    loader = DataLoader(list(zip(X, Y, strict=True)), 8) if loader is None else loader
    return run_one(
        CHECK, model=model or nn.Linear(4, 3), loader=loader, loss_fn=loss_fn or nn.CrossEntropyLoss(), **rest
    )


class Misshaped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head(x.flatten(1))  # raises


def test_names_the_layer_and_the_line() -> None:
    """A layer that raises is named with its shapes and the line of the user's forward."""
    batch = (torch.randn(2, 1, 8, 8), torch.tensor([0, 1]))
    result = asked(Misshaped(), [batch])
    assert result.status == "fail"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# raises" in file.readlines()[result.place.line - 1]
    assert "144" in result.detail
    assert "100" in result.detail


def test_a_loss_that_raises_is_a_failure_too() -> None:
    """Targets of a dtype that the loss refuses are found as well."""
    assert asked(loader=[(X, Y.float())]).status == "fail"


@pytest.mark.parametrize(
    ("loss_fn", "said"),
    [
        (nn.CrossEntropyLoss(reduction="none"), "shape (8,)"),
        (lambda outputs, targets: None, "None"),
    ],
)
def test_a_loss_without_a_backward_fails(loss_fn: Any, said: str) -> None:
    """A loss of many values, or one whose return is missing, cannot be followed by a backward."""
    result = asked(loss_fn=loss_fn)
    assert result.status == "fail"
    assert said in result.summary


def test_a_loss_of_many_values_is_fine_where_the_users_own_step_reduces_it() -> None:
    """With a training step of the user's own, what the loss gives is that step's matter."""
    loss_fn = nn.CrossEntropyLoss(reduction="none")
    assert asked(loss_fn=loss_fn, train_step=lambda model, batch, optimizer: None).status == "pass"


def test_a_batch_without_targets_is_inconclusive() -> None:
    """Where there are no targets the loss was not run, and the answer says so."""
    assert asked(loader=[X]).status == "inconclusive"


@pytest.mark.parametrize("optimised", [True, False])
def test_a_model_whose_parameters_are_all_frozen_cannot_be_trained(optimised: bool) -> None:
    """With an optimizer over them frozen parameters are a defect, without one worth a look."""
    model = nn.Linear(4, 3).requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1) if optimised else None
    assert asked(model, optimizer=optimizer).status == ("fail" if optimised else "warn")


def test_an_optimizer_of_other_tensors_leaves_the_frozen_model_in_peace() -> None:
    """Whoever optimises an input through a frozen network trains no network."""
    optimizer = torch.optim.SGD([torch.zeros(3, requires_grad=True)], 0.1)
    assert asked(nn.Linear(4, 3).requires_grad_(False), optimizer=optimizer).status == "warn"


class Corrupt(Dataset):
    """Raises from one sample on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index >= self.start:
            raise OSError("truncated file")
        return X[index], Y[index]


@pytest.mark.parametrize("start", [0, 31])
def test_a_data_set_that_raises_fails_with_its_line(start: int) -> None:
    """One corrupt file is enough, also a late one that only the look through all the data meets."""
    report = check(nn.Linear(4, 3), DataLoader(Corrupt(start), 8), nn.CrossEntropyLoss(), only=["data", "runs"])
    assert report.failed == ("runs",)
    assert "truncated file" in report["runs"].detail
    assert "test_runs.py:" in report["runs"].detail
    assert not report.errors


@pytest.mark.parametrize(
    "loader", [[], DataLoader(list(zip(X[:3], Y[:3], strict=True)), 8, drop_last=True), [["text"]]]
)
def test_a_loader_that_gives_no_batch_fails(loader: Any) -> None:
    """An empty loader, one whose last batch is dropped, and batches without tensors are no programs that run."""
    assert asked(loader=loader).status == "fail"


@pytest.mark.parametrize("split", [lambda batch: 1 / 0, lambda batch: (1, 2, 3)])
def test_a_split_that_raises_fails(split: Any) -> None:
    """The user's own way of splitting a batch is part of the step."""
    result = asked(split=split)
    assert result.status == "fail"
    assert "split" in result.summary


@pytest.mark.parametrize(
    "build",
    [
        lambda: (X[:0], Y[:0]),
        lambda: (X.to_sparse_csr(), Y),
        lambda: (X.to_sparse(), Y),
        lambda: (torch.nested.nested_tensor([X[:3], X[:5]], layout=torch.jagged), Y[:2]),
    ],
    ids=["empty", "csr", "coo", "nested"],
)
@pytest.mark.filterwarnings("ignore")
def test_unusual_tensors_are_no_error(build: Any) -> None:
    """Empty, sparse and nested batches are skipped by what cannot read them, with the reason, and never an error."""
    report = check(nn.Linear(4, 3), [build()], nn.CrossEntropyLoss())
    assert report.errors == ()
    assert report.failed == ()


def test_a_lazy_model_is_asked_to_be_called_first() -> None:
    """Layers that do not know their sizes are no error: the need is named, in full where it is named first."""
    report = check(nn.Sequential(nn.LazyLinear(3)), [(X, Y)], nn.CrossEntropyLoss())
    assert report.errors == ()
    assert "lazy layers" in report["runs"].summary
    assert any("call it once" in result.summary for result in report.results)


def test_the_callers_inference_mode_is_no_matter() -> None:
    """Called in inference mode, a program runs all the same."""
    model = nn.Linear(4, 3)
    with torch.inference_mode():
        assert asked(model).status == "pass"
