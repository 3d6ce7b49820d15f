from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.trials.labels.power import is_plain, parted, too_few
from nbinspect.subject import make_subject


def batches(labels: Tensor, size: int = 32, x: Any = None) -> list[Batch]:
    """Batches of these labels, in order."""
    inputs = torch.randn(len(labels), 4) if x is None else x
    raws = list(zip(inputs.split(size), labels.split(size), strict=True))
    subject = make_subject(nn.Linear(4, 2), raws, nn.CrossEntropyLoss())
    return [make_batch(subject, raw) for raw in raws]


@pytest.mark.parametrize(("size", "expected"), [(32, 6), (64, 3), (512, 1)])
def test_about_two_hundred_samples_are_to_be_memorised(size: int, expected: int) -> None:
    """The first batches come to 192 samples, or one batch does, and all others are left."""
    stream = batches(torch.zeros(2048), size)
    seen, others = parted(stream)
    assert len(seen) == expected
    assert [*seen, *others] == stream


@pytest.mark.parametrize(
    ("classes", "rare", "samples", "word"),
    [(2, 0.5, 1200, ""), (2, 0.5, 400, "400 would do"), (2, 0.05, 1200, "100 would do"), (100, 0, 1200, "15 would do")],
)
def test_too_few_says_of_what(classes: int, rare: float, samples: int, word: str) -> None:
    """Few samples, rare classes and many classes are told by their number; enough samples are no doubt."""
    y = (torch.rand(samples) < rare).long() if classes == 2 else torch.randint(classes, (samples,))
    found = too_few(*parted(batches(y)))
    assert found == "" if not word else word in found


def test_quantities_have_no_classes() -> None:
    """Numbers that are all different are no classes of one sample each."""
    assert too_few(*parted(batches(torch.randn(1200)))) == ""


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (torch.randn(64, 4), True),
        (torch.rand(64, 1, 8, 8), True),
        (torch.randn(64, 5, 3), False),
        (torch.randint(9, (64, 4)), False),
        (torch.randint(2, (64, 4)).float(), False),
        (torch.zeros(64, 4), False),
    ],
    ids=["table", "pictures", "series", "tokens", "yes or no", "constant"],
)
def test_only_pictures_and_tables_of_quantities_are_plain(x: Tensor, *, expected: bool) -> None:
    """Order, parity and words may take far longer to learn than a few steps."""
    (batch,) = batches(torch.zeros(64), 64, x)
    assert is_plain(batch) is expected


def test_of_several_labels_a_sample_the_most_telling_one_counts() -> None:
    """Four yes-or-no labels are not sixteen classes."""
    assert too_few(*parted(batches((torch.rand(1200, 4) > 0.5).float()))) == ""


def test_of_a_small_set_a_third_is_memorised() -> None:
    """Of 480 samples 320 are left to be looked at, where 400 would do."""
    seen, others = parted(batches(torch.arange(480) % 2))
    assert sum(batch.size for batch in others) == 320
    assert "400 would do" in too_few(seen, others)
