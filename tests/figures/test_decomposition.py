from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import to_hex

from nbinspect.figures.decomposition import decomposition_figure, decomposition_rows, level_rows
from nbinspect.records import DecompositionRecord, ErrorLevel, ErrorPart
from tests.figures.reading import HOSTILE, drawn, texts

LEVELS = (
    ErrorLevel("human", 0.02, 0.02, 0.02, 0),
    ErrorLevel("train", 0.01, 0.008, 0.012, 5000),
    ErrorLevel("validation", 0.15, 0.13, 0.17, 1000),
    ErrorLevel("test", 0.16, 0.13, 0.19, 500),
)
PARTS = (
    ErrorPart("irreducible", "human", 0.02, 0.02, 0.02, "clear", "better labels"),
    ErrorPart("bias", "train − human", -0.01, -0.012, -0.008, "negative", "look at it"),
    ErrorPart("variance + shift", "validation − train", 0.14, 0.12, 0.16, "clear", "hold out a part"),
    ErrorPart("validation overfitting", "test − validation", 0.01, -0.03, 0.05, "within noise", "a fresh one"),
)


def record(**how: Any) -> DecompositionRecord:
    facts: dict[str, Any] = {"metric": "error rate", "unit": "", "levels": LEVELS, "parts": PARTS, "notes": ()}
    return DecompositionRecord(**(facts | {"largest": "variance + shift", "sentence": "Of 16.0 % error"} | how))


def test_steps_lead_to_the_last_error() -> None:
    """Each bar begins where the one before it ended, negative ones lead back, and the last ends at the error."""
    axes = decomposition_figure(record()).axes[0]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.containers[0]]  # type: ignore[union-attr]
    assert ends == [pytest.approx(each) for each in ((0, 2), (2, 1), (1, 15), (15, 16))]
    colours = {to_hex(bar.get_facecolor()) for bar in axes.containers[0]}  # type: ignore[union-attr]
    assert len(colours) == 4
    assert {"2.0 %", "−1.0 %", "14.0 %", "Of 16.0 % error", "error rate in %"} <= set(texts(axes.figure))


def test_rows_have_the_figures() -> None:
    """Parts and levels are told with intervals, states and advice."""
    rows = decomposition_rows(record())
    assert rows[0][:4] == ("part", "difference", "error rate", "95 % interval")
    assert rows[2] == ("bias", "train − human", "−1.0 %", "−1.2 % … −0.8 %", "negative", "look at it")
    assert level_rows(record())[1] == ("human", "given", "2.0 %", "2.0 % … 2.0 %")
    assert level_rows(record(metric="loss", unit="nats"))[2] == (
        "train",
        "5,000",
        "0.01 nats",
        "0.008 nats … 0.012 nats",
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_units_are_text(text: str) -> None:
    """A unit starts no formula and breaks no line."""
    assert drawn(decomposition_figure(record(metric="rmse", unit=text, sentence=text))).startswith(b"\x89PNG")
