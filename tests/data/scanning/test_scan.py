from __future__ import annotations

import itertools
import signal
import sys
from multiprocessing import active_children

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_wine
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from nbinspect.data.scanning import pictures
from nbinspect.data.scanning import scan as scanning
from nbinspect.data.scanning.scan import Scan, scan, scanned
from nbinspect.errors import InputError, LoaderError
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


def scan_of(loader, *, split="train", limit=None, **options):
    """The record of a whole scan, without findings."""
    return scanned(Scan(make_subject(nn.Identity(), loader, **options), split, limit=limit), lambda _: None)


def values(record, name):
    return record.column(name).values


def words(record, name):
    """The words of a class or text column, None for none."""
    column = record.column(name)
    return [column.words[code] if code >= 0 else None for code in column.values]


def loader_of(*tensors, **options):
    return DataLoader(TensorDataset(*tensors), **{"batch_size": 32, **options})


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return torch.tensor(found.images[:, None], dtype=torch.float32), torch.tensor(found.target)


class Pictures(Dataset):
    """Digits as Pillow pictures, brightened at random by a transform of its own."""

    def __init__(self, images, labels, noise=0.1, bad=()):
        self.images = [Image.fromarray(image) for image in images]
        self.labels = labels
        self.bad = bad
        self.transform = lambda image: torch.from_numpy(np.asarray(image).copy())[None] / 16 + noise * torch.rand(())

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index in self.bad:
            raise OSError(f"image file is truncated {index}")
        return self.transform(self.images[index]), int(self.labels[index])


def test_numbers_of_pictures_are_those_of_numpy(digits):
    """Each sample's figures agree with NumPy's, with NaN and infinite values left out and counted."""
    images, labels = digits[0].clone(), digits[1]
    images[7, 0, 2, 3], images[9, 0, 0, 0] = float("nan"), float("inf")
    record = scan_of(loader_of(images, labels, shuffle=True))
    rows = images.double().numpy().reshape(len(images), -1)
    finite = np.where(np.isfinite(rows), rows, np.nan)
    wanted = {
        "min": np.nanmin(finite, 1),
        "mean": np.nanmean(finite, 1),
        "std": np.nanstd(finite, 1),
        "max": np.nanmax(finite, 1),
        "zeros": (rows == 0).mean(1),
        "nonfinite": (~np.isfinite(rows)).mean(1),
    }
    for name, column in wanted.items():
        np.testing.assert_allclose(values(record, name), column, rtol=1e-5, atol=1e-7, err_msg=name)
    sound = np.isfinite(rows).all(1)
    np.testing.assert_allclose(values(record, "brightness")[sound], rows.mean(1)[sound], rtol=1e-5)
    np.testing.assert_array_equal(values(record, "index"), np.arange(len(images)))
    np.testing.assert_array_equal(words(record, "label"), [str(int(label)) for label in labels])
    assert (record.form, record.complete, record.total, record.failed) == ("image", True, len(images), 0)
    facts = record.features[0]
    np.testing.assert_allclose([facts.mean, facts.std], [np.nanmean(finite), np.nanstd(finite)], rtol=1e-5)
    assert record.embedding.shape == (len(images), 64)


def test_grey_is_the_same_in_each_part_of_a_data_set():
    """How bright a picture is does not depend on which others are scanned with it."""
    pictures = torch.randn(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    whole, part = scan_of(loader_of(pictures)), scan_of(loader_of(pictures[:5]))
    for name in ("brightness", "contrast"):
        np.testing.assert_allclose(values(whole, name)[:5], values(part, name), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (50, 41), (224, 160), (7, 5)])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_grey_of_colour_pictures_is_that_of_numpy(height, width, as_bytes):
    """Brightness, contrast and small colours agree with NumPy's, where grey hardly differs and beside a NaN as well."""
    draws = np.random.default_rng(0)
    pictures = draws.integers(0, 256, (40, 3, height, width)).astype(np.float64)
    pictures[3] = np.round(100 + draws.random((3, height, width)))
    if not as_bytes:
        pictures[5], pictures[6, 1, 2, 3] = 255.0, np.nan
        pictures[7] = 200 + 1e-3 * draws.random((3, height, width))
    given = torch.tensor(pictures).to(torch.uint8 if as_bytes else torch.float32)
    record = scan_of(loader_of(given.movedim(1, 3) if as_bytes and height > 7 else given))
    grey = np.einsum("nchw,c->nhw", np.nan_to_num(given.double().numpy()), [0.299, 0.587, 0.114])
    grey /= 255 if as_bytes else 1
    np.testing.assert_allclose(values(record, "brightness"), grey.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(values(record, "contrast"), grey.std((1, 2)), rtol=2e-3, atol=1e-7)
    if height % 8 == width % 4 == 0:
        blocks = given.double().nan_to_num().reshape(40, 3, 4, height // 4, 4, width // 4).mean((3, 5))
        np.testing.assert_allclose(record.embedding, blocks.flatten(1).numpy(), rtol=1e-4)


def test_pictures_without_pixels_are_no_failures():
    """A sample of no values has a shape and no numbers."""
    record = scan_of(loader_of(torch.zeros(3, 3, 0, 5)))
    assert (record.rows, record.failed, words(record, "shape")) == (3, 0, ["3×0×5"] * 3)


def test_many_rows_of_tensors_are_described_as_few(digits):
    """Rows that are read in larger groups than the loader's batches have the numbers and hashes that each had alone."""
    images = digits[0].repeat(4, 1, 1, 1)
    whole, part = scan_of(loader_of(images, batch_size=2)), scan_of(loader_of(digits[0], batch_size=2))
    for name in ("index", "mean", "std", "zeros", "contrast"):
        np.testing.assert_allclose(values(whole, name)[: part.rows], values(part, name), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(whole.input_hashes[: part.rows], part.input_hashes)
    np.testing.assert_array_equal(whole.signatures[: part.rows], part.signatures)


def test_columns_come_in_one_order(digits):
    """The index is first, and each column has a value for every sample."""
    record = scan_of(loader_of(digits[0][:40], digits[1][:40]))
    assert [column.name for column in record.columns] == [
        *("index", "shape", "dtype", "min", "mean", "std", "max"),
        *("zeros", "nonfinite", "brightness", "contrast", "label"),
    ]
    assert {len(column.values) for column in record.columns} == {40}
    assert all(column.help for column in record.columns)


def test_planted_defects_are_told_by_the_hashes(digits):
    """Equal samples, equal inputs with other labels, and samples in both splits are exactly those of a brute force."""
    images, labels = digits[0].clone(), digits[1].clone()
    rng = np.random.default_rng(5)
    for place, source in rng.choice(len(images), (40, 2), replace=False):
        images[place], labels[place] = images[source], labels[source]
    flipped = rng.choice(len(images), 15, replace=False)
    images = torch.cat([images, images[flipped]])
    labels = torch.cat([labels, (labels[flipped] + 1) % 10])
    record, other = scan_of(loader_of(images, labels)), scan_of(loader_of(images[::100], labels[::100]))
    rows = [image.numpy().tobytes() for image in images]
    pairs = [(row, int(label)) for row, label in zip(rows, labels, strict=True)]
    hashes = list(zip(record.input_hashes.tolist(), record.target_hashes.tolist(), strict=True))
    for own, told in ((rows, record.input_hashes.tolist()), (pairs, hashes)):
        assert [own.index(each) for each in own] == [told.index(each) for each in told]
    shared = set(rows[::100])
    assert [row in shared for row in rows] == np.isin(record.input_hashes, other.input_hashes).tolist()


def test_equal_samples_are_told_through_random_augmentation(digits):
    """Where a transform is random, hashes and signatures are of what it was given; the notes say so."""
    images = digits[0][:60, 0].numpy().astype(np.float32)
    images[41] = images[3]
    record = scan_of(DataLoader(Pictures(images, digits[1][:60]), batch_size=16))
    assert record.input_hashes[41] == record.input_hashes[3]
    assert record.signatures[41] == record.signatures[3]
    assert len(set(record.input_hashes.tolist())) == 59
    assert values(record, "mean")[41] != values(record, "mean")[3]
    assert any("random" in note for note in record.notes)
    calm = scan_of(DataLoader(Pictures(images, digits[1][:60], noise=0.0), batch_size=16))
    np.testing.assert_array_equal(calm.input_hashes, record.input_hashes)
    assert not calm.notes


def test_signatures_of_like_pictures_are_alike():
    """Noise and another brightness change few of the 64 bits, another picture about half of them."""
    rng = np.random.default_rng(0)
    grid = torch.nn.functional.interpolate(torch.tensor(rng.random((20, 3, 6, 6)), dtype=torch.float32), size=40)
    near = grid * 0.8 + 0.05 + 0.01 * torch.randn(grid.shape, generator=torch.Generator().manual_seed(0))
    record = scan_of(loader_of(torch.cat([grid, near])))
    bits = np.unpackbits(record.signatures.view(np.uint8).reshape(40, 8), axis=1).astype(int)
    apart = np.abs(bits[:20, None] - bits[None, 20:]).sum(2)
    assert np.diag(apart).max() <= 12
    assert apart[~np.eye(20, dtype=bool)].min() > np.diag(apart).max()


def test_a_table_is_described_by_feature():
    """Means, missing values, constant and repeated features of a table are those of NumPy."""
    table = load_wine().data.copy()
    rng = np.random.default_rng(0)
    table[rng.random(len(table)) < 0.1, 2] = np.nan
    table = np.column_stack([table, np.full(len(table), 3.0), table[:, 4]])
    names = [*load_wine().feature_names, "<b>constant</b>", "again"]
    record = scan_of(loader_of(torch.tensor(table), torch.tensor(load_wine().target)), feature_names=names)
    assert record.form == "table"
    np.testing.assert_allclose(values(record, "missing"), np.isnan(table).mean(1))
    np.testing.assert_allclose([fact.missing for fact in record.features], np.isnan(table).mean(0))
    for name, figures in (("mean", np.nanmean), ("std", np.nanstd), ("low", np.nanmin), ("high", np.nanmax)):
        told = [getattr(fact, name) for fact in record.features]
        np.testing.assert_allclose(told, figures(table, 0), rtol=1e-9, atol=1e-12)
    assert [fact.name for fact in record.features if fact.constant] == ["<b>constant</b>"]
    assert {fact.name: fact.same_as for fact in record.features if fact.same_as} == {"again": names[4]}
    assert record.embedding.shape == (len(table), 15)
    assert np.isfinite(record.embedding).all()


def test_a_mean_far_above_the_deviation_costs_no_digits():
    """The deviation of a series around a million is exact."""
    rng = np.random.default_rng(0)
    series = rng.normal(1e4, 0.5, (20, 2, 300)).astype(np.float32)
    record = scan_of(loader_of(torch.tensor(series)))
    np.testing.assert_allclose(values(record, "std"), series.astype(np.float64).std((1, 2)), rtol=1e-6)
    assert values(record, "length").tolist() == [300.0] * 20
    assert record.embedding.shape == (20, 64)


@pytest.mark.parametrize(
    ("target", "kind", "told"),
    [
        (torch.tensor([2, 0, 1, 2]), "class", ["c", "a", "b", "c"]),
        (torch.tensor([[2], [0], [1], [2]]), "class", ["c", "a", "b", "c"]),
        (torch.tensor([2, -100, 1, 2]), "class", ["c", None, "b", "c"]),
        (torch.eye(3)[[2, 0, 1, 2]], "class", ["c", "a", "b", "c"]),
        (torch.tensor([[0.1, 0.9, 0], [0.8, 0.1, 0.1], [1, 0, 0], [0, 0, 1]]), "soft", ["b", "a", "a", "c"]),
        (torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]]), "multilabel", ["a, c", "b", "(none)", "a, b, c"]),
        (["cat", "<b>", "cat", None], "class", ["cat", "<b>", "cat", None]),
        ([2, None, 1, 2], "class", ["c", None, "b", "c"]),
        ([[0], [0, 1], [], [2]], "multilabel", ["a", "a, b", "(none)", "c"]),
    ],
)
def test_labels_of_any_form_are_told_in_words(target, kind, told):
    """Indices, one-hot and soft rows, several labels, strings and lists give one column of words; none is none."""
    halves = [(torch.randn(2, 3), target[:2]), (torch.randn(2, 3), target[2:])]
    record = scan_of(halves, class_names=["a", "b", "c"])
    assert (record.label_kind, words(record, "label")) == (kind, told)


def test_labels_that_are_numbers_stay_numbers():
    """One number a sample is a column, several are as many, and none is no column."""
    one = scan_of(loader_of(torch.randn(9, 3), torch.arange(9) / 4))
    assert (one.label_kind, values(one, "label").tolist()) == ("regression", [place / 4 for place in range(9)])
    goals = torch.randn(9, 2)
    several = scan_of(loader_of(torch.randn(9, 3), goals))
    np.testing.assert_allclose(values(several, "label_1"), goals[:, 1].numpy())
    none = scan_of(loader_of(torch.randn(9, 3)))
    assert (none.label_kind, none.column("label"), len(none.target_hashes)) == ("", None, 0)


def test_ten_thousand_classes_are_no_burden():
    """Every class of very many has its name and its place."""
    record = scan_of(loader_of(torch.randn(20_000, 2), torch.arange(20_000) % 10_000, batch_size=1000))
    assert len(record.column("label").words) == 10_000
    assert words(record, "label")[12_345] == "2345"


def test_masks_and_boxes_are_told_in_text():
    """Targets that are pictures or boxes have a text each."""
    masks = torch.zeros(4, 16, 16, dtype=torch.int64)
    masks[1, :8] = 1
    record = scan_of(loader_of(torch.rand(4, 3, 16, 16), masks), class_names=["sky", "road"])
    assert (record.label_kind, words(record, "label")[:2]) == ("mask", ["sky 100 %", "sky 50 %, road 50 %"])
    boxes = [{"boxes": torch.rand(count, 4), "labels": torch.zeros(count, dtype=torch.int64)} for count in (1, 2)]
    record = scan_of([(list(torch.rand(2, 3, 16, 16)), boxes)])
    assert (record.label_kind, words(record, "label")) == ("boxes", ["1 class 0", "2 class 0"])


def test_texts_have_length_and_words():
    """Tokens that count are counted, padding is not, and the beginning can be read."""
    ids = torch.tensor([[1, 2, 3, 0], [2, 0, 0, 0], [1, 2, 3, 3]])
    record = scan_of(loader_of(ids, torch.tensor([0, 1, 0])), vocabulary=["<pad>", "the", "old", "<i>cat</i>"])
    assert (record.form, values(record, "length").tolist()) == ("text", [3.0, 1.0, 4.0])
    assert words(record, "text") == ["the old <i>cat</i>", "old", "the old <i>cat</i> <i>cat</i>"]
    assert record.embedding.shape == (3, 64)
    assert {column.name for column in record.columns if column.kind == "number"} == {"length"}  # ids are names
    raw = scan_of([(["a cat sat", "a cat sat", "no"], torch.zeros(3))])
    assert raw.input_hashes[0] == raw.input_hashes[1] != raw.input_hashes[2]
    assert (raw.form, words(raw, "text"), raw.signatures[0] == raw.signatures[1]) == (
        "text",
        ["a cat sat", "a cat sat", "no"],
        True,
    )


def test_an_identifier_beside_the_input_is_no_content():
    """The number of a sample in its batch does not hide that two samples are equal."""
    rows = torch.randn(6, 4)
    rows[5] = rows[2]
    batch = {"x": rows, "idx": torch.arange(6), "label": torch.zeros(6, dtype=torch.int64)}
    record = scan_of([batch])
    assert record.input_hashes[5] == record.input_hashes[2]
    assert record.form == "table"


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_samples_are_counted_and_the_scan_goes_on(digits, workers):
    """Samples that raise are failures with their error, the others are described."""
    data = Pictures(digits[0][:30, 0].numpy(), digits[1][:30], noise=0.0, bad=(3, 17))
    record = scan_of(DataLoader(data, batch_size=8, num_workers=workers))
    assert (record.rows, record.failed, record.total, record.complete) == (28, 2, 30, True)
    assert [failure.index for failure in record.failures] == [3, 17]
    assert 3 not in values(record, "index")
    assert not active_children()


def test_a_data_set_of_bad_samples_gives_an_empty_record(digits):
    """Where nothing can be read there are no rows, and every failure is counted."""
    data = Pictures(digits[0][:4, 0].numpy(), digits[1][:4], bad=(0, 1, 2, 3))
    record = scan_of(DataLoader(data, batch_size=2))
    assert (record.rows, record.failed, record.columns[0].name) == (0, 4, "index")


def test_shapes_that_differ_are_a_column():
    """Samples of several sizes are described one by one, with their shapes."""

    class Sizes(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return torch.rand(3, 16 + index % 2, 16), index

    record = scan_of(DataLoader(Sizes(), batch_size=3))
    assert words(record, "shape") == ["3×16×16", "3×17×16"] * 2 + ["3×16×16"]


def test_a_stream_is_scanned():
    """An iterable data set is gone through once, its samples counted, which the notes say."""

    class Stream(IterableDataset):
        def __iter__(self):
            yield from zip(torch.arange(30.0).reshape(10, 3), range(10), strict=True)

    record = scan_of(DataLoader(Stream(), batch_size=4))
    assert values(record, "mean").tolist() == [1.0 + 3 * place for place in range(10)]
    assert (record.total, record.complete) == (10, True)
    assert any("counted" in note for note in record.notes)


def test_a_limit_and_a_stop_are_told(digits):
    """What was scanned of more stands, with the number that there is; it is not called complete."""
    loader = loader_of(*digits, batch_size=16)
    part = scan_of(loader, limit=48)
    assert (part.rows, part.total, part.complete) == (48, len(digits[0]), False)
    assert any("drawn at random" in note for note in part.notes)
    stopped = Scan(make_subject(nn.Identity(), loader))
    for progress in stopped:
        if progress.done >= 64:
            stopped.cancel()
    assert (stopped.record.rows, stopped.record.complete) == (64, False)
    assert any("stopped" in note for note in stopped.record.notes)
    assert progress.left > 0


def test_an_interrupt_leaves_the_record_and_no_worker(digits):
    """What was scanned before an interrupt stands, and no process is left."""

    def interrupt(progress):
        if progress.done >= 20:
            raise KeyboardInterrupt

    data = Pictures(digits[0][:60, 0].numpy(), digits[1][:60])
    own = Scan(make_subject(nn.Identity(), DataLoader(data, batch_size=10, num_workers=2)))
    record = scanned(own, interrupt)
    assert record.rows == 20
    assert not record.complete
    assert not active_children()


def test_an_interrupt_at_any_line_leaves_whole_rows():
    """Wherever an interrupt falls while a batch is taken in, every column has as many rows as were counted."""
    own = DataLoader(TensorDataset(torch.arange(24.0).reshape(8, 3), torch.arange(8) % 2), batch_size=4)
    taking_in = {"add", "_add_features", "_take"}
    line = 0
    while True:
        seen = itertools.count()

        def trace(frame, event, _, seen=seen, line=line):
            if frame.f_code.co_name in taking_in and event == "line" and next(seen) == line:
                signal.raise_signal(signal.SIGINT)
            return trace if frame.f_code.co_name in taking_in else None

        scanning = Scan(make_subject(nn.Identity(), own))
        sys.settrace(trace)
        try:
            record = scanned(scanning, lambda _: None)
        finally:
            sys.settrace(None)
        assert {len(column.values) for column in record.columns} == {record.rows}, line
        assert len(record.input_hashes) == record.rows, line
        if next(seen) <= line:
            break
        line += 1
    assert line > 20


def test_a_scan_disturbs_nothing(digits):
    """Random states, the loader's generator and the data set are bit for bit what they were."""
    generator = torch.Generator().manual_seed(4)
    data = Pictures(digits[0][:20, 0].numpy(), digits[1][:20])
    own = dict(vars(data))
    loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
    before = torch.get_rng_state(), generator.get_state(), np.random.get_state()[1].copy()
    scan_of(loader)
    after = torch.get_rng_state(), generator.get_state(), np.random.get_state()[1]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert vars(data) == own


def test_the_same_data_give_the_same_record(digits):
    """Two scans agree in every column, with workers and without."""
    data = Pictures(digits[0][:30, 0].numpy(), digits[1][:30], noise=0.0)
    one, other = (scan_of(DataLoader(data, batch_size=7, num_workers=workers)) for workers in (0, 2))
    for column, again in zip(one.columns, other.columns, strict=True):
        np.testing.assert_array_equal(column.values, again.values)
    np.testing.assert_array_equal(one.embedding, other.embedding)


def test_very_many_samples_are_embedded_in_part():
    """Of more than 100,000 samples a random 100,000 are embedded, each as its row says."""
    numbers = torch.arange(250_000.0)
    record = scan_of(loader_of(torch.stack([numbers, -numbers], 1), batch_size=10_000))
    assert record.embedding.shape == (100_000, 2)
    np.testing.assert_array_equal(record.embedding[:, 0], record.embedded)
    assert np.all(np.diff(record.embedded) > 0)
    shares = np.histogram(record.embedded, 10, (0, 250_000))[0] / 100_000
    assert np.abs(shares - 0.1).max() < 0.01


def test_names_and_subsets(digits):
    """The record is named after the data set inside of subsets, and keeps the indices of the loader's own."""
    data = Subset(Pictures(digits[0][:9, 0].numpy(), digits[1][:9], noise=0.0), [8, 2, 4])
    record = scan_of(DataLoader(data, batch_size=2))
    assert (record.name, values(record, "index").tolist()) == ("Pictures", [0, 1, 2])
    assert words(record, "label") == [str(int(digits[1][place])) for place in (8, 2, 4)]


def test_wrong_arguments_are_refused(digits):
    """No loader, an empty one and a senseless progress are each one clear error."""
    loader = loader_of(*digits)
    with pytest.raises(InputError, match="val_loader"):
        Scan(make_subject(nn.Identity(), loader), "validation")
    with pytest.raises(LoaderError, match="empty"):
        scan_of(DataLoader([]))
    with pytest.raises(InputError, match="progress"):
        scan(loader, progress=3)
    with pytest.raises(InputError, match="class_names"):
        scan(loader, class_name=["a"])


def test_planted_defects_are_found_and_progress_is_told(digits, capsys):
    """The whole way gives the planted duplicates and the leak as findings, and one line that tells how far it is."""
    images, labels = digits[0][:300].clone(), digits[1][:300].clone()
    images[200:205], labels[200:205] = images[10:15], labels[10:15]
    steps = []
    record = scan(loader_of(images, labels), val_loader=loader_of(images[50:57], labels[50:57]), progress=steps.append)
    counts = {finding.kind: finding.count for finding in record.findings}
    assert (counts["duplicates"], counts["in both splits"]) == (5, 7)
    assert [step.done for step in steps if step.total == 300] == [*range(0, 300, 32), 300]
    assert not capsys.readouterr().err
    scan(loader_of(images, labels))
    assert "scanned 300 of 300 samples" in capsys.readouterr().err


class Uneven(Dataset):
    """Samples of shapes of their own, by their index."""

    def __init__(self, *samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index], index % 2


def ragged(samples):
    return [sample for sample, _ in samples], torch.tensor([label for _, label in samples])


def test_a_default_device_of_the_users_is_not_taken(digits):
    """Where new tensors go elsewhere by default, pictures give the same columns as where they stay."""
    usual = scan_of(loader_of(*digits))
    pictures._windows.cache_clear()
    torch.set_default_device("meta")
    try:
        found = scan_of(loader_of(*digits))
    finally:
        torch.set_default_device(None)
        pictures._windows.cache_clear()
    assert found.failed == 0
    np.testing.assert_array_equal(found.embedding, usual.embedding)
    np.testing.assert_array_equal(found.signatures, usual.signatures)


def test_a_picture_of_one_pixel_does_not_end_the_scan():
    """Among larger pictures one of a single pixel, which has a value a channel as a table has, is a sample as well."""
    samples = [torch.rand(3, size, size) for size in (8, 8, 1, 8)]
    record = scan_of(DataLoader(Uneven(*samples), batch_size=1))
    assert (record.rows, record.failed, len(record.features)) == (4, 0, 3)


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_series_without_steps_leaves_the_others_theirs(place):
    """Wherever an empty series stands in a batch of lists, the numbers of the others are their own, and it has none."""
    series = [torch.arange(1.0, 9), torch.full((9,), 2.0), torch.arange(5.0)]
    series.insert(place, torch.zeros(0))
    record = scan_of(DataLoader(Uneven(*series), batch_size=4, collate_fn=ragged))
    known = np.arange(4) != place
    np.testing.assert_allclose(values(record, "mean")[known], [4.5, 2, 2])
    assert np.isnan(values(record, "mean")[place])
    assert record.embedding.shape[1] >= 5


def test_texts_that_were_cut_within_a_character_are_scanned():
    """Strings with halves of characters are samples as others are, and equal ones among them are found."""
    record = scan(DataLoader(Uneven("good day", "cut \ud83d", "cut \ud83d", "fine"), batch_size=4), progress=False)
    assert (record.rows, record.failed) == (4, 0)
    assert words(record, "text")[1] == "cut \\ud83d"
    assert len(set(record.input_hashes.tolist())) == 3


class Rows(Dataset):
    """Rows of a table as dicts of columns, with a label."""

    def __len__(self):
        return 30

    def __getitem__(self, index):
        return {"age": float(index % 7), "income": 10.0 * index, "length": index % 3}, index % 2


def test_columns_in_a_dict_are_one_table():
    """Numbers that enter together are the features of one table, called as their keys; its numbers are NumPy's."""
    record = scan_of(DataLoader(Rows(), 8))
    table = np.stack([[*Rows()[n][0].values()] for n in range(30)]).astype(float)
    assert [each.name for each in record.features] == ["age", "income", "length"]
    np.testing.assert_allclose([each.mean for each in record.features], table.mean(0))
    np.testing.assert_allclose(values(record, "max"), table.max(1))
    assert set(words(record, "dtype")) == {"float64, int64"}
    assert record.embedding.shape == (30, 3)
    named = scan_of(DataLoader(Rows(), 8), feature_names=["a", "b", "c"])
    assert [each.name for each in named.features] == ["a", "b", "c"]


def test_inputs_that_are_not_described_are_named(digits):
    """Beside pictures a number is not described, and a note says so."""
    images, labels = digits

    class Both(Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, index):
            return {"image": images[index], "age": float(index)}, int(labels[index])

    record = scan_of(DataLoader(Both(), 8))
    assert record.form == "image"
    assert any("x['image'] is described; x['age']" in note for note in record.notes)


@pytest.mark.parametrize("collate", [None, lambda rows: nn.utils.rnn.pad_sequence(rows, batch_first=True)])
def test_the_length_of_short_series_is_along_one_axis(collate):
    """Steps are counted along the axis that varies, also of series with fewer steps than channels."""
    steps = [1 + n % 7 for n in range(24)]
    rows = [torch.randn(each, 4) for each in steps]
    record = scan_of(DataLoader(rows, 4, collate_fn=collate))
    wanted = steps if collate is None else np.repeat(np.reshape(steps, (6, 4)).max(1), 4).tolist()
    assert values(record, "length").tolist() == wanted
    assert record.column("length").help == "Steps of the series, along axis 1."


def test_a_stream_that_goes_on_ends_with_a_note(monkeypatch):
    """Without a limit the scan of an endless stream ends after very many samples, and a note says how to go on."""

    class Endless(IterableDataset):
        def __iter__(self):
            return (torch.full((3,), float(n)) for n in itertools.count())

    monkeypatch.setattr(scanning, "_STREAM", 50)
    record = scan_of(DataLoader(Endless(), 8))
    assert (record.rows, record.complete) == (56, False)
    assert any("goes on" in note and "limit=" in note for note in record.notes)
    limited = scan_of(DataLoader(Endless(), 8), limit=80)
    assert limited.rows == 80
    assert not any("goes on" in note for note in limited.notes)
    listed = scan_of([torch.rand(8, 3)] * 9)
    assert (listed.rows, listed.complete) == (72, True)


def test_an_empty_validation_loader_is_named():
    """The error says whose loader there is nothing in."""
    loader = loader_of(torch.rand(8, 3), torch.rand(8))
    with pytest.raises(LoaderError, match="val_loader: the loader gave no batch"):
        scan(loader, val_loader=[], progress=False)
    with pytest.raises(LoaderError, match=r"^the loader gave no batch"):
        scan([], progress=False)
