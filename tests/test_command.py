from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nbinspect.command import main

pytestmark = pytest.mark.slow

MODULE = """
    import time

    import torch
    from torch import nn


    class Waits(nn.Linear):
        def forward(self, x):
            while True:
                time.sleep(0.01)


    def healthy():
        torch.manual_seed(0)
        batch = (torch.randn(8, 4), torch.arange(8) % 3)
        return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss(), "only": ["runs"]}


    def narrow():
        return healthy() | {"model": nn.Linear(5, 3)}


    def waits():
        return healthy() | {"model": Waits(4, 3)}


    def asleep():
        while True:
            time.sleep(0.01)


    def empty():
        return healthy() | {"loader": []}


    def raises():
        raise OSError("no data here")
"""
PLENTY = 100
"""Seconds that no command may take, slow as the machine may be."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's module, in which commands are run."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "mine.py").write_text(textwrap.dedent(MODULE))
    return folder


def command(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m nbinspect`` in a fresh process, as a shell or CI runs it."""
    own = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    line = [sys.executable, "-m", "nbinspect", *arguments]
    return subprocess.run(line, cwd=here, env=own, capture_output=True, encoding="utf-8", timeout=PLENTY, check=False)


def test_a_healthy_program_exits_with_0_and_writes_every_file(here: Path) -> None:
    """The report is printed, and the files hold the same results."""
    done = command(here, "check", "mine:healthy", "--json", "a.json", "--html", "a.html", "--junit", "a.xml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "No defect was found by 1 check." in done.stdout
    assert [each["check"] for each in json.loads((here / "a.json").read_text())["results"]] == ["runs"]
    assert "No defect was found by 1 check." in (here / "a.html").read_text(encoding="utf-8")
    assert [case.get("name") for case in ElementTree.parse(here / "a.xml").iter("testcase")] == ["runs"]


def test_a_reader_that_stops_reading_does_not_change_the_answer(here: Path) -> None:
    """Where the output is cut, as by `head`, the exit status is still that of the checks."""
    line = [sys.executable, "-m", "nbinspect", "check", "mine:narrow"]
    with subprocess.Popen(line, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        errors = running.stderr.read()
    assert (running.returncode, errors) == (1, b"")


def test_a_function_that_hangs_is_cut_by_the_budget(here: Path) -> None:
    """A program that is never built ends with an error after its time, or after two seconds where that is less."""
    done = command(here, "check", "mine:asleep", "--time-budget", "1")
    assert done.returncode == 2
    assert "calling mine:asleep: a call of your code did not end within 2 s" in done.stderr


def test_a_forward_that_hangs_is_an_error_within_the_budget(here: Path) -> None:
    """A model that never answers is an error of the check, after half of the budget at most."""
    done = command(here, "check", "mine:waits", "--time-budget", "4", "--only", "runs")
    assert done.returncode == 2
    assert "! runs: a call of your code did not end within 2 s" in done.stdout
    assert "mine.py:11" in done.stdout


@pytest.fixture
def inside(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder as the one that this process runs the command in."""
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return here


def test_a_failing_program_exits_with_1(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A check that fails is the exit status 1, and its finding is printed."""
    assert main(["check", "mine:narrow"]) == 1
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "✕ runs: The step raises on a real batch" in shown.out


def test_a_program_that_cannot_be_built_exits_with_2(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong with the program, without a traceback."""
    assert main(["check", "mine:raises"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(r"nbinspect: calling mine:raises raised OSError: no data here \(at .*mine.py:38\)\n", shown.err)


def test_a_file_that_cannot_be_written_is_one_clear_error(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report and the other files are not lost by it, and the exit status is 2."""
    status = main(["check", "mine:healthy", "--json", "no/such/a.json", "--html", ".", "--junit", "b.xml"])
    shown = capsys.readouterr()
    assert status == 2
    assert "No defect was found" in shown.out
    assert shown.err.splitlines() == [
        "nbinspect: cannot write --json no/such/a.json: No such file or directory",
        "nbinspect: cannot write --html .: Is a directory",
    ]
    assert (inside / "b.xml").exists()


def test_the_command_goes_before_the_program(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for on the command line overrules what the program says; all else is the program's."""
    assert main(["check", "mine:healthy", "--seed", "7", "--only", "runs", "label-range"]) == 0
    asked = capsys.readouterr().out
    assert "seed 7" in asked
    assert "label-range" in asked
    assert main(["check", "mine:healthy"]) == 0
    assert "label-range" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mine:helthy"], "mine has no function 'helthy'; did you mean 'healthy'"),
        (["elsewhere:program"], "importing elsewhere raised ModuleNotFoundError: No module named 'elsewhere'"),
        (["mine:healthy", "--only", "rns"], "only: no check or stage 'rns'; did you mean 'runs'"),
        (["mine:healthy", "--skip", "wiring"], "only, skip: no check is left to run"),
    ],
)
def test_names_that_do_not_exist_are_one_line(
    inside: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown module, function or check is an error with near names, and nothing is printed but that."""
    assert main(["check", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"nbinspect: {said}")
    assert shown.err.count("\n") == 1


def test_a_run_without_an_answer_is_no_health(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where every check had to be skipped, CI is not told that all is well."""
    assert main(["check", "mine:empty", "--only", "data"]) == 2
    assert "No check came to an answer." in capsys.readouterr().out


def test_a_terminal_that_lacks_the_marks_is_no_failure(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an encoding cannot show is written out."""
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["check", "mine:healthy"]) == 0
    assert b"\\u25cf runs" in terminal.buffer.getvalue()  # type: ignore[attr-defined] # the bytes above


class Screen(io.StringIO):
    """A terminal that a person looks at."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_far_it_has_come(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal one line says which check runs, and is wiped at the end; elsewhere nothing is said."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    main(["check", "mine:healthy"])
    shown = screen.getvalue().split("\r")
    assert any(line.startswith("0 of 1 runs") for line in shown)
    assert shown[-2:] == [" " * 60, ""]


def test_a_defect_of_our_own_is_no_finding(
    inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that nobody foresaw is shown whole, and exits with 2 rather than with Python's 1."""
    monkeypatch.setattr("nbinspect.report.running.run_checks", lambda *_, **__: 1 / 0)
    assert main(["check", "mine:healthy"]) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["check"], ["check", "a:b", "--time-budget", "-1"], ["chek", "a:b"]])
def test_a_command_that_is_none_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is shown where arguments are missing or make no sense."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: nbinspect" in capsys.readouterr().err
