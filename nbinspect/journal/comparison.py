"""Two entries of a journal side by side: what differed between them, and what that did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbinspect.errors import InputError
from nbinspect.figures.panels import ACCENT, INK, RIGHT, SOFT
from nbinspect.figures.paper import shown_as_png
from nbinspect.figures.words import clean
from nbinspect.journal.comparison_page import comparison_html
from nbinspect.journal.difference import Difference, shown
from nbinspect.journal.entry import Entry
from nbinspect.journal.plain import flat

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_UNTOLD = ("unread",)
_WHOLE = ("model", "data", "device")
"""Sections that tell of one thing in several numbers."""
_MOST = 1e300
"""Above it matplotlib's own arithmetic overflows."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What differed between two entries, and what that did; shown side by side in a notebook and as text."""

    a: Entry
    b: Entry
    differences: tuple[Difference, ...]
    """Of configuration, seed, versions, commit, device and data."""
    outcomes: tuple[Difference, ...]
    """Checks whose status changed, and the last value of each quantity that was logged in either."""
    unknown: tuple[str, ...]
    """Sections that only one of the two entries has, so that nothing is known of a difference."""

    @property
    def things(self) -> int:
        """How many things differ, as a person counts: another layer changes a model's size and its digest too.

        Your own configuration tells of things that show in the program as well, or in nothing else; so what counts is
        the longer of the two lists.
        """
        told = {d.name for d in self.differences if d.section == "config"}
        seen = {_thing(d, self.differences) for d in self.differences if d.section != "config"}
        if any(d.section == "loader" for d in self.differences):
            seen.discard("data")  # another batch size gives another first batch
        return max(len(told), len(seen))

    @property
    def verdict(self) -> str:
        """How many things differ, in a sentence."""
        named = [str(e.id) for e in (self.a, self.b) if (e.configuration.get("commit") or {}).get("dirty")]
        dirty = f"; {' and '.join(named)} ran with changes that were not committed." if named else "."
        if self.things == 0:
            return f"Nothing that is known differs{dirty}"
        if self.things == 1:
            first = next((d for d in self.differences if d.section != "config"), self.differences[0])
            name = first.section if first.section in _WHOLE else f"{first.section} {first.name}"
            return f"One thing differs, {clean(name)}{dirty}"
        return f"{self.things} things differ, so that what changed the outcome cannot be told{dirty}"

    def to_frame(self) -> pd.DataFrame:
        """Return a DataFrame with a row for each difference and each outcome: section, name, a, b."""
        import pandas as pd

        rows = [(d.section, d.name, d.a, d.b) for d in (*self.differences, *self.outcomes)]
        frame: pd.DataFrame = pd.DataFrame(rows, columns=["section", "name", "a", "b"])
        return frame

    def figure(self, name: str = "loss") -> Figure:
        """Return both curves of one quantity over the steps as a matplotlib figure that belongs to no window.

        Raises:
            InputError: if neither entry has logged it.
        """
        from matplotlib.figure import Figure

        known = {key: None for entry in (self.a, self.b) for key in entry.curves}
        if name not in known:
            raise InputError(
                f"no {name!r} was logged in {self.a.id} or {self.b.id}; {', '.join(known) or 'nothing'} was"
            )
        figure = Figure(figsize=(7.0, 2.8), layout="constrained")
        axes = figure.add_subplot()
        for entry, colour, style in ((self.a, ACCENT, "-"), (self.b, RIGHT, "--")):
            if name in entry.curves:
                curve = entry.curves[name]
                drawn = np.where(np.abs(curve.values) < _MOST, curve.values, np.nan)
                axes.plot(curve.steps, drawn, style, color=colour, linewidth=1.4, label=_label(entry))
        axes.set_xlabel("step", fontsize=8, color=SOFT)
        axes.set_ylabel(_unmarked(name), fontsize=8, color=SOFT)
        axes.tick_params(labelsize=7, colors=SOFT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, labelcolor=INK)
        return shown_as_png(figure)

    def __str__(self) -> str:
        lines = ["Journal", f"a  {self.a}", f"b  {self.b}", "", self.verdict]
        for title, rows in (("what differed", self.differences), ("what it did", self.outcomes)):
            if rows:
                lines += ["", title]
                lines += [f"  {clean(f'{d.section} {d.name}', 60):<40} {shown(d.a)} → {shown(d.b)}" for d in rows]
        if self.unknown:
            lines += ["", f"known of one alone: {', '.join(map(clean, self.unknown))}"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Comparison({self.a.id}, {self.b.id}, differences={len(self.differences)})"

    def _repr_html_(self) -> str:
        curves = any("loss" in entry.curves for entry in (self.a, self.b))
        rows = {"What differed": self.differences, "What it did": self.outcomes}
        return comparison_html(
            (self.a, self.b),
            self.verdict,
            rows,
            unknown=self.unknown,
            is_plain=self.things <= 1,
            figure=self.figure() if curves else None,
        )


def compared(a: Entry, b: Entry) -> Comparison:
    """Return what differed between two entries and what that did. Source: K-one-at-a-time, S-journal, S-versions."""
    one, other = ({k: v for k, v in e.configuration.items() if k not in _UNTOLD} for e in (a, b))
    both = [section for section in one if section in other]
    return Comparison(
        a,
        b,
        tuple(d for section in both for d in _differences(section, one[section], other[section])),
        (*_checks(a, b), *_last_values(a, b)),
        tuple(section for section in {**one, **other} if section not in both),
    )


def _thing(difference: Difference, others: Sequence[Difference]) -> str:
    if difference.section in _WHOLE or any((d.section, d.name) == (difference.section, "class") for d in others):
        return difference.section
    # the groups of an optimizer may all have one rate
    return f"{difference.name.rpartition('.')[2]} {shown(difference.a)} {shown(difference.b)}"


def _differences(section: str, a: Any, b: Any) -> Iterator[Difference]:
    one, other = flat(a), flat(b)
    # a package that was loaded in one of them alone need not have been used
    names = [name for name in one if name in other] if section == "versions" else {**one, **other}
    for name in names:
        left, right = one.get(name), other.get(name)
        if left != right or isinstance(left, bool) != isinstance(right, bool):
            yield Difference(section, name, left, right)


def _checks(a: Entry, b: Entry) -> Iterator[Difference]:
    for name, status in a.checks.items():
        if b.checks.get(name, status) != status:
            yield Difference("check", name, status, b.checks[name])


def _last_values(a: Entry, b: Entry) -> Iterator[Difference]:
    for name in {**a.curves, **b.curves}:
        ends = [float(e.curves[name].values[-1]) if name in e.curves else None for e in (a, b)]
        yield Difference("last value", name, *ends)


def _label(entry: Entry) -> str:
    return f"{entry.id} {_unmarked(entry.name)}"


def _unmarked(text: str) -> str:
    return clean(text, 60).replace("$", r"\$")
