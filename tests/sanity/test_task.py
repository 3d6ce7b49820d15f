"""What kind of task a program solves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.records import TaskRecord
from nbinspect.sanity.check import Check, passed
from nbinspect.sanity.runner import run_checks
from nbinspect.subject import make_subject

ASKS = Check("asks", "wiring", "", "", "", 0, lambda task: passed(""), dict, None)


def task_of(model: nn.Module, batch: Any, loss_fn: Any, **options: Any) -> TaskRecord:
    task = run_checks(make_subject(model, [batch], loss_fn, **options), (ASKS,)).task
    assert task is not None
    return task


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(20, 8), nn.Linear(8, 20)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embedding(ids))


def per_token(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def own_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).mean()


def own_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return -outputs.log_softmax(1)[torch.arange(len(targets)), targets].mean()


ROWS = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("model", "batch", "loss_fn", "kind", "classes"),
    [
        (nn.Linear(4, 3), (ROWS, torch.arange(8) % 3), nn.CrossEntropyLoss(), "classification", 3),
        (nn.Linear(4, 3), (ROWS, torch.rand(8, 3)), nn.CrossEntropyLoss(), "classification", 3),
        (
            nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(1)),
            (ROWS, torch.arange(8) % 3),
            nn.NLLLoss(),
            "classification",
            3,
        ),
        (nn.Linear(4, 3), (ROWS, torch.arange(8) % 3), own_entropy, "classification", 3),
        (nn.Linear(4, 1), (ROWS, torch.ones(8, 1)), nn.BCEWithLogitsLoss(), "binary", 2),
        (nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), (ROWS, torch.ones(8, 1)), nn.BCELoss(), "binary", 2),
        (nn.Linear(4, 5), (ROWS, torch.ones(8, 5)), nn.BCEWithLogitsLoss(), "multilabel", 5),
        (nn.Linear(4, 5), (ROWS, torch.rand(8, 5)), nn.BCEWithLogitsLoss(), "regression", None),
        (nn.Linear(4, 1), (ROWS, torch.randn(8, 1)), nn.MSELoss(), "regression", None),
        (nn.Linear(4, 1), (ROWS, torch.randn(8, 1)), own_square, "regression", None),
        (
            nn.Conv2d(3, 2, 1),
            (torch.randn(4, 3, 8, 8), torch.zeros(4, 8, 8, dtype=torch.long)),
            nn.CrossEntropyLoss(),
            "segmentation",
            2,
        ),
        (
            nn.Conv2d(3, 1, 1),
            (torch.randn(4, 3, 8, 8), torch.ones(4, 1, 8, 8)),
            nn.BCEWithLogitsLoss(),
            "segmentation",
            1,
        ),
        (Tokens(), (torch.randint(20, (4, 6)), torch.randint(20, (4, 6))), per_token, "language-model", 20),
        (nn.Linear(4, 3), (ROWS, torch.randn(8, 2)), lambda o, t: o.sum() * t.sum(), "other", None),
    ],
)
def test_the_task_is_told_from_loss_targets_and_outputs(
    model: nn.Module, batch: Any, loss_fn: Callable[..., Any], kind: str, classes: int | None
) -> None:
    """Each usual pair of loss and targets gives its task and number of classes, and says from what."""
    task = task_of(model, batch, loss_fn)
    assert (task.kind, task.classes, task.given) == (kind, classes, False)
    assert "loss" in task.why


def test_a_loss_inside_the_model_is_seen() -> None:
    """A transformers model that computes its own loss is a language model by the loss it calls."""
    from transformers import GPT2Config, GPT2LMHeadModel

    ids = torch.randint(0, 50, (4, 10))
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=1, n_head=2))
    task = task_of(model, {"input_ids": ids, "labels": ids}, None)
    assert (task.kind, task.classes) == ("language-model", 50)


def test_of_several_losses_the_last_is_gone_by_and_that_is_said() -> None:
    """A sum of a class loss and a distance is taken for a regression, and the answer says that there are two."""

    def both(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets) + F.mse_loss(outputs[:, 0], targets.float())

    told = task_of(nn.Linear(4, 3), (torch.randn(8, 4), torch.arange(8) % 3), both)
    assert told.kind == "regression"
    assert told.why.endswith("the last of 2 losses")


def test_a_loss_that_is_only_logged_is_not_gone_by() -> None:
    """A distance of counts, or one beside the loss for the eye alone, tells nothing of what is trained."""

    def counted(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = F.cross_entropy(outputs, targets)
        with torch.no_grad():
            F.l1_loss((outputs.argmax(1) != 0).sum().float()[None], torch.ones(1))
        F.mse_loss(outputs, F.one_hot(targets, 3).float())
        return loss

    told = task_of(nn.Linear(4, 3), (torch.randn(8, 4), torch.arange(8) % 3), counted)
    assert told.kind == "classification"
    assert "losses" not in told.why


def test_arguments_of_the_loss_are_told_by_name() -> None:
    """A loss that is called with its targets first, by name, is read the right way round."""
    task = task_of(nn.Linear(4, 3), (ROWS, torch.arange(8) % 3), lambda out, y: F.cross_entropy(target=y, input=out))
    assert (task.kind, task.classes) == ("classification", 3)


def test_what_the_user_says_is_kept() -> None:
    """A task that is given is not inferred."""
    task = task_of(nn.Linear(4, 1), (ROWS, torch.randn(8, 1)), nn.MSELoss(), task="other")
    assert (task.kind, task.given) == ("other", True)


def test_the_loss_is_told_by_its_class_where_the_pass_raises() -> None:
    """A forward that raises still leaves the loss by its name."""
    task = task_of(nn.Linear(5, 3), (ROWS, torch.arange(8) % 3), nn.CrossEntropyLoss())
    assert (task.kind, task.loss) == ("classification", "F.cross_entropy")


def test_targets_of_a_batch_that_a_step_leaves_alone_tell_nothing() -> None:
    """Labels beside the rows say what is trained only where the loss reads them."""
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def alike(batch: Any) -> None:
        outputs = model(batch[0])
        optimizer.zero_grad()
        (outputs - outputs.roll(1, 0).detach()).square().mean().backward()
        optimizer.step()

    def taught(batch: Any) -> None:
        optimizer.zero_grad()
        own_entropy(model(batch[0]), batch[1]).backward()
        optimizer.step()

    batch = (ROWS, torch.arange(8) % 3)
    told = [task_of(model, batch, None, optimizer=optimizer, train_step=step) for step in (alike, taught)]
    assert [one.kind for one in told] == ["other", "classification"]
    assert "reads no targets" in told[0].why
