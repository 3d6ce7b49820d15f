from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""(?:\bsrc\s*=|<link[^>]*\bhref\s*=|url\(|@import)\s*["'(]*\s*(?:https?:)?//[^"')\s]*""", re.IGNORECASE
)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_runs_and_exports(path: Path, tmp_path: Path) -> None:
    """A notebook runs from top to bottom, is left as it was, and becomes a page without scripts or network."""
    before = path.read_bytes()
    page = tmp_path / "page.html"
    command = [sys.executable, str(ROOT / "notebooks" / "export.py"), str(path), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert page.as_uri() in done.stdout
    assert path.read_bytes() == before
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html.lower()
    assert not LOADED.findall(html)
    # A view that stands alone in its cell is shown once.
    views = [
        cell
        for cell in json.loads(before)["cells"]
        if "".join(cell["source"]).endswith((".batch()", "view", "dynamics", "explorer"))
    ]
    assert views
    assert html.count('class="nbinspect-page ') >= len(views)
