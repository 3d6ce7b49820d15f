from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import torch

from nbinspect.errors import NbinspectError
from nbinspect.reference.data import (
    REFERENCE_DATA,
    ReferenceData,
    breast_cancer,
    diabetes,
    digit_properties,
    digits,
    digits_on_noise,
    iris,
    python_topics,
    sines,
)

EVERY = [make for makes in REFERENCE_DATA.values() for make in makes]


def whole(data: ReferenceData, *, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """All inputs and targets of a part, in the data set's own order."""
    inputs, targets = (data.train if train else data.validation).dataset.tensors
    return inputs, targets


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_the_record_says_what_the_batches_are(make) -> None:
    """Shapes, task and class names of the record are those of the batches that come."""
    data = make()
    assert make in REFERENCE_DATA[data.task]
    for loader in (data.train, data.validation):
        inputs, targets = next(iter(loader))
        assert tuple(inputs.shape[1:]) == data.shape
        assert tuple(targets.shape[1:]) == data.target_shape
        assert bool(inputs.isfinite().all())
        if data.task in ("classification", "segmentation", "language-model"):
            assert 0 <= int(targets.min()) <= int(targets.max()) < data.classes == len(data.class_names)


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_two_made_alike_give_the_same_batches(make) -> None:
    """The batches of two data sets made alike are equal, whatever was drawn from the global random states between."""
    first = list(make().train)
    torch.rand(3), np.random.rand(3), random.random()
    for (one, target), (other, again) in zip(first, make().train, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(target, again)


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_global_random_states_stay(make) -> None:
    """Making and reading a data set draws nothing from the states that a user's program draws from."""
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    data = make()
    for loader in (data.train, data.validation):
        next(iter(loader))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tobytes(), random.getstate())


@pytest.mark.parametrize("make", [digits, iris, diabetes, sines, digits_on_noise], ids=lambda make: make.__name__)
def test_no_sample_is_in_both_parts(make) -> None:
    """A quarter of the samples is kept for validation, and what is there is not trained on."""
    data = make()
    (train, _), (held, _) = whole(data, train=True), whole(data, train=False)
    assert len(held) == (len(train) + len(held)) // 4
    rows = {row.numpy().tobytes() for row in train}
    shared = sum(row.numpy().tobytes() in rows for row in held)
    assert shared <= (1 if make is iris else 0)  # two of the flowers are alike


@pytest.mark.parametrize("make", [digits, breast_cancer, diabetes], ids=lambda make: make.__name__)
def test_inputs_are_standardised_on_the_training_part(make) -> None:
    """Columns of tables, and all pixels of images, have mean 0 and deviation 1 over the training samples."""
    inputs, _ = whole(make(), train=True)
    axes = (0,) if inputs.dim() == 2 else (0, 1, 2, 3)
    assert inputs.mean(axes).numpy() == pytest.approx(0, abs=1e-4)
    assert inputs.std(axes, correction=0).numpy() == pytest.approx(1, abs=1e-4)


def test_properties_are_those_of_the_digit() -> None:
    """The four labels of a digit follow from the class that the same image has."""
    _, labels = whole(digits(), train=True)
    _, told = whole(digit_properties(), train=True)
    wanted = [[n % 2 == 0, n > 4, n in (0, 6, 8, 9), n in (2, 3, 5, 7)] for n in labels.tolist()]
    assert told.tolist() == np.array(wanted, float).tolist()


def test_a_mask_marks_ink() -> None:
    """Marked pixels are brighter than the rest, and each image has some."""
    images, masks = whole(digits_on_noise(), train=True)
    assert float(images[:, 0][masks == 1].min()) > float(images[:, 0][masks == 0].mean())
    assert bool((masks.flatten(1).sum(1) > 5).all())


def test_the_target_of_a_text_is_the_next_byte() -> None:
    """Inputs and targets of the texts are the same bytes, one apart, and read as English."""
    inputs, targets = whole(python_topics(length=32), train=True)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert b"the " in bytes(inputs.flatten().tolist())


def test_chance_is_what_the_best_constant_scores() -> None:
    """The score by chance agrees with the share of the most common class, and with the entropy of single bytes."""
    data = digits()
    counts = np.bincount(whole(data, train=False)[1].numpy())
    assert data.chance == pytest.approx(counts.max() / counts.sum())
    text = python_topics()
    shares = np.unique(whole(text, train=False)[1].numpy(), return_counts=True)[1]
    shares = shares / shares.sum()
    assert text.chance == pytest.approx(-(shares * np.log(shares)).sum())


def test_a_missing_package_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the error has the line that installs it, and what needs only torch still works."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(NbinspectError, match="pip install scikit-learn"):
        digits()
    assert sines(samples=64).shape == (64, 1)
