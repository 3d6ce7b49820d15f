from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import forked, kernelspec

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""(?:\bsrc\s*=|<link[^>]*\bhref\s*=|url\(|@import)\s*["'(]*\s*(?:https?:)?//[^"')\s]*""", re.IGNORECASE
)


TOUR = "00_tour"
"""It runs on a kernel that nothing was imported in, as a person's."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables with which ``python3`` is a kernel that has imported PyTorch and scikit-learn."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "kernels" / "python3"
    folder.mkdir(parents=True)
    with forked(home / "socket") as place:
        (folder / "kernel.json").write_text(json.dumps(kernelspec("current", place)), encoding="utf-8")
        yield {**os.environ, "JUPYTER_PATH": str(home)}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_runs_and_exports(path: Path, started: dict[str, str], tmp_path: Path) -> None:
    """A notebook runs from top to bottom, is left as it was, and becomes a page without scripts or network."""
    before = path.read_bytes()
    page = tmp_path / "page.html"
    command = [sys.executable, str(ROOT / "notebooks" / "export.py"), str(path), str(page)]
    env = None if path.stem == TOUR else started
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
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
