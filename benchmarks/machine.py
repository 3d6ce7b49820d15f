"""What a benchmark was measured on: the machine, versions, and how busy it was."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]


def machine() -> dict[str, str]:
    """Return cores, memory, system and versions, by their names."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": f"{os.cpu_count()}, one of them used by torch",
        "memory": f"{pages * size / 2**30:.0f} GiB",
        "system": f"{_system()}, {platform.machine()}",
        "Python": platform.python_version(),
        "torch": version("torch"),
        "nbinspect": f"{version('nbinspect')}, commit {commit()}",
    }


def commit() -> str:
    """Return the commit of the checkout, and whether it was changed; unknown outside of one."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return f"{head} with changes" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def load() -> float:
    """Return how many processes have wanted a core, over the last minute."""
    return os.getloadavg()[0]


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _git(*command: str) -> str:
    return subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
