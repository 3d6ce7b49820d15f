from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbinspect.errors import InputError
from nbinspect.report.program import program_named

MODULE = """
    import sys
    import time

    HERE = 3
    def program():
        return {"model": "anything", "seed": 4}
    def typo():
        return {"model": None, "optimiser": None}
    def headless():
        return {"loader": []}
    def nothing():
        pass
    def raises():
        raise ValueError("no data")
    def leaves():
        sys.exit(0)
    def hangs():
        while True:
            time.sleep(0.01)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that a command is run in, with a module of many functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "programs_here.py").write_text(textwrap.dedent(MODULE))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_program_is_found_where_the_command_is_run(here: Path) -> None:
    """The function's dict comes back as it is, also from a module in a package."""
    assert program_named("programs_here:program", 60) == {"model": "anything", "seed": 4}
    (here / "package_here").mkdir()
    (here / "package_here" / "deep.py").write_text("def make():\n    return {'model': 1}\n")
    assert program_named("package_here.deep:make", 60) == {"model": 1}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("programs_here", "expected package.module:function, got 'programs_here'"),
        (":program", "expected package.module:function, got ':program'"),
        ("no_such_module:program", "importing no_such_module raised ModuleNotFoundError: No module named"),
        ("programs_here:progam", "programs_here has no function 'progam'; did you mean 'program'"),
        ("programs_here:HERE", "programs_here:HERE: expected a function, got a int"),
        ("programs_here:typo", "`check` has no argument 'optimiser'; did you mean 'optimizer'"),
        ("programs_here:headless", "no 'model' in the dict that it returns"),
        ("programs_here:nothing", "expected a dict with the keyword arguments of `check`, got a NoneType"),
        ("programs_here:raises", r"raised ValueError: no data \(at .*programs_here.py:15\)"),
        ("programs_here:leaves", r"calling programs_here:leaves raised SystemExit: 0"),
    ],
)
def test_what_is_no_program_is_refused(here: Path, name: str, said: str) -> None:
    """Whatever is wrong with a named program is one error that says what and where."""
    with pytest.raises(InputError, match=said):
        program_named(name, 60)


@pytest.mark.parametrize("text", ["x = (", "raise SystemExit(0)", "import no_such_module_either", "1 / 0"])
def test_a_module_that_cannot_be_imported_is_refused(here: Path, text: str) -> None:
    """Syntax errors, exits and exceptions at import are errors with their kind."""
    (here / "broken_here.py").write_text(text)
    with pytest.raises(InputError, match=r"importing broken_here raised \w+"):
        program_named("broken_here:program", 60)


def test_a_function_that_hangs_is_ended(here: Path) -> None:
    """After the time that it may take the function is ended where it is."""
    with pytest.raises(InputError, match="calling programs_here:hangs: a call of your code did not end within 2 s"):
        program_named("programs_here:hangs", 2)
