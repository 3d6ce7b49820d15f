from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from nbinspect.data.findings.mapping import map_of, principal
from nbinspect.errors import InputError
from tests.data.scanned_records import scanned


def of_wine() -> tuple[np.ndarray, object]:
    wine = load_wine()
    return wine.data, scanned(wine.data, wine.target, words=wine.target_names)


def test_the_plane_is_that_of_principal_components() -> None:
    """Coordinates and shares of variance agree with scikit-learn's on standardised features, up to sign."""
    rows, record = of_wine()
    before = record.embedding.copy()
    found = map_of(record)
    pca = PCA(2).fit(StandardScaler().fit_transform(rows))
    expected = pca.transform(StandardScaler().fit_transform(rows))
    for ours, theirs in zip((found.x, found.y), expected.T, strict=True):
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-3)
    assert found.method == "PCA ({:.0%} and {:.0%} of the variance)".format(*pca.explained_variance_ratio_)
    assert (found.of, found.sampled) == ("features, scaled alike", False)
    assert found.rows.tolist() == list(range(len(rows)))
    np.testing.assert_array_equal(record.embedding, before)


def test_the_networks_features_take_the_place_of_the_embedding() -> None:
    """Features of all samples are used as they are, rows that are not finite left out."""
    _, record = of_wine()
    features = np.random.default_rng(0).normal(size=(178, 700))
    features[3] = np.nan
    found = map_of(record, features=features)
    assert found.of == "the network's features"
    assert 3 not in found.rows
    assert found.sampled


def test_more_samples_than_are_embedded_are_said_to_be_sampled() -> None:
    """A map of a random part of the samples says so, and speaks of their rows."""
    _, record = of_wine()
    rows = np.arange(0, 178, 2)
    found = map_of(replace(record, embedded=rows, embedding=record.embedding[rows]))
    assert found.sampled
    assert found.rows.tolist() == rows.tolist()


def test_one_column_lies_on_a_line_and_many_are_mixed() -> None:
    """One feature gives a line, and of 1,000 the widest direction is still found."""
    line, shares = principal(np.arange(5.0, dtype=np.float32)[:, None])
    assert line[:, 1].tolist() == [0] * 5
    assert shares.tolist() == [1, 0]
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 1000)).astype(np.float32)
    along = random.normal(size=300).astype(np.float32)
    points += 5 * along[:, None] * np.sign(random.normal(size=1000)).astype(np.float32)
    assert abs(np.corrcoef(principal(points)[0][:, 0], along)[0, 1]) > 0.99


def test_what_cannot_be_mapped_is_explained() -> None:
    """An unknown method, features of other samples and too few samples are refused."""
    _, record = of_wine()
    with pytest.raises(InputError, match="pca, umap"):
        map_of(record, "tsne")
    with pytest.raises(InputError, match=r"178 samples.*\(9, 2\)"):
        map_of(record, features=np.zeros((9, 2)))
    with pytest.raises(InputError, match="3 samples or more"):
        map_of(scanned(np.zeros((2, 3)), [0, 1]))


def test_umap_needs_its_package() -> None:
    """UMAP is drawn where umap-learn is installed, and otherwise its package is named."""
    digits = load_digits()
    record = scanned(digits.images[:300], digits.target[:300], words=digits.target_names)
    if importlib.util.find_spec("umap"):
        assert map_of(record, "umap").method == "UMAP"
    else:
        with pytest.raises(InputError, match=r"pip install nbinspect\[umap\]"):
            map_of(record, "umap")
