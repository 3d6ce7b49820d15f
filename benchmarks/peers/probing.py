"""What each published tool does here, asked once in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from peers.environment import CannotInstallError, Environment, Peer, Report, apart
from peers.published import PEERS

OURS = Peer("nbinspect", "", "index.md")
_SECONDS = 300


@dataclass(frozen=True)
class Probed:
    """What came of a tool."""

    peer: Peer
    version: str
    """Empty where it could not be installed."""
    task: str
    result: str
    failed: str
    """Why there is no result; empty where there is one."""
    changed: tuple[str, ...] | None
    """What it left changed of the program that it was given; None where it was given none."""


def probed(shared: Environment, say: Report, place: Path) -> list[Probed]:
    """Return what came of nbinspect and of every peer, and keep it in a file at this place."""
    found = []
    for peer in (OURS, *PEERS):
        say(f"probing {peer.title}")
        try:
            known = apart(peer, say) if peer.apart else shared
        except CannotInstallError as error:
            known = Environment(shared.python, {peer.name: str(error)})
        if peer.name in known.failed:
            found.append(Probed(peer, "", "", "", f"could not be installed: {known.failed[peer.name]}", None))
        else:
            found.append(_asked(peer, known.python))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps([asdict(one) for one in found], indent=1))
    return found


def probed_before(place: Path) -> list[Probed]:
    """Return what was kept at this place; nothing where there is no such file."""
    peers = {peer.name: peer for peer in (OURS, *PEERS)}
    known = json.loads(place.read_text()) if place.is_file() else []
    return [
        Probed(
            **{
                **one,
                "peer": peers[one["peer"]["name"]],
                "changed": None if one["changed"] is None else tuple(one["changed"]),
            }
        )
        for one in known
        if one["peer"]["name"] in peers
    ]


def _asked(peer: Peer, python: Path) -> Probed:
    command = [str(python), "-I", str(Path(__file__).with_name("probes.py")), peer.name]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1"}
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=surroundings, check=False)
    except subprocess.TimeoutExpired:
        return Probed(peer, peer.version, "", "", f"no answer in {_SECONDS} s", None)
    if not ended.stdout:
        last = (ended.stderr.splitlines() or [f"exit status {ended.returncode}"])[-1]
        return Probed(peer, peer.version, "", "", f"ended without an answer: {last[:200]}", None)
    told = json.loads(ended.stdout)
    changed = tuple(told["changed"]) if "changed" in told else None
    task = told["task"].removesuffix(".")
    return Probed(peer, told["version"], task, told.get("result", ""), told.get("error", ""), changed)
