"""`shuffled-labels`: are the real labels learnt any better than shuffled ones?"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import (
    Arguments,
    Check,
    failed,
    inconclusive,
    measured,
    of_unknown_task,
    passed,
    skipped,
    warned,
)
from nbinspect.sanity.evidence.data.scan import Scan
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.labels.changing_labels import of_labels_that_change
from nbinspect.sanity.trials.labels.collated import of_parted_labels, parted_by_collating
from nbinspect.sanity.trials.labels.exam import exam_of
from nbinspect.sanity.trials.labels.fresh import looks_while_training, strength
from nbinspect.sanity.trials.labels.mispaired import mispaired, of_mispaired
from nbinspect.sanity.trials.labels.moved_on import moved_on, of_moved_labels
from nbinspect.sanity.trials.labels.reread import reread
from nbinspect.sanity.trials.labels.sorted_as_text import in_alphabetical_order, of_alphabetical_order
from nbinspect.sanity.trials.running.comparison import padded
from nbinspect.sanity.trials.running.maximising import Maximising, require_minimised


def run(  # noqa: PLR0917 - each need is supplied by its name
    program: Program,
    recorded: Recorded,
    task: TaskRecord,
    stream: tuple[Batch, ...],
    scan: Scan,
    maximising: Maximising,
    *,
    sure: float = 4.5,
    chance: float = 3.0,
    steps: int = 28,
    memorising: int = 36,
) -> CheckResult:
    """Fail where samples are memorised as fast with shuffled labels, and nothing is then known of the labels of others.

    Or where simple models know nothing of the labels, and much once each is given to the row beside its own, or both
    are put into one order; or where a sample's label depends on the order in which its batch is put together.

    Args:
        program: left unchanged.
        recorded: tells whether there are labels.
        task: of an unknown one nothing is said.
        stream: batches of one epoch; each is looked at before it is trained on.
        scan: of the same data, for simple models.
        maximising: what rises is not judged.
        sure: by how many deviations of chance real labels must be better to count as learnt.
        chance: up to how many deviations are chance.
        steps: at the user's rate, at most.
        memorising: of Adam on about 200 samples, once with their labels, once with shuffled ones; or twice.
    """
    if task.kind == "other":
        return of_unknown_task(task)
    if task.kind == "language-model":
        return skipped("labels that are not the inputs themselves")
    if recorded.batch.targets is None:
        return skipped("labels that are one tensor")
    require_minimised(maximising)
    looks = looks_while_training(program, task, stream, steps, sure)
    told, fresh = strength(looks), sum(look.samples for look in looks)
    shown = measured("real labels of fresh samples, in deviations above shuffled ones", told, f"above {sure:g}")
    charts = (_chart("Fresh batches", [one.own for one in looks], [one.exchanged for one in looks]),)
    parted = parted_by_collating(program)
    if parted is not None:
        return of_parted_labels(parted, shown, charts)
    if told >= sure:
        return passed(f"learnt in {len(looks) - 1} steps, {told:.1f} deviations above chance", shown, charts=charts)
    again = reread(stream, program.limits, program.seed)
    if again is not None and again.is_drawn_anew:
        return of_labels_that_change(again, shown, charts)
    apart = mispaired(program, task, stream, looks, sure)
    if apart is not None:
        return of_mispaired(program, apart, shown, charts)
    unclear = f"{abs(told):.1f} deviations {'above' if told > 0 else 'below'} shuffled ones on {fresh} fresh samples"
    exam = exam_of(program, task, stream, scan, steps=memorising, chance=chance)
    if exam.own is not None and exam.own.strength >= sure:
        return passed(f"learnt by Adam at 0.01, {exam.own.strength:.1f} deviations above chance", shown, charts=charts)
    moved = moved_on(program) if told <= chance else None
    if moved is not None:
        return of_moved_labels(moved, shown, charts)
    in_two_orders = in_alphabetical_order(program) if told <= chance else None
    if in_two_orders is not None:
        return of_alphabetical_order(in_two_orders, shown, charts)
    if abs(told) > chance or exam.doubt or exam.own is None or exam.exchanged is None or exam.link is None:
        settle = exam.doubt or "Train longer: real labels differ from shuffled ones, though not clearly enough."
        return inconclusive(unclear, shown, settle=settle, charts=charts)
    most = (max(told, exam.own.strength, 0.0) + chance) / sqrt(exam.others)
    return (failed if exam.is_plain else warned)(
        "learnt no better than shuffled ones",
        shown,
        measured(f"the same on {exam.others:,} samples, with Adam", exam.own.strength, f"above {chance:g}"),
        measured(f"the same on {exam.link.samples:,}, with simple models", exam.link.strength, f"above {chance:g}"),
        measured("correlation that could have stayed unseen, at most", most, "far higher"),
        measured(f"loss of {exam.seen} samples when memorised", exam.own.losses[-1], f"below {exam.blind:.4g}"),
        measured("the same with shuffled labels", exam.exchanged.losses[-1], "higher: harder to memorise"),
        title="The labels are learnt no better than shuffled ones",
        detail=f"The network memorises samples as fast with shuffled labels as with their own, and knows nothing of "
        f"the labels of {exam.others:,} others; nor do simple models. Inputs and labels seem not to belong together.",
        remedy="Shuffle, sort and filter both with one index, x[index] and y[index]; follow a sample by hand.",
        charts=(*charts, _chart("Memorised by Adam", exam.own.losses, exam.exchanged.losses, exam.blind)),
    )


def _chart(title: str, own: Sequence[float], exchanged: Sequence[float], blind: float | None = None) -> Chart:
    values, at = padded((own, exchanged)), np.arange(len(own), dtype=np.float64)
    return Chart("lines", title, "step", "loss", ("real labels", "shuffled labels"), values, at, (None, blind))


def good() -> Arguments:
    """Return a perceptron on labels that follow from the inputs."""
    return _program(torch.arange(800))


def bad() -> Arguments:
    """Return the same with inputs that were shuffled without their labels."""
    return _program(torch.randperm(800))


def _program(order: torch.Tensor) -> Arguments:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
    x = torch.randn(800, 8)
    data = torch.utils.data.TensorDataset(x, x[order, :3].argmax(1))
    loader: Any = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


CHECK = Check(
    name="shuffled-labels",
    stage="training",
    question="Are the real labels learnt any better than shuffled ones?",
    why="Inputs that were shuffled, sorted or filtered without their labels still train: the network memorises them.",
    remedy="Treat inputs and labels with one index, and follow a sample by hand from the file to the batch.",
    cost=172,
    run=run,
    good=good,
    bad=bad,
    explains=("nothing-to-learn", "label-noise"),
    sources=("S-golden-labels", "S-match"),
    silent="few samples, rare classes, series and what takes longer to learn: inconclusive; numbers and tokens warn",
)
