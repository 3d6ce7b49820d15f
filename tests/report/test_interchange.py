from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from nbinspect.records import Place
from nbinspect.report.interchange import VERSION, as_json, as_junit, as_page
from tests.figures.reading import Page
from tests.figures.sanity_runs import chart, healthy, result, run, sick

TAGS = ("failure", "error", "skipped")
CONTROL = "".join(map(chr, range(32))) + "\x7f\x85\udfff\ud800\ufffe\uffff]]><&\"'\u202e\U0001f600"


def same(found: Any, value: Any) -> bool:
    """Whether what was read is what was written: tuples as lists, arrays as lists, records as objects."""
    if hasattr(value, "__dataclass_fields__"):
        return found.keys() == vars(value).keys() and all(same(found[key], vars(value)[key]) for key in found)
    if isinstance(value, list | tuple | np.ndarray):
        return len(found) == len(value) and all(map(same, found, value))
    return bool(found == value)


@pytest.mark.parametrize("record", [sick(), healthy(), run(), sick(CONTROL)], ids=["sick", "healthy", "empty", "odd"])
def test_json_gives_back_the_whole_record(record: Any) -> None:
    """What is read back is the record to the last field, beside the name of the format and its version."""
    found = json.loads(as_json(record))
    assert (found.pop("format"), found.pop("version")) == ("nbinspect.sanity", VERSION)
    assert same(found, record)


def test_json_has_no_numbers_that_json_has_not() -> None:
    """NaN and infinities are strings, NumPy's numbers are numbers, and a strict reader takes all of it."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    odd = chart("lines", [1.5, np.nan, np.inf, -np.inf], expected=(np.float32(0.5), None))
    place = Place("net.py", np.int64(3), "f", 1)  # type: ignore[arg-type] # as an array's value would be
    record = run(result("a", place=place, charts=(odd,), seconds=float("nan")))
    text = as_json(record)
    assert text.isascii()
    (found,) = json.loads(text, parse_constant=refuse)["results"]
    assert found["charts"][0]["values"] == [[1.5, "NaN", "Infinity", "-Infinity"]]
    assert found["charts"][0]["expected"] == [0.5, None]
    assert (found["place"]["line"], found["seconds"]) == (3, "NaN")


def test_junit_has_a_case_for_each_check() -> None:
    """Failures and errors are such, inconclusive checks count as skipped, and the totals are those of the cases."""
    root = ElementTree.fromstring(as_junit(sick()))
    (suite,) = root
    assert (root.tag, suite.tag, suite.get("name")) == ("testsuites", "testsuite", "nbinspect.Net")
    cases = {str(case.get("name")): case for case in suite.iter("testcase")}
    assert list(cases) == [each.check for each in sick().results]
    kinds = {name: [child.tag for child in case] for name, case in cases.items()}
    assert kinds == {
        "label-range": [],
        "split-leak": ["skipped"],
        "class-imbalance": ["system-out"],
        "duplicate-samples": ["skipped"],
        "loss-input": ["failure"],
        "loss-direction": ["system-out"],
        "loss-at-init": ["failure"],
        "gradient-check": ["error"],
    }
    for element in (root, suite):
        totals = [int(element.get(name, -1)) for name in ("tests", "failures", "errors", "skipped")]
        assert totals == [len(cases), *(sum([kind] == own for own in kinds.values()) for kind in TAGS)]
        assert float(element.get("time", "")) == 1.25
    assert cases["loss-input"].get("classname") == "nbinspect.wiring"


@pytest.mark.parametrize("plain", [True, False])
def test_junit_tells_how_it_was_run(plain: bool) -> None:
    """The seed, the device, and whether augmentation and regularisation were off are properties of the suite."""
    record = replace(sick(), plain=plain)
    found = {e.get("name"): e.get("value") for e in ElementTree.fromstring(as_junit(record)).iter("property")}
    assert found == {"seed": str(record.seed), "device": record.device, "plain": str(plain).lower()}


def test_junit_tells_what_to_do() -> None:
    """A failure's message is its headline; its text has the line, the numbers and the remedy."""
    failure = ElementTree.fromstring(as_junit(sick())).find(".//testcase[@name='loss-input']/failure")
    assert failure is not None
    assert failure.get("message") == "Softmax before cross-entropy"
    for part in ("net.py:36", "lowest loss: 1.461 nats (expected 0.000 nats)", "Take out the softmax.", "+ return x"):
        assert part in str(failure.text)
    waits = ElementTree.fromstring(as_junit(sick())).find(".//testcase[@name='split-leak']/skipped")
    assert waits is not None
    assert waits.get("message") == "needs val_loader"


@pytest.mark.parametrize("text", [CONTROL, "<img src=x>", "]]>", "a" * 20_000], ids=["control", "tag", "cdata", "long"])
def test_junit_is_well_formed_whatever_a_program_says(text: str) -> None:
    """Characters that XML has not, and markup, in names and exceptions leave the same elements and can be encoded."""
    tags, harmless = (
        [e.tag for e in ElementTree.fromstring(as_junit(sick(each)).encode()).iter()] for each in (text, "x")
    )
    assert tags == harmless


def test_junit_of_nothing_is_a_suite() -> None:
    """A run without results is a suite of no tests."""
    (suite,) = ElementTree.fromstring(as_junit(run()))
    assert (suite.get("tests"), suite.find("testcase")) == ("0", None)


def test_a_page_of_its_own_follows_the_readers_colours() -> None:
    """The file is a whole document with a title that holds the model's name as text, and asks for dark or light."""
    html = as_page(sick("</title><script>alert(1)</script>"))
    assert html.startswith("<!doctype html>\n<html lang=")
    assert "<script" not in html
    assert "<title>Sanity · &lt;/title&gt;&lt;script&gt;" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta charset="utf-8">' in html
    body = html[html.index("<body>") : html.index("</html>")]
    assert {"section", "details", "img"} <= {tag for tag, _ in Page(body).elements}
