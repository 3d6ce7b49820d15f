from __future__ import annotations

import pytest
from torch import nn

from nbinspect import Journal
from tests.journal.programs import inspector

pytestmark = pytest.mark.slow

FEW = ["nonfinite-data", "label-range", "runs"]


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "runs.db")


def actions(journal):
    return [(e.name, e.configuration["details"]) for e in map(journal.__getitem__, journal.runs(kind="action").index)]


def test_each_run_of_a_panel_is_kept(journal, ask):
    """A run from a cell and one by a click are kept with their own results alone, after the action that began them."""
    view = inspector(journal=journal).sanity(seed=3)
    view.run(only=FEW)
    ask(view, "run", only=["loss-input"])
    first, second = map(journal.__getitem__, journal.runs().index)
    assert list(first.checks) == FEW
    assert list(second.checks) == ["loss-input"]
    assert {*FEW, "loss-input"} == {result.check for result in view.report.results}
    assert first.configuration["seed"]["checks"] == 3
    assert first.configuration["data"]["batch"] == second.configuration["data"]["batch"]
    assert actions(journal) == [("run", {"only": FEW, "skip": None}), ("run", {"only": ["loss-input"], "skip": None})]
    assert view.status["state"] == "idle"


def test_a_plain_run_is_kept_as_one(journal):
    """The action that began a plain run says so."""
    inspector(journal=journal).sanity().run(only=["runs"], plain=True)
    assert actions(journal) == [("run", {"only": ["runs"], "skip": None, "plain": True})]


def test_a_cancel_is_kept_once_with_what_was_found(journal, ask):
    """A cancelled run is kept as cut short, and the cancel as one action however often it was clicked."""
    view = inspector(journal=journal).sanity()

    def cancel(change):
        if change["new"]:
            ask(view, "cancel")
            ask(view, "cancel")

    view.observe(cancel, names="progress")
    view.run(only=FEW)
    assert [name for name, _ in actions(journal)] == ["run", "cancel"]
    assert journal.runs()["status"].tolist() == ["cut short"]


def test_a_changed_threshold_and_a_waived_finding_are_kept(journal):
    """Settings are kept with what they were before, when they change between two runs, and not again."""
    thresholds, intended = {}, {}
    view = inspector(journal=journal, thresholds=thresholds, intended=intended).sanity()
    view.run(only="runs")
    thresholds["dead-units"] = {"share": 0.7}
    intended["label-range"] = "all of one label"
    view.run(only="runs")
    view.run(only="runs")
    changed = [(name, details) for name, details in actions(journal) if name != "run"]
    assert changed[2:] == [
        ("thresholds", {"before": {}, "now": {"dead-units": {"share": 0.7}}}),
        ("intended", {"before": {}, "now": {"label-range": "all of one label"}}),
    ]


def test_an_interrupted_run_is_kept(journal):
    """What was found before an interrupt of the cell is kept, and the interrupt goes on."""
    program = inspector(journal=journal)

    class Interrupting(nn.Module):
        def forward(self, x):
            raise KeyboardInterrupt

    program.subject.model.append(Interrupting())
    with pytest.raises(KeyboardInterrupt):
        program.sanity().run(only=FEW)
    (entry,) = map(journal.__getitem__, journal.runs().index)
    assert (entry.status, entry.checks["nonfinite-data"]) == ("cut short", "pass")


def test_trouble_with_the_file_is_told_and_costs_no_report(journal):
    """Where the journal is gone the run ends with its report, and the page says what was not kept, until it can be."""
    view = inspector(journal=journal).sanity()
    moved = journal.path.rename(journal.path.with_suffix(".moved"))
    assert view.run(only=FEW).ok
    assert view.status["state"] == "error"
    assert "was not kept" in view.status["text"]
    assert "not there any more" in view.status["text"]
    moved.rename(journal.path)
    view.run(only=FEW)
    assert view.status["state"] == "idle"
    assert len(journal.runs()) == 1
