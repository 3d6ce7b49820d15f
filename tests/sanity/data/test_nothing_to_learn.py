from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.nothing_to_learn import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

pytest.importorskip("sklearn")


def on(x: Tensor, y: Tensor) -> CheckResult:
    regression = y.is_floating_point()
    model: Any = nn.Sequential(nn.Flatten(), nn.LazyLinear(1 if regression else 3))
    if not x.is_floating_point():
        model = nn.Sequential(nn.Embedding(300, 4), nn.Flatten(), nn.LazyLinear(3))
    model(x[:2])
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.MSELoss() if regression else nn.CrossEntropyLoss())


def test_unrelated_labels_are_a_warning() -> None:
    """Labels, or numbers, that have nothing to do with the inputs are worth a look."""
    torch.manual_seed(0)
    result = on(torch.randn(900, 5), torch.randint(3, (900,)))
    assert result.status == "warn"
    assert float(result.measurements[0].measured) < 0.42
    assert on(torch.randn(900, 5), torch.randn(900, 1)).status == "warn"


def test_tables_pictures_and_texts_pass() -> None:
    """A simple model finds what there is in rows, in pictures and in words."""
    torch.manual_seed(0)
    x = torch.randn(300, 5)
    assert on(x, (x[:, 0] > 0).long()).status == "pass"
    assert on(x, x[:, :1] + 0.5 * torch.randn(300, 1)).status == "pass"
    pictures = torch.rand(300, 3, 20, 20)
    y = torch.arange(300) % 3
    pictures[torch.arange(300), y] += 0.2
    assert on(pictures, y).status == "pass"
    words = torch.randint(250, (300, 12))
    words[:, 4] = 251 + y
    assert on(words, y).status == "pass"


def test_a_forest_sees_what_a_line_does_not() -> None:
    """Exclusive-or is learnable."""
    x = torch.rand(600, 2) - 0.5
    assert on(x, (x[:, 0] * x[:, 1] > 0).long()).status == "pass"


def test_too_few_samples_are_inconclusive_or_skipped() -> None:
    """Noise on a hundred samples is no evidence, and on ten there is none."""
    torch.manual_seed(0)
    assert on(torch.randn(100, 5), torch.randint(3, (100,))).status == "inconclusive"
    assert on(torch.randn(10, 5), torch.randint(3, (10,))).status == "skip"


def test_skips_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the check names it and skips."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    result = on(torch.randn(300, 5), torch.randint(3, (300,)))
    assert (result.status, result.summary) == ("skip", "needs scikit-learn")


def test_one_hot_labels_are_judged_as_classes() -> None:
    """Rows of zeros with a single one are the classes of samples, of which right answers are counted."""
    torch.manual_seed(0)
    x, y = torch.randn(300, 5), torch.randint(3, (300,))
    for labels, status in ((y, "warn"), ((x[:, 0] > 0).long(), "pass")):
        loader = DataLoader(TensorDataset(x, nn.functional.one_hot(labels, 3).float()), batch_size=50, shuffle=True)
        found = run_one(CHECK, model=nn.Linear(5, 3), loader=loader, loss_fn=nn.CrossEntropyLoss())
        assert found.status == status, found
