from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nbinspect.figures.human import human_figure, human_rows
from nbinspect.records import HumanRecord, PairedComparison
from tests.figures.reading import HOSTILE, drawn, texts

NAN = float("nan")
BESIDE = PairedComparison(20, 0.6, 0.39, 0.78, 0.25, 0.05, 0.4, 6, 1, 0.125)


def result(confusion: Any = ((8, 2, 0), (1, 8, 1)), words: tuple[str, ...] = ("cat", "dog"), **how: Any) -> HumanRecord:
    counts: NDArray[np.int64] = np.array(confusion, np.int64)
    facts: dict[str, Any] = {"samples": 20, "right": 16, "unknown": 1, "accuracy": 0.85, "low": 0.6, "high": 0.95}
    facts |= {"repeats": 5, "agreed": 4, "kappa": -0.125, "seconds": 2.14, "network": BESIDE, "notes": ()}
    none = np.zeros(0, np.int64)
    facts |= {"sentence": "A person is right on 85.0 %.", "indices": none, "answers": none}
    return HumanRecord(confusion=counts, words=words, **(facts | how))


def test_bars_and_matrix_have_the_figures() -> None:
    """The person's and the network's share stand beside each other, and the counts in the cells."""
    figure = human_figure(result())
    left, right = figure.axes
    heights = [bar.get_height() for group in left.containers if hasattr(group, "patches") for bar in group]
    assert heights == pytest.approx([85, 60])
    cells = {(text.get_position(), text.get_text()) for text in right.texts}
    assert cells == {((0, 0), "8"), ((1, 0), "2"), ((0, 1), "1"), ((1, 1), "8"), ((2, 1), "1")}
    assert {"person", "network", "cat", "don't know", "A person is right on 85.0 %."} <= set(texts(figure))
    assert drawn(figure).startswith(b"\x89PNG")
    known = human_figure(result([[8, 2, 0], [1, 9, 0]]))
    assert "don't know" not in texts(known)


def test_rows_have_the_figures() -> None:
    """Pairs of texts say what the record holds; what there is not has no row."""
    rows = dict(human_rows(result()))
    assert rows["right"] == "85.0 % (60.0 … 95.0)"
    assert rows["same answer the second time"] == "4 of 5, kappa −0.12"
    assert rows["person − network"] == "25.0 points (5.0 … 40.0)"
    assert rows["right alone"] == "person 6, network 1, p = 0.12"
    assert rows["time per sample (median)"] == "2.1 s"
    few = dict(human_rows(result(repeats=0, network=None, seconds=NAN)))
    assert set(few) == {"samples", "right", "don't know"}
    assert human_rows(result(samples=0)) == [("samples", "0")]


def test_many_hostile_classes_and_none_are_drawn() -> None:
    """Hostile names start no formula, forty classes are named in part, and no answers are said so."""
    words = tuple(f"{HOSTILE[place % len(HOSTILE)]}{place}" for place in range(40))
    many = human_figure(result(np.eye(40, 41), words, sentence=HOSTILE[1]))
    assert drawn(many).startswith(b"\x89PNG")
    assert len(many.axes[1].get_yticks()) == 20
    none = human_figure(result(np.zeros((0, 1)), (), samples=0, accuracy=NAN, network=None))
    assert "no answers yet" in texts(none)
    assert drawn(none).startswith(b"\x89PNG")
