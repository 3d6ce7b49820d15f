"""Which process wrote an entry, and whether it is still alive: a run that goes on is told from one that was killed."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_process() -> str:
    """Return the host, the number and the start of this process, as text."""
    return f"{platform.node()}/{os.getpid()}/{_start_of(os.getpid())}"


def is_gone(process: str) -> bool:
    """Tell whether a process of this host has ended; False where that cannot be told from here."""
    host, number, start = process.rsplit("/", 2)
    if host != platform.node() or os.name != "posix":  # elsewhere signal 0 is no question
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # there is one, of another user
    return _start_of(int(number)) != start


def _start_of(number: int) -> str:
    """Return when a process was started, in the clock ticks of Linux; empty where that is not told, or it has ended."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
