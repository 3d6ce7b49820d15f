from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.errors import InputError
from nbinspect.records import TaskRecord
from nbinspect.reference.likeness import batches_like, main_input, of_one_form, problem_like
from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.subject import make_subject


class Named(nn.Module):
    """A model that takes a text with its mask, or several inputs."""

    def forward(self, input_ids: Any = None, attention_mask: Any = None, image: Any = None, table: Any = None) -> Any:
        return input_ids


def batch_of(raw: Any, model: nn.Module | None = None) -> Batch:
    return make_batch(make_subject(model or Named(), [0], nn.CrossEntropyLoss()), raw)


def task_of(kind: str, classes: int | None) -> TaskRecord:
    return TaskRecord(kind, True, "", "", classes)


def test_a_mask_is_not_what_is_learnt_from() -> None:
    """The main input is the text, not its mask; two that may be it are refused by name."""
    ids, mask = torch.randint(9, (4, 6)), torch.ones(4, 6, dtype=torch.long)
    labels = torch.arange(4) % 2
    assert main_input(batch_of({"input_ids": ids, "attention_mask": mask, "labels": labels})) == "input_ids"
    with pytest.raises(InputError, match="here are 2: image, table"):
        main_input(batch_of({"image": torch.randn(4, 3, 8, 8), "table": torch.randn(4, 5), "labels": labels}))


@pytest.mark.parametrize(
    ("inputs", "targets", "kind", "classes"),
    [
        (torch.randn(8, 3, 9, 7), torch.arange(8) % 5, "classification", 5),
        (torch.randn(8, 6).double(), torch.randn(8, 1).double(), "regression", None),
        (torch.randint(256, (8, 3, 9, 7), dtype=torch.uint8), torch.arange(8) % 5, "classification", 5),
        (torch.randn(8, 20, 3), torch.randn(8, 1), "regression", None),
        (torch.randn(8, 6), torch.eye(4)[torch.arange(8) % 4], "classification", 4),
        (torch.randn(8, 6), torch.ones(8, 3), "multilabel", 3),
        (torch.randint(40, (8, 12)), torch.arange(8) % 2, "classification", 2),
        (torch.randn(8, 1, 16, 16), torch.zeros(8, 1, 16, 16), "segmentation", 2),
    ],
)
def test_planted_batches_look_like_the_users(inputs, targets, kind: str, classes: int | None) -> None:
    """Shapes, types and ranges stay, and the values are others."""
    batches = [batch_of((inputs, targets), nn.Identity())] * 3
    problem = problem_like(batches, "x", task_of(kind, classes))
    planted = batches_like(batches, "x", problem, 0)
    for batch in planted:
        rows, answers = batch.raw
        assert (rows.shape, rows.dtype) == (inputs.shape, inputs.dtype)
        assert (answers.shape, answers.dtype) == (targets.shape, targets.dtype)
        assert not torch.equal(rows, inputs)
        assert dict(batch.inputs)["x"] is rows
        if classes and not targets.is_floating_point():
            assert 0 <= int(answers.min()) <= int(answers.max()) < classes
    if not inputs.is_floating_point() and inputs.dtype is not torch.uint8:
        assert set(planted[0].raw[0].flatten().tolist()) <= set(inputs.flatten().tolist())


@pytest.mark.parametrize("follows", ["next", "same", "rule"])
def test_targets_of_texts_follow_as_the_users_do(follows: str) -> None:
    """Targets that are the next token, the tokens themselves, or a class of each stay so; ignored places stay."""
    ids = torch.randint(30, (16, 13))
    targets = {"next": ids[:, 1:], "same": ids[:, :-1].clone(), "rule": ids[:, :-1] % 4}[follows].clone()
    targets[:, -2:] = -100
    batches = [batch_of((ids[:, :-1], targets), nn.Identity())]
    kind = ("classification", 4) if follows == "rule" else ("language-model", 30)
    problem = problem_like(batches, "x", task_of(*kind))
    assert problem.follows == follows
    rows, answers = batches_like(batches, "x", problem, 0)[0].raw
    assert bool((answers[:, -2:] == -100).all())
    wanted = {"next": rows[:, 1:11], "same": rows[:, :10]}
    if follows in wanted:
        assert torch.equal(answers[:, : wanted[follows].shape[1]], wanted[follows])
    else:
        classes = {
            (int(token), int(label))
            for token, label in zip(rows[:, :10].flatten(), answers[:, :10].flatten(), strict=True)
        }
        assert len(classes) == len({token for token, _ in classes})


def test_all_else_in_a_batch_stays() -> None:
    """Masks and identities are the user's own."""
    raw = {
        "input_ids": torch.randint(9, (4, 6)),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0]] * 4),
        "id": torch.arange(4),
        "labels": torch.arange(4) % 2,
    }
    batches = [batch_of(raw)]
    planted = batches_like(batches, "input_ids", problem_like(batches, "input_ids", task_of("classification", 2)), 0)
    assert torch.equal(planted[0].raw["attention_mask"], raw["attention_mask"])
    assert torch.equal(planted[0].raw["id"], raw["id"])
    assert planted[0].raw["input_ids"] is not raw["input_ids"]


def test_texts_of_several_lengths_keep_theirs() -> None:
    """Each planted batch is as long as the user's, and batches whose targets differ in shape from most are left out."""
    raws = [(torch.randint(9, (4, length)), torch.arange(4) % 2) for length in (6, 9, 6)]
    batches = [batch_of(raw, nn.Identity()) for raw in raws]
    planted = batches_like(batches, "x", problem_like(batches, "x", task_of("classification", 2)), 0)
    assert [batch.raw[0].shape for batch in planted] == [(4, 6), (4, 9), (4, 6)]
    assert of_one_form(batches) == batches
    tagged = [batch_of((ids, ids), nn.Identity()) for ids, _ in raws]
    assert of_one_form(tagged) == [tagged[0], tagged[2]]
