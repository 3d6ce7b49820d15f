"""A run as an animation: the probe's predictions moving, and below them the loss so far."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbinspect.errors import InputError, NbinspectError
from nbinspect.figures.dynamics_plots import Sheet
from nbinspect.figures.dynamics_probe import draw_probe
from nbinspect.figures.dynamics_traces import draw_loss
from nbinspect.figures.dynamics_words import missing, readings_of, trace_of
from nbinspect.figures.insets import entitle, inset, paper, say
from nbinspect.figures.panels import LINE
from nbinspect.figures.paper import cut, png
from nbinspect.records import DynamicsRecord, Reading
from nbinspect.whole_files import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDTH, _TALL, _MARGIN, _DPI = 7.0, 0.8, 0.15, 80
_COLOURS = 192
_LAST = 2000
"""Milliseconds that the last frame stays."""


def dynamics_animation(
    record: DynamicsRecord, path: str | Path | None = None, *, probe: int = 0, fps: float = 8, most: int = 60
) -> bytes | Path:
    """Return a run as an animated GIF, or write it to `path` and return that; the record is left unchanged.

    A frame is a reading of the probe, at most `most` of them, evenly over all, the first and the last included. It
    shows `fps` of them a second, and the last for two seconds.

    Raises:
        InputError: for a probe that the run does not have, and numbers below 1.
        NbinspectError: if Pillow is missing.
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InputError(f"most: expected a whole number of frames from 1, got {most!r}")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 1 <= fps <= 50:
        raise InputError(f"fps: expected frames a second from 1 to 50, got {fps!r}")
    if importlib.util.find_spec("PIL") is None:
        raise NbinspectError("an animation needs Pillow: pip install 'nbinspect[notebooks]'")
    readings = readings_of(record, probe)
    shown = [readings[place] for place in _even(len(readings), most)]
    found = _gif(list(_frames(record, probe, readings, shown)), 1000 / fps)
    if path is None:
        return found
    write_whole(path, found)
    return Path(path)


def _even(count: int, most: int) -> list[int]:
    """At most so many places of a row, evenly spaced, with both ends; of one place the last."""
    if most == 1:
        return [count - 1] if count else []
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def _frames(
    record: DynamicsRecord, probe: int, readings: tuple[Reading, ...], shown: Sequence[Reading]
) -> Iterator[bytes]:
    for reading in shown:
        figure, axes = paper(_WIDTH)
        y = draw_probe(Sheet(axes, 0, 0, _WIDTH, record.probes[probe], readings, reading))
        if trace_of(record, "loss") or trace_of(record, "probe loss"):
            entitle(axes, 0, y + LINE, _WIDTH, "Loss")
            draw_loss(inset(axes, 0.5, y + 1.8 * LINE, _WIDTH - 0.6, _TALL), record, reading.step, probe=probe)
            y += 1.8 * LINE + _TALL + 0.3
        yield png(cut(figure, axes, _WIDTH, y, _MARGIN), _DPI)
    if not shown:
        figure, axes = paper(_WIDTH)
        for line, text in enumerate(missing(record)):
            say(axes, 0, LINE * (line + 0.5), text, _WIDTH)
        yield png(cut(figure, axes, _WIDTH, 4 * LINE, _MARGIN), _DPI)


def _gif(files: Sequence[bytes], pause: float) -> bytes:
    from PIL import Image

    frames = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    # one palette for all, so that what stands still is the same in every frame and need not be stored again
    palette = _side_by_side([frames[0], frames[len(frames) // 2], frames[-1]]).quantize(_COLOURS)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    pauses = [round(pause)] * (len(drawn) - 1) + [_LAST]
    file = io.BytesIO()
    drawn[0].save(file, "GIF", save_all=True, append_images=drawn[1:], duration=pauses, loop=0, optimize=True)
    return file.getvalue()


def _side_by_side(frames: Sequence[Image]) -> Image:
    from PIL import Image

    whole = Image.new("RGB", (sum(each.width for each in frames), max(each.height for each in frames)))
    for place, each in enumerate(frames):
        whole.paste(each, (sum(other.width for other in frames[:place]), 0))
    return whole
