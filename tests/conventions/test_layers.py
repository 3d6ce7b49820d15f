from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

GROUND = {"whose", "records", "errors", "nested", "wire", "revive", "interrupts", "whole_files"}
PROBES = GROUND | {"subject", "calling", "preserve", "clone", "seeding"}
# What each layer may import, besides itself. The arrows point one way: from a view down to plain records.
BELOW: dict[str, set[str]] = {
    "whose": set(),
    "errors": {"whose"},
    "version": set(),
    "records": set(),
    "nested": set(),
    "wire": set(),
    "interrupts": set(),
    "whole_files": set(),
    "revive": {"records", "errors"},
    "settings": set(),
    "seeding": set(),
    "subject": GROUND,
    "calling": GROUND | {"subject", "preserve", "settings"},
    "preserve": GROUND | {"settings"},
    "clone": GROUND,
    "copies": PROBES,
    "capture": PROBES | {"settings"},
    "sanity": PROBES | {"settings", "capture", "copies", "version"},
    "decode": PROBES | {"capture"},
    "browse": PROBES | {"capture", "decode", "evaluation"},
    "figures": GROUND,
    "recipe": GROUND | {"figures"},
    "stepping": PROBES | {"settings", "capture", "decode", "figures"},
    "reference": PROBES | {"capture", "sanity", "figures"},
    "report": PROBES | {"capture", "sanity", "figures", "integrations"},
    "journal": PROBES | {"settings", "capture", "sanity", "figures", "report", "version"},
    "evaluation": PROBES | {"settings", "capture", "decode"},
    "dynamics": PROBES | {"settings", "capture", "decode", "evaluation"},
    "data": PROBES | {"settings", "capture", "decode", "sanity", "evaluation"},
    "runlog": PROBES | {"capture", "dynamics", "journal", "figures"},
    "widgets": PROBES
    | {
        "capture",
        "sanity",
        "decode",
        "browse",
        "figures",
        "reference",
        "report",
        "journal",
        "stepping",
        "dynamics",
        "data",
        "recipe",
    }
    | {"runlog"},
}
BELOW["integrations"] = PROBES | {"dynamics"}
BELOW["inspector"] = set(BELOW)
BELOW["__init__"] = {"inspector", "errors", "stepping", "report", "journal", "runlog", "data", "version"}
BELOW["command"] = GROUND | {"subject", "report"}
BELOW["testing"] = PROBES | {"report"}
BELOW["__main__"] = {"command"}

# The rooms below the checks, each with those of which it may use what is inside; trials also use all of evidence.
EVIDENCE: dict[str, set[str]] = {
    "source": set(),
    "data": set(),
    "passes": {"source"},
    "layers": {"passes"},
    "numbers": {"data", "passes"},
    "losses": {"data", "passes"},
    "samples": {"source", "data", "passes", "numbers"},
}
TRIALS: dict[str, set[str]] = {
    "running": set(),
    "own_steps": {"running"},
    "rates": {"running"},
    "fitting": {"running", "rates"},
    "labels": {"running", "rates", "fitting"},
    "proving": {"running"},
}

FEATURES = {"batch", "forward", "dynamics", "sanity", "data"}


def imported(source: str) -> Iterator[str]:
    """The dotted names below ``nbinspect`` that `source` imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("nbinspect.") for name in names if name.startswith("nbinspect."))


def complaints(name: str, source: str) -> list[str]:
    """What the module called `name` imports against the arrows or sideways."""
    layer, *rest = name.split(".")
    feature = FEATURES.intersection(rest)
    found = []
    for target in imported(source):
        there, *inner = target.split(".")
        if there != layer and there not in BELOW.get(layer, set()):
            found.append(f"{name} imports {target}: {layer} may not import {there}")
        if feature and FEATURES.intersection(inner[:1]) - feature:
            found.append(f"{name} imports {target}: features do not import each other")
    return found


def complaint_of_room(name: str, target: str) -> str | None:
    """What a module of evidence or trials imports against the arrows between these rooms."""
    (_, floor, room, *_), there = name.split("."), target.split(".")
    if there[:1] != ["sanity"] or there[1:2] not in (["evidence"], ["trials"]) or there[1:3] == [floor, room]:
        return None
    known = EVIDENCE if floor == "evidence" else TRIALS
    allowed = there[2] in known[room] if there[1] == floor else floor == "trials"
    return None if allowed else f"{name} imports {target}"


def test_every_module_belongs_to_a_known_layer(modules: dict[str, Path]) -> None:
    """A new room in the house is entered in the table of layers before it is used."""
    assert {name.split(".")[0] for name in modules} <= set(BELOW)


def test_imports_point_down(modules: dict[str, Path]) -> None:
    """No module imports a layer above its own, nor another feature of the same layer."""
    found = [line for name, path in modules.items() for line in complaints(name, path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_rooms_below_the_checks_are_one_above_the_other(modules: dict[str, Path]) -> None:
    """Evidence does not train, nor reach into a room above its own; every module of it and of trials lies in a room."""
    inside = {name: path for name, path in modules.items() if name.startswith(("sanity.evidence.", "sanity.trials."))}
    for name, path in inside.items():
        _, floor, room, *_ = name.split(".")
        assert room in (EVIDENCE if floor == "evidence" else TRIALS), name
        for target in imported(path.read_text(encoding="utf-8")):
            assert complaint_of_room(name, target) is None
    assert complaint_of_room("sanity.evidence.data.rows", "sanity.trials.running.watch.Watch")
    assert complaint_of_room("sanity.evidence.data.rows", "sanity.evidence.samples.spread.spread")
    assert complaint_of_room("sanity.trials.rates.sizes", "sanity.trials.labels.exam.exam")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("records", "from nbinspect.capture import batch"),
        ("capture.batch", "import nbinspect.widgets.batch"),
        ("decode.image", "def late():\n    from nbinspect.figures.batch import draw"),
        ("figures.batch", "from nbinspect import decode"),
        ("capture.batch", "from nbinspect.capture.forward import step"),
        ("widgets.batch", "from nbinspect.capture.dynamics import watch"),
    ],
)
def test_an_arrow_that_runs_back_is_found(name: str, source: str) -> None:
    """The rule sees imports at the top, inside functions, of packages and of names."""
    assert complaints(name, source)
