"""What a program prints and saves while a copy of it is tried is held back: no checkpoint is overwritten."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import pathlib
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

_WRITES = frozenset("wax+")
_TICK = 0.02
"""Seconds by which the clock of a file system may lag behind."""
_ACCESSOR = getattr(pathlib, "_NormalAccessor", None)
"""Of Python 3.10, whose paths do not ask `os` and `io` but what this class has kept of them."""


@contextlib.contextmanager
def _replaced(home: Any, name: str, around: Callable[[Callable[..., Any]], Any]) -> Iterator[None]:
    before = vars(home)[name]
    own = around(getattr(home, name))
    setattr(home, name, staticmethod(own) if isinstance(home, type) else own)
    try:
        yield
    finally:
        setattr(home, name, before)


class Quiet:
    """Holds back what a program prints and writes; what it wrote it also reads there.

    Files that are opened for writing, and those of `torch.save`, go to a temporary folder, which goes with this
    object. Files that were there before are neither removed nor replaced. Folders that the program makes stay.
    """

    def __init__(self) -> None:
        self.meant: list[str] = []
        """The files that the program meant to write."""
        self._temporary = tempfile.TemporaryDirectory(prefix="nbinspect-")
        self._folder = Path(self._temporary.name)
        self._written: dict[str, Path] = {}
        self._thread = threading.get_ident()
        self._began = time.time() - _TICK

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
            contextlib.ExitStack() as replaced,
        ):
            for home, name, around in self._replacing():
                replaced.enter_context(_replaced(home, name, around))
            warnings.simplefilter("ignore")
            yield

    def _replacing(self) -> Iterator[tuple[Any, str, Callable[[Callable[..., Any]], Any]]]:
        """Give each function that writes, by its home and name, with what is put around it."""
        yield from ((builtins, "open", self._opening), (io, "open", self._opening))
        yield from ((torch, "save", self._saving), (torch, "load", self._loading))
        yield from ((os, "remove", self._removing), (os, "unlink", self._removing), (shutil, "rmtree", self._removing))
        yield from ((os, "replace", self._moving), (os, "rename", self._moving))
        if _ACCESSOR is not None:
            yield from ((_ACCESSOR, "open", self._opening), (_ACCESSOR, "unlink", self._removing))
            yield from ((_ACCESSOR, "replace", self._moving), (_ACCESSOR, "rename", self._moving))

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

    def _removing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def removed(path: Any, *rest: Any, **named: Any) -> Any:
            if self._is_other(path) or named.get("dir_fd") is not None:
                return real(path, *rest, **named)
            if self._written.pop(_whole(path), None) is None and self._is_new(path):
                return real(path, *rest, **named)  # the program made it itself, as by `tempfile`
            return None

        return removed

    def _moving(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def moved(source: Any, target: Any, **named: Any) -> Any:
            if self._is_other(source) or self._is_other(target) or set(named) - {"src_dir_fd", "dst_dir_fd"}:
                return real(source, target, **named)
            held = self._written.pop(_whole(source), None)
            if held is None and self._is_new(source) and not Path(target).exists():
                return real(source, target, **named)
            place = self._place(target, writes=True)
            if held is not None or Path(source).is_file():
                shutil.copyfile(source if held is None else held, place)
            return None

        return moved

    def _is_other(self, path: Any) -> bool:
        """Whether a path is none, or another thread's business."""
        return not isinstance(path, str | os.PathLike) or threading.get_ident() != self._thread

    def _is_new(self, path: Any) -> bool:
        """Whether a file or folder was made since this began; True where there is none, the program's own error."""
        own = Path(path)
        return not own.exists() or own.stat().st_ctime >= self._began

    def _place(self, file: Any, *, writes: bool, keeps: bool = False) -> Any:
        """Return where a file is read or written instead; the file itself where there is no need."""
        if not isinstance(file, str | os.PathLike) or threading.get_ident() != self._thread:
            return file
        path = _whole(file)
        known = self._written.get(path)
        if known is not None or not writes or path.startswith((str(self._folder), "/dev/", "/proc/")):
            return file if known is None else known
        self.meant.append(path)
        instead = self._folder / f"{len(self._written)}-{Path(path).name}"
        if keeps and Path(path).is_file():
            shutil.copyfile(path, instead)
        self._written[path] = instead  # not before, for the copy itself opens both
        return instead


def _whole(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - `Path.absolute` leaves `..` in it
