"""A run of checks as files for other programs: JSON with a version, JUnit XML, a page of its own."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nbinspect.figures.document import document
from nbinspect.figures.sanity_page import sanity_html
from nbinspect.figures.verdicts import headline, lines_of
from nbinspect.records import CheckResult, SanityRecord

VERSION = 1
"""Of the JSON; a field that goes or changes its meaning makes it a new one, a field that comes does not."""
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(record: SanityRecord) -> str:
    """Return a run as JSON in ASCII; numbers that JSON does not have are ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""
    return json.dumps(
        {"format": "nbinspect.sanity", "version": VERSION, **plain_values(record)}, indent=1, allow_nan=False
    )


def plain_values(value: Any) -> Any:
    """Return a record as JSON values, with the names of numbers that JSON does not have."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_values(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain_values(part) for part in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def as_junit(record: SanityRecord) -> str:
    """Return a run as JUnit XML: failures and errors as such, skipped and inconclusive checks as skipped."""
    statuses = [result.status for result in record.results]
    totals = {
        "tests": len(statuses),
        "failures": statuses.count("fail"),
        "errors": statuses.count("error"),
        "skipped": statuses.count("skip") + statuses.count("inconclusive"),
        "time": f"{record.seconds:.3f}",
    }
    attributes = {name: str(total) for name, total in totals.items()}
    root = ElementTree.Element("testsuites", attributes)
    suite = ElementTree.SubElement(root, "testsuite", attributes, name=f"nbinspect.{_fit(record.model)}")
    facts = ElementTree.SubElement(suite, "properties")
    for name, value in {"seed": record.seed, "device": record.device, "plain": str(record.plain).lower()}.items():
        ElementTree.SubElement(facts, "property", name=name, value=_fit(str(value)))
    suite.extend(_case(result) for result in record.results)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written.decode("utf-8")


def _case(result: CheckResult) -> ElementTree.Element:
    names = {"classname": f"nbinspect.{result.stage}", "name": result.check, "time": f"{result.seconds:.3f}"}
    case = ElementTree.Element("testcase", names)
    text = _fit("\n".join(lines_of(result)))
    if result.status in ("fail", "error"):
        kind = "failure" if result.status == "fail" else "error"
        ElementTree.SubElement(case, kind, message=_fit(headline(result)), type=result.status).text = text
    elif result.status in ("skip", "inconclusive"):
        message = _fit(result.summary if result.status == "skip" else f"inconclusive: {headline(result)}")
        ElementTree.SubElement(case, "skipped", message=message).text = text
    elif result.status in ("warn", "waived"):
        ElementTree.SubElement(case, "system-out").text = f"{result.status}\n{text}"
    return case


def _fit(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)


def as_page(record: SanityRecord, *below: str) -> str:
    """Return a run as one HTML file that needs no script, no other file and no network; with pages below it."""
    return document(title_of(record), sanity_html(record), *below)


def title_of(record: SanityRecord) -> str:
    """Return what a page of a run is called."""
    return f"Sanity · {record.model}"
