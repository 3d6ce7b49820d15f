"""An environment for each peer, and a process in it that answers what the peer says of a program."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED = ("numpy", "pillow", "scikit-learn", "transformers")
"""What the programs of the zoo import beside torch; the peer gets the versions that are installed here."""
_STARTING = 300.0

Report = Callable[[str], None]


class CannotInstallError(Exception):
    """The peer cannot be had on this machine."""


@dataclass(frozen=True)
class Peer:
    """A tool, pinned to one version."""

    name: str
    """Of its package, and of the module of this folder that feeds it."""
    version: str
    alone: bool = False
    """Whether it is installed without what it says it needs."""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


def interpreter(peer: Peer, say: Report) -> Path:
    """Return the interpreter of the peer's environment below ``build/``, which is made where it is not there yet.

    Raises:
        CannotInstallError: if it cannot be made, most often for want of a network.
    """
    place = ROOT / "build" / f"peers-{peer.name}"
    python, stamp = place / "bin" / "python", place / "installed.txt"
    own = [f"{peer.name}=={peer.version}"]
    others = ["torch", *(f"{name}=={version(name)}" for name in SHARED)]
    wanted = "\n".join([*own, *others, (ROOT / "constraints.txt").read_text()])
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    say(f"making {place.relative_to(ROOT)} for {peer.title}")
    _succeed(sys.executable, "-m", "venv", "--clear", str(place))
    pip = (str(python), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    constrained = (*pip, "-c", str(ROOT / "constraints.txt"))
    if peer.alone:
        _succeed(*constrained, *others)
        _succeed(*pip, "--no-deps", *own)
    else:
        _succeed(*constrained, *own, *others)
    stamp.write_text(wanted)
    return python


def _succeed(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        told = [line for line in error.stderr.splitlines() if line.startswith("ERROR")] or error.stderr.splitlines()
        raise CannotInstallError(told[-1] if told else f"exit status {error.returncode}") from error
    except OSError as error:
        raise CannotInstallError(str(error)) from error


_listening: dict[str, subprocess.Popen[str]] = {}


def answer_of(name: str, python: Path, program: str, limit: float) -> dict[str, Any]:
    """Return what the peer says of a program of the zoo, as ``{"results": …}`` or ``{"error": …}``.

    The process that answers is kept for the next program, and ended where it takes more than `limit` seconds.
    """
    try:
        process = _listening.get(name) or _start(name, python)
        assert process.stdin is not None
        process.stdin.write(f"{program}\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(_line(process, limit))
    except (OSError, TimeoutError, EOFError) as error:
        ended = _listening.pop(name, None)
        if ended is not None:
            ended.kill()
            ended.communicate()
        return {"error": str(error)}
    return answer


def _start(name: str, python: Path) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("listen.py")
    _listening[name] = process = subprocess.Popen(
        [str(python), "-I", str(script), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what the programs print
        text=True,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    _line(process, _STARTING)
    return process


def _line(process: subprocess.Popen[str], limit: float) -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], limit)[0]:
        raise TimeoutError(f"no answer in {limit:.0f} s")
    line = process.stdout.readline()
    if not line:
        raise EOFError("its process ended without an answer")
    return line
