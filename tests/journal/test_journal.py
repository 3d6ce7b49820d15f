from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch
from torch import nn

from nbinspect import Inspector, Journal, Report, check
from nbinspect.errors import InputError
from tests.figures.sanity_runs import healthy, sick
from tests.journal.programs import HOSTILE, inspector


@pytest.fixture
def journal(tmp_path) -> Journal:
    return Journal(tmp_path / "runs.db")


def test_a_report_comes_back_with_all_that_belongs_to_it(journal):
    """A report of a live program is kept with its name, note, checks, configuration, data and time."""
    program = inspector()
    report = check(program, only=["runs", "label-range"], seed=4)
    number = journal.add(report, "first", note="before the change", config={"lr": 0.1}, inspector=program)
    entry = Journal(journal.path)[number]
    assert (entry.kind, entry.name, entry.status, entry.notes) == ("report", "first", "ok", ("before the change",))
    assert entry.checks == {"label-range": "pass", "runs": "pass"}
    assert str(entry.report) == str(report)
    assert entry.seconds == pytest.approx(report.record.seconds, abs=1e-3)
    assert timedelta() <= datetime.now(entry.began.tzinfo) - entry.began < timedelta(minutes=5)
    assert entry.configuration["config"] == {"lr": 0.1}
    assert entry.configuration["seed"]["checks"] == 4
    assert {"model", "optimizer", "loader", "versions", "device", "data"} <= entry.configuration.keys()


def test_runs_are_a_table(journal):
    """The table has a row an entry with loss, seed, data and a column for each setting, and can be narrowed."""
    program = inspector()
    with journal.run("a", config={"lr": 0.1, "net": {"width": 8}}, inspector=program) as run:
        run.log(0, 2.0, acc=0.1)
        run.log(1, 0.5)
    journal.add(Report(sick()), "b")
    journal.add(Report(healthy()))
    journal.act("cancel")
    frame = journal.runs()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["name"].tolist() == ["a", "b", healthy().model]
    assert frame["status"].tolist() == ["finished", "failed", "ok"]
    assert frame.loc[1, ["loss", "steps", "config.lr", "config.net.width"]].tolist() == [0.5, 2, 0.1, 8]
    assert math.isnan(frame.loc[2, "loss"])
    assert "loss-input" in frame.loc[2, "failed"]
    assert frame.loc[1, "batch"] == journal[1].configuration["data"]["batch"]
    assert journal.runs(kind="action")["name"].tolist() == ["cancel"]
    assert journal.runs(name="b").index.tolist() == [2]
    assert journal.runs(status="finished").index.tolist() == [1]
    assert len(journal) == 4


def test_an_empty_journal_is_a_table_of_no_rows(journal):
    """A new journal has the columns and no row, counts as there, and says that it is empty."""
    assert len(journal.runs()) == 0
    assert list(journal.runs().columns)[:3] == ["kind", "name", "status"]
    assert journal
    with pytest.raises(InputError, match="no entry 1 in this journal; it is empty"):
        journal[1]


def test_bad_arguments_are_refused(journal):
    """What is no report, no inspector, no kind and no number is named, and nothing is kept."""
    journal.act("x")
    calls = [
        (lambda: journal.add("report"), "expected a Report"),
        (lambda: journal.add(Report(sick()), inspector=3), "expected an Inspector"),
        (lambda: journal.run("a", inspector="x"), "expected an Inspector"),
        (lambda: journal.runs(kind="runs"), "one of report, run, action"),
        (lambda: journal[7], "no entry 7 in this journal; the last is 1"),
        (lambda: journal["a"], "no entry 'a'"),
        (lambda: journal[1].report, "entry 1 has no report: it is an action"),
        (lambda: journal.compare(1, 9), "no entry 9"),
    ]
    for call, message in calls:
        with pytest.raises(InputError, match=message):
            call()
    assert len(journal) == 1


def test_hostile_text_is_kept_as_text(journal):
    """Statements, markup, NUL and halves of characters in names and notes come back, and do nothing."""
    with journal.run(HOSTILE, note=HOSTILE, config={HOSTILE: HOSTILE}) as run:
        run.note(HOSTILE)
    journal.act(HOSTILE, only=HOSTILE)
    entry = journal[run.id]
    stored = HOSTILE.replace("\ud800", "\\ud800")
    assert (entry.name, entry.notes) == (stored, (stored, stored))
    assert entry.configuration["config"] == {HOSTILE: HOSTILE}
    assert journal.runs(name=stored).index.tolist() == [1]
    assert "\x00" not in str(entry)


def test_a_run_cut_short_says_so(journal):
    """A report of a run that was cancelled is kept as cut short, without reading a batch that may be what took long."""
    program = inspector()
    report = check(program, only=["data"], progress=lambda _: False)
    entry = journal[journal.add(report, inspector=program)]
    assert entry.status == "cut short"
    assert entry.configuration["unread"] == {"data": "the run was cut short: cancelled"}
    assert entry.configuration["optimizer"]["class"] == "SGD"


def test_an_inspector_takes_a_journal_or_its_path(tmp_path, journal):
    """An inspector has the journal that it was given, opens a path, and refuses anything else at the door."""
    assert inspector(journal=journal).journal is journal
    assert inspector(journal=tmp_path / "other.db").journal.path == tmp_path / "other.db"
    assert inspector(journal=str(tmp_path / "third.db")).journal.path.exists()
    assert inspector().journal is None
    assert not hasattr(inspector(journal=journal).subject, "journal")
    with pytest.raises(InputError, match="expected a Journal or the path of one, got a int"):
        Inspector(inspector().subject.model, journal=3)


def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    """The first examples of the page keep two runs and a report, and the runs differ in their rate alone."""
    page = Path(__file__).parents[2] / "docs" / "journal.md"
    first, second, *_ = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    space: dict = {}
    exec(first + second, space)
    journal = space["journal"]
    assert journal.runs()["kind"].tolist() == ["run", "run", "report"]
    assert journal.compare(1, 2).verdict == "One thing differs, optimizer groups.0.lr."
    assert journal[3].report.ok


def test_a_check_of_an_inspector_is_kept(tmp_path: Path) -> None:
    """`check(inspector)` adds its report to the inspector's journal."""
    model = nn.Linear(4, 2)
    batch = (torch.randn(8, 4), torch.randint(0, 2, (8,)))
    inspector = Inspector(model, [batch], nn.CrossEntropyLoss(), journal=tmp_path / "runs.db")
    report = check(inspector, only="backward")
    assert inspector.journal is not None
    assert list(inspector.journal.runs()["kind"]) == ["report"]
    assert inspector.journal[1].report.record.results[0].check == report.results[0].check


def test_an_entry_is_found_by_the_number_that_the_table_has(journal):
    """The index of the table of runs finds its entries; a number that no file can hold is no entry."""
    first, second = journal.act("a"), journal.act("b")
    table = journal.runs(kind="action")
    assert [journal[number].name for number in table.index] == ["a", "b"]
    assert journal.compare(*table.index).a.id == first != second
    for wrong in (2**70, -(2**70), 1.0, "1", None):
        with pytest.raises(InputError, match="no entry"):
            journal[wrong]
