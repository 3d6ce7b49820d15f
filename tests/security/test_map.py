"""The suite is a map: what is new and lets text out, or reads bytes, is entered in it."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import anywidget
import pytest

import nbinspect
from tests.security.exits import EXITS
from tests.security.test_views import VIEWS

pytestmark = pytest.mark.slow

PACKAGE = Path(nbinspect.__file__).parent
ELSEWHERE = {
    "comparison_html": "tests/security/test_readers.py",
    "learning_curve_figure": "tests/security/exits.py",
    "histogram_figure": "tests/figures/test_data.py",
}
"""Exits that are tried as a part of another, and where."""
READERS = {
    "decode.batch": "no bytes but the sound that it writes",
    "reference.data": "no bytes but text of Python's own",
    "sanity.evidence.data.digest": "no bytes but a tensor's",
    "sanity.evidence.source.edits": "no bytes but the user's own source",
    "data.human.file": "tests/security/test_readers.py",
    "data.query.source": "tests/data/query/test_matching.py",
    "journal.configuration": "tests/journal/test_configuration.py",
    "journal.entry": "tests/security/test_readers.py",
    "journal.revived": "tests/security/test_readers.py",
    "journal.storage": "tests/security/test_readers.py",
    "integrations.lightning": "no bytes: two names of modules of its own",
    "report.program": "tests/security/test_readers.py",
    "revive": "tests/test_revive.py",
    "runlog.follow": "tests/security/test_readers.py",
    "runlog.ranks": "tests/runlog/test_ranks.py",
    "runlog.runfile": "tests/runlog/test_runfile.py",
    "sanity.evidence.source.example": "no bytes: the examples of the checks",
    "sanity.evidence.source.parsed": "no bytes but the user's own source",
    "widgets.sanity_forms": "no bytes but its own report",
}
"""Modules that read what comes from outside, or could; and where that is tried."""
READING = {
    *("loads", "load", "connect", "frombuffer", "read_bytes", "import_module", "fromstring", "parse", "decompress"),
    *("decompressobj", "eval", "exec", "compile", "__import__", "run", "Popen", "system", "popen", "literal_eval"),
}
OF_MODULES = {"json", "sqlite3", "zlib", "np", "ast", "ElementTree", "importlib", "subprocess", "os", "pickle", "torch"}
NEVER = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "code", "codeop", "runpy")


@cache
def trees() -> list[tuple[str, ast.Module]]:
    """Every module of the package by its name."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found.append((name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def functions(*ends: str) -> Iterator[tuple[str, str]]:
    """Public functions of the package by the end of their names, with their modules."""
    for name, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name[0] != "_" and node.name.endswith(ends):
                yield name, node.name


def is_base(kind: type) -> bool:
    """Whether others of the package are made from this class: not those of one widget's own, which have its name."""
    made = {one.__name__ for one in kind.__subclasses__() if one.__module__.partition(".")[0] == "nbinspect"}
    return bool(made - {kind.__name__})


def reads(node: ast.AST) -> bool:
    """Whether a call may read bytes, or run text."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in {"eval", "exec", "compile", "__import__"}
    if not isinstance(called, ast.Attribute) or called.attr not in READING:
        return False
    is_named = isinstance(called.value, ast.Name) and called.value.id in OF_MODULES
    return is_named or called.attr == "read_bytes"


def test_every_exit_is_on_the_map() -> None:
    """Each function that makes a page, a text or a figure of a record is tried with hostile texts."""
    tried = {
        name for way in EXITS.values() for each in (way.page, way.text, way.figure) if each for name in _names(each)
    }
    found = {name for _, name in functions("_html", "_text", "_figure")}
    words = {"tick_text", "decode_text"}  # a number; tokens of a batch as a record
    assert not found - tried - set(ELSEWHERE) - words
    assert not set(ELSEWHERE) - found


def _names(function: object) -> set[str]:
    code = function.__code__  # type: ignore[attr-defined] # all of them are functions
    return {function.__name__, *code.co_names}  # type: ignore[attr-defined] # likewise


def test_every_page_is_on_the_map() -> None:
    """Each module of a static page has a function that is tried."""
    pages = {path.stem for path in PACKAGE.rglob("*_page.py")} - {"dynamics_page"}
    makers = {module.rpartition(".")[2] for module, _ in functions("_html")}
    assert not pages - makers


def test_every_view_is_on_the_map() -> None:
    """Each widget that is not what others are made from is opened on a program of hostile names."""
    found = set()
    for name, tree in trees():
        if name.startswith("widgets.") and any(isinstance(node, ast.ClassDef) for node in tree.body):
            module = importlib.import_module(f"nbinspect.{name}")
            owned = (
                each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__
            )
            widgets = (each for each in owned if issubclass(each, anywidget.AnyWidget))
            found |= {each.__name__ for each in widgets if not is_base(each)}
    assert found == set(VIEWS)


def test_every_reader_is_on_the_map() -> None:
    """Each module that reads bytes, parses text or could run it is tried with bytes from anywhere, or reads none."""
    found = {name for name, tree in trees() if any(map(reads, ast.walk(tree)))}
    assert found == set(READERS)
    for place in {*READERS.values(), *ELSEWHERE.values()}:
        assert place.startswith("no bytes") or (PACKAGE.parent / place).is_file(), place


def test_nothing_is_ever_unpickled() -> None:
    """No module imports what makes objects, or runs code, out of bytes; `torch.load` is not called."""
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not {each.partition(".")[0] for each in names} & set(NEVER), name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load":
                assert ast.unparse(node.func) not in ("torch.load", "np.load"), name


@pytest.mark.parametrize(
    "source", ["json.loads(x)", "eval(x)", "path.read_bytes()", "torch.load(x)", "importlib.import_module(x)"]
)
def test_what_reads_is_found(source: str) -> None:
    """The map sees calls of readers by their names."""
    assert any(map(reads, ast.walk(ast.parse(source))))
