"""The file of a person's answers: JSON lines that are only ever appended to, each on the disk before the next."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records.arrays import Integers

_KIND = "nbinspect human baseline"
_VERSION = 1
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Answer:
    """What a person said of a sample."""

    index: int
    """In the data set."""
    label: int
    """The class, −1 for "don't know"."""
    seconds: float
    """NaN where it was not measured."""


def fingerprint(indices: Integers, labels: Integers, words: Sequence[str]) -> str:
    """Return a hash of the samples that could be asked, which tells data sets apart and no label."""
    hashed = hashlib.blake2b(digest_size=16)
    hashed.update(indices.astype("<i8").tobytes())
    hashed.update(labels.astype("<i8").tobytes())
    hashed.update(json.dumps([*words]).encode())
    return hashed.hexdigest()


class AnswerFile:
    """A file of answers, of one data set and one choice of samples."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        """Speak of the file at `path`, which is neither read nor made yet; `settings` of another file are refused."""
        self.path = path
        self._head: dict[str, Any] = {"kind": _KIND, "version": _VERSION, **settings}
        self._size = 0

    def read(self, asked: Sequence[int], classes: int) -> tuple[list[Answer], tuple[str, ...]]:
        """Return the answers so far and notes on what was repaired; make the file where there is none.

        A last line that was cut off is taken away. `asked` are the indices in the order of the questions.

        Raises:
            InputError: for a file of anything else, of another data set or settings, or damaged within.
            NbinspectError: where it cannot be read or written.
        """
        try:
            data = self._bytes()
        except OSError as error:
            raise NbinspectError(f"{self.path}: cannot be read ({error.strerror})") from error
        whole, cut = data[: data.rfind(b"\n") + 1], data[data.rfind(b"\n") + 1 :]
        first = self._line(self._head)
        if not whole:
            if not first.startswith(cut):
                raise InputError(f"{self.path}: this file holds no answers of a human baseline; give another path")
            self._cut_to(0)
            self._append(first)
            _sync_folder(self.path)
            return [], ()
        lines = whole.splitlines()
        self._check_head(lines[0])
        answers: list[Answer] = []
        for number, line in enumerate(lines[1:], 2):
            self._take(line, number, answers, asked, classes)
        self._size = len(whole)
        if not cut:
            return answers, ()
        self._cut_to(self._size)
        return answers, (f"the last line of {self.path.name} was cut off; that one answer is asked again",)

    def add(self, place: int, answer: Answer) -> None:
        """Append the answer to question `place`; it is on the disk when this returns.

        Raises:
            NbinspectError: where that fails; the file is then as before.
        """
        seconds = None if math.isnan(answer.seconds) else round(answer.seconds, 3)
        self._append(self._line({"place": place, "index": answer.index, "label": answer.label, "seconds": seconds}))

    def take_back(self, place: int) -> None:
        """Append that the answer to question `place`, the last one, does not count.

        Raises:
            NbinspectError: where that fails; the file is then as before.
        """
        self._append(self._line({"undo": place}))

    def _bytes(self) -> bytes:
        if not self.path.exists():
            return b""
        if not self.path.is_file() or self.path.stat().st_size > _LARGEST:
            raise InputError(f"{self.path}: this is no file of answers; give another path")
        return self.path.read_bytes()

    def _check_head(self, line: bytes) -> None:
        head = _parsed(line)
        if head is None or head.get("kind") != _KIND:
            raise InputError(f"{self.path}: this file holds no answers of a human baseline; give another path")
        if head.get("version") != _VERSION:
            raise InputError(f"{self.path}: written by another version of nbinspect; give another path")
        if head.get("data") != self._head["data"]:
            raise InputError(f"{self.path}: these answers are of another data set; give another path")
        other = {name: head.get(name) for name in self._head if head.get(name) != self._head[name]}
        if other:
            told = ", ".join(f"{name}={value!r:.40}" for name, value in other.items())
            raise InputError(f"{self.path}: begun with {told}; go on with that, or give another path")

    def _take(self, line: bytes, number: int, answers: list[Answer], asked: Sequence[int], classes: int) -> None:
        row, place = _parsed(line) or {}, len(answers)
        if set(row) == {"undo"} and answers and _is_whole(row["undo"], place - 1, place - 1):
            answers.pop()
            return
        seconds = row.get("seconds")
        fits = (
            set(row) == {"place", "index", "label", "seconds"}
            and place < len(asked)
            and _is_whole(row["place"], place, place)
            and _is_whole(row["index"], asked[place], asked[place])
            and _is_whole(row["label"], -1, classes - 1)
            and (seconds is None or (type(seconds) in (int, float) and 0 <= seconds < math.inf))
        )
        if not fits:
            raise InputError(f"{self.path}: line {number} is damaged; mend or remove the file, or give another path")
        answers.append(Answer(row["index"], row["label"], math.nan if seconds is None else float(seconds)))

    def _line(self, row: dict[str, Any]) -> bytes:
        return json.dumps(row, allow_nan=False).encode("ascii") + b"\n"

    def _append(self, line: bytes) -> None:
        try:
            with self.path.open("ab", buffering=0) as file:
                if os.fstat(file.fileno()).st_size != self._size:
                    raise NbinspectError(
                        f"{self.path}: changed by another process; make a new HumanBaseline to go on with it"
                    )
                whole = False
                try:
                    written = file.write(line)
                    os.fsync(file.fileno())
                    whole = written == len(line)
                finally:
                    if not whole:
                        os.ftruncate(file.fileno(), self._size)
        except OSError as error:
            raise NbinspectError(f"{self.path}: cannot be written ({error.strerror})") from error
        if not whole:
            raise NbinspectError(f"{self.path}: cannot be written (the disk is full)")
        self._size += len(line)

    def _cut_to(self, size: int) -> None:
        if not self.path.exists():
            return
        try:
            os.truncate(self.path, size)
        except OSError as error:
            raise NbinspectError(f"{self.path}: cannot be written ({error.strerror})") from error


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _is_whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _sync_folder(path: Path) -> None:
    """Have the name of a new file on the disk too, where the system can do that."""
    if os.name != "posix":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
