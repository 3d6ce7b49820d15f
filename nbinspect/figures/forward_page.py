"""A forward pass as a static page, as text for a terminal, and as tables of its steps and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nbinspect.figures.forward import activation_figure, forward_figure
from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.page import page
from nbinspect.figures.readable import picture
from nbinspect.figures.steps import (
    RAISED,
    chosen,
    facts_of_pass,
    file_name,
    leaves,
    mark,
    moments_of,
    shapes,
    short_name,
    spread,
    suspicious,
    tensors_of_pass,
    told,
    verdict_of_pass,
    where,
    with_gaps,
    zeros,
)
from nbinspect.figures.words import clean, clean_lines, plural
from nbinspect.records import ActivationView, ForwardRecord, Moments, SourceCode, Step

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_HEADS = ("step", "what", "shape", "mean ± std", "zeros", "line")
_ROWS = 400
_LONG = 60
_SOURCES = 8
_LINES = 200
_TENSORS = 8
_RESOLUTION = 110
_TONES = {"✕": "bad", "▲": "warn", "●": "ok", "": "soft"}
_MOMENTS = ("mean", "std", "min", "max", "zero", "negative", "nan", "inf")
_GRADIENT = ("mean", "std", "min", "max", "zero", "nan", "inf")
_STEP_COLUMNS = (
    *("index", "depth", "kind", "name", "path", "call", "file", "line"),
    *("output", "shape", "dtype", "device", "requires_grad"),
    *("mean", "std", "min", "max", "zero", "negative", "saturated", "nan", "inf", "dead", "units"),
    *("grad_mean", "grad_std", "seconds", "memory", "in_place", "parameters", "findings"),
)
_WHOLE = {"line", "nan", "inf", "dead", "units", "memory", "grad_nan", "grad_inf"}
_REAL = {f"{before}{name}" for before in ("", "grad_") for name in (*_MOMENTS, "saturated")} - _WHOLE


def forward_frame(record: ForwardRecord) -> pd.DataFrame:
    """Return a forward pass as a DataFrame, one row a step and output; a step without any has one row too."""
    import pandas as pd

    rows = [row for step in record.steps for row in _step_rows(step)]
    return _typed(pd.DataFrame(rows, columns=list(_STEP_COLUMNS)))


def parameter_frame(record: ForwardRecord) -> pd.DataFrame:
    """Return the parameters of a pass recorded with gradients as a DataFrame, one row each."""
    import pandas as pd

    rows = [
        {
            "name": each.name,
            "shape": each.shape,
            "dtype": each.dtype,
            "requires_grad": each.requires_grad,
            **_numbers(each.moments, _MOMENTS),
            **_numbers(each.gradient, _GRADIENT, "grad_"),
        }
        for each in record.parameters
    ]
    named = ["name", "shape", "dtype", "requires_grad", *_MOMENTS, *(f"grad_{name}" for name in _GRADIENT)]
    return _typed(pd.DataFrame(rows, columns=named))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = {name: "Int64" if name in _WHOLE else "float64" for name in frame.columns if name in _WHOLE | _REAL}
    typed: pd.DataFrame = frame.astype(kinds)
    return typed


def _step_rows(step: Step) -> Iterator[dict[str, object]]:
    for output in step.outputs or (None,):
        facts: dict[str, object] = {}
        if output is not None:
            facts = {key: getattr(output, key) for key in ("shape", "dtype", "device", "requires_grad")}
            facts |= {"output": output.name, "units": output.units, "dead": output.dead}
        moments, gradient = (None, None) if output is None else (output.moments, output.gradient)
        yield {
            **{key: getattr(step, key) for key in ("index", "depth", "kind", "name", "path", "call")},
            **{key: getattr(step, key) for key in ("seconds", "memory", "in_place")},
            "file": None if step.place is None else step.place.file,
            "line": None if step.place is None else step.place.line,
            **facts,
            **_numbers(moments, (*_MOMENTS, "saturated")),
            **_numbers(gradient, ("mean", "std"), "grad_"),
            "parameters": ", ".join(step.parameters),
            "findings": "; ".join(each.text for each in step.findings),
        }


def _numbers(moments: Moments | None, names: tuple[str, ...], before: str = "") -> dict[str, object]:
    return {before + name: None if moments is None else getattr(moments, name) for name in names}


def forward_text(record: ForwardRecord, *, rows: int = 60) -> str:
    """Return a forward pass as text: facts, a verdict, an aligned table of at most `rows` steps and why it failed."""
    lines = [" · ".join([*facts_of_pass(record), *tensors_of_pass(record)[:_TENSORS]])]
    lines.append(" ".join(filter(None, verdict_of_pass(record))))
    table: list[tuple[str, ...]] = [(*_HEADS, "")]
    shown = with_gaps(record.steps, chosen(record.steps, rows))
    table += [(step, *[""] * len(_HEADS)) if isinstance(step, str) else (*_cells(step), _sign(step)) for step in shown]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADS))]
    if record.steps:
        for row in table:
            cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=False)]
            cells += [cell.rjust(width) for cell, width in zip(row[4:-1], widths[4:], strict=True)]
            lines.append("  ".join([*cells, row[-1]]).rstrip())
    lines += [f"note: {clean(note, 400)}" for note in record.notes]
    if record.failure is not None:
        lines.append(f"{RAISED} {clean_lines(record.failure.error)}".replace("\n", "\n  "))
        explained = [clean(record.failure.explanation, 400), where(record.failure.place)]
        lines += [f"  {text}" for text in explained if text]
    return "\n".join(lines)


def _cells(step: Step) -> tuple[str, ...]:
    moments = moments_of(step)
    name = "  " * step.depth + short_name(step)
    line = "" if step.place is None else str(step.place.line)
    return name, clean(step.name, 40), shapes(step), spread(moments), zeros(moments), line


def _sign(step: Step) -> str:
    return f"{mark(step)} {told(step)}".strip()


def forward_html(record: ForwardRecord, view: ActivationView | None = None) -> str:
    """Return a forward pass as HTML that needs nothing else: no script, no file, no network.

    It has the facts, a verdict, what ended the pass, the source with the steps of each line, the table of steps, and
    the figure; of an activation that is given in `view` also what a person can look at. All text is escaped.
    """
    return page(
        "forward",
        _header(record),
        _verdict(record),
        _sources(record),
        _table(record),
        _picture(forward_figure(record), "statistics through the depth of the network") if record.steps else None,
        None if view is None else _picture(activation_figure(view), "activation", "colours"),
    )


def _header(record: ForwardRecord) -> Markup:
    told_of = [*tensors_of_pass(record)[:_TENSORS], *facts_of_pass(record)]
    more = len(record.inputs) - _TENSORS
    chips = [fragment(tag("code", text, class_="fact"), " ") for text in told_of]
    return tag("header", tag("span", "Forward ", class_="title"), *chips, f"+{more} tensors" if more > 0 else None)


def _verdict(record: ForwardRecord) -> Markup:
    sign, sentence = verdict_of_pass(record)
    lines: list[Markup | None] = [tag("p", f"{sign} {sentence}".strip(), class_=_TONES[sign])]
    if record.failure is not None:
        error = clean_lines(record.failure.error)
        lines.append(tag("p", error, class_="bad lines") if len(error) > 300 or "\n" in error else None)
        lines.append(tag("p", clean(record.failure.explanation, 2000)))
    lines += [tag("p", clean(note, 2000), class_="soft") for note in record.notes]
    return tag("div", *lines, class_="notes")


def _sources(record: ForwardRecord) -> Markup | None:
    """Return the functions that steps were called from, with how many steps each line has and the worst of them."""
    steps: dict[tuple[str, int], list[Step]] = {}
    for step in leaves(record):
        if step.place is not None:
            steps.setdefault((step.place.file, step.place.line), []).append(step)
    shown = [_source(source, steps, opened=n == 0) for n, source in enumerate(record.sources[:_SOURCES])]
    more = len(record.sources) - _SOURCES
    if more > 0:
        shown.append(tag("p", f"{plural(more, 'function')} more", class_="soft"))
    return tag("div", *shown, class_="sources") if shown else None


def _source(source: SourceCode, steps: dict[tuple[str, int], list[Step]], *, opened: bool) -> Markup:
    rows = []
    for line, text in enumerate(source.lines[:_LINES], source.first):
        here = steps.get((source.file, line), [])
        worst = min((mark(step) for step in here), key="✕▲●".find, default="") if here else ""
        count = f"{worst} {plural(len(here), 'step')}".strip() if here else ""
        cells = [tag("td", str(line), class_="number soft"), tag("td", tag("code", clean(text.expandtabs(4), 300)))]
        rows.append(tag("tr", *cells, tag("td", count, class_=_TONES[worst])))
    if len(source.lines) > _LINES:
        rows.append(tag("tr", tag("td", "…"), tag("td", plural(len(source.lines) - _LINES, "line") + " more")))
    name = f"{file_name(source.file)} · {clean(source.function, 120)}"
    return tag("details", tag("summary", name), tag("table", *rows), open="" if opened else None)


def _table(record: ForwardRecord) -> Markup | None:
    if not record.steps:
        return None
    shown = chosen(record.steps, _ROWS)
    heads = [tag("th", head, scope="col", class_="number" if head in ("zeros", "line") else None) for head in _HEADS]
    rows = [tag("tr", *heads, tag("th", "", scope="col"))]
    rows += [_row(step) for step in with_gaps(record.steps, shown)]
    cut = f"; {len(shown)} of them are shown, the suspicious ones first" if len(shown) < len(record.steps) else ""
    summary = tag("summary", f"{plural(len(record.steps), 'step')}{cut}")
    return tag(
        "div",
        tag("details", summary, tag("table", *rows), open="" if len(record.steps) <= _LONG else None),
        class_="statistics",
    )


def _row(step: Step | str) -> Markup:
    if isinstance(step, str):
        return tag("tr", tag("td", step, colspan=len(_HEADS) + 1, class_="soft"))
    name, what, lengths, *numbers = _cells(step)
    cells = [tag("td", name.strip(), style=f"padding-left: {8 + 12 * min(step.depth, 24)}px"), tag("td", what)]
    cells += [tag("td", lengths), tag("td", numbers[0]), *(tag("td", each, class_="number") for each in numbers[1:])]
    tone = _TONES[mark(step)]
    found = tag(
        "td", tag("b", mark(step), class_=tone), " ", tag("i", told(step), class_=tone if step.findings else "soft")
    )
    return tag("tr", *cells, found, class_="suspicious" if suspicious(step) else None)


def _picture(figure: Figure, alt: str, kind: str = "") -> Markup:
    return tag("div", picture(figure, alt, dpi=_RESOLUTION), class_=f"picture {kind}".strip())
