"""The ranks of a distributed run beside each other, from the log that each wrote alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbinspect.errors import InputError
from nbinspect.records import Moment
from nbinspect.runlog.looks import VALUES, Look
from nbinspect.runlog.runfile import LogError, Session, reading, sessions_in

_FILE = re.compile(r"rank-(\d{1,6})\.sqlite")
_RANKS, _LOOKS = 256, 2000
_TOLERANCE = 1e-3
"""Of a parameter's size: kernels of unlike devices round apart by 1e-6, ranks that train alone by 1e-2 and more."""
_LOSSES = 10.0
"""How many times the loss of one rank is that of another before it is said, at three looks in a row."""
_LOOK = """SELECT step, losses, loss, CAST(samples AS TEXT), CAST(parameters AS BLOB) FROM look WHERE session = ?
    ORDER BY step DESC LIMIT ?"""


@dataclass(frozen=True)
class _Rank:
    number: int
    session: Session
    names: tuple[str, ...]
    """Of the parameters that it read."""
    wrapped: bool
    """Whether the model is within DistributedDataParallel."""
    group: tuple[int, ...] | None
    """The ranks among which that keeps parameters alike."""
    looks: dict[int, Look]


def compare_ranks(path: str | Path) -> tuple[Moment, ...]:
    """Return what is wrong between the ranks of a run, each as a sentence; empty where nothing is, or there is one.

    Named are parameters that differ, batches that are the same on all ranks, losses that differ tenfold, and ranks
    that stopped. Where parameters are meant to differ (tensor or pipeline parallelism) nothing is said of them.

    Raises:
        LogError: if a log cannot be read. A damaged one is an `InputError`.
    """
    return tuple(moment for _, moment in causes_between(path))


def causes_between(path: str | Path) -> list[tuple[str, Moment]]:
    """Return the same, each behind its cause, which stays while the numbers in the sentence change."""
    folder = Path(path).expanduser().absolute()
    ranks = [rank for file in _files(folder) if (rank := _rank(file)) is not None]
    found: list[tuple[str, Moment]] = []
    if len(ranks) > 1:
        found += _stopped(ranks)
        for rank in ranks[1:]:
            found += _apart(ranks[0], rank)
        found += _same_batches(ranks)
    return sorted(found, key=lambda each: each[1].step)


def _files(folder: Path) -> list[Path]:
    numbers = [int(match[1]) for entry in folder.glob("rank-*.sqlite") if (match := _FILE.fullmatch(entry.name))]
    return [folder / f"rank-{number}.sqlite" for number in sorted(numbers)[:_RANKS]]


def _rank(file: Path) -> _Rank | None:
    try:
        with reading(file) as db:
            sessions = sessions_in(db)
            rows = db.execute(_LOOK, (sessions[-1].id, _LOOKS)).fetchall() if sessions else []
    except LogError:
        return None  # held, or gone: the next comparison sees it
    if not sessions:
        return None
    match = _FILE.fullmatch(file.name)
    facts = _facts(sessions[-1].about)
    group = facts.get("group")
    return _Rank(
        number=int(match[1]) if match else 0,
        session=sessions[-1],
        names=tuple(str(name) for name in facts.get("parameters", ())),
        wrapped=facts.get("wrapped") is True,
        group=tuple(group) if isinstance(group, list) else None,
        looks={look.step: look for look in map(_look, reversed(rows))},
    )


def _facts(about: str) -> dict[str, Any]:
    try:
        facts = json.loads(about)["ranks"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) and isinstance(facts.get("parameters"), list) else {}


def _look(row: tuple[Any, ...]) -> Look:
    step, losses, loss, samples, data = row
    if (
        type(step) is not int
        or type(losses) is not int
        or not isinstance(loss, float | None)
        or len(data) % (4 * VALUES)
    ):
        raise InputError("a row of a rank's log is damaged")
    values = np.frombuffer(data, np.float32).reshape(-1, VALUES)
    return Look(step, losses, math.nan if loss is None else loss, samples, values)


def _stopped(ranks: list[_Rank]) -> Iterator[tuple[str, Moment]]:
    """Tell of ranks that ended without a word, or by an error, before the others."""
    last = max(rank.session.steps for rank in ranks)
    for rank in ranks:
        session = rank.session
        if session.ended is None and session.gone and any(not other.session.gone for other in ranks):
            text = f"rank {rank.number} stopped at step {session.steps:,}: its process was killed"
            yield f"killed {rank.number}", _alert(session.steps, text)
        elif session.ended is not None and session.status not in ("ended", "running"):
            text = (
                f"rank {rank.number} stopped at step {session.steps:,}, the others came to {last:,}: {session.status}"
            )
            if session.steps < last:
                yield f"stopped {rank.number}", _alert(session.steps, text)


def _comparable(a: _Rank, b: _Rank) -> bool:
    """Tell whether two ranks train one network: the same parameters, within one group."""
    return a.names == b.names and a.wrapped == b.wrapped and (a.group is None or b.number in a.group)


def _shared(a: _Rank, b: _Rank) -> list[tuple[Look, Look]]:
    both = [(a.looks[step], b.looks[step]) for step in sorted(a.looks.keys() & b.looks.keys())]
    return [(x, y) for x, y in both if x.parameters.shape == y.parameters.shape == (len(a.names), VALUES)]


def _apart(a: _Rank, b: _Rank) -> Iterator[tuple[str, Moment]]:
    looks = _shared(a, b)
    if not _comparable(a, b) or len(looks) < 2:
        return
    differ = np.stack([_differ(x.parameters, y.parameters) for x, y in looks])
    now = differ[-2] & differ[-1]
    moved = _moved([x for x, _ in looks])
    # where some differ by design, others are kept alike
    if now.any() and (a.wrapped or now[moved].mean() > 0.9):
        first = len(looks) - len(list(takewhile(bool, reversed(list((differ & now).any(axis=1))))))
        step = looks[first][0].step
        place = a.names[int(np.flatnonzero(differ[first] & now)[0])]
        remedy = _WRAPPED if a.wrapped else _PLAIN
        text = f"rank {b.number}'s parameters differ from rank {a.number}'s since step {step:,}: {place}; {remedy}"
        yield f"parameters {b.number}", _alert(step, text)
    elif not now.any():
        yield from _losses(a, b, looks)


_PLAIN = "is the model wrapped in DistributedDataParallel, and is it the wrapper that is called?"
_WRAPPED = (
    "something changes them outside of DistributedDataParallel: an edit of weights on one rank, or a call of .module"
)


def _differ(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell of each parameter whether its values differ by more than rounding explains; (P,)."""
    x, y = np.nan_to_num(a.astype(np.float64)), np.nan_to_num(b.astype(np.float64))
    size = np.maximum(np.abs(x), np.abs(y)).max(axis=1, initial=0)
    found: NDArray[np.bool_] = np.abs(x - y).max(axis=1, initial=0) > _TOLERANCE * size + 1e-12
    return found


def _moved(looks: list[Look]) -> NDArray[np.bool_]:
    """Tell which parameters training has changed; all of them where that cannot be seen."""
    found = _differ(looks[0].parameters, looks[-1].parameters)
    return found if found.any() else ~found


def _losses(a: _Rank, b: _Rank, looks: list[tuple[Look, Look]]) -> Iterator[tuple[str, Moment]]:
    """Tell of losses that differ wildly though the parameters are the same: then the data do."""
    recent = [(x, y) for x, y in looks if min(x.losses, y.losses) >= 16][-3:]
    if len(recent) < 3:
        return
    for high, low, values in ((a, b, recent), (b, a, [(y, x) for x, y in recent])):
        step, first = values[-1][0].step, values[0][0].step
        cause = f"loss {high.number} {low.number}"
        if all(not math.isfinite(x.loss) and math.isfinite(y.loss) for x, y in values):
            text = f"the loss of rank {high.number} is not finite since step {first:,}, that of rank {low.number} is"
            yield f"{cause} not finite", _alert(step, f"{text}: look at the data of rank {high.number}")
        elif all(x.loss > _LOSSES * y.loss > 0 for x, y in values):
            text = f"the loss of rank {high.number} is {values[-1][0].loss:.3g}, of rank {low.number}"
            same = "with the same parameters: do the ranks hold data of one kind?"
            yield cause, _alert(step, f"{text} {values[-1][1].loss:.3g}, {same}")


def _same_batches(ranks: list[_Rank]) -> Iterator[tuple[str, Moment]]:
    """Tell of ranks that have seen the same batches at each look so far, batches that change from look to look."""
    first = ranks[0]
    same = [rank for rank in ranks[1:] if _comparable(first, rank) and _sees_the_same(first, rank)]
    if same and len(same) == len(ranks) - 1:
        numbers = [str(rank.number) for rank in ranks]
        who = f"ranks {', '.join(numbers[:-1])} and {numbers[-1]}"
        step = min(max(rank.looks) for rank in ranks)
        remedy = "give the loader a DistributedSampler, and call set_epoch"
        yield "batches", _alert(step, f"{who} see the same batches: {remedy}")


def _sees_the_same(a: _Rank, b: _Rank) -> bool:
    looks = [(x, y) for x, y in _shared(a, b) if x.samples and y.samples]
    batches = {x.samples for x, _ in looks}
    if len(batches) < 3 or any(x.samples != y.samples for x, y in looks):
        return False
    differ = _differ(*(each.parameters for each in looks[-1]))
    return bool(a.wrapped or not differ.any() or differ.all())


def _alert(step: int, text: str) -> Moment:
    return Moment(step, "alert", text, since=step)
