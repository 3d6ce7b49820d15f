from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

GROUND = {"records", "errors", "nested", "wire", "revive", "interrupts", "whole_files"}
PROBES = GROUND | {"subject", "calling", "preserve", "clone", "seeding"}
# What each layer may import, besides itself. The arrows point one way: from a view down to plain records.
BELOW: dict[str, set[str]] = {
    "errors": set(),
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
    "sanity": PROBES | {"capture", "copies", "version"},
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


def test_every_module_belongs_to_a_known_layer(modules: dict[str, Path]) -> None:
    """A new room in the house is entered in the table of layers before it is used."""
    assert {name.split(".")[0] for name in modules} <= set(BELOW)


def test_imports_point_down(modules: dict[str, Path]) -> None:
    """No module imports a layer above its own, nor another feature of the same layer."""
    found = [line for name, path in modules.items() for line in complaints(name, path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


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
