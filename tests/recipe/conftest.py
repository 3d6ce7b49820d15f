from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root_of_docs() -> Path:
    """The page that lists all advice with its sources."""
    return Path(__file__).parents[2] / "docs" / "recipe.md"
