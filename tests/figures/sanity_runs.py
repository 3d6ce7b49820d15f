"""Runs of checks, made by hand, for the tests of what shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbinspect.records import Chart, CheckResult, Measurement, Place, SanityRecord, TaskRecord


def result(check: str, status: str = "pass", summary: str = "", stage: str = "wiring", **rest: Any) -> CheckResult:
    return CheckResult(check, stage, status, summary, **rest)  # type: ignore[arg-type] # one of the statuses


def run(*results: CheckResult, diagnosis: tuple[str, ...] = (), **other: Any) -> SanityRecord:
    some: dict[str, Any] = {"model": "Net", "task": None, "device": "cpu", "memory": None, "seed": 0, "seconds": 1.25}
    some |= {"passes": 14.5, "cut": "", "notes": (), "versions": (("nbinspect", "0.1.0"),)}
    return SanityRecord(results=results, diagnosis=diagnosis, **(some | other))


def chart(kind: str = "lines", *values: Any, names: tuple[str, ...] = (), **rest: Any) -> Chart:
    """A chart of these values; `at` fits them."""
    arrays = tuple(np.asarray(each, float) for each in values)
    longest = len(arrays[0]) if arrays else 0
    at = np.arange(longest + (kind == "histogram"), dtype=float) if kind in ("lines", "histogram") else np.zeros(0)
    some: dict[str, Any] = {"title": "Loss on one batch", "x": "step", "y": "loss (nats)", "at": at}
    some["names"] = names or tuple(f"n{i}" for i in range(longest if kind == "bars" else len(arrays)))
    return Chart(kind=kind, values=arrays, **(some | rest))  # type: ignore[arg-type] # one of the kinds


def sick(text: str = "") -> SanityRecord:
    """A run with a result of every status; `text`, where it is given, is all that a program can put in."""
    place = Place(text or "/home/me/net.py", 36, text or "Net.forward", 31)
    finding: dict[str, Any] = {
        "title": text or "Softmax before cross-entropy",
        "detail": text or "The loss stops at 1.48; without the one in `forward` it falls to 0.01.",
        "measurements": (Measurement(text or "lowest loss", text or "1.461 nats", text or "0.000 nats"),),
        "remedy": text or "Take out the softmax.",
        "code": text or "- return softmax(x)\n+ return x",
        "charts": (
            chart("lines", [2.3, 1.5], [2.3, 0.0], names=(text or "as it is", "without"), title=text or "Fall"),
        ),
        "sources": ("S-loss-scale",),
    }
    last = {"place": None, "where": text or "fc.weight"}
    results = (
        result("label-range", summary=text or "0 to 9 of 10", stage="data", measurements=finding["measurements"]),
        result("split-leak", "skip", text or "needs val_loader", "data"),
        result("class-imbalance", "warn", text or "3.1 times", "data", **(finding | last)),
        result("duplicate-samples", "inconclusive", text or "no answer", "data", detail=text or "Read all samples."),
        result("loss-input", "fail", "squashed", **finding, place=place, confirmed=True, explains=("loss-at-init",)),
        result("loss-direction", "waived", "rises", detail=text or "intended: policy gradient.", title=text or "Up"),
        result("loss-at-init", "fail", "2.30", "init", **(finding | last), explained_by="loss-input"),
        result(
            "gradient-check", "error", text or "KeyError: 'wheel'", "backward", detail=text or "KeyError (net.py:12)"
        ),
    )
    task = TaskRecord("classification", False, text or "the loss is F.cross_entropy", "F.cross_entropy", 10)
    other: dict[str, Any] = {"model": text or "Net", "notes": (text or "your own code changes `mean`",)}
    found = ("loss-input", "loss-at-init", "class-imbalance")
    return run(*results, diagnosis=found, task=task, memory=(2**30, 139 * 2**30), device=text or "cuda:0", **other)


def healthy() -> SanityRecord:
    """A run without a finding."""
    return run(result("runs", summary="34 steps"), result("split-leak", "skip", "needs val_loader", "data"))
