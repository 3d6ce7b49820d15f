"""Labels and outputs of networks that compare two inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.decode.labels import decode_labels, decode_predictions

TEN = [f"digit {number}" for number in range(10)]
SAME = torch.tensor([0, 1, 1, 0])
ONE, OTHER = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))


def contrastive(outputs, same):
    far = (outputs[0] - outputs[1]).norm(dim=1)
    return (same * far**2 + (1 - same) * F.relu(1 - far) ** 2).mean()


def by_hand(far, same):
    return (same * far**2 + (1 - same) * F.relu(1 - far) ** 2).mean()


def of_cosines(outputs, same):
    return F.cosine_embedding_loss(*outputs, same)


def wrapped(logits, same):
    return F.binary_cross_entropy_with_logits(logits, same.float())


@pytest.mark.parametrize("loss", [contrastive, of_cosines, wrapped, nn.BCEWithLogitsLoss(), nn.CosineEmbeddingLoss()])
@pytest.mark.parametrize("target", [SAME, SAME.float(), SAME[:, None], 2 * SAME - 1])
def test_two_values_of_such_a_loss_have_no_class_names(loss, target):
    """Whether two inputs belong together is a number, not the first of ten classes."""
    labels = decode_labels(target, name="y", batch_size=4, class_names=TEN, loss_fn=loss)
    assert labels.text == tuple(f"{value:.0f}".replace("-", "−") for value in target.flatten().tolist())


@pytest.mark.parametrize("loss", [None, nn.CrossEntropyLoss()])
def test_classes_keep_their_names(loss):
    """The first two of ten classes are called by their names where the loss is one of classes, or not known."""
    labels = decode_labels(SAME, name="y", batch_size=4, class_names=TEN, loss_fn=loss)
    assert labels.text == ("digit 0", "digit 1", "digit 1", "digit 0")
    named = decode_labels(SAME, name="y", batch_size=4, class_names=["other", "same"], loss_fn=contrastive)
    assert named.text == ("other", "same", "same", "other")


def read(outputs, target, loss, *, paired=True):
    labels = decode_labels(target, name="y", batch_size=4, class_names=TEN, loss_fn=loss)
    return decode_predictions(outputs, labels, target, class_names=TEN, loss_fn=loss, paired=paired)


@pytest.mark.parametrize(("loss", "paired"), [(contrastive, False), (by_hand, True)])
@pytest.mark.parametrize("outputs", [(ONE, OTHER), {"first": ONE, "second": OTHER}])
def test_two_embeddings_are_told_by_their_distance(loss, paired, outputs):
    """Of an embedding of each input the distance is shown, and nothing is right or wrong."""
    found, correct = read(outputs, SAME, loss, paired=paired)
    np.testing.assert_allclose(found.values, np.linalg.norm(ONE - OTHER, axis=1), rtol=1e-5)
    assert found.kind == "regression"
    assert found.text[0] == f"dist {found.values[0]:.4g}"
    assert (correct == -1).all()


def test_a_loss_of_cosines_has_them_told():
    """Under a loss of cosines the cosine is shown."""
    found, correct = read((ONE, OTHER), 2 * SAME - 1, of_cosines)
    np.testing.assert_allclose(found.values, F.cosine_similarity(ONE, OTHER), rtol=1e-5)
    assert found.text[0].startswith("cos ")
    assert (correct == -1).all()


@pytest.mark.parametrize("outputs", [torch.tensor([0.3, 1.5, 0.1, 0.7]), torch.tensor([[0.3], [1.5], [0.1], [0.7]])])
def test_distances_are_numbers(outputs):
    """One distance a pair is no logit, under a loss by hand too."""
    for loss in (by_hand, contrastive):
        found, correct = read(outputs, SAME.float(), loss)
        assert (found.kind, found.text) == ("regression", ("0.3", "1.5", "0.1", "0.7"))
        assert (correct == -1).all()


@pytest.mark.parametrize("loss", [nn.TripletMarginLoss(), contrastive])
def test_one_embedding_is_no_row_of_classes(loss):
    """The largest value of an embedding is no class, also where the labels are classes."""
    found, correct = read(ONE, torch.tensor([3, 7, 3, 1]), loss, paired=False)
    assert found.kind == "regression"
    assert (correct == -1).all()


@pytest.mark.parametrize("loss", [wrapped, nn.BCEWithLogitsLoss()])
def test_a_logit_is_judged(loss):
    """Under binary cross-entropy one logit a pair is a class, called by its number."""
    found, correct = read(torch.tensor([2.0, 1.0, -1.0, -3.0]), SAME, loss)
    assert found.text == ("1 0.88", "1 0.73", "0 0.73", "0 0.95")
    assert correct.tolist() == [0, 1, 0, 1]


def test_several_outputs_of_a_classifier_stay_classes():
    """Logits with auxiliary ones beside them are classes: by their loss, by their name, or for one input alone."""
    both = (ONE, OTHER)
    for outputs, loss, paired in [
        (both, lambda out, goal: F.cross_entropy(out[0], goal), True),
        ({"logits": ONE, "aux": OTHER}, by_hand, True),
        (both, by_hand, False),
    ]:
        found, correct = read(outputs, SAME, loss, paired=paired)
        assert found.kind == "soft"
        assert correct.tolist() == (ONE.argmax(1) == SAME).int().tolist()
