from __future__ import annotations

import numpy as np
import pytest

from nbinspect.sanity.trials.running.comparison import padded


@pytest.mark.parametrize("least", [0, 2, 5])
def test_lines_of_several_lengths_get_one(least: int) -> None:
    """Lines are as long as the longest, or as asked for, and end in NaN, so that one axis serves them all."""
    lines = padded([(3.0, 2.0, 1.0), (4.0,)], least)
    assert {len(line) for line in lines} == {max(3, least)}
    assert [list(line[np.isfinite(line)]) for line in lines] == [[3.0, 2.0, 1.0], [4.0]]
