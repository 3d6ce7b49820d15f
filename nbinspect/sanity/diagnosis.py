"""What to mend first: findings in an order in which causes stand before what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check

_GRAVITY = {"fail": 0, "warn": 1}


def diagnose(
    results: Sequence[CheckResult], checks: Sequence[Check]
) -> tuple[tuple[CheckResult, ...], tuple[str, ...]]:
    """Return the results with causes and consequences noted, and the names of the findings, causes first.

    A finding follows from another whose check declares to explain it, directly or through further findings; a warning
    explains no failure, and what is apart explains nothing. Of several causes that of the earlier check in the
    catalogue is named.
    """
    found = {result.check: result for result in results if result.status in _GRAVITY}
    reached = {name: _reached(name, found, {check.name: check for check in checks}) for name in found}
    order = [check.name for check in checks if check.name in found]
    roots = [name for name in order if not any(_leads(other, name, reached, order) for other in order)]
    causes = {name: "" if name in roots else next(root for root in roots if name in reached[root]) for name in order}
    noted = tuple(
        replace(
            result, explained_by=causes[result.check], explains=tuple(n for n in order if causes[n] == result.check)
        )
        if result.check in found
        else result
        for result in results
    )
    roots.sort(key=lambda name: _rank(found[name]))
    return noted, tuple(name for root in roots for name in (root, *(n for n in order if causes[n] == root)))


def _reached(name: str, found: dict[str, CheckResult], checks: dict[str, Check]) -> set[str]:
    """Return the findings that follow from one, by way of other findings too."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        source = found[waiting.pop()]
        for other in () if source.is_apart else checks[source.check].explains:
            follows = other in found and _GRAVITY[source.status] <= _GRAVITY[found[other].status]
            if follows and other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


def _leads(cause: str, name: str, reached: dict[str, set[str]], order: list[str]) -> bool:
    """Whether one finding explains another; of two that explain each other the earlier in the catalogue does."""
    if cause == name or name not in reached[cause]:
        return False
    return cause not in reached[name] or order.index(cause) < order.index(name)


def _rank(result: CheckResult) -> tuple[int, bool]:
    return _GRAVITY[result.status], not result.confirmed
