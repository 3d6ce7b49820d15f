"""What there is to say of a BatchNorm that has too few values, or keeps statistics that are of no use."""

from __future__ import annotations

from collections.abc import Callable

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.layers.normed import Normed


def of_single(which: str, path: str, place: Place | None) -> CheckResult:
    """Tell of a batch with one value per channel; `which` batch: ``this batch has one``."""
    return failed(
        f"one value per channel: {which}",
        measured("values per channel", 1, "2 or more"),
        title="BatchNorm on one value per channel",
        detail=f"BatchNorm needs a spread, and {which} sample alone: it raises in train mode.",
        remedy="Give the training loader drop_last=True, or a batch_size that leaves no single sample.",
        code="+ DataLoader(…, drop_last=True)",
        where=path,
        place=place,
    )


def of_broken(layer: Normed) -> CheckResult:
    """Tell of running statistics that are NaN or infinite."""
    return failed(
        "running statistics that are no numbers",
        measured(f"running statistics of {layer.path} that are NaN or infinite", "some", "none"),
        title="BatchNorm's statistics are no numbers",
        detail=f"{layer.path} keeps NaN or infinity, of one bad batch: an average never gets rid of it, and all that "
        "the model gives in eval mode is NaN, though train mode shows nothing.",
        remedy="Call reset_running_stats() on it, and gather them anew; leave out batches that are not finite.",
        where=layer.path,
        place=layer.place,
    )


def of_swapped(layer: Normed) -> CheckResult:
    """Tell of an eps and a momentum in each other's place."""
    return failed(
        f"eps {layer.eps:g}, momentum {layer.momentum:g}",
        measured(f"momentum of {layer.path}", layer.momentum, "0.1, or 0.01 to 0.3"),
        measured(f"eps of {layer.path}", layer.eps, "1e-05, or up to 0.001"),
        title="BatchNorm's eps and momentum are swapped",
        detail="The statistics that eval mode relies on hardly ever move, and what it gives is not of unit scale.",
        remedy=f"Give both by name: eps={layer.momentum:g}, momentum={layer.eps:g}.",
        code=f"+ BatchNorm(…, eps={layer.momentum:g}, momentum={layer.eps:g})",
        where=layer.path,
        place=layer.place,
    )


def of_fixed(layer: Normed, say: Callable[..., CheckResult], steps: int) -> CheckResult:
    """Tell of statistics that stay what they were made as, in so many steps where those are known."""
    zero = layer.momentum == 0
    how = "" if zero else f" for most of the {steps:,} steps"
    return say(
        f"momentum {layer.momentum:g}: the statistics stay 0 and 1{how}",
        measured(f"momentum of {layer.path}", layer.momentum, "0.1, or 0.01 to 0.3"),
        measured("mean of its input off the one kept, in standard deviations", layer.shift, "below 0.5"),
        measured("variance of its input against the one kept, as a factor", layer.ratio, "below 2"),
        title="BatchNorm's statistics never move",
        detail=f"A momentum of {layer.momentum:g} gives new batches {'no' if zero else 'hardly any'} weight: "
        f"{layer.path} keeps the mean 0 and the variance 1 that it was made with, and eval mode normalises by these, "
        "not by those of the data.",
        remedy="Use momentum=0.1, the weight of a new batch, or momentum=None for the average over all batches.",
        code="+ BatchNorm(…, momentum=0.1)",
        where=layer.path,
        place=layer.place,
    )
