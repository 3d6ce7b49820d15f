from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.capture.batch import capture_batch
from nbinspect.decode.batch import decode_batch, exact_sample
from nbinspect.errors import NbinspectError
from nbinspect.subject import make_subject


def decoded(batch, **options):
    subject = make_subject(nn.Linear(3, 2), [batch], **options)
    return decode_batch(capture_batch(subject, batch), subject)


def test_names_of_features_are_looked_for_among_inputs_alone():
    """Feature names that are as many as the numbers of a target fit no input, and a note says so."""
    found = decoded((torch.rand(4, 3), torch.rand(4, 2)), feature_names=["a", "b"])
    assert found.notes == ("feature_names has 2 names, and no input has 2 features",)


def test_what_cannot_be_decoded_is_told_with_the_kind_of_error():
    """A target that raises within Python or PyTorch leaves the inputs as they are, and a note names the exception."""
    found = decoded((torch.rand(1, 3), [{"boxes": torch.zeros(1, 4), "labels": ["cat"]}]))
    assert [each.name for each in found.inputs] == ["input"]
    assert found.labels is None
    assert found.notes[0].startswith("y cannot be shown: ValueError: ")


def test_a_batch_with_time_first_is_shown_sample_by_sample():
    """With batch_axis=1 each sample of inputs, targets and the exact values are those of its own column."""
    x = torch.arange(12.0)[:, None, None] + 100 * torch.arange(8.0)[:, None] + torch.zeros(12, 8, 3)
    y = torch.arange(12) + 100 * torch.arange(8)[:, None]
    subject = make_subject(nn.Linear(3, 2), [x], batch_axis=1, feature_names=["a", "b", "c"])
    captured = capture_batch(subject, (x, y.T))
    shown = decode_batch(captured, subject)
    assert shown.notes == ()
    (series,) = shown.inputs
    assert series.decoder == "series"
    assert [text.split(" ")[0] for text in shown.labels.text] == [str(100 * n) for n in range(8)]
    for n in range(8):
        np.testing.assert_array_equal(exact_sample(captured, series.name, n)["values"], x[:, n].numpy())
        np.testing.assert_array_equal(exact_sample(captured, "y", n)["values"], y[n].numpy())
    with pytest.raises(NbinspectError, match="samples 0 to 7, not 8"):
        exact_sample(captured, series.name, 8)


@pytest.mark.parametrize("as_list", [False, True])
def test_labels_outside_the_class_names_are_warned_of(as_list):
    """The finding counts the labels that have no name, says which, and knows their samples."""
    labels = [0, 3, 1, 2, 3, -100]
    batch = torch.rand(6, 3), labels if as_list else torch.tensor(labels)
    record = decoded(batch, class_names=["a", "b"]).batch
    (found,) = [each for each in (*record.findings, *record.tensors[-1].findings) if each.kind == "outside-classes"]
    assert (found.level, found.samples) == ("warn", (1, 3, 4))
    assert found.text == "3 of 6 labels are outside the 2 class names: 3, 2"
    named = decoded(batch, class_names=list("abcd")).batch
    assert not any(each.kind == "outside-classes" for each in (*named.findings, *named.tensors[-1].findings))
