"""What a written report says of a benchmark, for a machine where it was not run."""

from __future__ import annotations

import re

from measured import Measured

_SECTION = re.compile(r"^## [^\n]* \{ #(?P<name>[\w-]+) \}\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_RUN = re.compile(
    r"^Measured (?P<when>.*?) at (?P<commit>.*?) in (?P<seconds>\d+) s"
    r"(?:; (?P<before>[\d.]+) and (?P<after>[\d.]+) processes [^\n]*)?\.$",
    re.MULTILINE,
)
_ALONE = re.compile(r"Alone: `python benchmarks/\w+\.py ?(?P<options>[^`]*)`")
_FAILED = re.compile(r"^\*\*It failed\*\*: `(?P<why>[^`]*)`$", re.MULTILINE)
_PRINTED = re.compile(r"^```text\n(?P<printed>.*?)\n```$", re.MULTILINE | re.DOTALL)
_JUDGED = re.compile(
    r"^- (?P<what>.*): (?P<figure>[^,\n]*), (?P<limit>[^:\n]*): (?P<verdict>met|MISSED)$", re.MULTILINE
)


def written(page: str, name: str) -> Measured | None:
    """Return what the page says of a benchmark; None where it was not measured, or stands not in it."""
    text = next((one["text"] for one in _SECTION.finditer(page) if one["name"] == name.replace("_", "-")), "")
    run, alone = _RUN.search(text), _ALONE.search(text)
    if run is None or alone is None:
        return None
    failed, shown = _FAILED.search(text), _PRINTED.search(text)
    limits = [" | ".join(("limit", *one.groups())).replace("&lt;", "<") for one in _JUDGED.finditer(text)]
    return Measured(
        "\n".join([*([shown["printed"]] if shown else []), *limits]).replace("&amp;", "&"),
        failed["why"] if failed else "",
        run["when"],
        run["commit"],
        (float(run["before"]), float(run["after"])) if run["before"] else None,
        float(run["seconds"]),
        tuple(alone["options"].split()),
    )
