"""Watches that nothing is run or imported while bytes from anywhere are read, and what a terminal is told."""

from __future__ import annotations

import codecs
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

RUNS = ("exec", "compile", "import", "pickle.find_class", "marshal.loads", "os.exec", "os.posix_spawn", "os.system")
RUNS += ("subprocess.Popen", "ctypes.dlopen", "code.__new__", "sqlite3.enable_load_extension", "socket.connect")
for _encoding in ("utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"):
    codecs.lookup(_encoding)  # which JSON may be in, and are imported when they are first met
OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
_seen: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in RUNS:
        _seen.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_note)  # it cannot be taken away again, so it is switched


@contextmanager
def refused_plainly(*kinds: type[Exception]) -> Iterator[None]:
    """Let errors of these kinds pass that have nothing in their text that a terminal would obey."""
    told = ""
    try:
        yield
    except kinds as error:
        told = str(error)
    assert not obeyed(told)


def obeyed(text: str) -> set[str]:
    """The characters that a terminal, or the eye of a reader, would obey."""
    return {each for each in text if unicodedata.category(each) in OBEYED and each not in "\n\t\u200c\u200d"}


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fail if code is run, compiled, imported or unpickled in this block."""
    global _seen  # noqa: PLW0603 - an audit hook is of the whole process
    _seen = []
    try:
        yield
        seen = _seen
    finally:
        _seen = None
    assert not seen, seen
