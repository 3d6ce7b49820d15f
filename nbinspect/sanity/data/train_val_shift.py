"""`train-val-shift`: do train and validation inputs come in the same form and scale?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import CheckResult, Flags
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data import shift
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.evidence.data.population import by_class, chosen_of, comparable
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.evidence.data.validated import refused, takes_other_form
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Trial


def run(
    program: Program,
    trial: Trial,
    scan: Scan,
    val_scan: Scan,
    *,
    far: float = 1.2,
    noticeable: float = 0.5,
    ratio: float = 2.5,
    gross: float = 4.0,
    enough: int = 30,
    few: int = 16,
) -> CheckResult:
    """Fail where validation inputs differ in form, by `far` deviations, or `ratio` times in spread, beyond noise.

    Args:
        program: run on one batch of each, where a form differs that some networks take; it is left unchanged.
        trial: what came of the first training batch.
        scan: what was read of train.
        val_scan: what was read of validation.
        far: deviations between the means.
        noticeable: deviations that are worth a look.
        ratio: of the standard deviations.
        gross: times as much is asked for where only a part was read, in its own order, or the targets differ as well.
        enough: samples of each; half as much again is asked for with fewer.
        few: samples of each, without which only the form is compared.
    """
    pairs = [(column, val_scan.inputs[name]) for name, column in scan.inputs.items() if name in val_scan.inputs]
    if not pairs:
        return skipped("inputs of the same names in train and validation")
    fair = scan.is_fair and val_scan.is_fair
    chosen = comparable(scan, val_scan)
    for train, val in pairs:
        form = shift.other_form(train, val)
        if form is not None:
            return _finding(train, *form, certain=True)
        raised = refused(program, trial, val_scan.loader) if takes_other_form(train, val) else ""
        if raised:
            kinds = [f"{', '.join(sorted(x.dtypes))} of shape {min(x.shapes)}" for x in (train, val)]
            return _finding(train, "form", *kinds, certain=True, more=f" On a batch of it, the network raises {raised}")
        number = min(len(train.centres), len(val.centres))
        if number < few or not all(column.is_floating or "uint8" in column.dtypes for column in (train, val)):
            continue
        strict = 1.0 if number >= enough else 1.5
        pair = (train, val) if chosen is None else (chosen_of(train, chosen[0]), chosen_of(val, chosen[1]))
        surely = strict * (1.0 if fair and chosen is not None else gross)
        groups = by_class(scan, val_scan, chosen) if fair and chosen is not None else []
        order = _reordered(*pair, groups) if fair else None
        found = (
            order
            or (_cut(*pair) if fair else None)
            or _of_values(*pair, far, noticeable, ratio, surely=surely, fair=fair)
        )
        if found is not None:
            return found
    return passed(f"{scan.read:,} and {val_scan.read:,} samples in one form and scale")


def _reordered(train: Column, val: Column, groups: list[tuple[Flags, Flags]]) -> CheckResult | None:
    same = all(len(x.centres) == len(flags) for pair in groups for x, flags in zip((train, val), pair, strict=True))
    order = shift.channels_reordered(train, val, groups if same else ())
    if order is None or not np.array_equal(train.followed, val.followed):
        return None
    return _finding(train, "channel order", "0, 1, 2", ", ".join(map(str, order)), certain=True)


def _cut(train: Column, val: Column) -> CheckResult | None:
    """Find values of one of both whose fractions were cut off, as those of bytes that are divided as integers."""
    rows = shift.cut_off(train, val), shift.cut_off(val, train)
    row, name = (rows[0], "validation") if rows[0] is not None else (rows[1], "train")
    if row is None:
        return None
    more = f" All values of {name} are whole, and have the mean of the others' with their fractions cut off, as where "
    more += "bytes are divided as integers: divide floats, x.float() / 255."
    means = (f"{column.mean[row]:.3g}" for column in (train, val))
    return _finding(train, f"mean of {train.label(row)}", *means, certain=True, more=more)


def _of_values(
    train: Column, val: Column, far: float, noticeable: float, ratio: float, *, surely: float, fair: bool
) -> CheckResult | None:
    """Compare range, spread and mean; only the gross of a part in its own order: one class, maybe."""
    if not np.array_equal(train.followed, val.followed):
        return None
    row = shift.other_range(train, val)
    if row is not None:
        texts = (f"{low:.3g} to {high:.3g}" for low, high in (shift.ends_of(column, row) for column in (train, val)))
        return _finding(train, f"range of {train.label(row)}", *texts, certain=True)
    apart = shift.shift_between(train, val, in_order=True)
    widest, worst = int(apart.ratio.argmax()), int(apart.distance.argmax())
    if apart.ratio[widest] > (ratio if fair else surely * ratio):
        row = int(train.followed[widest])
        text = f"std of {train.label(row)}"
        certain = bool(apart.ratio[widest] > surely * ratio)
        return _finding(train, text, f"{train.std[row]:.3g}", f"{val.std[row]:.3g}", certain=certain)
    if apart.distance[worst] > (noticeable if fair else surely * far):
        row = int(train.followed[worst])
        numbers = f"{train.mean[row]:.3g}", f"{val.mean[row]:.3g}"
        certain = bool(apart.distance[worst] > surely * far)
        return _finding(train, f"mean of {train.label(row)}", *numbers, certain=certain)
    return None


def _finding(train: Column, kind: str, one: str, other: str, *, certain: bool, more: str = "") -> CheckResult:
    return (failed if certain else warned)(
        f"{kind}: {one} in train, {other} in validation",
        measured(f"{kind}, validation", other, f"as in train: {one}"),
        title="Validation inputs differ from training inputs",
        detail=f"{kind[0].upper()}{kind[1:]} is {one} in train and {other} in validation, so the network is graded on "
        f"inputs of another kind than it learns from.{more}",
        remedy="Use one preprocessing for both, with mean and std taken from the training data; augment train only.",
        where=train.name,
    )


def good() -> Arguments:
    """Return a linear model with rows of one distribution in train and validation."""
    train, val = ((torch.randn(64, 4), torch.randint(3, (64,))) for _ in range(2))
    return {"model": nn.Linear(4, 3), "loader": [train], "val_loader": [val], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same where validation rows were not normalised."""
    arguments = good()
    arguments["val_loader"][0][0].mul_(40).add_(120)
    return arguments


CHECK = Check(
    name="train-val-shift",
    stage="data",
    question="Do train and validation inputs come in the same form and scale?",
    why="A normalisation that only one of them gets looks like overfitting.",
    remedy="Share one preprocessing; keep only augmentation to train.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    sources=("T-shift", "S-preprocess"),
    silent="differences within sampling noise, also of stretches of time; modest augmentation of train alone",
)
