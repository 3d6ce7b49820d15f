from __future__ import annotations

import pytest

from nbinspect.sanity.trials.fitting.usual import is_usual


@pytest.mark.parametrize(
    ("switched", "expected"),
    [
        ("3.p 0.5", True),
        ("config.hidden_dropout_prob 0.1", True),
        ("F.dropout 0.2", True),
        ("weight decay 1e-05", True),
        ("weight decay 0.1", False),
        ("3.p 0.9", False),
        ("F.scaled_dot_product_attention 0.9", False),
        ("1.keep_prob 0.2", False),
        ("noise.std 0.3", False),
        ("block (DropBlock)", False),
    ],
)
def test_tells_sizes_that_are_used_everywhere(switched: str, expected: bool) -> None:
    """Dropout of up to a half and the weight decay of AdamW are usual; noise and layers of one's own are unknown."""
    assert is_usual(switched) is expected
