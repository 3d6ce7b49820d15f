from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nbinspect.data.scanning.samples import preview, with_model_columns
from nbinspect.errors import LoaderError
from nbinspect.subject import Subject
from tests.data.records_of_data import column, record_of


class Samples(Dataset):
    """What a function makes of each index."""

    def __init__(self, make, count=20):
        self.make, self.count = make, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.make(index)


class Never(nn.Module):
    """A network that must not be run."""

    def forward(self, x):
        raise AssertionError("the network was run")


def subject(make, count=20, batch_size=4, model=None, **options):
    loader = DataLoader(Samples(make, count), batch_size=batch_size, collate_fn=options.pop("collate_fn", None))
    return Subject(model or Never(), loader, nn.CrossEntropyLoss(), **options)


def picture(index, height=6):
    return torch.full((1, height, 6), index / 20), index % 3


def test_samples_are_fetched_in_order_and_decoded_without_the_network():
    """The very values, labels and indices of the samples asked for are shown, and the network is not run."""
    names = ["a", "b", "c"]
    found = preview(subject(picture, class_names=names), "train", [7, 2, 11, 3, 5])
    assert found.indices == (7, 2, 11, 3, 5) == found.batch.batch.indices
    assert found.batch.labels.text == ("b", "c", "c", "a", "c")
    np.testing.assert_allclose(found.batch.inputs[0].exact[:, 0, 0, 0], np.array(found.indices) / 20, rtol=1e-6)
    assert found.batch.inputs[0].decoder == "image"
    assert found.errors == {}


def test_a_sample_that_raises_is_told_and_the_others_are_shown():
    """What cannot be read has its error, and the other samples come."""

    def make(index):
        if index == 3:
            raise ValueError("torn file")
        return picture(index)

    found = preview(subject(make), "train", [2, 3, 4])
    assert found.indices == (2, 4)
    assert "torn file" in found.errors[3]
    nothing = preview(subject(make), "train", [3])
    assert nothing.batch is None
    assert list(nothing.errors) == [3]


def test_samples_of_different_sizes_are_shown_together():
    """Pictures of several heights become one ragged list with the size of each."""
    found = preview(subject(lambda index: picture(index, 4 + index % 3), batch_size=1), "train", [0, 1, 2, 3])
    assert found.batch.inputs[0].sizes.tolist() == [[4, 6], [5, 6], [6, 6], [4, 6]]
    assert found.batch.labels.text == ("0", "1", "2", "0")


def test_named_batches_texts_and_boxes_are_decoded():
    """Inputs by name, targets as texts or as boxes of different number come whole."""

    def boxed(index):
        boxes = torch.tensor([[0, 0, 3.0, 3.0]] * (1 + index % 2))
        return torch.rand(3, 8, 8), {"boxes": boxes, "labels": torch.zeros(len(boxes), dtype=torch.int64)}

    def listed(samples):
        pictures, targets = zip(*samples, strict=True)
        return torch.stack(pictures), list(targets)

    found = preview(subject(boxed, collate_fn=listed), "train", [0, 1, 2])
    assert found.batch.labels.kind == "boxes"
    assert found.batch.boxes.sample.tolist() == [0, 1, 1, 2]

    named = preview(subject(lambda i: {"x": torch.ones(5) * i, "y": f"word {i}"}), "train", [4, 5])
    assert named.batch.labels.text == ("word 4", "word 5")
    assert named.batch.inputs[0].values[:, 0].tolist() == [4, 5]


def test_targets_are_no_inputs_where_the_call_is_unknown():
    """With a `forward` of the user's own the batch's tensors are shown, without the targets."""
    own = subject(picture, forward=lambda model, batch: model(batch[0]))
    found = preview(own, "train", [1, 2])
    assert [tensor.facts.role for tensor in found.batch.batch.tensors] == ["input", "target"]


def test_samples_along_another_axis_are_shown():
    """Batches with the samples along axis 1 are shown sample by sample."""

    def collate(samples):
        series, labels = zip(*samples, strict=True)
        return torch.stack(series, 1), torch.tensor(labels)

    own = subject(lambda i: (torch.arange(30.0).reshape(30, 1) + i, i), collate_fn=collate, batch_axis=1)
    found = preview(own, "train", [3, 4])
    assert found.batch.batch.size == 2
    assert found.batch.batch.tensors[0].facts.shape == (2, 30, 1)


def test_a_stream_is_gone_through_to_the_sample():
    """Samples of an iterable data set are found by their place in the order of reading."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([picture(index) for index in range(9)])

    own = Subject(Never(), DataLoader(Stream(), batch_size=4), nn.CrossEntropyLoss())
    found = preview(own, "train", [1, 6])
    np.testing.assert_allclose(found.batch.inputs[0].exact[:, 0, 0, 0], [0.05, 0.3], rtol=1e-6)


def test_a_split_without_a_loader_is_refused():
    """A missing loader is told with what to give."""
    with pytest.raises(LoaderError, match="val_loader="):
        preview(subject(picture), "validation", [0])


def test_nothing_of_the_user_is_changed():
    """Random states, the loader's generator and the data set stay as they were."""
    generator = torch.Generator().manual_seed(3)
    data = TensorDataset(torch.rand(20, 1, 6, 6), torch.arange(20) % 3)
    loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
    before = torch.get_rng_state(), generator.get_state(), data.tensors[0].clone()
    preview(Subject(Never(), loader, nn.CrossEntropyLoss()), "train", [3, 1])
    after = torch.get_rng_state(), generator.get_state(), data.tensors[0]
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_predictions_of_a_record_are_shown_on_its_samples():
    """Predictions, their correctness and losses come from the columns of the rows that are shown."""
    batch = preview(subject(picture), "train", [4, 2]).batch
    record = record_of(
        column("prediction", "class", [0, 1, 2, -1, 1], "model", ("a", "b", "c")),
        column("correct", "flag", [True, False, True, False, False], "model"),
        column("loss", "number", [0, 1, 2, np.nan, 4], "model"),
    )
    shown = with_model_columns(batch, record, np.array([4, 2]))
    assert shown.predictions.text == ("b", "c")
    assert shown.correct.tolist() == [0, 1]
    assert shown.losses.tolist() == [4, 2]
    assert with_model_columns(batch, record_of(column("mean", "number", [1])), np.array([0])) is not None


def test_targets_with_samples_along_another_axis_are_those_of_each_sample():
    """Targets (T, N) of a loader whose samples lie along the second axis are told sample by sample, as inputs are."""

    def collate(samples):
        return torch.stack([x for x, _ in samples], 1), torch.stack([y for _, y in samples], 1)

    def make(index):
        return torch.zeros(9, 2), torch.arange(9) + 10 * index

    own = subject(make, collate_fn=collate, batch_axis=1)
    found = preview(own, "train", [3, 5]).batch
    assert [text.split(" ")[0] for text in found.labels.text] == ["30", "50"]
    assert found.notes == ()


def test_packed_sequences_are_shown_sample_by_sample():
    """Each sample of a packed batch is shown as the series that was packed."""
    rows = [torch.randn(2 + n % 5, 4) for n in range(12)]
    pack = nn.utils.rnn.pack_sequence
    loader = DataLoader(
        range(12), 4, collate_fn=lambda at: (pack([rows[n] for n in at], enforce_sorted=False), torch.tensor(at))
    )
    found = preview(Subject(Never(), loader, nn.CrossEntropyLoss()), "train", [7, 2, 3])
    assert found.indices == (7, 2, 3)
    assert found.batch.batch.tensors[0].facts.shape == (3, None, 4)
    assert found.batch.labels.text == ("7", "2", "3")


def test_samples_that_cannot_be_told_apart_are_no_preview():
    """Where what enters has no entry for each sample, the reason stands in place of the samples."""

    def pooled(samples):
        return {"x": torch.cat([torch.randn(3, 4) for _ in samples])}

    found = preview(subject(lambda n: n, collate_fn=pooled), "train", [0, 1])
    assert found.batch is None
    assert set(found.errors) == {0, 1}
    assert "cannot be told apart by sample" in found.errors[0]
