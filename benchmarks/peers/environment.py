"""Environments for the peers, below ``build/``, and a process in one that answers what a peer says of a program."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED = ("numpy", "pillow", "scikit-learn", "transformers")
"""What benchmarks and the programs of the zoo import beside torch; peers get the versions that are installed here."""
_STARTING = 300.0

Report = Callable[[str], None]


class CannotInstallError(Exception):
    """A package cannot be had on this machine."""


@dataclass(frozen=True)
class Peer:
    """A tool, pinned to one version."""

    name: str
    """Of its package."""
    version: str
    url: str
    """Of its documentation."""
    alone: bool = False
    """Whether it is installed without what it says it needs."""
    apart: bool = False
    """Whether it cannot live with the others, and has an environment of its own."""
    beside: tuple[str, ...] = ()
    """What it needs and does not say, in the words of pip."""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def wanted(self) -> tuple[str, ...]:
        """What is to be installed, in the words of pip."""
        return (f"{self.name}=={self.version}", *self.beside)


@dataclass(frozen=True)
class Environment:
    """An interpreter with peers."""

    python: Path
    failed: dict[str, str]
    """Why a peer could not be installed, by its name."""


def together(peers: Sequence[Peer], say: Report) -> Environment:
    """Return the environment of all peers that can live with each other, with nbinspect in it too.

    Raises:
        CannotInstallError: if nbinspect itself cannot be installed there, most often for want of a network.
    """
    shared = [f"{name}=={version(name)}" for name in SHARED]
    return environment("all", ["torch", *shared, "datasets", "--editable", str(ROOT)], shared, peers, say)


def apart(peer: Peer, say: Report) -> Environment:
    """Return the environment of a peer that cannot live with the others.

    Raises:
        CannotInstallError: if torch cannot be installed there, most often for want of a network.
    """
    return environment(peer.name, ["torch"], [], [peer], say)


def environment(
    name: str, needed: Sequence[str], kept: Sequence[str], peers: Sequence[Peer], say: Report
) -> Environment:
    """Return ``build/peers-NAME``, made where it is not there yet, with each peer that can be installed.

    Args:
        name: of its folder.
        needed: what is installed first, in the words of pip.
        kept: requirements that no peer may change.
        peers: installed one after the other; those that failed before are tried again.
        say: is told what takes long.

    Raises:
        CannotInstallError: if what is needed cannot be installed.
    """
    place = ROOT / "build" / f"peers-{name}"
    python, stamp = place / "bin" / "python", place / "installed.json"
    wanted = [*needed, (ROOT / "constraints.txt").read_text()]
    pip = (str(python), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    constrained = (*pip, "-c", str(ROOT / "constraints.txt"))
    known = json.loads(stamp.read_text()) if stamp.is_file() else {}
    if known.get("needed") != wanted:
        say(f"making {place.relative_to(ROOT)}")
        _succeed(sys.executable, "-m", "venv", "--clear", str(place))
        _succeed(*constrained, *needed)
        known = {"needed": wanted, "peers": []}
    failed = {}
    for peer in peers:
        if " ".join(peer.wanted) in known["peers"]:
            continue
        say(f"installing {peer.title}")
        try:
            _succeed(*((*pip, "--no-deps") if peer.alone else (*constrained, *kept)), *peer.wanted)
        except CannotInstallError as error:
            failed[peer.name] = str(error)
        else:
            known["peers"].append(" ".join(peer.wanted))
        stamp.write_text(json.dumps(known))
    return Environment(python, failed)


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
