"""Steps of a forward pass in words: what each is called, how healthy it is, and which of many are worth showing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isnan
from pathlib import PurePath

from nbinspect.figures.words import brief, clean, number, plural, shape, share
from nbinspect.records import Activation, ForwardRecord, Moments, Place, Step

RAISED, WARNED, HEALTHY, UNKNOWN = "✕", "▲", "●", ""
_PARTS = 1_000_000


def mark(step: Step) -> str:
    """Return a step's health: ✕ raised or not finite, ▲ suspicious, ● healthy, nothing where it made no values."""
    if step.note == "raised" or any(each.kind == "non-finite" for each in step.findings):
        return RAISED
    if any(each.level == "warn" for each in step.findings):
        return WARNED
    return HEALTHY if any(each.moments is not None for each in step.outputs) else UNKNOWN


def suspicious(step: Step) -> bool:
    """Whether a step raised or has a warning."""
    return mark(step) in (RAISED, WARNED)


def told(step: Step, limit: int = 400) -> str:
    """Return what is to be said of a step: its findings, else its note."""
    found = "; ".join(each.text for each in step.findings)
    return clean("; ".join(filter(None, ["raised" if step.note == "raised" else "", found])) or step.note, limit)


def leaves(record: ForwardRecord) -> list[Step]:
    """Return the steps that no other step runs in: operations, and modules without recorded steps of their own."""
    parents = {step.parent for step in record.steps}
    return [step for step in record.steps if step.index not in parents]


def main_output(step: Step) -> Activation | None:
    """Return the output that stands for a step: the first with statistics, else the first."""
    with_values = (each for each in step.outputs if each.moments is not None)
    return next(with_values, step.outputs[0] if step.outputs else None)


def short_name(step: Step) -> str:
    """Return ``conv1``, ``relu``: the last word of a module's path or of an operation, and which call it was."""
    again = f" #{step.call + 1}" if step.call else ""
    if step.kind == "operation":
        return clean(step.name.rpartition(".")[2], 60)
    return clean(step.path.rpartition(".")[2] or step.name, 60) + again


def full_name(step: Step, limit: int = 80) -> str:
    """Return ``layer1.0 · F.relu``, with the beginning of a long path left out."""
    name = clean(step.name, limit)
    again = f" #{step.call + 1}" if step.call else ""
    room = limit - len(name) - len(again) - 3
    path = clean(step.path, 10_000)
    path = path if len(path) <= room else "…" + path[len(path) - max(0, room - 1) :]
    return f"{path}{again} · {name}" if step.path and room > 1 else f"{name}{again}"


def file_name(path: str) -> str:
    """Return a file's name for a person; the files that stand for notebook cells have names of no meaning."""
    if "ipykernel_" in path or path.startswith("<ipython-input"):
        return "notebook cell"
    return clean(PurePath(path).name, 80)


def where(place: Place | None) -> str:
    """Return ``net.py:33``; empty where no line of the user's is known."""
    return "" if place is None else f"{file_name(place.file)}:{place.line}"


def shapes(step: Step) -> str:
    """Return the shape of a step's main output, and how many more outputs there are."""
    output = main_output(step)
    more = f" +{len(step.outputs) - 1}" if len(step.outputs) > 1 else ""
    return "" if output is None else shape(output.shape) + more


def spread(moments: Moments | None) -> str:
    """Return mean ± standard deviation."""
    return "" if moments is None else f"{brief(moments.mean)} ± {brief(moments.std)}"


def zeros(moments: Moments | None) -> str:
    """Return the share of zeros in percent; nothing where it is not known."""
    return "" if moments is None or isnan(moments.zero) else share(round(moments.zero * _PARTS), _PARTS)


def moments_of(step: Step) -> Moments | None:
    """Return the statistics of a step's main output."""
    output = main_output(step)
    return None if output is None else output.moments


def facts_of_pass(record: ForwardRecord) -> list[str]:
    """Return the model, how far it was looked into, the samples, modes, time and loss."""
    steps = [step for step in record.steps if step.kind == "operation"] if record.level == "operation" else record.steps
    noun = "operation" if record.level == "operation" else "module call"
    return [
        clean(record.model, 80),
        plural(len(steps), noun),
        plural(record.size, "sample"),
        "train mode" if record.training else "eval mode",
        *([f"autocast {clean(record.autocast, 40)}"] if record.autocast else []),
        *([] if record.grad_enabled else ["no grad"]),
        f"{brief(1000 * record.seconds)} ms",
        *([] if record.loss is None else [f"loss {number(record.loss)}"]),
    ]


def tensors_of_pass(record: ForwardRecord) -> list[str]:
    """Return ``x float32 (64, 1, 8, 8) cpu`` of each tensor that entered."""
    return [
        f"{clean(each.name, 60)} {clean(each.dtype, 40)} {shape(each.shape)} {clean(each.device, 40)}"
        for each in record.inputs
    ]


def verdict_of_pass(record: ForwardRecord) -> tuple[str, str]:
    """Return a mark and a sentence: why the pass ended early, else the first suspicious step, else that all is well."""
    if record.failure is not None:
        failure = record.failure
        step = next((step for step in record.steps if step.index == failure.step), None)
        named = "between two steps" if step is None else f"in step {step.index}, {full_name(step)}"
        line = where(failure.place)
        return RAISED, f"The pass ended {named}{f' ({line})' if line else ''}: {clean(failure.error, 300)}"
    found = [step for step in leaves(record) if suspicious(step)] or [step for step in record.steps if suspicious(step)]
    if not record.steps:
        return UNKNOWN, "No step was recorded"
    if not found:
        return HEALTHY, f"Healthy: nothing suspicious in {plural(len(record.steps), 'step')}"
    first, more = found[0], len(found) - 1
    line = where(first.place)
    rest = f"; {plural(more, 'step')} after it {'is' if more == 1 else 'are'} suspicious too" if more else ""
    named = f"step {first.index}, {full_name(first)}{f' ({line})' if line else ''}"
    return mark(first), f"First suspicious: {named}: {told(first, 200)}{rest}"


def chosen(steps: Sequence[Step], most: int) -> list[Step]:
    """Return at most `most` steps in order: the one that raised, suspicious ones, and the outermost of the others.

    Where even the suspicious ones are too many, the first three quarters of the room are theirs from the first on.
    """
    if len(steps) <= most:
        return list(steps)
    raised = [place for place, step in enumerate(steps) if step.note == "raised"][-1:]
    bad = [place for place, step in enumerate(steps) if suspicious(step)]
    kept = {*raised, *bad[: max(1, 3 * most // 4) - len(raised)]}
    room = max(0, most - len(kept))
    for depth in range(max(step.depth for step in steps) + 1):
        level = [place for place, step in enumerate(steps) if step.depth == depth and place not in kept]
        if len(level) > room:
            kept |= {level[n * len(level) // room] for n in range(room)} if depth < 2 else set()
            break
        kept |= set(level)
        room -= len(level)
    return [steps[place] for place in sorted(kept)]


def with_gaps(steps: Sequence[Step], shown: Sequence[Step]) -> Iterator[Step | str]:
    """Yield the shown steps and, in the places of the others, how many were left out and how many are suspicious."""
    there = {id(step) for step in shown}
    for here, group in groupby(steps, key=lambda step: id(step) in there):
        if here:
            yield from group
            continue
        left = list(group)
        bad = sum(map(suspicious, left))
        yield f"… {plural(len(left), 'step')}{f', {bad} suspicious' if bad else ''}"


def worth_drawing(record: ForwardRecord, most: int) -> list[Step]:
    """Return the leaves that made real numbers; of more than `most`, without those that only look at a tensor anew.

    Suspicious ones always stay.
    """
    steps = [step for step in leaves(record) if suspicious(step) or _is_real(step)]
    if len(steps) <= most:
        return steps
    return [step for step in steps if suspicious(step) or not step.note.startswith(("a view of", "the same tensor"))]


def _is_real(step: Step) -> bool:
    output = main_output(step)
    return output is not None and output.moments is not None and output.dtype.startswith(("float", "bfloat", "complex"))
