"""The command ``nbinspect``: run the checks on a program from a shell or in CI."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nbinspect.errors import NbinspectError
from nbinspect.records import Progress
from nbinspect.whole_files import write_whole

if TYPE_CHECKING:
    from nbinspect.report.report import Report

FAILED, ERROR = 1, 2
_BUDGET = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: no defect. 1: a check failed. 2: a check could not finish, none came to an answer, the program cannot be built,
    or a file cannot be written.
    """
    given = vars(_parser().parse_args(arguments))
    files = {kind: given.pop(kind) for kind in ("json", "html", "junit")}
    try:
        report = _run(given.pop("program"), given)
        _print(str(report))
        written = [_write(report, kind, path) for kind, path in files.items() if path]
    except NbinspectError as error:
        _print(f"nbinspect: {error}", file=sys.stderr)
        return ERROR
    except Exception:  # noqa: BLE001 - Python would exit with 1, which says that a check failed
        traceback.print_exc()
        return ERROR
    answered = len(report.skipped) < len(report.results)
    return ERROR if report.errors or not answered or not all(written) else FAILED if report.failed else 0


def _run(name: str, options: dict[str, Any]) -> Report:
    """Run the checks; what is asked for in the command goes before what the program says itself."""
    from nbinspect.report.program import program_named
    from nbinspect.report.running import check

    program = program_named(name, options.get("time_budget", _BUDGET))
    progress = _say if sys.stderr.isatty() else None
    return check(**{"progress": progress, **program, **options})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("nbinspect", description="Sanity checks for PyTorch programs.")
    command = parser.add_subparsers(required=True, metavar="command").add_parser(
        "check",
        help="run the checks on a program",
        argument_default=argparse.SUPPRESS,
        epilog="Exit status: 0 no defect; 1 a check failed; 2 a check could not finish, none came to an answer, the "
        "program cannot be built, or a file cannot be written.",
    )
    command.add_argument(
        "program", metavar="package.module:function", help="a function that returns the keyword arguments of `check`"
    )
    command.add_argument("--only", nargs="+", metavar="NAME", help="checks or stages to run")
    command.add_argument("--skip", nargs="+", metavar="NAME", help="checks or stages not to run")
    command.add_argument("--seed", type=int, help="what random draws depend on; 0 by default")
    command.add_argument(
        "--time-budget", type=_seconds, metavar="SECONDS", help="for the checks, and for building the program; 120"
    )
    command.add_argument("--json", metavar="FILE", default=None, help="also write the report as JSON")
    command.add_argument("--html", metavar="FILE", default=None, help="also write the report as one HTML file")
    command.add_argument("--junit", metavar="FILE", default=None, help="also write the report as JUnit XML")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}")
    return seconds


def _write(report: Report, kind: str, path: str) -> bool:
    """Write a file and tell whether that went well; an error is said in one line, and costs no other file."""
    writers: dict[str, Callable[[str], object]] = {
        "json": lambda path: write_whole(path, report.to_json()),
        "html": report.to_html,
        "junit": report.to_junit,
    }
    try:
        writers[kind](path)
    except OSError as error:
        _print(f"nbinspect: cannot write --{kind} {path}: {error.strerror or error}", file=sys.stderr)
        return False
    return True


def _say(progress: Progress) -> None:
    """Say how far the run has come on one line, and wipe it at the end."""
    left = "" if progress.left is None else f", {progress.left:.0f} s left"
    line = f"{progress.done} of {progress.total}{left} {progress.check}" if progress.check else ""
    _print(f"\r{line:<60.60}\r", end="", file=sys.stderr)


def _print(text: str, **how: Any) -> None:
    """Print what the terminal can show; marks that its encoding lacks are written out."""
    file = how.get("file") or sys.stdout
    encoding = file.encoding or "utf-8"
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(shown, **{"flush": True, **how})  # noqa: T201 - a command speaks to its terminal
    except BrokenPipeError:  # read no further, as by `head`: the answer is still in the exit status
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
