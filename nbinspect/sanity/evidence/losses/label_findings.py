"""What is said of labels that a loss does not mean."""

from __future__ import annotations

from collections.abc import Mapping

from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.evidence.losses.codes import Codes
from nbinspect.sanity.evidence.losses.labels_given import Still
from nbinspect.sanity.evidence.passes.lineage import where_of


def of_labels_outside(wrong: Mapping[int, int], low: int, high: int, classes: int, where: str) -> CheckResult:
    """Say which labels no output stands for, and how often they come."""
    shown, count = ", ".join(map(str, list(wrong)[:8])), sum(wrong.values())
    shifted = low == 1 and high == classes
    return failed(
        f"labels {shown} for {classes} outputs",
        measured("labels", f"{low} to {high}", f"0 to {classes - 1}"),
        measured("labels outside", count, "0"),
        title="Labels outside of the classes",
        detail=f"The model has {classes} outputs, so class indices go from 0 to {classes - 1}; {count:,} labels are "
        f"{shown}, which the loss does not ignore.",
        remedy="Subtract 1 from the labels."
        if shifted
        else f"Give the last layer {high + 1} outputs, or map the labels.",
        code="+ targets = targets - 1" if shifted else "",
        where=where,
    )


def of_wrapped_labels(below: Mapping[int, int], classes: int, where: str) -> CheckResult:
    """Say which labels count from the last class."""
    value, count = max(below), sum(below.values())
    return failed(
        f"labels {value} count as class {value + classes}",
        measured("labels below 0", count, "0"),
        title="Labels below 0 count from the last class",
        detail=f"{count:,} labels are {', '.join(map(str, below))}, and an index below 0 counts from the end: the loss "
        f"is the very same with {value + classes} in place of {value}, though that class has labels of its own.",
        remedy="Leave out samples with labels below 0: loss_fn(outputs[y >= 0], y[y >= 0]).",
        where=where,
        confirmed=True,
    )


def of_codes(codes: Codes, where: str) -> CheckResult:
    """Say that no and yes are other numbers than 0 and 1."""
    no, yes = f"{codes.no:.4g}", f"{codes.yes:.4g}"
    told = f"it is {codes.loss:.4g}, {codes.mapped:.4g} with 0 and 1 in their place"
    follows = f"and the best answer to a yes is a chance of {yes}" if codes.is_faint else "and has no lower bound"
    return failed(
        f"labels {no} and {yes} for no and yes",
        measured("labels", f"{no} and {yes}", "0 and 1"),
        measured("loss as it is", codes.loss, f"{codes.mapped:.4g}, as with labels 0 and 1"),
        title="Labels of no and yes other than 0 and 1",
        detail=f"A loss of yes and no takes labels from 0 to 1, and is given {no} and {yes} as they are: {told}, "
        f"{follows}.",
        remedy=f"Map the labels to 0 and 1: targets == {yes}, once and not twice.",
        code=f"+ targets = (targets == {yes}).float()",
        where=where,
        confirmed=True,
    )


def of_signs(where: str, *, certain: bool) -> CheckResult:
    """Say that labels are 0 and 1 where a loss takes −1 and 1; or ask, where 0 may be meant for neither."""
    return (failed if certain else warned)(
        "labels 0 and 1 where the loss takes −1 and 1",
        measured("labels", "0 and 1", "-1 and 1"),
        title="Labels 0 and 1 where the loss takes −1 and 1",
        detail="The loss goes by the sign of the label, and 0 has none: what the network gives for samples labelled 0 "
        "is not compared with anything." + " That may be meant, of ties or of pairs left out." * (not certain),
        remedy="Give it −1 in place of 0: targets = 2 * targets - 1.",
        code="+ targets = 2 * targets - 1",
        where=where,
        confirmed=certain,
    )


def of_still_labels(still: Still) -> CheckResult:
    """Say that a loss gets one label for all samples."""
    comes = f"{still.how}, and every label" if still.how else "Every label of it that was read"
    return failed(
        f"every label is {still.value}" + (" in the loss" if still.how else ""),
        measured("different labels", f"1 among {still.count:,}", "2 or more"),
        title="A constant label",
        detail=f"{comes[0].upper()}{comes[1:]} is {still.value}, so a network that ignores its input is perfect.",
        remedy="Look at how labels are made: a scale that was taken out twice, a wrong axis or column, or names that "
        "are sought in a form they no longer have.",
        where=where_of(still.operation),
        place=still.operation.step.place,
    )


def of_still_numbers(value: str, count: int) -> CheckResult:
    """Ask whether quantities that are one number for all samples are meant, as those of a residual are."""
    return warned(
        f"every target is {value}",
        measured("different targets", f"1 among {count:,}", "2 or more"),
        title="A constant target",
        detail=f"Every target that was read is {value}, so a network that ignores its input is perfect, unless its "
        "outputs are residuals that are to become that.",
        remedy="Look at how targets are loaded: a cast to whole numbers that cut fractions off, a wrong column, or an "
        "array that was never filled.",
    )
