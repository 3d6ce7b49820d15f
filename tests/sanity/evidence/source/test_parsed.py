from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from nbinspect.sanity.evidence.source.parsed import backward_calls, is_users


class Users(nn.Module):
    pass


def test_counts_backward_calls() -> None:
    """Each call in the text of a step is counted; without text nobody knows."""

    def step(model: Any, batch: Any) -> None:
        model(batch).backward()
        model.other(batch).backward()

    assert backward_calls(step) == 2
    assert backward_calls(len) is None


def test_tells_whose_a_class_is() -> None:
    """Classes of torch and of installed packages are not the user's."""
    assert is_users(Users)
    assert not is_users(nn.Linear)
    assert not is_users(pytest.MonkeyPatch)
