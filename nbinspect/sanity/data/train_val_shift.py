"""`train-val-shift`: do train and validation inputs come in the same form and scale?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.columns import Column
from nbinspect.sanity.evidence.scan import Scan
from nbinspect.sanity.evidence.shift import channels_reordered, shift_between

_ENOUGH = 30
_GROSS = 4.0


def run(scan: Scan, val_scan: Scan, *, far: float = 1.2, noticeable: float = 0.5, ratio: float = 3.0) -> CheckResult:
    """Fail where validation inputs differ in form, by `far` deviations, or `ratio` times in spread, beyond noise."""
    pairs = [(column, val_scan.inputs[name]) for name, column in scan.inputs.items() if name in val_scan.inputs]
    if not pairs:
        return skipped("inputs of the same names in train and validation")
    fair = scan.is_fair and val_scan.is_fair
    for train, val in pairs:
        found = _of_form(train, val)
        quantities = all(column.is_floating or "uint8" in column.dtypes for column in (train, val))
        if found is None and quantities and min(len(train.centres), len(val.centres)) >= _ENOUGH:
            found = _of_values(train, val, (far, noticeable, ratio), fair=fair)
        if found is not None:
            return found
    return passed(f"{scan.read:,} and {val_scan.read:,} samples in one form and scale")


def _of_form(train: Column, val: Column) -> CheckResult | None:
    if train.dtypes.isdisjoint(val.dtypes) and train.is_floating != val.is_floating:
        return _finding(train, "dtype", ", ".join(sorted(train.dtypes)), ", ".join(sorted(val.dtypes)), certain=True)
    one, other = ({len(shape) for shape in column.shapes} for column in (train, val))
    turned = train.shapes != val.shapes and len(train.shapes) == len(val.shapes) == 1 and _sorted(train) == _sorted(val)
    channels = len(train.count), len(val.count)
    varies = train.axis == "all" or val.axis == "all" or train.axis != val.axis
    if (
        turned
        or one.isdisjoint(other)
        or (train.is_floating and not varies and channels[0] != channels[1] and not _is_long(train))
    ):
        return _finding(train, "shape", str(sorted(train.shapes)[0]), str(sorted(val.shapes)[0]), certain=True)
    return None


def _sorted(column: Column) -> list[int]:
    """Return the lengths of the one shape, in which transposed pictures agree."""
    return sorted(min(column.shapes))


def _is_long(column: Column) -> bool:
    """Whether the axis taken for channels may be time: of (T, F) it is the shorter one."""
    return any(len(shape) == 2 for shape in column.shapes)


def _of_values(train: Column, val: Column, limits: tuple[float, float, float], *, fair: bool) -> CheckResult | None:
    """Compare channel order, spread and mean; of a part in its own order, which may hold one class, only the gross."""
    if not np.array_equal(train.followed, val.followed):
        return None
    far, noticeable, ratio = limits if fair else (_GROSS * limits[0], np.inf, _GROSS * limits[2])
    order = channels_reordered(train, val) if fair else None
    if order is not None:
        return _finding(train, "channel order", "0, 1, 2", ", ".join(map(str, order)), certain=True)
    shift = shift_between(train, val)
    widest, worst = int(shift.ratio.argmax()), int(shift.distance.argmax())
    if shift.ratio[widest] > ratio:
        row = int(train.followed[widest])
        text = f"std of {train.label(row)}"
        return _finding(train, text, f"{train.std[row]:.3g}", f"{val.std[row]:.3g}", certain=True)
    if shift.distance[worst] > noticeable or shift.distance[worst] > far:
        row = int(train.followed[worst])
        numbers = f"{train.mean[row]:.3g}", f"{val.mean[row]:.3g}"
        return _finding(train, f"mean of {train.label(row)}", *numbers, certain=bool(shift.distance[worst] > far))
    return None


def _finding(train: Column, kind: str, one: str, other: str, *, certain: bool) -> CheckResult:
    return (failed if certain else warned)(
        f"{kind}: {one} in train, {other} in validation",
        measured(f"{kind}, validation", other, f"as in train: {one}"),
        title="Validation inputs differ from training inputs",
        detail=f"{kind[0].upper()}{kind[1:]} is {one} in train and {other} in validation, so the network is graded on "
        "inputs of another kind than it learns from.",
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
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("T-shift", "S-preprocess"),
    silent="differences within sampling noise, and augmentation of modest strength on train alone",
)
