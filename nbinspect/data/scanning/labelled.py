"""Labels of a whole data set, from what each batch says of its samples: one column whatever a target is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import readable
from nbinspect.data.scanning.worded import Worded
from nbinspect.decode.labels import decode_labels
from nbinspect.decode.names import IGNORED, shortened
from nbinspect.errors import reason_of
from nbinspect.records import Column, Floats
from nbinspect.subject import Subject

_COLUMNS = 8
_CLASSES = 20_000
_CAPTIONS = 1000
_BY_INDEX = ("numbers", "class", "soft")
_HELP = "What the data set says of the sample."


@dataclass(frozen=True, eq=False)
class Labelled:
    """What the targets of a batch say of its N samples."""

    kind: str
    """As in `Labels.kind`; ``numbers`` of one number a sample, ``words`` of one string, empty of no targets."""
    values: Floats | None = None
    """(N,) float64 number or class index, NaN for none."""
    rows: Floats | None = None
    """(N, K ≤ 8) float64 of several numbers."""
    text: tuple[str, ...] | None = None
    whole: bool = False
    """Whether the numbers are of a whole type."""
    flags: bool = False
    note: str = ""


def labelled(target: Any, size: int, class_names: Any, inputs: Sequence[Any]) -> Labelled:
    """Return what a target of any kind says of a batch's samples; what cannot be read is said in the note."""
    if target is None or (isinstance(target, list | tuple) and all(each is None for each in target)):
        return Labelled("")
    try:
        return _single(target, size) or _decoded(target, size, class_names, inputs)
    except Exception as error:  # noqa: BLE001 - targets may be anything; the note says what they were
        return Labelled("", note=f"the labels cannot be read: {shortened(reason_of(error), 300)}")


def _single(target: Any, size: int) -> Labelled | None:
    """One number or one string a sample; None of other targets."""
    if isinstance(target, list | tuple) and len(target) == size:
        if all(each is None or isinstance(each, str) for each in target):
            return Labelled("words", text=tuple("" if each is None else shortened(each) for each in target))
        if all(each is None or isinstance(each, int | float) for each in target):
            whole = all(each is None or isinstance(each, int) for each in target)
            values = np.array([np.nan if each is None else each for each in target], dtype=np.float64)
            return Labelled("numbers", values, whole=whole)
    if isinstance(target, np.ndarray) and target.dtype.kind in "biuf":
        target = torch.from_numpy(np.ascontiguousarray(target))
    if not isinstance(target, Tensor) or target.is_complex() or target.numel() != size:
        return None
    if tuple(target.shape) not in ((size,), (size, 1)) and not (size == 1 and target.dim() == 0):
        return None
    read, _ = readable(target)
    if read is None:
        return None
    own = read.reshape(size).cpu().double().numpy()
    return Labelled("numbers", own, whole=not target.is_floating_point(), flags=target.dtype is torch.bool)


def _decoded(target: Any, size: int, class_names: Any, inputs: Sequence[Any]) -> Labelled:
    labels = decode_labels(target, name="label", batch_size=size, class_names=class_names, inputs=inputs)
    if labels is None:
        return Labelled("")
    rows = None
    if labels.kind == "regression" and isinstance(target, Tensor) and target.dim() == 2 and target.shape[1] <= _COLUMNS:
        rows = target.double().cpu().numpy()
    # of classes in rows the text as well: the next batch may show that a sample can have several
    return Labelled(labels.kind, labels.values, rows, labels.text, whole=True)


class Labelling:
    """Gathers what one target says, batch by batch.

    Args:
        name: of the column.
        subject: the live objects; asked for `task` and `loss_fn` alone.
        class_names: of this target; None where it has none.
    """

    def __init__(self, name: str, subject: Subject, class_names: Any) -> None:
        self._name, self._names = name, class_names
        self._number = subject.task == "regression"
        self._loss = subject.loss_fn
        self._values: list[Floats] = []
        self._rows: list[Floats] = []
        self._texts = Worded()
        self._kinds: Counter[str] = Counter()
        self._whole = True
        self._flags = True
        self._note = ""

    def add(self, part: Labelled, size: int) -> None:
        """Take in the labels of one batch."""
        self._kinds[part.kind] += size
        nothing = np.full(size, np.nan)
        self._values.append(nothing if part.values is None else part.values)
        self._rows.append(np.full((size, 0), np.nan) if part.rows is None else part.rows)
        self._texts.add(part.text, size)
        self._whole &= part.whole or not part.kind
        self._flags &= part.flags or not part.kind
        self._note = self._note or part.note

    def columns(self) -> tuple[str, list[Column], list[str]]:
        """Return the kind of the labels, their columns, and notes."""
        notes = [self._note] if self._note else []
        kinds = [kind for kind, _ in self._kinds.most_common() if kind]
        if not kinds:
            return "", [], notes
        # classes are the form that any other kind of label may have by chance in one batch
        kind = next((each for each in kinds if each not in ("numbers", "class")), kinds[0])
        if kind == "words":
            return self._of_words(notes)
        if kind in _BY_INDEX:
            found, columns, notes = self._of_values(notes)
            return "soft" if kind == "soft" and found == "class" else found, columns, notes
        widths = {rows.shape[1] for rows in self._rows} - {0}
        if kind == "regression" and len(widths) == 1:
            return kind, self._of_rows(widths.pop()), notes
        return kind, [self._texts.column(self._name, "text", "target", _HELP)], notes

    def _of_words(self, notes: list[str]) -> tuple[str, list[Column], list[str]]:
        count = len(self._texts.words)
        if count > _CAPTIONS and count > self._texts.count / 2:
            return "other", [self._texts.column(self._name, "text", "target", _HELP)], notes
        return "class", [self._texts.column(self._name, "class", "target", _HELP, in_order=True)], notes

    def _of_values(self, notes: list[str]) -> tuple[str, list[Column], list[str]]:
        values = np.concatenate(self._values)
        ignored = int((values == IGNORED).sum()) if self._whole else 0
        if ignored:
            many = "1 label is" if ignored == 1 else f"{ignored:,} labels are"
            notes.append(f"{many} {IGNORED}, which losses ignore: taken for none")
            values = np.where(values == IGNORED, np.nan, values)
        known, codes = np.unique(values, return_inverse=True)
        known = known[np.isfinite(known)]
        words = None if self._number or len(known) > _CLASSES else self._classes(known)
        if words is None:
            return "regression", [Column(self._name, "number", values, "target", help=_HELP)], notes
        places = np.where(codes < len(known), codes, -1).astype(np.int32)
        return "class", [Column(self._name, "class", places, "target", words, help=_HELP)], notes

    def _classes(self, known: Floats) -> tuple[str, ...] | None:
        """Return a name for each class index, no two the same; None where these are no classes but numbers."""
        if not len(known):
            return ()
        kind = torch.bool if self._flags else torch.int64 if self._whole else torch.float64
        told = decode_labels(
            torch.from_numpy(known).to(kind),
            name=self._name,
            batch_size=len(known),
            class_names=self._names,
            loss_fn=self._loss,
        )
        if told is None or told.kind != "class":
            return None
        counts = Counter(told.text)
        return tuple(
            text if counts[text] == 1 else f"{text} ({number:.0f})"
            for text, number in zip(told.text, known.tolist(), strict=True)
        )

    def _of_rows(self, width: int) -> list[Column]:
        rows = np.concatenate(
            [rows if rows.shape[1] == width else np.full((len(rows), width), np.nan) for rows in self._rows]
        )
        names = [f"{self._name}_{number}" for number in range(width)]
        return [Column(name, "number", rows[:, place], "target", help=_HELP) for place, name in enumerate(names)]
