"""Which of two is at fault, told from how far each of the four crossings came; blame needs clear margins."""

from __future__ import annotations

from typing import Literal, TypeAlias

from nbinspect.records import SwapRun

Fault: TypeAlias = Literal["model", "data", "fit", "optimizer", "loss", "neither", "unknown"]
_HALF = 0.5
"""Of what the reference model reaches, which a model must reach to be well."""
_NOTHING = 0.03
"""Share of the way to perfect answers that is none."""


def verdict(runs: tuple[SwapRun, ...], *, wrong_way: bool, many: str, steps: int) -> tuple[Fault, str]:
    """Return who is at fault, and that in a sentence.

    Args:
        runs: the crossings; those of the user's model with the user's optimizer first, then with others.
        wrong_way: whether perfect answers have a higher loss than a constant one.
        many: why a short run shows nothing on these data, such as the number of classes; empty where it may.
        steps: of each run.
    """
    if wrong_way:
        return "loss", "Your loss is at fault: perfect answers have a higher loss than a constant prediction."
    own, swapped = _of(runs, "yours", "yours"), _of(runs, "yours", "reference")
    known, proof = _of(runs, "reference", "yours"), _of(runs, "reference", "reference")
    if own[0].answer == "learns":
        how = f"{_share(own[0])} of the way from a constant prediction to perfect answers in {steps} steps"
        if _learns(known) and own[0].gain < _HALF * _best(known).gain:
            beside = f"the reference model comes {_share(_best(known))}: something slows yours, if only its rate"
            return "unknown", f"It cannot be told: your model learns your data, {how}, and {beside}."
        return "neither", f"Neither is at fault: your model learns your data, {how}."
    if _learns(own):
        return _of_optimizer(own)
    if any(run.error for run in runs):
        failed = next(run for run in runs if run.error)
        return "unknown", f"It cannot be told: {_pair(failed)} raised {failed.error}."
    if not _learns(proof):
        return "unknown", f"It cannot be told: not even the reference model learns its own data in {steps} steps."
    if _do_not_meet(own, swapped, known, _best(proof).gain):
        return "fit", (
            f"Neither alone, but how they meet is at fault: {_beside(own, known)}, though {_share(_best(swapped))} on "
            "reference data, which have mean 0 and deviation 1; look at the scale of your inputs and targets."
        )
    if not _fails(own):
        return "unknown", f"It cannot be told: {steps} steps are too few to say whether your model learns your data."
    if _learns(known):
        return _of_model(own, swapped, known, _best(proof).gain)
    if _fails(known) and _learns(swapped):
        return _of_data(swapped, known, many, steps)
    also = "; your model does not learn the reference data either" if _fails(swapped) else ""
    return "unknown", f"It cannot be told: neither model clearly learns your data in {steps} steps{also}."


def _of_optimizer(own: tuple[SwapRun, ...]) -> tuple[Fault, str]:
    better = max((run for run in own if run.answer == "learns"), key=lambda run: run.gain)
    if own[0].answer == "fails":
        text = f"with {own[0].optimizer} it does not learn your data, with {better.optimizer} it comes {_share(better)}"
        return "optimizer", f"Neither model nor data, but your optimizer or its rate is at fault: {text} of the way."
    return "unknown", (
        f"It cannot be told: your model learns your data with {better.optimizer}, {_share(better)} of the way, and "
        f"with {own[0].optimizer} it is too early to say."
    )


def _do_not_meet(
    own: tuple[SwapRun, ...], swapped: tuple[SwapRun, ...], known: tuple[SwapRun, ...], possible: float
) -> bool:
    """Whether model and data are both well beside the reference, and nothing comes of the two together."""
    is_well = _learns(swapped) and _best(swapped).gain > _HALF * possible
    return is_well and _learns(known) and _best(known).gain > _HALF and _best(own).gain < _NOTHING


def _of_model(
    own: tuple[SwapRun, ...], swapped: tuple[SwapRun, ...], known: tuple[SwapRun, ...], possible: float
) -> tuple[Fault, str]:
    shown, reached = _beside(own, known), _share(_best(swapped))
    if _fails(swapped):
        return "model", f"Your model is at fault: {shown}, and {reached} on data that the reference model learns."
    return "unknown", (
        f"It cannot be told for sure, though much points at your model: {shown}, and on reference data {reached}, "
        f"where the reference model comes {100 * possible:.0f} %."
    )


def _beside(own: tuple[SwapRun, ...], known: tuple[SwapRun, ...]) -> str:
    return f"the reference model comes {_share(_best(known))} of the way on your data, yours {_share(_best(own))}"


def _of_data(swapped: tuple[SwapRun, ...], known: tuple[SwapRun, ...], many: str, steps: int) -> tuple[Fault, str]:
    if many:
        return "unknown", f"It cannot be told: neither model learns your data, but {many}; give more steps."
    return "data", (
        f"Your data are at fault, or too hard for {steps} steps: your model comes {_share(_best(swapped))} of the way "
        f"on reference data of the same shapes, and on yours even the reference model only {_share(_best(known))}."
    )


def _of(runs: tuple[SwapRun, ...], model: str, data: str) -> tuple[SwapRun, ...]:
    return tuple(run for run in runs if (run.model, run.data) == (model, data))


def _learns(runs: tuple[SwapRun, ...]) -> bool:
    return any(run.answer == "learns" for run in runs)


def _fails(runs: tuple[SwapRun, ...]) -> bool:
    return all(run.answer == "fails" for run in runs)


def _best(runs: tuple[SwapRun, ...]) -> SwapRun:
    return max(runs, key=lambda run: run.gain)


def _share(run: SwapRun) -> str:
    return f"{100 * max(0.0, run.gain):.0f} %"


def _pair(run: SwapRun) -> str:
    models = {"yours": "your model", "reference": "the reference model"}
    return f"{models[run.model]} on {'your' if run.data == 'yours' else 'the reference'} data"
