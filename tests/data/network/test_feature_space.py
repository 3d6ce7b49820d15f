from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.network import model_columns
from nbinspect.data.network.feature_space import WIDTH, Features, nearest
from nbinspect.data.network.predicting import Predicting
from nbinspect.errors import InputError
from nbinspect.subject import make_subject
from tests.data.columns import index, record
from tests.dynamics import programs as made


def featured(model, inputs, targets, loss_fn=None, size=16, **options):
    subject = make_subject(model, DataLoader(TensorDataset(inputs, targets), size), loss_fn, **options)
    work = Predicting(subject, "train", record(index(len(inputs))))
    list(work)
    return work.result.features


def entered(model, name, *inputs):
    """What enters a layer of a model in eval mode."""
    seen = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.eval()(*inputs)
    handle.remove()
    return seen[-1]


def test_features_are_what_enters_the_last_linear_layer():
    """Of a network of several layers they equal the input of its head, sample by sample."""
    model = made.mlp()
    found = featured(model, made.PIXELS[:70], made.CLASSES[:70], nn.CrossEntropyLoss())
    np.testing.assert_allclose(found.values, entered(model, "3", made.PIXELS[:70]), atol=1e-6)
    assert found.of == "what enters 3 (Linear), 32 numbers"
    assert found.rows.tolist() == list(range(70))


def test_places_of_tokens_and_pixels_are_pooled():
    """Of a language model it is the mean over tokens, of a network for masks the mean over pixels."""
    model, rows = made.Tokens(), made.ids(20)
    found = featured(model, rows, rows, nn.CrossEntropyLoss(), forward=lambda network, batch: network(batch[0]).mT)
    np.testing.assert_allclose(found.values, entered(model, "head", rows).mean(1), atol=1e-6)
    assert found.of == "what enters head (Linear), mean over 9 places, 8 numbers"
    masks, pictures = made.Down(3), made.PIXELS[:20].reshape(20, 1, 8, 8)
    found = featured(masks, pictures, (pictures[:, 0] * 2.9).long(), nn.CrossEntropyLoss())
    np.testing.assert_allclose(found.values, entered(masks, "last", pictures).mean((2, 3)), atol=1e-6)


def test_wide_features_are_projected():
    """Of 384 numbers 256 random projections are kept, which keep directions apart, and draw from nobody's generator."""
    model = made.cnn()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = featured(model, made.PIXELS[:50], made.CLASSES[:50], nn.CrossEntropyLoss())
    assert torch.equal(before, torch.get_rng_state())
    whole = entered(model, "6", made.PIXELS[:50]).numpy()
    assert found.values.shape == (50, WIDTH)
    assert found.of == "what enters 6 (Linear), 384 numbers as 256 random projections"
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (whole, found.values)]
    assert np.abs(unit[0] @ unit[0].T - unit[1] @ unit[1].T).max() < 0.3


class Functional(nn.Module):
    """A network without a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64, 10))

    def forward(self, x):
        return x @ self.weight


def test_a_network_without_layers_has_no_features():
    """Where nothing linear is called there are predictions, no features, and the reason."""
    rows = DataLoader(TensorDataset(made.PIXELS[:30], made.CLASSES[:30]), 16)
    work = Predicting(make_subject(Functional(), rows, nn.CrossEntropyLoss()), "train", record(index(30)))
    list(work)
    assert work.result.features is None
    assert work.result.no_features.startswith("the network calls no linear layer or convolution")


def test_a_network_that_is_one_layer_is_seen_by_its_input():
    """Of a single linear layer the features are what the network gets."""
    found = featured(nn.Linear(64, 10), made.PIXELS[:30], made.CLASSES[:30], nn.CrossEntropyLoss())
    np.testing.assert_array_equal(found.values, made.PIXELS[:30].numpy())
    assert found.of == "what enters the Linear, 64 numbers"
    assert len(nearest(found, 3, count=4)[0]) == 4


def test_hooks_of_the_user_stay_and_ours_go():
    """A hook of the user's on the head is called and kept, and no other hook is left."""
    model, calls = made.mlp(), []
    model[3].register_forward_pre_hook(lambda *_: calls.append(1))
    featured(model, made.PIXELS[:30], made.CLASSES[:30], nn.CrossEntropyLoss())
    assert calls
    assert [len(layer._forward_pre_hooks) + len(layer._forward_hooks) for layer in model] == [0, 0, 0, 1]


def test_of_large_data_sets_some_samples_have_features(monkeypatch):
    """Beyond the limit rows are drawn at random, and each has the features of its own sample."""
    monkeypatch.setattr(model_columns, "SAMPLES", 40)
    model = made.mlp()
    found = featured(model, made.PIXELS[:100], made.CLASSES[:100], nn.CrossEntropyLoss())
    assert len(found.rows) == len(set(found.rows.tolist())) == 40
    np.testing.assert_allclose(found.values, entered(model, "3", made.PIXELS[:100])[found.rows], atol=1e-6)
    missing = next(row for row in range(100) if row not in found.rows)
    with pytest.raises(InputError, match=f"row {missing} has none"):
        nearest(found, missing)


def two_splits():
    rng = np.random.default_rng(0)
    some = Features(np.arange(3, 203), rng.normal(size=(200, 12)).astype(np.float32), "")
    return some, Features(np.arange(50), rng.normal(size=(50, 12)).astype(np.float32), "")


def test_nearest_samples_are_those_of_scikit_learn():
    """Rows and cosine distances agree, in the other split and in the own, where the sample itself is left out."""
    train, validation = two_splits()
    rows, distances = nearest(validation, 7, among=train, count=6)
    far, places = NearestNeighbors(n_neighbors=6, metric="cosine").fit(train.values).kneighbors(validation.values[[7]])
    np.testing.assert_array_equal(rows, train.rows[places[0]])
    np.testing.assert_allclose(distances, far[0], atol=1e-6)
    own, _ = nearest(train, 10, count=5)
    places = NearestNeighbors(n_neighbors=6, metric="cosine").fit(train.values).kneighbors(train.values[[7]])[1]
    np.testing.assert_array_equal(own, train.rows[places[0][1:]])


def test_samples_without_features_are_near_nothing():
    """NaN and zeros are never neighbours, fewer are given where there are no more, and a row of NaN is refused."""
    train, _ = two_splits()
    values = train.values[:4].copy()
    values[1], values[2] = np.nan, 0
    few = Features(np.arange(4), values, "")
    assert nearest(few, 0)[0].tolist() == [3]
    for row in (1, 4, -1):
        with pytest.raises(InputError, match="has none"):
            nearest(few, row)


def test_splits_of_two_networks_are_not_compared():
    """Features of different width are refused in one sentence."""
    train, validation = two_splits()
    with pytest.raises(InputError, match="differ in width"):
        nearest(validation, 7, among=Features(train.rows, train.values[:, :5], ""))


def test_one_number_is_no_direction():
    """A layer that gets one number of each sample gives no features, for by their direction all would be alike."""
    assert featured(nn.Linear(1, 10), made.PIXELS[:30, :1], made.CLASSES[:30], nn.CrossEntropyLoss()) is None


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_neighbour_is_refused(count):
    """A count below 1 is an error, and not all but so many samples."""
    with pytest.raises(InputError, match=f"count of 1 or more, got {count}"):
        nearest(two_splits()[0], 10, count=count)


def test_projections_are_the_same_whatever_the_default_device_is():
    """Where new tensors go elsewhere by default, wide features are projected as where they stay."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(WIDTH + 44, 2))
    inputs, targets = torch.rand(40, WIDTH + 44), torch.arange(40) % 2
    usual = featured(model, inputs, targets)
    torch.set_default_device("meta")
    try:
        found = featured(model, inputs, targets)
    finally:
        torch.set_default_device(None)
    np.testing.assert_array_equal(found.values, usual.values)
