"""What a program prints and saves while a copy of it is tried is held back: no checkpoint is overwritten."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

_WRITES = frozenset("wax+")


@contextlib.contextmanager
def _replaced(home: Any, name: str, own: Any) -> Iterator[None]:
    before = getattr(home, name)
    setattr(home, name, own)
    try:
        yield
    finally:
        setattr(home, name, before)


class Quiet:
    """Holds back what a program prints and writes; what it wrote it also reads there.

    Files that are opened for writing, and those of `torch.save`, go to a temporary folder, which goes with this
    object. Folders that the program makes stay.
    """

    def __init__(self) -> None:
        self.meant: list[str] = []
        """The files that the program meant to write."""
        self._temporary = tempfile.TemporaryDirectory(prefix="nbinspect-")
        self._folder = Path(self._temporary.name)
        self._written: dict[str, Path] = {}
        self._thread = threading.get_ident()

    def close(self) -> None:
        """Remove what was written."""
        self._temporary.cleanup()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Hold back what this thread prints, warns of and writes while the block runs."""
        self._thread = threading.get_ident()
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            _replaced(builtins, "open", self._opening(builtins.open)),
            _replaced(io, "open", self._opening(io.open)),
            _replaced(torch, "save", self._saving(torch.save)),
            _replaced(torch, "load", self._loading(torch.load)),
        ):
            warnings.simplefilter("ignore")
            yield

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
            return real(
                self._place(file, writes=bool(_WRITES & set(mode)), keeps="w" not in mode), mode, *rest, **named
            )

        return opened

    def _saving(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def saved(value: Any, f: Any, *rest: Any, **named: Any) -> Any:
            return real(value, self._place(f, writes=True), *rest, **named)

        return saved

    def _loading(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def loaded(f: Any, *rest: Any, **named: Any) -> Any:
            return real(self._place(f, writes=False), *rest, **named)

        return loaded

    def _place(self, file: Any, *, writes: bool, keeps: bool = False) -> Any:
        """Return where a file is read or written instead; the file itself where there is no need."""
        if not isinstance(file, str | os.PathLike) or threading.get_ident() != self._thread:
            return file
        path = os.path.abspath(file)  # noqa: PTH100 - `Path.absolute` leaves `..` in it
        known = self._written.get(path)
        if known is not None or not writes or path.startswith((str(self._folder), "/dev/", "/proc/")):
            return file if known is None else known
        self.meant.append(path)
        instead = self._folder / f"{len(self._written)}-{Path(path).name}"
        if keeps and Path(path).is_file():
            shutil.copyfile(path, instead)
        self._written[path] = instead  # not before, for the copy itself opens both
        return instead
