"""The command ``nbinspect``: run the checks on a program from a shell or in CI."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import Progress
from nbinspect.subject import kind_of

FAILED, ERROR = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 healthy, 1 a check failed, 2 an error or a program that is none."""
    given = _parser().parse_args(arguments)
    from nbinspect.report.running import check

    try:
        program = _program(given.program)
        options = {key: value for key, value in vars(given).items() if key in ("only", "skip", "seed", "time_budget")}
        progress = _say if sys.stderr.isatty() else None
        report = check(**{"progress": progress, **options, **program})
        if given.json:
            Path(given.json).write_text(report.to_json(), encoding="utf-8")
        if given.html:
            report.to_html(given.html)
        if given.junit:
            report.to_junit(given.junit)
    except NbinspectError as error:
        print(f"nbinspect: {error}", file=sys.stderr)  # noqa: T201 - a command speaks to its terminal
        return ERROR
    print(report)  # noqa: T201 - the same
    return ERROR if report.errors else FAILED if report.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("nbinspect", description="Sanity checks for PyTorch programs.")
    command = parser.add_subparsers(required=True, metavar="command").add_parser(
        "check",
        help="run the checks on a program",
        epilog="Exit status: 0 no defect, 1 a check failed, 2 a check could not finish or the program cannot be built.",
    )
    command.add_argument(
        "program", metavar="package.module:function", help="a function that returns the keyword arguments of `check`"
    )
    command.add_argument("--only", nargs="+", metavar="NAME", help="checks or stages to run")
    command.add_argument("--skip", nargs="+", metavar="NAME", help="checks or stages not to run")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--time-budget", type=float, default=120, metavar="SECONDS")
    command.add_argument("--json", metavar="FILE", help="also write the report as JSON")
    command.add_argument("--html", metavar="FILE", help="also write the report as one HTML file")
    command.add_argument("--junit", metavar="FILE", help="also write the report as JUnit XML")
    return parser


def _program(name: str) -> dict[str, Any]:
    """Return the keyword arguments that the user's function gives.

    Raises:
        InputError: if there is no such function, or it raises or gives anything else.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise InputError(f"expected package.module:function, got {name!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: the user's own modules lie where the command is run
    try:
        build = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{name}: {error}") from error
    try:
        arguments = build()
    except Exception as error:
        raise InputError(f"{name} raised {type(error).__name__}: {error}") from error
    if not isinstance(arguments, Mapping) or "model" not in arguments:
        raise InputError(f"{name}: expected a dict with the keyword arguments of `check`, got {kind_of(arguments)}")
    return dict(arguments)


def _say(progress: Progress) -> None:
    left = "" if progress.left is None else f", {progress.left:.0f} s left"
    print(f"\r{progress.done} of {progress.total}{left} {progress.check:<28}", end="", file=sys.stderr)  # noqa: T201 - the same
    if not progress.check:
        print(file=sys.stderr)  # noqa: T201 - ends the line
