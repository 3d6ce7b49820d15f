from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.errors import InputError
from nbinspect.records import TaskRecord
from nbinspect.reference.levels import Answering, answering
from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.sanity.task import infer_task
from nbinspect.subject import make_subject

LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2] * 4)


def told(
    model: nn.Module, rows: torch.Tensor, targets: torch.Tensor, loss_fn=None, task: str | None = None
) -> Answering:
    subject = make_subject(model, [0], loss_fn, task=task)
    recorded = record(Program(subject, Limits(60)), make_batch(subject, (rows, targets)))
    found: TaskRecord = infer_task(subject, recorded.batch, recorded)
    return answering(found, recorded)


def lowest(found: Answering, targets: torch.Tensor, *, perfect: bool) -> float:
    outputs = found.perfect(len(targets), targets) if perfect else found.constants(len(targets), [targets])
    return min(float(found.loss(one, targets)) for one in outputs)


def entropy(*shares: float) -> float:
    return -sum(share * math.log(share) for share in shares)


def test_classes_by_chance_cost_their_entropy() -> None:
    """A constant costs the entropy of the labels, and perfect answers next to nothing, on logits and on logarithms."""
    rows = torch.randn(32, 4)
    for model, loss in (
        (nn.Linear(4, 3), F.cross_entropy),
        (nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(1)), F.nll_loss),
    ):
        found = told(model, rows, LABELS, loss)
        assert lowest(found, LABELS, perfect=False) == pytest.approx(entropy(3 / 8, 2 / 8, 3 / 8), abs=1e-4)
        assert 0 <= lowest(found, LABELS, perfect=True) < 1e-3


def test_smoothed_labels_have_a_floor() -> None:
    """Under smoothing, perfect answers cost little more than the entropy of the smoothed labels."""
    found = told(nn.Linear(4, 3), torch.randn(32, 4), LABELS, nn.CrossEntropyLoss(label_smoothing=0.3))
    floor = entropy(0.8, 0.1, 0.1)
    assert floor <= lowest(found, LABELS, perfect=True) < floor + 0.05


@pytest.mark.parametrize("last", [nn.Identity(), nn.Sigmoid()])
def test_bits_by_chance_cost_their_entropy(last: nn.Module) -> None:
    """The same for yes and no, as logits and as probabilities."""
    bits = (LABELS == 0).float()[:, None]
    loss = F.binary_cross_entropy if isinstance(last, nn.Sigmoid) else F.binary_cross_entropy_with_logits
    found = told(nn.Sequential(nn.Linear(4, 1), last), torch.randn(32, 4), bits, loss)
    assert lowest(found, bits, perfect=False) == pytest.approx(entropy(3 / 8, 5 / 8), abs=1e-4)
    assert lowest(found, bits, perfect=True) < 1e-3
    logits = torch.randn(32, 1)
    assert torch.equal(found.given(logits), logits.sigmoid() if isinstance(last, nn.Sigmoid) else logits)


@pytest.mark.parametrize(("loss", "level"), [(F.mse_loss, torch.var), (F.l1_loss, None)])
def test_numbers_by_chance_cost_their_spread(loss, level) -> None:
    """The best constant is the mean under squared error, and the median under absolute error."""
    numbers = torch.randn(32, 1).exp()
    found = told(nn.Linear(4, 1), torch.randn(32, 4), numbers, loss)
    wanted = numbers.var(correction=0) if level else (numbers - numbers.median()).abs().mean()
    assert lowest(found, numbers, perfect=False) == pytest.approx(float(wanted), rel=1e-4)
    assert lowest(found, numbers, perfect=True) == 0


def test_pixels_that_do_not_count_are_left_out() -> None:
    """Ignored pixels are not among the shares of classes."""
    masks = torch.randint(2, (8, 6, 6))
    masks[:, :3] = -100
    found = told(nn.Conv2d(1, 2, 1), torch.randn(8, 1, 6, 6), masks, F.cross_entropy)
    share = float((masks[:, 3:] == 1).double().mean())
    assert found.shape == (2, 6, 6)
    assert lowest(found, masks, perfect=False) == pytest.approx(entropy(share, 1 - share), abs=1e-4)


def test_steps_in_one_axis_are_told_from_samples() -> None:
    """Outputs (N × T, K) are taken for T steps of each sample."""
    ids = torch.randint(7, (4, 5))
    model = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(0, 1), nn.Linear(3, 7))
    found = told(
        model, ids, ids, lambda outputs, targets: F.cross_entropy(outputs, targets.flatten()), "language-model"
    )
    assert found.shape == (5, 7)
    assert found.given(torch.zeros(4, 5, 7)).shape == (20, 7)
    assert lowest(found, ids, perfect=True) < 1e-3


def test_a_loss_that_takes_no_other_outputs_is_refused() -> None:
    """What the loss raises on other outputs is in the refusal."""
    found = told(nn.Linear(4, 3), torch.randn(32, 4), LABELS, F.cross_entropy)
    with pytest.raises(InputError, match="a loss that takes any outputs"):
        found.loss(torch.zeros(3, 3), LABELS)
