from __future__ import annotations

import math

import numpy as np
import pytest

from nbinspect.records import SwapRun
from nbinspect.reference.verdict import verdict

ANSWERS = {"+": ("learns", 0.8), "-": ("fails", 0.0), "?": ("unclear", 0.06), "~": ("learns", 0.15)}


def run(model: str, data: str, answer: str, optimizer: str = "Adam, rate 0.001", error: str = "") -> SwapRun:
    told, gain = ANSWERS[answer]
    return SwapRun(model, data, optimizer, np.arange(2), np.ones(2), gain, 0.02, told, error)


def crossing(own: str, swapped: str, known: str, proof: str) -> tuple[SwapRun, ...]:
    """The runs of a swap: of the user's model one a letter, on both data sets; of the reference model one on each."""
    names = ["SGD, rate 0.1 (yours)", "Adam, rate 0.001", "Adam, rate 0.01"]
    users = [
        run("yours", data, letter, name)
        for data, letters in (("yours", own), ("reference", swapped))
        for name, letter in zip(names, letters, strict=False)
    ]
    return (run("reference", "yours", known), run("reference", "reference", proof), *users)


def told(*letters: str, wrong_way: bool = False, many: str = "") -> tuple[str, str]:
    return verdict(crossing(*letters), wrong_way=wrong_way, many=many, steps=60)


@pytest.mark.parametrize(
    ("letters", "fault"),
    [
        (("+", "+", "+", "+"), "neither"),
        (("+", "-", "-", "-"), "neither"),
        (("-+", "-+", "+", "+"), "optimizer"),
        (("?+", "-+", "+", "+"), "unknown"),
        (("---", "---", "+", "+"), "model"),
        (("---", "---", "~", "+"), "model"),
        (("---", "+--", "-", "+"), "data"),
        (("---", "+--", "+", "+"), "fit"),
        (("---", "~--", "+", "+"), "unknown"),
        (("---", "+--", "~", "+"), "unknown"),
        (("---", "---", "-", "+"), "unknown"),
        (("---", "---", "?", "+"), "unknown"),
        (("---", "+--", "?", "+"), "unknown"),
        (("--?", "---", "+", "+"), "unknown"),
        (("--?", "+++", "+", "+"), "unknown"),
        (("---", "--?", "+", "+"), "unknown"),
        (("---", "---", "+", "-"), "unknown"),
        (("---", "+--", "-", "?"), "unknown"),
    ],
)
def test_blame_needs_every_side_to_be_clear(letters: tuple[str, ...], fault: str) -> None:
    """Each crossing has one verdict, and a single unclear side of it leaves nobody blamed."""
    found, sentence = told(*letters)
    assert found == fault
    assert sentence.endswith(".")
    assert sentence.startswith("It cannot be told") == (fault == "unknown")


def test_the_loss_comes_first() -> None:
    """A loss that goes the wrong way is blamed whatever the runs say, and needs none."""
    assert told("---", "---", "+", "+", wrong_way=True)[0] == "loss"
    assert verdict((), wrong_way=True, many="", steps=60)[0] == "loss"


def test_many_classes_clear_the_data() -> None:
    """Where a short run could not show anything on the data, they are not blamed, and the reason is given."""
    found, sentence = told("---", "+--", "-", "+", many="1000 classes need more than 640 samples")
    assert found == "unknown"
    assert "1000 classes" in sentence


def test_a_run_that_raised_is_told() -> None:
    """What a copy raised on the other data is in the sentence, with whose it was."""
    runs = (*crossing("---", "---", "+", "+")[:-1], run("yours", "reference", "?", error="ValueError: no"))
    found, sentence = verdict(runs, wrong_way=False, many="", steps=60)
    assert found == "unknown"
    assert "your model on the reference data raised ValueError: no" in sentence


def test_a_run_that_diverged_is_none_of_the_way() -> None:
    """A gain that is no number is said to be none of the way."""
    runs = [
        SwapRun(one.model, one.data, one.optimizer, one.steps, one.losses, -math.inf, 0.0, "fails")
        if one.model == "yours"
        else one
        for one in crossing("---", "---", "+", "+")
    ]
    assert "yours 0 %" in verdict(tuple(runs), wrong_way=False, many="", steps=60)[1]


def test_a_model_that_is_far_slower_than_the_reference_is_not_called_sound() -> None:
    """Learning a quarter of the way where the reference model comes nearly all of it leaves the question open."""
    runs = tuple(
        SwapRun(model, data, "Adam", np.array([0, 60]), np.array([1.0, 1 - gain]), gain, 0.02, "learns")
        for model, data, gain in (
            ("yours", "yours", 0.27),
            ("yours", "reference", 0.3),
            ("reference", "yours", 0.95),
            ("reference", "reference", 0.99),
        )
    )
    fault, sentence = verdict(runs, wrong_way=False, many="", steps=60)
    assert fault == "unknown"
    assert "slows yours" in sentence
