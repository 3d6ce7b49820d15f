from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Journal
from nbinspect.errors import InputError
from nbinspect.widgets.sanity_swap import swap_result
from tests.widgets.swaps import RECORD

pytestmark = pytest.mark.slow


def opened(samples=64, **options):
    torch.manual_seed(0)
    x = torch.randn(samples, 6)
    loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=16)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    return Inspector(model, loader, nn.CrossEntropyLoss(), **options).sanity()


def test_a_swap_reads_like_a_result():
    """Its sentence is headline and detail, a training is a row with where it came, and each data set has a chart."""
    result = swap_result(RECORD)
    assert (result.status, result.title) == ("fail", "Your model is at fault")
    assert result.detail.startswith("The reference model comes 80 % of the way. Reference model: perceptron of 99")
    assert result.detail.endswith("No optimizer was given.")
    first, second = result.measurements
    assert (first.quantity, first.measured) == (
        "your model, your data; SGD, rate 0.1 (yours)",
        "2.3 → 2.2, fails: 4\u00a0%",
    )
    assert second.measured == "ValueError: no"
    assert [chart.names[0] for chart in result.charts] == ["your model, SGD, rate 0.1 (yours)"]
    assert result.steps == 5
    verdicts = {"neither": "pass", "unknown": "inconclusive", "data": "fail"}
    assert {fault: swap_result(replace(RECORD, at_fault=fault)).status for fault in verdicts} == verdicts


def test_a_click_swaps_with_progress_and_is_kept(ask, tmp_path):
    """The page hears how many trainings have ended, then of the answer; program and report stay as they were."""
    journal, heard = Journal(tmp_path / "runs.db"), []
    view = opened(journal=journal)
    view.run(only=["runs"])
    before = {name: tensor.clone() for name, tensor in view.subject.model.state_dict().items()}
    view.observe(lambda change: heard.append(change["new"]), "progress")
    assert ask(view, "swap")[0]["ok"]
    assert {told["check"] for told in heard if told} == {"model-or-data"}
    assert (heard[0]["done"], heard[0]["total"], heard[-1]) == (0, 8, None)
    assert view.swapped["check"] == "model-or-data"
    assert view.swapped["measurements"]
    assert [result.check for result in view.report.results] == ["runs"]
    assert all(torch.equal(before[name], tensor) for name, tensor in view.subject.model.state_dict().items())
    json.dumps(view.swapped, default=lambda part: None if isinstance(part, memoryview) else 1 / 0, allow_nan=False)
    names = [journal[run].name for run in journal.runs(kind="action").index]
    assert names == ["run", "swap"]


def test_a_cancelled_swap_cannot_tell_and_keeps_its_curves(ask):
    """A cancel ends the swap; the page has the trainings until then, and the next run is whole."""
    view = opened()
    view.observe(lambda change: view.cancel() if (change["new"] or {}).get("done") else None, "progress")
    assert ask(view, "swap")[0]["ok"]
    assert view.swapped["status"] == "inconclusive"
    assert "Cancelled, which ended the swap early" in view.swapped["detail"]
    assert view.swapped["charts"]
    view.unobserve_all("progress")
    assert view.run(only=["runs"]).record.cut == ""


def test_a_swap_that_is_cancelled_at_once_says_so(ask):
    """A cancel before the first training leaves nothing to show but its reason."""
    view = opened()
    view.observe(lambda change: view.cancel() if change["new"] else None, "progress")
    answer, _ = ask(view, "swap")
    assert "before anything was trained: cancelled" in answer["error"]
    assert (view.swapped, view.progress) == (None, None)


def test_a_program_that_cannot_be_swapped_is_told(ask):
    """What is missing is said on the page and raised in a cell; nothing is shown of a swap."""
    view = opened(samples=4)
    answer, _ = ask(view, "swap")
    assert "16 samples" in answer["error"]
    assert (view.swapped, view.status["state"]) == (None, "error")
    with pytest.raises(InputError, match="16 samples"):
        view.swap()


def test_the_static_view_contains_the_swap():
    """Text and HTML in the notebook have it under the report, and before any check was run too."""
    view = opened()
    found = view.swap(steps=6)
    bundle = view._repr_mimebundle_()
    assert found.sentence in bundle["text/plain"]
    assert "Swap" in bundle["text/html"]
