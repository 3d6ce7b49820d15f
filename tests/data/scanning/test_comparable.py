from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from nbinspect.data.scanning.scan import Scan, scan, scanned
from nbinspect.subject import make_subject

IMAGES = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Own(Dataset):
    """Samples that a function makes of the data set and an index; the transform may be random."""

    def __init__(self, make, length=12, noise=0.0):
        self.images = IMAGES.clone()
        self.make = make
        self.length = length
        self.transform = lambda image: image * 2 + noise * torch.rand(())

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.make(self, index)


def turned(data, index):
    return torch.rot90(data.transform(data.images[index // 4]), index % 4, (1, 2)), index % 4


def paired(data, index):
    """Each image with its neighbour, and with the one after that."""
    one, other = data.images[index // 2], data.images[(index // 2 + 1 + index % 2) % 12]
    return torch.stack([data.transform(one), data.transform(other)]), index % 2


def cut(data, index):
    image = data.transform(data.images[index // 3])
    return image[:, index % 3 : index % 3 + 8, :8], 0


def plain(data, index):
    return data.transform(data.images[index]), index % 3


def scan_of(data, batch_size=5, **options):
    """The record of a whole scan, without findings."""
    loader = DataLoader(data, batch_size=batch_size, **options)
    return scanned(Scan(make_subject(nn.Identity(), loader)), lambda _: None)


@pytest.mark.parametrize("make", [turned, paired, cut])
def test_what_is_made_after_the_transform_tells_samples_apart(make):
    """Turned pictures, pairs and crops of one image are neither duplicates nor conflicts."""
    record = scan(DataLoader(Own(make), batch_size=5), progress=False)
    assert len(set(record.input_hashes.tolist())) == 12
    told = {finding.kind: finding.level for finding in record.findings}
    assert (told["duplicates"], told["conflicting labels"]) == ("ok", "ok")
    assert not record.notes


def test_copies_are_found_where_more_is_done_than_transform():
    """A crop that is the same crop of the same image is a duplicate, another crop of it is not."""
    data = Own(cut)
    data.images[2] = data.images[1]
    hashes = scan_of(data).input_hashes
    assert hashes[3:6].tolist() == hashes[6:9].tolist()
    assert len(set(hashes.tolist())) == 9


def test_pairs_that_are_random_have_no_hashes():
    """Where a random transform is called for several contents of a sample, a note says that none are compared."""
    record = scan_of(Own(paired, noise=0.1))
    assert not len(record.input_hashes)
    assert any("equal samples cannot be told" in note for note in record.notes)


def test_two_views_of_one_content_are_told_by_it():
    """A random transform that is called twice for the same image leaves no doubt what the sample is."""

    def views(data, index):
        image = data.images[index]
        return torch.stack([data.transform(image), data.transform(image)]), 0

    data = Own(views, noise=0.1)
    data.images[7] = data.images[2]
    hashes = scan_of(data).input_hashes
    assert hashes[7] == hashes[2]
    assert len(set(hashes.tolist())) == 11


def test_contents_that_come_several_times_by_design_are_not_warned_of():
    """Where most samples share what a random transform is given, that is noted at most."""
    record = scan(DataLoader(Own(turned, noise=0.1), batch_size=5), progress=False)
    assert len(set(record.input_hashes.tolist())) == 3
    assert "warn" not in {finding.level for finding in record.findings}


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_sample_in_both_splits_is_found_through_different_transforms(noise):
    """Training is augmented or resized in another way, and still shares its images with validation."""
    train, validation = Own(plain, noise=noise), Own(plain, length=4)
    validation.images[1:] = torch.rand(11, 3, 16, 16)
    validation.transform = lambda image: image * 3
    loaders = DataLoader(train, batch_size=5), DataLoader(validation, batch_size=5)
    record = scan(loaders[0], val_loader=loaders[1], progress=False)
    assert {finding.kind: finding.count for finding in record.findings}["in both splits"] == 1
    assert np.flatnonzero(record.column("other_split").values >= 0).tolist() == [0]


def test_a_transform_after_another_is_told_by_the_first():
    """What a first transform makes and a second, random one gets is no second content."""

    def twice(data, index):
        return data.augment(data.transform(data.images[index])), 0

    data = Own(twice)
    data.augment = lambda image: image + torch.rand(())
    data.images[9] = data.images[4]
    hashes = scan_of(data).input_hashes
    assert hashes[9] == hashes[4]
    assert len(set(hashes.tolist())) == 11


class Sentences(Dataset):
    """Token ids of different length; the second and the eleventh are the same, and the rest are not."""

    def __init__(self):
        draws = torch.Generator().manual_seed(1)
        self.ids = [torch.randint(1, 90, (3 + 5 * index % 17,), generator=draws) for index in range(12)]
        self.ids[10] = self.ids[1].clone()

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return self.ids[index], self.ids[index] % 5


def padded(samples, *, left=False, padding=0, ignored=-100):
    ids, tags = zip(*samples, strict=True)
    side = "left" if left else "right"
    options = {"batch_first": True, "padding_side": side}
    mask = pad_sequence([torch.ones_like(own) for own in ids], padding_value=0, **options)
    told = {"input_ids": pad_sequence(ids, padding_value=padding, **options), "attention_mask": mask}
    return told | {"labels": pad_sequence(tags, padding_value=ignored, **options)}


def alone(samples):
    named = padded(samples, ignored=0)
    return named["input_ids"], named["labels"]


@pytest.mark.parametrize(
    "collate",
    [padded, partial(padded, left=True, padding=7), alone],
    ids=["masked", "padded on the left", "no mask"],
)
def test_padding_does_not_hide_that_texts_are_equal(collate):
    """The same text in batches of different length is the same sample, and no other is."""
    record = scan_of(Sentences(), batch_size=3, collate_fn=collate)
    assert record.form == "text"
    assert not record.notes
    for hashes in (record.input_hashes, record.target_hashes):
        assert hashes[1] == hashes[10]
        assert len(set(hashes.tolist())) == 11


def test_a_mask_that_marks_padding_does_not_make_texts_equal():
    """Where what a mask leaves out is no padding, all of a text is compared."""

    def marked(samples):
        told = padded(samples)
        return told | {"attention_mask": 1 - told["attention_mask"]}

    assert len(set(scan_of(Sentences(), batch_size=3, collate_fn=marked).input_hashes.tolist())) >= 11


def test_strings_of_the_usual_collation_are_texts():
    """Samples of a string and a number come as a tuple of strings, or under a name, and are read."""
    samples = [("a cat sat", 0), ("no", 1), ("a cat sat", 0)]
    for given in (samples, [{"words": text, "label": label} for text, label in samples]):
        record = scan_of(given)
        text = record.column("text")
        assert [text.words[code] for code in text.values] == ["a cat sat", "no", "a cat sat"]
        assert record.input_hashes[0] == record.input_hashes[2] != record.input_hashes[1]
