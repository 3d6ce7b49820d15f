from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "mixin"}
# Each of these turns text from data into markup or code, or reaches out of the widget.
UNSAFE_IN_PAGES = (
    r"\.innerHTML\b",
    r"\.outerHTML\b",
    r"\binsertAdjacentHTML\b",
    r"\bdocument\.write\b",
    r"\bdocument\.head\b",
    r"\beval\(",
    r"\bnew Function\(",
    r"\bfetch\(",
    r"\bXMLHttpRequest\b",
    r"\bWebSocket\b",
    r"https?://(?!www\.w3\.org/)",
)


def files(root: Path, *patterns: str) -> list[Path]:
    """Files of the project below `root` that match, without what is installed or built."""
    away = {".venv", ".kernels", "node_modules", "build", "dist", ".ipynb_checkpoints"}
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not away.intersection(path.relative_to(root).parts))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in the Python file at `path`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_test_states_its_behaviour(root: Path) -> None:
    """Each test has a docstring of one sentence."""
    wrong = []
    for path in files(root, "tests/**/test_*.py"):
        for function in functions(path):
            if not function.name.startswith("test_"):
                continue
            text = " ".join((ast.get_docstring(function) or "").split())
            if not text.endswith(".") or re.search(r"[a-z0-9)`][.!?] [A-Z]", text):
                wrong.append(f"{path.relative_to(root)}:{function.lineno} {function.name}: {text!r}")
    assert not wrong, "\n".join(wrong)


def test_tests_mirror_the_package(root: Path) -> None:
    """A test file below a layer's name stands where the module it tests stands."""
    layers = {path.name for path in (root / "nbinspect").iterdir() if path.is_dir()}
    stray = []
    for path in files(root, "tests/**/test_*.py"):
        folder = path.parent.relative_to(root / "tests")
        module = root / "nbinspect" / folder / path.name.removeprefix("test_")
        if (folder == Path() or folder.parts[0] in layers) and not module.exists():
            stray.append(str(path.relative_to(root)))
    assert not stray


def test_names_say_what_is_inside(root: Path) -> None:
    """No file or folder has a name that would fit anything."""
    paths = files(root, "nbinspect/**/*", "frontend/**/*", "tests/**/*", "benchmarks/**/*", "notebooks/**/*")
    words = {path: {part.split(".")[0].lower() for part in path.relative_to(root).parts} for path in paths}
    assert not [path for path, parts in words.items() if parts & SHAPELESS_NAMES]


def test_modules_are_small(root: Path) -> None:
    """No hand-written module of the package or of the front end has more than 300 lines."""
    sizes = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files(root, "nbinspect/**/*.py", "frontend/**/*.js")
        if "test" not in path.name
    }
    assert not {path: size for path, size in sizes.items() if size > 300}


def test_pages_treat_text_as_text(root: Path) -> None:
    """Neither the front end nor its bundle makes markup of text, runs it, or asks the network."""
    found = []
    for path in files(root, "frontend/**/*.js", "frontend/**/*.css", "nbinspect/static/*"):
        if ".test." in path.name or "test" in path.relative_to(root).parts or path.name.startswith("build"):
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(root)}: {hit[0]}" for rule in UNSAFE_IN_PAGES for hit in re.finditer(rule, text)]
    assert not found, "\n".join(found)


def test_bundles_are_small(root: Path) -> None:
    """Each bundle stays under 150 kB, those with charts under 200, for they are stored in every saved widget."""
    sizes = {path.name: path.stat().st_size for path in files(root, "nbinspect/static/*.js")}
    assert sizes
    with_charts = {"dynamics.js": 200_000, "data.js": 200_000}  # 50 kB of the first are uPlot
    assert not {name: size for name, size in sizes.items() if size > with_charts.get(name, 150_000)}


def test_notebooks_are_stripped(root: Path) -> None:
    """Tracked notebooks have no outputs, no counts and no widget state, and name their kernel."""
    for path in files(root, "notebooks/*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert notebook["metadata"]["kernelspec"]["name"] == "python3", path.name
        assert "widgets" not in notebook["metadata"], path.name
        for cell in notebook["cells"]:
            assert not cell.get("outputs"), path.name
            assert cell.get("execution_count") is None, path.name


def test_no_registry_is_named(root: Path) -> None:
    """Lock files and settings leave the choice of the package registry to the machine."""
    settings = ("frontend/*.json", "frontend/.npmrc", ".npmrc", "*.txt", "*.toml", "Makefile", ".ci/*")
    registry = re.compile(r'"resolved"|--(?:extra-)?index-url|--registry|registry\s*=|\bpip\.conf\b')
    named = [path.name for path in files(root, *settings) if registry.search(path.read_text(encoding="utf-8"))]
    assert not named
