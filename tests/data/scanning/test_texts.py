from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.data.scanning.texts import counting, texts_of
from nbinspect.subject import Subject


def test_texts_with_halves_of_characters_are_read():
    """A text that was cut within an emoji has its words as any other, and is told apart from one cut elsewhere."""
    found = texts_of(["good \ud83d", "good \ud83e", "good"], None, Subject(nn.Identity()))
    np.testing.assert_array_equal(found.lengths, [2, 2, 1])
    assert len({tuple(row) for row in found.ids.tolist()}) == 3
    assert found.shown[0] == "good \\ud83d"


def test_a_mask_of_any_type_tells_which_tokens_count():
    """Masks of bytes, flags and half precision count the same tokens."""
    ids, mask = np.array([[5, 6, 0]]), torch.tensor([[1, 1, 0]])
    for dtype in (torch.int64, torch.bool, torch.float16, torch.bfloat16):
        np.testing.assert_array_equal(counting(ids, mask.to(dtype), Subject(nn.Identity())), [[True, True, False]])
