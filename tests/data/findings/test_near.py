from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_sample_image, load_wine
from sklearn.neighbors import NearestNeighbors

from nbinspect.data.findings.near import near_duplicates, pairs_alike, pairs_within
from tests.data.scanned_records import scanned

pytestmark = pytest.mark.slow

DIGITS = load_digits()


def crops(name: str, step: int) -> np.ndarray:
    """Grey crops of 72×72 pixels of a photograph, 0…1."""
    grey = load_sample_image(name).mean(2) / 255
    rows, columns = (range(0, size - 72, step) for size in grey.shape)
    return np.array([grey[y : y + 72, x : x + 72] for y in rows for x in columns])


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_stored_anew_are_found_and_no_others(name: str) -> None:
    """Copies of pictures with contrast, of other brightness steps and noise, lead to their originals alone."""
    pictures = crops(name, 36)
    contrasting = np.flatnonzero(pictures.std((1, 2)) > 0.15)
    chosen = np.random.default_rng(0).permutation(contrasting)[:20]
    copies = np.round(pictures[chosen] * 60) / 60 + np.random.default_rng(1).normal(size=(len(chosen), 72, 72)) * 0.004
    record = scanned(np.concatenate([pictures, copies]), np.zeros(len(pictures) + len(chosen)), words="a")
    found = near_duplicates(record)
    partners = found.columns[0].values
    right = partners[len(pictures) :] == chosen
    assert right.sum() >= 0.7 * len(chosen)
    (finding,) = found.findings
    assert finding.level == "warn"
    assert finding.count == 2 * right.sum() == (partners >= 0).sum()
    assert set(finding.groups) == {(int(k), len(pictures) + n) for n, k in enumerate(chosen) if right[n]}


def test_different_pictures_raise_no_alarm() -> None:
    """Ten shapes of small digits, overlapping crops, sky, and blank pictures hold no near duplicates."""
    for pictures in (DIGITS.images, crops("china.jpg", 36), crops("flower.jpg", 36), crops("china.jpg", 24)):
        blanks = np.linspace(0, 1, 50)[:, None, None] * np.ones_like(pictures[:50])
        record = scanned(np.concatenate([pictures, blanks]), np.zeros(len(pictures) + 50), words="a")
        assert near_duplicates(record).findings == ()


@pytest.mark.parametrize("load", [load_wine, load_iris, load_breast_cancer, load_diabetes, load_digits])
def test_real_tables_raise_no_alarm(load: object) -> None:
    """Rows of real tables are as near to each other as rows of their number are."""
    data = load()
    assert near_duplicates(scanned(data.data, np.zeros(len(data.data)))).findings == ()


@pytest.mark.parametrize(("count", "features"), [(2000, 2), (3000, 5), (2000, 40)])
def test_rows_that_were_rounded_are_found_in_a_table(count: int, features: int) -> None:
    """Copies that differ in the last digits are paired with their originals, as by an exact search, at level note."""
    random = np.random.default_rng(0)
    rows = random.normal(5, 3, (count, features))
    rows[-50:] = rows[:50] * (1 + 1e-6 * random.normal(size=(50, features)))
    found = near_duplicates(scanned(rows, np.zeros(count)))
    partners = found.columns[0].values
    single = rows.astype(np.float32).astype(float)
    nearest = NearestNeighbors(n_neighbors=2).fit(single / single.std(0)).kneighbors(single / single.std(0))[1][:, 1]
    assert np.flatnonzero(partners >= 0).tolist() == [*range(50), *range(count - 50, count)]
    assert (partners[partners >= 0] == nearest[partners >= 0]).all()
    (finding,) = found.findings
    assert (finding.level, finding.count, finding.query) == ("note", 100, "near.notna()")


def test_pairs_within_a_distance_are_those_of_a_table_of_all() -> None:
    """Every pair within reach is found once, however the samples lie, and no other."""
    random = np.random.default_rng(0)
    for dimensions, reach in ((2, 0.05), (3, 0.2), (4, 0.3)):
        points = random.normal(size=(800, dimensions)).astype(np.float32)
        pairs, crowded = pairs_within(points, reach)
        table = np.linalg.norm(points[:, None] - points[None], axis=2)
        expected = np.argwhere(np.triu(table <= reach, 1))
        assert not crowded
        assert len(expected) > 50
        assert pairs.tolist() == expected.tolist()


def test_signatures_of_few_other_bits_are_paired() -> None:
    """Signatures that differ in three bits are always found, in eight bits mostly, in nine bits never."""
    random = np.random.default_rng(0)
    first = random.integers(0, 2**63, 400, dtype=np.uint64)
    for bits, least, most in ((3, 400, 400), (8, 200, 400), (9, 0, 0)):
        flips = np.array([sum(1 << int(k) for k in random.permutation(63)[:bits]) for _ in first], dtype=np.uint64)
        pairs, _ = pairs_alike(np.concatenate([first, first ^ flips]))
        assert least <= len(pairs) <= most
        assert (pairs[:, 1] - pairs[:, 0] == 400).all()


def test_values_on_a_coarse_grid_are_no_near_duplicates() -> None:
    """Whole numbers, answers of a questionnaire and samples of unknown content are never near by chance."""
    random = np.random.default_rng(0)
    for rows in (random.integers(0, 10, (2000, 6)), random.normal(size=(2000, 8)).round(), np.ones((500, 4))):
        assert near_duplicates(scanned(rows, np.zeros(len(rows)))).findings == ()
    rows = random.normal(size=(500, 6))
    embedding = rows.astype(np.float32)
    embedding[::50] = np.nan
    assert near_duplicates(scanned(rows, np.zeros(500), embedding=embedding)).findings == ()


def test_texts_with_a_word_changed_are_found() -> None:
    """Texts need like signatures and like counts of words: one of the two is not enough."""
    random = np.random.default_rng(0)
    counts = random.poisson(random.gamma(0.6, 2.0, (600, 64)))
    counts[-20:] = counts[:20]
    counts[-20:, 3] += 1
    signatures = random.integers(0, 2**63, 600, dtype=np.uint64)
    signatures[-20:] = signatures[:20] ^ np.uint64(0b1001 << 30)
    signatures[100:200] = signatures[100]
    facts = {"form": "text", "embedding": counts.astype(np.float32), "signatures": signatures}
    found = near_duplicates(scanned(counts, np.zeros(600), words="a", **facts))
    (finding,) = found.findings
    assert set(finding.groups) == {(k, 580 + k) for k in range(20)}
    assert finding.level == "warn"


def test_crowds_and_samples_left_out_are_said() -> None:
    """Where a crowd of like signatures is cut short, or only a part is embedded, a note says so."""
    record = scanned(DIGITS.images, DIGITS.target, words=range(10), signatures=np.zeros(1797, np.uint64))
    assert "only 100 neighbours of each were compared" in near_duplicates(record).notes[0]
    rows = np.random.default_rng(0).normal(size=(500, 5))
    part = np.arange(0, 500, 2)
    found = near_duplicates(scanned(rows, np.zeros(500), embedded=part, embedding=rows[part].astype(np.float32)))
    assert found.notes == ("Near duplicates were looked for among 250 samples drawn at random from 500",)


def test_a_chain_of_near_samples_is_one_group() -> None:
    """Samples that lead to each other from neighbour to neighbour belong together."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(1000, 6))
    rows[995:] = rows[0] + np.arange(1, 6)[:, None] * 2e-3
    (finding,) = near_duplicates(scanned(rows, np.zeros(1000))).findings
    assert finding.groups == ((0, 995, 996, 997, 998, 999),)
