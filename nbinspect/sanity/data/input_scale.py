"""`input-scale`: is what reaches the first weights near unit scale?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, Floats
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.columns import constant_features
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.data.two_units import in_two_units
from nbinspect.sanity.evidence.layers.entry import (
    are_spread_after,
    given_entries,
    is_normalised_after,
    is_trainable,
    typical_size,
    widest_range,
)
from nbinspect.sanity.recorded import Operation, Recorded

_ENOUGH = 50
_SHOWN = 64


def run(
    training_pass: Recorded,
    scan: Scan,
    *,
    greatest: float = 50,
    large: float = 20,
    small: float = 0.02,
    least: float = 0.005,
    still: float = 0.02,
) -> CheckResult:
    """Fail where a feature at the first weighted layer is typically above `greatest`, or all values below `least`.

    So where no feature goes further from its mean than `still` of that, or pictures come in two units.
    """
    entries = given_entries(training_pass)
    reached = entries + given_entries(training_pass, multiplied=True)
    if not reached:
        return skipped("an input that is weighed, and no index")
    sizes = [typical_size(data) for _, data in reached]
    worst = int(np.argmax([size.max() for size in sizes]))
    operation, size = reached[worst][0], sizes[worst]
    peaks = [float(np.abs(data).max()) for _, data in entries] or [0.0]
    faint = int(np.argmin([peak or np.inf for peak in peaks]))
    biggest = float(size.max())
    if biggest > large:
        feature = int(size.argmax())
        name = f"feature {feature}" if len(size) > 1 else "values"
        text = f"{name} about {biggest:.4g} at {_name(operation)}"
        hidden = is_normalised_after(training_pass, operation) or not is_trainable(operation)
        return (failed if biggest > greatest and not hidden else warned)(
            text,
            measured("typical size of the largest feature", biggest, f"about 1, at most {greatest:g}"),
            measured("typical size of the median feature", float(np.median(size)), "about 1"),
            title="Inputs far from unit scale",
            detail=f"What reaches the first weights is far from unit scale: {text}. The weights of large features get "
            "gradients as many times larger, so no one learning rate suits all.",
            remedy="Normalise each feature to mean 0 and std 1 (bytes: divide by 255) before the first layer.",
            where=_name(operation),
            place=operation.step.place,
            charts=(_chart(size, greatest),),
        )
    if 0 < peaks[faint] < small:
        operation = entries[faint][0]
        return (failed if peaks[faint] < least and is_trainable(operation) else warned)(
            f"no value above {peaks[faint]:.2g} at {_name(operation)}",
            measured("greatest value", peaks[faint], f"about 1, at least {least:g}"),
            title="Inputs far too small",
            detail=f"No value that reaches the first weights is larger than {peaks[faint]:.2g}, as after a "
            "normalisation that was done twice: the network hardly sees its input.",
            remedy=f"Multiply the inputs by about {1 / peaks[faint]:.0f}, or normalise only once.",
            where=_name(operation),
            place=operation.step.place,
        )
    for operation, data in entries:
        lies, width = widest_range(data)
        if 0 < width < still and is_trainable(operation) and not are_spread_after(training_pass, operation):
            return failed(
                f"all values lie within {width:.2g} of their mean at {_name(operation)}",
                measured("widest range of a feature, as a share of its mean", width, f"above {still:g}"),
                title="Inputs that hardly vary",
                detail=f"Every feature keeps close to a number that is not 0, such as {lies:.3g}: as where pixels in "
                "[0, 1] are normalised by the statistics of bytes. What samples differ in is lost beside it.",
                remedy="Take mean and deviation from the data as they are, in the same unit, and normalise once.",
                where=_name(operation),
                place=operation.step.place,
            )
    if (found := in_two_units(scan.inputs.values(), [one for one, _ in entries])) is not None:
        return found
    table = scan.read >= _ENOUGH and scan.is_fair
    constant = [name for column in scan.inputs.values() for name in constant_features(column)] if table else []
    if constant:
        return warned(
            f"constant: {', '.join(constant[:3])}",
            measured("constant features", len(constant), "0"),
            title="A feature that never changes",
            detail=f"Every sample that was read has the same value in {', '.join(constant[:8])}.",
            remedy="Drop the feature, or look for the mistake that made it constant.",
            where=constant[0],
        )
    return passed(f"typical size {float(np.median(size)):.3g}, largest {biggest:.3g}")


def _name(operation: Operation) -> str:
    return operation.step.path or operation.step.name


def _chart(size: Floats, greatest: float) -> Chart:
    shown = np.argsort(-size)[:_SHOWN]
    names = tuple(f"feature {row}" for row in shown)
    title = "Size of features at the first weights"
    return Chart(
        "bars", title, "feature", "typical size", names, (size[shown],), np.zeros(0), (None, greatest), log=True
    )


def good() -> Arguments:
    """Return a linear model on rows of unit scale."""
    batch = (torch.randn(32, 4), torch.randint(3, (32,)))
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with a year among the features."""
    arguments = good()
    arguments["loader"][0][0][:, 2] = torch.randint(1950, 2020, (32,)).float()
    return arguments


CHECK = Check(
    name="input-scale",
    stage="data",
    question="Is what reaches the first weights near unit scale?",
    why="Features of very different or very large scale make every learning rate too large or too small for some.",
    remedy="Bring each input feature near mean 0 and std 1, once, with numbers taken from the training data.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("loss-at-init", "init-scale", "saturated-units", "exploding-gradients", "learning-rate", "update-ratio"),
        *("overfit-one-batch", "input-independent-baseline", "shuffled-labels", "clipping-always-on"),
    ),
    sources=("D-normalise",),
    silent="values in [0, 1], one-hot and binary features, token ids, models that normalise first, constant pixels",
)
