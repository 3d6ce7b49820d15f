from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Every test builds the same networks, whatever ran before it."""
    torch.manual_seed(0)
