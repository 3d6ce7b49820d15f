from __future__ import annotations

import torch
from torch import nn

from nbinspect.capture.batch import capture_batch
from nbinspect.decode.batch import decode_batch
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
