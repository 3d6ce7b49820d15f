"""Causes before symptoms."""

from __future__ import annotations

import itertools
import random

import pytest

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check, passed
from nbinspect.sanity.diagnosis import diagnose
from nbinspect.sanity.registry import CHECKS


def check(name: str, *explains: str) -> Check:
    return Check(name, "wiring", "", "", "", 0, lambda: passed(""), dict, None, explains=explains)


def result(name: str, status: str, **rest: bool) -> CheckResult:
    return CheckResult(name, "wiring", status, "", **rest)


CHAIN = (check("a", "b"), check("b", "c"), check("c"), check("d"))


@pytest.mark.parametrize(
    ("statuses", "order", "causes"),
    [
        ("fail fail fail pass", "a b c", {"b": "a", "c": "a"}),
        ("pass fail fail fail", "b c d", {"c": "b"}),
        ("fail pass fail fail", "a c d", {}),  # what lies between did not fail, so nothing leads from a to c
        ("warn fail pass pass", "b a", {}),
        ("fail warn warn pass", "a b c", {"b": "a", "c": "a"}),
        ("warn warn pass fail", "d a b", {"b": "a"}),
        ("skip pass error inconclusive", "", {}),
    ],
)
def test_a_cause_stands_before_what_follows_from_it(statuses: str, order: str, causes: dict[str, str]) -> None:
    """The order has roots first, failures before warnings, each with what follows from it; a warning explains none."""
    found = [result(one.name, status) for one, status in zip(CHAIN, statuses.split(), strict=True)]
    noted, names = diagnose(found, CHAIN)
    assert " ".join(names) == order
    assert {one.check: one.explained_by for one in noted if one.explained_by} == causes
    for one in noted:
        assert set(one.explains) == {name for name, cause in causes.items() if cause == one.check}


def test_a_confirmed_cause_stands_before_an_unconfirmed_one() -> None:
    """Of two causes the one whose remedy was tried comes first."""
    found = [result("c", "fail"), result("d", "fail", confirmed=True)]
    assert diagnose(found, CHAIN)[1] == ("d", "c")


def test_what_is_apart_explains_nothing() -> None:
    """A finding that says itself that nothing follows from it stands beside what its check explains otherwise."""
    noted, names = diagnose([result("a", "fail", is_apart=True), result("b", "fail"), result("c", "fail")], CHAIN)
    assert names == ("a", "b", "c")
    assert {one.check: one.explained_by for one in noted} == {"a": "", "b": "", "c": "b"}


def test_nothing_is_lost_whatever_explains_what() -> None:
    """Every failure and warning is in the order exactly once, also where checks explain each other in a circle."""
    dice = random.Random(0)
    names = "abcdef"
    for _ in range(200):
        checks = [check(name, *dice.sample(names, dice.randrange(4))) for name in names]
        found = [result(name, dice.choice(["fail", "warn", "pass"])) for name in names]
        order = diagnose(found, checks)[1]
        assert sorted(order) == sorted(one.check for one in found if one.status != "pass")


def test_the_catalogue_has_no_circles_and_names_only_checks() -> None:
    """No check of the catalogue explains itself by way of others, and all it names exist."""
    explains = {one.name: one.explains for one in CHECKS}
    later = {
        *("updates-not-applied", "frozen-parameters-change", "optimizer-mismatch", "missing-zero-grad"),
        *("clipping-always-on", "overfit-one-batch", "input-independent-baseline", "shuffled-labels"),
        *("learning-rate", "update-ratio", "lr-schedule", "regularised-debug-run", "capacity", "batch-size"),
        *("memory-growth", "evaluation-changes-model"),
    }
    for name in itertools.chain.from_iterable(explains.values()):
        assert name in explains or name in later, name
    for start, direct in explains.items():
        waiting, seen = list(direct), set()
        while waiting:
            name = waiting.pop()
            assert name != start, start
            if name not in seen:
                seen.add(name)
                waiting += explains.get(name, ())
