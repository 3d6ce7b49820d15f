"""A run of checks as files for other programs: JSON with a version, JUnit XML."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nbinspect.figures.verdicts import at, headline
from nbinspect.records import CheckResult, SanityRecord

VERSION = 1
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(record: SanityRecord) -> str:
    """Return a run as JSON; numbers that JSON does not have are the strings ``NaN``, ``Infinity``, ``-Infinity``."""
    return json.dumps(
        {"format": "nbinspect.sanity", "version": VERSION, **_plain(record)}, ensure_ascii=False, indent=1
    )


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def as_junit(record: SanityRecord) -> str:
    """Return a run as JUnit XML: failures and errors as such, skipped and inconclusive checks as skipped."""
    statuses = [result.status for result in record.results]
    suite = ElementTree.Element(
        "testsuite",
        name=f"nbinspect.{_fit(record.model)}",
        tests=str(len(statuses)),
        failures=str(statuses.count("fail")),
        errors=str(statuses.count("error")),
        skipped=str(statuses.count("skip") + statuses.count("inconclusive")),
        time=f"{record.seconds:.3f}",
    )
    for result in record.results:
        suite.append(_case(result))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _case(result: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"nbinspect.{result.stage}", name=result.check, time=f"{result.seconds:.3f}"
    )
    text = _fit("\n".join(filter(None, [result.detail, result.remedy, at(result)])))
    if result.status in ("fail", "error"):
        kind = "failure" if result.status == "fail" else "error"
        ElementTree.SubElement(case, kind, message=_fit(headline(result))).text = text
    elif result.status in ("skip", "inconclusive"):
        ElementTree.SubElement(case, "skipped", message=_fit(f"{result.status}: {result.summary}"))
    elif result.status in ("warn", "waived"):
        ElementTree.SubElement(case, "system-out").text = _fit(f"{result.status}: {headline(result)}\n{text}")
    return case


def _fit(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
