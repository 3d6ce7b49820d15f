from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.program_of_guide import program

pytestmark = pytest.mark.slow

PAGES = ["batch", "dashboard", "data", "dynamics", "forward", "sanity", "sharing", "symptoms", "testing"]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(root: Path, examples: Any, page: str) -> None:
    """Every block of a page of the guide runs, on a small program under the names that the page uses."""
    assert examples.written(f"{page}.md", **program()) == (root / "docs" / f"{page}.md").read_text(encoding="utf-8")
