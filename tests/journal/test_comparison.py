from __future__ import annotations

import numpy as np
import pytest

from nbinspect import Journal, Report
from nbinspect.errors import InputError
from nbinspect.journal.difference import Difference
from tests.figures.sanity_runs import result, run
from tests.journal.programs import HOSTILE, inspector


@pytest.fixture
def journal(tmp_path, monkeypatch) -> Journal:
    monkeypatch.chdir(tmp_path)  # where no commit is
    return Journal("runs.db")


def kept(journal, name="a", losses=(), config=None, **options):
    program = inspector(**options) if options else None
    with journal.run(name, config=config, inspector=program) as run:
        for step, loss in enumerate(losses):
            run.log(step, loss)
    return run


def test_one_rate_is_one_difference(journal):
    """Of two runs with another rate the rate alone differs, and the comparison says what that did to the loss."""
    a = kept(journal, "a", [2.0, 1.0], {"lr": 0.1, "width": 16}, rate=0.1)
    b = kept(journal, "b", [2.0, 0.5, 0.25], {"lr": 0.2, "width": 16}, rate=0.2)
    found = journal.compare(a, b)
    assert found.differences == (
        Difference("config", "lr", 0.1, 0.2),
        Difference("optimizer", "groups.0.lr", 0.1, 0.2),
    )
    assert found.outcomes == (Difference("last value", "loss", 1.0, 0.25),)
    assert (found.things, found.unknown, found.verdict) == (1, (), "One thing differs, optimizer groups.0.lr.")
    assert found.to_frame()["a"].tolist() == [0.1, 0.1, 1.0]
    assert found.to_frame()["section"].tolist() == ["config", "optimizer", "last value"]
    assert "optimizer groups.0.lr" in str(found)
    assert "0.1 → 0.2" in str(found)


@pytest.mark.parametrize(
    ("a", "b", "things"),
    [
        ({}, {}, 0),
        ({"width": 8}, {"width": 9}, 1),
        ({"size": 8}, {"size": 4}, 1),
        ({"offset": 0.0}, {"offset": 1.0}, 1),
        ({"rate": 0.1, "width": 8}, {"rate": 0.2, "width": 9}, 2),
        ({"rate": 0.1, "task": None}, {"rate": 0.2, "task": "classification"}, 2),
    ],
)
def test_things_are_counted_as_a_person_does(journal, a, b, things):
    """Another layer, rate, batch size or data set is one thing each, however many numbers tell of it."""
    found = journal.compare(
        kept(journal, rate=0.1) if not a else kept(journal, **a), kept(journal, **(b or {"rate": 0.1}))
    )
    assert found.things == things
    assert ("cannot be told" in found.verdict) == (things > 1)
    assert ("Nothing" in found.verdict) == (things == 0)


def test_settings_that_show_nowhere_else_count(journal):
    """Two settings of one's own that differ are two things, also where the program does not tell of them."""
    a, b = kept(journal, config={"epochs": 1, "tag": True}), kept(journal, config={"epochs": 2, "tag": 1, "new": 3})
    found = journal.compare(a, b)
    assert [(d.name, d.a, d.b) for d in found.differences] == [("epochs", 1, 2), ("tag", True, 1), ("new", None, 3)]
    assert found.things == 3


def test_checks_whose_status_changed_are_named(journal):
    """Of two reports the checks with another status are told, and those that ran in one alone are not."""
    before = run(result("runs", "fail"), result("dtype", "pass"), result("causality", "skip"))
    after = run(result("runs", "pass"), result("dtype", "pass"), result("batch-leak", "fail"))
    found = journal.compare(journal.add(Report(before)), journal.add(Report(after)))
    assert found.outcomes == (Difference("check", "runs", "fail", "pass"),)


def test_what_one_of_them_does_not_know_is_no_difference(journal):
    """A section that only one entry has is named as unknown, and never listed as different."""
    found = journal.compare(kept(journal), kept(journal, rate=0.1))
    assert found.differences == ()
    assert {"model", "optimizer", "data"} <= set(found.unknown)
    assert "known of one alone: model, optimizer" in str(found)


def test_an_uncommitted_change_is_told(journal):
    """Entries whose code was not committed say so, because equal commits may then be different code."""
    one, other = journal[kept(journal).id], journal[kept(journal).id]
    one.configuration["commit"] = {"id": "abc", "dirty": True}
    other.configuration["commit"] = {"id": "abd", "dirty": False}
    found = journal.compare(one, other)
    assert [d.name for d in found.differences] == ["id", "dirty"]
    assert found.verdict.endswith("; 1 ran with changes that were not committed.")


def test_the_figure_has_both_curves(journal):
    """Each curve is drawn over its own steps with its own values, gaps where they are not finite, and a name."""
    a = kept(journal, HOSTILE, [3.0, float("nan"), 1.0, float("inf")])
    b = kept(journal, "b", [2.0, 1.5])
    axes = journal.compare(a, b).figure().axes[0]
    first, second = axes.lines
    assert first.get_xdata().tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(first.get_ydata(), [3.0, np.nan, 1.0, np.nan])
    assert second.get_ydata().tolist() == [2.0, 1.5]
    assert [text.get_text() for text in axes.get_legend().get_texts()][1] == "2 b"
    axes.figure.savefig("picture.png")
    with pytest.raises(InputError, match="no 'acc' was logged in 1 or 2; loss was"):
        journal.compare(a, b).figure("acc")
