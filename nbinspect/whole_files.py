"""Files that are there whole or not at all: where the disk is full, what was there before stays as it was."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to be written anew; it takes its place when the block ends, and where the block raises, never.

    A device or a pipe is written to as it is.

    Raises:
        OSError: where nothing can be written there; ValueError for a path that no system has.
    """
    target = Path(path).resolve()
    if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
        with target.open("wb") as file:
            yield file
        return
    beside = target.with_name(f".nbinspect-{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            yield file
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file, text in UTF-8, whole or not at all. Raises as `whole_file` does."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with whole_file(path) as file:
        file.write(data)
