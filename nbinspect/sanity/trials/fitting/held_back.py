"""What is said where a network could learn a batch, and something holds it back."""

from __future__ import annotations

from typing import Any

from nbinspect.sanity.check import CheckResult, failed, measured
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.overfitting import Overfitting


def of_the_bound(found: Overfitting, curve: Curve, rest: dict[str, Any]) -> CheckResult:
    """Say that the outputs cannot become large enough for the loss to come near its floor."""
    return failed(
        f"bounded outputs keep {curve.left:.0%} of the loss",
        *found.shown,
        title="The outputs cannot become as large as the loss needs",
        detail=f"However large the weights, the outputs stay as small as they are, as cosines do; the loss of two "
        f"samples ends at {curve.last:.3g}, far above its floor of {curve.goal.floor:.3g}.",
        remedy="Multiply the outputs by a scale, fixed (16 to 64 for cosines) or learnt, or divide by a temperature.",
        confirmed=True,
        **rest,
    )


def of_the_positions(found: Overfitting, rest: dict[str, Any]) -> CheckResult:
    """Say that all positions of a sample get one output."""
    return failed(
        f"one output for all {found.alike} positions of a sample",
        *found.shown,
        title="Positions within a sample cannot be told apart",
        detail=f"After the steps on the batch each sample gets the very same output at {found.alike} positions, and "
        "its targets differ from position to position: no weights can fit both.",
        remedy="Follow two positions to where they become one: a pooling, the first or the last state taken for all, "
        "an expand.",
        **rest,
    )


def of_the_tokens(found: Overfitting, rest: dict[str, Any]) -> CheckResult:
    """Say that a network knows which tokens there are, and not where."""
    return failed(
        "a token gets one output wherever it stands",
        *found.shown,
        measured("targets that contradict another one of the same token and sample", f"{found.disputed:.0%}", "0%"),
        title="Equal tokens of a sample cannot be told apart",
        detail=f"In each sample equal tokens get the very same output, also with noise on all weights, though the "
        f"other tokens change it; {found.disputed:.0%} of the targets contradict that of an equal token: no weights "
        "can fit both. The network does not know where a token stands.",
        remedy="Add positions to the embeddings of the tokens, and look whether they reach the first layer.",
        **rest,
    )


def of_own_step(found: Overfitting, standard: Curve, rest: dict[str, Any]) -> CheckResult:
    """Say that the user's own step does not learn what a standard one with the same optimizer does."""
    return failed(
        f"{found.whole.kind} with your step, not with a standard one",
        *found.shown,
        title="Your training step undoes what it learns",
        detail=f"After {len(found.whole.losses) - 1} of your steps on one batch the loss is {found.whole.last:.3g}, "
        f"after {len(standard.losses) - 1} standard ones (clear, forward, loss, backward, update), with the same "
        f"optimizer and at the same rates, {standard.last:.3g}.",
        remedy="Look at what your step does beside these five: what it adds to gradients, or writes to weights.",
        confirmed=True,
        **rest,
    )


def of_own_optimizer(found: Overfitting, plain: Curve, rest: dict[str, Any]) -> CheckResult:
    """Say that the user's own optimizer does not learn what the one that it extends does."""
    return failed(
        "one batch is not learnt by your optimizer, but by the one it extends",
        *found.shown,
        title="Your optimizer undoes what it learns",
        detail=f"After {len(found.whole.losses) - 1} steps on one batch the loss is {found.whole.last:.3g}; with "
        f"{plain.name}, at the same rate, {plain.last:.3g}. A higher rate does not help.",
        remedy="Look at what your optimizer's `step` does beside the one it extends: what it does to gradients, or "
        "writes to weights.",
        confirmed=True,
        **rest,
    )
