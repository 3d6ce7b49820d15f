from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nbinspect.data.explorer.explorer import Explorer
from nbinspect.errors import InputError, LoaderError, NbinspectError
from nbinspect.subject import Subject
from tests.data.records_of_data import animals


def tables(count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(count, 5, generator=generator), torch.arange(count) % 4)


class Torn(Dataset):
    """Samples of which one cannot be read, and one stops the reading by an interrupt."""

    def __init__(self, torn=(), interrupt=None):
        self.torn, self.interrupt = torn, interrupt

    def __len__(self):
        return 20

    def __getitem__(self, index):
        if index in self.torn:
            raise ValueError("torn")
        return torch.full((4,), float(index)), index % 2


def explorer(data=None, val=None, batch_size=8, **options):
    loaders = [None if each is None else DataLoader(each, batch_size=batch_size) for each in (data or tables(), val)]
    return Explorer(Subject(nn.Linear(5, 4), loaders[0], nn.CrossEntropyLoss(), val_loader=loaders[1]), **options)


def test_every_split_is_scanned_and_looked_at():
    """A scan tells how far it is, and both splits can be looked at with their findings."""
    own = explorer(val=tables(16, seed=1))
    told = []
    record = own.scan(told.append)
    assert (record.rows, record.complete, own.splits) == (40, True, ("train", "validation"))
    assert [doing.done for doing in told if doing.done is not None][-1] == 1
    assert all(doing.work == "scan" for doing in told)
    assert record.findings
    own.switch("validation")
    assert own.view.record.rows == 16
    assert own.view.record.column("other_split") is not None


def test_the_columns_are_those_of_the_samples():
    """The table has a row a sample with its very values, by the data set's index."""
    own = explorer()
    own.scan()
    frame = own.frame()
    data = tables()
    np.testing.assert_allclose(frame["mean"], data.tensors[0].mean(1), rtol=1e-5, atol=1e-6)
    assert frame.index.tolist() == list(range(40))
    assert frame["label"].astype(str).tolist() == [str(n % 4) for n in range(40)]
    assert own.frame(np.array([3, 1])).index.tolist() == [3, 1]


def test_a_cancelled_scan_keeps_what_it_has():
    """After a cancel the samples that were scanned stand with their findings, and are not called complete."""
    own = explorer(val=tables(16))
    for doing in own.scanning():
        if doing.done:
            own.cancel()
    record = own.view.record
    assert 0 < record.rows < 40
    assert not record.complete
    assert record.findings
    assert "validation" not in own.views
    with pytest.raises(NbinspectError, match="nothing of the validation data"):
        own.switch("validation")


def test_an_interrupted_scan_keeps_what_it_has():
    """A KeyboardInterrupt is raised on, and what was scanned stands with its findings."""
    own = explorer()

    def interrupt(doing):
        if doing.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own.scan(interrupt)
    assert 0 < own.view.record.rows < 40


class Dying(IterableDataset):
    """A stream that ends its worker."""

    def __iter__(self):
        for number in range(20):
            if number == 11:
                os._exit(3)
            yield torch.full((4,), float(number)), number % 2


@pytest.mark.parametrize(
    ("loader", "rows", "reason"),
    [([], 0, "empty"), (DataLoader(Dying(), batch_size=2), None, "exited unexpectedly")],
)
def test_what_ends_a_scan_is_told_in_the_record(loader, rows, reason):
    """The reason stands among the notes of what was scanned until then."""
    own = Explorer(Subject(nn.Linear(4, 2), loader))
    with pytest.raises(LoaderError):
        own.scan()
    record = own.view.record
    assert record.rows == rows if rows is not None else record.rows <= 10
    assert not record.complete
    (note,) = (note for note in record.notes if note.startswith("the scan ended with an error: "))
    assert reason in note


def test_a_path_that_is_none_is_refused():
    """A number is no file to write to."""
    own = explorer()
    own.scan()
    with pytest.raises(InputError, match="path: expected the path of a file to write, got 3"):
        own.csv(3)


def test_a_scan_that_is_cut_short_does_not_replace_a_longer_one():
    """Of two scans the one with more samples stands, and a whole one replaces any."""
    own = explorer()
    own.scan()
    for doing in own.scanning():
        if doing.done:
            own.cancel()
    assert own.view.record.complete
    serial = own.serial
    own.scan()
    assert own.serial > serial


def test_marks_survive_a_scan_of_the_same_data():
    """Marks stay with samples that hold what they held, and those of samples that changed fall away."""
    data = tables()
    own = explorer(data)
    own.scan()
    own.view.mark("excluded", [3, 8])
    data.tensors[0][8] += 1
    own.scan()
    assert own.indices() == [n for n in range(40) if n != 3]
    assert own.lost_marks == 1


def test_a_subset_leaves_out_what_is_marked_and_what_cannot_be_read():
    """The subset has the data set's samples but excluded and unreadable ones; other marks are left out if asked for."""
    own = explorer(Torn(torn={5}))
    own.scan()
    view = own.view
    view.mark("excluded", view.rows_of([2]))
    view.mark("suspicious", view.rows_of([4]))
    subset = own.subset()
    assert [int(x[0]) for x, _ in subset] == [n for n in range(20) if n not in (2, 5)]
    assert len(own.subset(without=("excluded", "suspicious"))) == 17
    assert len(own.subset(without=None)) == 19
    with pytest.raises(InputError, match="mark"):
        own.subset(without="odd")


def test_no_subset_is_made_of_a_part_or_of_a_stream():
    """A subset that would silently leave samples out is refused with what to do, and indices are given."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([(torch.ones(4) * n, n % 2) for n in range(12)])

    stream = explorer(Stream())
    stream.scan()
    with pytest.raises(NbinspectError, match="in a stream"):
        stream.subset()
    assert stream.indices() == list(range(12))
    part = explorer(limit=16)
    part.scan()
    with pytest.raises(NbinspectError, match="only 16 of 40"):
        part.subset()
    assert len(part.indices()) == 16


def test_what_is_shown_is_written_as_csv(tmp_path):
    """The file has the rows that are shown in their order, with the marks, and reads back."""
    own = explorer()
    own.scan()
    own.view.mark("suspicious", [1])
    own.view.arrange(query="label == '1'")
    path = own.csv(tmp_path / "shown.csv")
    read = pd.read_csv(path)
    assert read["index"].tolist() == list(range(1, 40, 4))
    assert read["mark"][0] == "suspicious"
    assert len(own.csv(most=3).splitlines()) == 4
    for path in (tmp_path / "no" / "shown.csv", "shown\0.csv"):
        with pytest.raises(NbinspectError, match="cannot be written"):
            own.csv(path)


def test_samples_are_previewed_by_row():
    """Rows of any split are fetched in the order asked for, unreadable ones apart."""
    own = explorer(Torn(torn={5}), val=tables(8))
    own.scan()
    found, rows = own.preview([6, 0])
    assert (found.indices, rows.tolist()) == ((7, 0), [6, 0])
    assert own.preview([1], "validation")[0].batch.batch.origin.split == "validation"
    with pytest.raises(InputError, match="rows"):
        own.preview([19])
    many = explorer(tables(80))
    many.scan()
    with pytest.raises(InputError, match="64 at most"):
        many.preview(range(65))


@pytest.mark.parametrize("limit", [0, -1, 1.5, "all", True])
def test_a_limit_that_is_none_is_refused(limit):
    """A limit must be a whole number from 1."""
    with pytest.raises(InputError, match="limit"):
        explorer(limit=limit)


def test_before_a_scan_there_is_nothing_to_look_at():
    """A subject without a loader is refused, and so is a look before the scan."""
    with pytest.raises(LoaderError):
        Explorer(Subject(nn.Linear(2, 2)))
    with pytest.raises(NbinspectError, match="nothing of the train data"):
        explorer().view  # noqa: B018 - the look is what is tested


def test_a_loader_that_cannot_be_read_leaves_the_other_split():
    """What was scanned before a loader was refused stands, with its findings."""
    loader = DataLoader(tables(), batch_size=8)
    own = Explorer(Subject(nn.Linear(5, 4), loader, val_loader=iter(loader)))
    with pytest.raises(LoaderError):
        own.scan()
    assert own.view.record.complete
    assert own.view.record.findings


def test_a_later_record_is_looked_at_in_place_of_the_one_before():
    """Taking a record counts as news."""
    own = explorer()
    own.take("train", animals())
    own.take("train", animals(9))
    assert (own.serial, own.view.record.rows) == (2, 9)
