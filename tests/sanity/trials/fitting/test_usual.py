from __future__ import annotations

import pytest

from nbinspect.sanity.trials.fitting.usual import is_usual, of_what_is_kept


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


@pytest.mark.parametrize(
    ("switched", "said"),
    [
        (("2.p 0.3", "4.p 0.8"), " A dropout of 0.8 keeps 0.2: if 0.8 is the share to keep, write 0.2."),
        (("F.dropout 0.9",), " A dropout of 0.9 keeps 0.1: if 0.9 is the share to keep, write 0.1."),
        (("2.p 0.5", "weight decay 50", "noise.std 0.9", "1.keep_prob 0.9"), ""),
    ],
)
def test_says_what_a_dropout_keeps_that_drops_more(switched: tuple[str, ...], said: str) -> None:
    """Above a half the share to keep may be meant; other regularisation, and usual dropout, is no such thing."""
    assert of_what_is_kept(switched) == said
