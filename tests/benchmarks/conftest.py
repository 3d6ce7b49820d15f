from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks find each other as scripts of one folder do."""
    monkeypatch.syspath_prepend(str(FOLDER))
