from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("page", ["start.md", "overfitting.md", "journal.md", "reference.md"])
def test_a_page_shows_what_its_code_gives(root: Path, examples: Any, page: str) -> None:
    """The code of a page runs from top to bottom, and below each block stands what it gives."""
    assert page in examples.PAGES
    assert examples.written(page) == (root / "docs" / page).read_text(encoding="utf-8"), "run docs/make_examples.py"


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("loss 0.51 after 8 steps", "loss 0.52 after 9 steps", True),
        ("loss 0.51", "loss 0.71", False),
        ("learns: 95 ± 3 %", "fails: 95 ± 3 %", False),
        ("fails: 0 ± 2 %", "fails: -1 ± 2 %", True),
        ("12 of 24", "24 of 24", False),
        ("2026-01-02 03:04 in 3.6 s", "2027-11-22 13:14 in 120 ms", True),
        ("1 2", "1", False),
        ("", "1 %", False),
        ("[]", "[]", True),
    ],
)
def test_outputs_that_say_the_same_are_told_from_others(examples: Any, before: str, now: str, same: bool) -> None:
    """Words must agree, numbers be near; times and dates do not matter."""
    assert examples.alike(before, now) is same


def test_a_block_that_cannot_be_run_is_left_alone(
    examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks share one namespace, one that is marked is skipped, and an old output is written anew."""
    blocks = ["```python\nx = 2\n```", "<!-- not run -->\n```python\nx = missing\n```"]
    old = "\n\n".join([*blocks, "```python\nx + 1\n```", "```text\n90\n```\n"])
    (tmp_path / "page.md").write_text(old, encoding="utf-8")
    monkeypatch.setattr(examples, "FOLDER", tmp_path)
    assert examples.written("page.md") == old.replace("90", "3")
