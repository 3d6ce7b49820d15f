"""What is said where a batch is learnt without its inputs, or they cannot be heard."""

from __future__ import annotations

from dataclasses import replace

from nbinspect.records import Chart, Measurement
from nbinspect.sanity.check import CheckResult, failed, inconclusive, measured
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.heard import Heard
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown, way


def of_companions(real: Curve) -> CheckResult:
    """Say that the batch is told apart by masks or lengths alone."""
    return failed(
        "outputs depend on masks or lengths alone",
        shown("the batch", real),
        measured("change of the outputs with other inputs of the same lengths", 0.0, "not 0"),
        title="Only masks or lengths reach the network",
        detail="With everything zeroed but masks and lengths, or each word taken for another, every output stays the "
        "same to the last bit, also with noise on all weights: samples are told apart by their lengths alone.",
        remedy="Look at what forward is given: the mask may stand where the inputs should.",
        confirmed=True,
    )


def of_draws(real: Curve) -> CheckResult:
    """Say that the outputs are drawn, whatever the inputs are."""
    return failed(
        "outputs are drawn without the inputs",
        shown("the batch", real),
        measured("change of the outputs with inputs zeroed, under the same draws", 0.0, "not 0"),
        title="The outputs are drawn whatever the inputs are",
        detail="Under the same random draws every output stays the same to the last bit with the inputs zeroed, in "
        "train and in eval mode, also with noise on all weights; under other draws it is another.",
        remedy="Draw around what the inputs are encoded to, as mean + noise * scale, not the noise alone.",
        confirmed=True,
    )


def of_noise(real: Curve, noisy: Curve, change: Heard) -> CheckResult:
    """Say that inputs are lost in what is drawn at random."""
    return failed(
        "random draws drown the inputs",
        shown("the batch", real),
        shown("the batch", noisy),
        measured(
            "change of the outputs with inputs zeroed, of that by other draws",
            change.by_inputs / change.by_draws,
            "not far below 1",
        ),
        title="Random draws drown the inputs",
        detail=f"In train mode other draws change the outputs {change.by_draws / max(change.by_inputs, 1e-30):.0f} "
        "times as much as zeroed inputs do. The batch is learnt only while the draws are repeated, by their pattern.",
        remedy="Add less noise, or look whether signal and noise have changed places.",
        charts=(curves_chart("Loss of one batch, draws repeated and drawn anew", (real, noisy)),),
        confirmed=True,
    )


def of_one_input(size: int) -> CheckResult:
    """Say that all samples of each batch have the same inputs."""
    return failed(
        f"the same inputs for all {size} samples",
        measured("different inputs in the first batch", 1, f"about {size}"),
        title="Every sample has the same inputs",
        detail=f"In every batch that was read all samples have the same inputs, and their targets differ; {size} in "
        "the first.",
        remedy="Look at the data set's __getitem__: a fixed index in place of its own, or one buffer that all "
        "samples share and the last one has written.",
        confirmed=True,
    )


def of_steps(real: Curve) -> CheckResult:
    """Say that the steps do not read the inputs."""
    return failed(
        "the steps do the same with inputs zeroed",
        shown("the batch", real),
        measured("how far parameters part within 3 steps with and without inputs, of their way", 0.0, "not 0"),
        title="The training step does not read its inputs",
        detail="Three steps on a batch take the parameters the very same way with the inputs and with zeros for them.",
        remedy="Look at what the step gives the model: an empty buffer, noise, or another batch than the one it gets.",
        confirmed=True,
    )


def of_no_difference(real: Curve, blank: Curve, same: float) -> CheckResult:
    """Judge two curves of which the one with inputs has not come below the best constant."""
    pairs = list(zip(real.losses, blank.losses, strict=False))
    moved = max(one for one, _ in pairs) - min(one for one, _ in pairs)
    apart = max(abs(one - other) for one, other in pairs)
    numbers, charts = numbers_of(real, blank), (chart_of(real, blank),)
    if moved > 1e-4 * real.gap and apart <= max(same * moved, 1e-6 * abs(real.losses[0])):  # or float32's rounding
        return failed(
            "zeroed inputs change nothing",
            *numbers,
            title="Zeroed inputs make no difference",
            detail="The loss takes the same way with the inputs and without them, step by step: they do not reach it.",
            remedy="Find where the inputs are lost: overwritten, multiplied by 0, or not used in forward.",
            charts=charts,
        )
    settle = "Train until the loss is clearly below that of the best constant, and run this again."
    return inconclusive(f"not learnt yet: {real.left:.0%} of the loss is left", *numbers, settle=settle, charts=charts)


def numbers_of(real: Curve, blank: Curve) -> tuple[Measurement, ...]:
    """Return how far both runs have come."""
    return shown("the batch", real), replace(
        shown("the batch", blank), measured=way(blank), expected=f"not below {real.goal.blind:.4g}"
    )


def chart_of(real: Curve, blank: Curve) -> Chart:
    """Return the chart of both runs."""
    return curves_chart("Loss of one batch, with and without its inputs", (real, blank))
