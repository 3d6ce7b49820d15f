"""Runs the code of pages in ``docs/`` and writes into them what it gives. Run it after a change there.

The Python blocks of a page are run from top to bottom, in one namespace and an empty folder. A ``text`` block
right after one is its output: what it prints, and the value of its last expression. An output that says the same as
before is left as it is, for times and last digits differ from machine to machine.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGES = ("start.md", "overfitting.md", "journal.md", "reference.md")
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
NOT_RUN = "<!-- not run -->\n"
"""Stands before a block that needs what a page cannot have, such as training that the reader brings."""
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d|\d+(?:\.\d+)? m?s\b")
NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?(?:e[−-]?\d+)?")


def written(name: str, **given: Any) -> str:
    """Return the text of a page with every output as its code gives it now, run among names that are given."""
    page = (FOLDER / name).read_text(encoding="utf-8")
    given["__name__"] = name.removesuffix(".md")

    def run(block: re.Match[str]) -> str:
        if page[: block.start()].endswith(NOT_RUN):
            return block[0]
        above = page.count("\n", 0, block.start("code"))
        found = _output("\n" * above + block["code"], name, given)  # so that its lines have the page's numbers
        if block["output"] is None or alike(block["output"], found):
            return block[0]
        return f"```python\n{block['code']}```\n\n```text\n{found}\n```\n"

    linecache.cache[name] = (len(page), None, page.splitlines(keepends=True), name)  # checks show the lines
    with _empty_folder():
        return BLOCK.sub(run, page)


def _output(code: str, source: str, given: dict[str, Any]) -> str:
    """Run a block, and return what a reader would see below it."""
    body = ast.parse(code, source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), source, "exec"), given)
        value = eval(compile(ast.Expression(last.value), source, "eval"), given) if isinstance(last, ast.Expr) else None
        if value is not None:
            print(value)
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()).rstrip()


def alike(before: str, now: str) -> bool:
    """Tell whether two outputs say the same: all words, and numbers within a tenth, whole ones within two."""
    before, now = TIME.sub("", before), TIME.sub("", now)
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (before, now)]
    pairs = zip(NUMBER.findall(before), NUMBER.findall(now), strict=False)
    return words[0] == words[1] and all(_close(one, other) for one, other in pairs)


def _close(one: str, other: str) -> bool:
    a, b = (float(text.replace("−", "-").replace(",", "")) for text in (one, other))
    slack = 2 if one.lstrip("−-").isdigit() and other.lstrip("−-").isdigit() else 0
    return abs(a - b) <= max(slack, 0.1 * max(abs(a), abs(b)))


@contextlib.contextmanager
def _empty_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def main() -> None:
    """Bring every page up to date."""
    for name in PAGES:
        (FOLDER / name).write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
