"""The weights inside fused attention, against a manual softmax."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nbinspect.stepping.attention import fused_weights
from nbinspect.stepping.stepper import ForwardStepper
from tests.stepping.models import gpt2, normal, tokens


@pytest.mark.parametrize("kind", ["plain", "causal", "mask", "unscaled", "grouped"])
def test_weights_are_those_that_made_the_output(kind: str) -> None:
    """Plain, causal, masked and unscaled attention and grouped heads are told apart by what they give."""
    query = normal(2, 4, 6, 8)
    key, value = (normal(2, 2 if kind == "grouped" else 4, 6, 8, seed=seed) for seed in (1, 2))
    mask = normal(6, 6, seed=3) > 0
    mask.fill_diagonal_(True)
    scale = 1.0 if kind == "unscaled" else 8**-0.5
    scores = query @ key.repeat_interleave(4 // key.shape[1], 1).mT * scale
    if kind == "causal":
        scores = scores.masked_fill(~torch.ones(6, 6).tril().bool(), -torch.inf)
    if kind == "mask":
        scores = scores.masked_fill(~mask, -torch.inf)
    expected = scores.softmax(-1)
    output = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask if kind == "mask" else None,
        is_causal=kind == "causal",
        scale=scale,
        **({"enable_gqa": True} if kind == "grouped" else {}),
    )
    given = (query, key, value, mask) if kind == "mask" else (query, key, value)
    weights = fused_weights(given, output)
    assert weights is not None
    torch.testing.assert_close(weights, expected, atol=1e-5, rtol=1e-4)


def test_no_weights_are_better_than_wrong_ones() -> None:
    """An output that none of the usual ways gives has no weights, nor has a call without the three tensors."""
    query, key, value = (normal(2, 4, 6, 8, seed=seed) for seed in range(3))
    assert fused_weights((query, key, value), normal(2, 4, 6, 8, seed=9) * 10) is None
    assert fused_weights((query, key), query) is None


def test_a_look_at_fused_attention_shows_the_heads(opened: Callable[..., ForwardStepper]) -> None:
    """At GPT-2's fused attention the view is a map a head: rows sum to one, nothing looks ahead."""
    model = gpt2()
    stepper = opened(model, tokens(), training=False)
    stepper.run_to("F.scaled_dot_product_attention")
    shown = stepper.look(sample=1)
    assert shown.kind == "attention"
    np.testing.assert_allclose(shown.planes.sum(-1), 1, rtol=1e-5)
    assert not np.triu(shown.planes, 1).any()
    assert "worked out from query and key" in shown.note
