from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import nbinspect
from nbinspect.errors import InputError, NbinspectError
from nbinspect.report.report import ChecksFailedError, Report
from tests.figures.reading import Page
from tests.figures.sanity_runs import chart, healthy, result, run, sick


def test_results_are_found_by_their_status() -> None:
    """Names stand under their status, and the diagnosis has the results themselves, causes first."""
    report = Report(sick())
    assert report.failed == ("loss-input", "loss-at-init")
    assert report.warned == ("class-imbalance",)
    assert report.inconclusive == ("duplicate-samples",)
    assert report.skipped == ("split-leak",)
    assert report.errors == ("gradient-check",)
    assert [each.check for each in report.diagnosis] == ["loss-input", "loss-at-init", "class-imbalance"]
    assert report.diagnosis[0] is report["loss-input"]
    assert [each.check for each in report.results] == [each.check for each in sick().results]


@pytest.mark.parametrize("status", ["pass", "warn", "inconclusive", "skip", "waived", "fail", "error"])
def test_a_run_is_ok_without_a_fail_or_an_error(status: str) -> None:
    """A failure or an error makes a run not ok, and then, and only then, `raise_for_failures` raises."""
    found = ("runs",) if status in ("fail", "warn") else ()
    report = Report(run(result("runs", status, title="t"), result("dtype"), diagnosis=found))
    assert report.ok is (status not in ("fail", "error"))
    if report.ok:
        report.raise_for_failures()
    else:
        with pytest.raises(ChecksFailedError):
            report.raise_for_failures()


def test_a_failing_test_says_what_to_mend() -> None:
    """The exception is one that pytest counts as a failure, and has each defect and error, causes first."""
    with pytest.raises(AssertionError) as caught:
        Report(sick()).raise_for_failures()
    assert isinstance(caught.value, NbinspectError)
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 failed · 1 error, of 8 checks"
    assert lines[1] == "✕ loss-input: Softmax before cross-entropy (confirmed) · net.py:36"
    assert [line.split(":")[0] for line in lines if line[0] in "✕!▲"] == [
        *("✕ loss-input", "✕ loss-at-init", "! gradient-check"),
    ]
    assert "    remedy: Take out the softmax." in lines


def test_an_unknown_name_has_near_ones() -> None:
    """A check that is not in the run is an error that names the nearest, or all where none is near."""
    report = Report(sick())
    with pytest.raises(InputError, match=r"no check 'loss_input' in this report; did you mean 'loss-input'"):
        report["loss_input"]
    with pytest.raises(InputError, match=r"known are label-range, split-leak"):
        report["xyz"]
    with pytest.raises(InputError, match=r"no check 'runs' in this report; there is none"):
        Report(run())["runs"]


def test_a_figure_is_the_first_chart_of_a_check() -> None:
    """A check's chart comes as a figure; one without a chart is an error that names those that have one."""
    report = Report(run(result("a", charts=(chart("bars", [1.0, 2.0]), chart("lines", [1.0]))), result("b")))
    figure = report.figure("a")
    assert isinstance(figure, Figure)
    assert len(figure.axes[0].containers) == 1
    with pytest.raises(InputError, match="b has no picture here; those that have: a"):
        report.figure("b")
    with pytest.raises(InputError, match="no check 'c'"):
        report.figure("c")
    with pytest.raises(InputError, match="those that have: none"):
        Report(healthy()).figure("runs")


def test_every_face_of_a_report_shows_the_same_results(tmp_path: Path) -> None:
    """Text, page, frame, JSON and JUnit name every check, in text or in files that replace those that are there."""
    report = Report(sick())
    page, junit = tmp_path / "report.html", tmp_path / "report.xml"
    for path in (page, junit):
        path.write_text("old" * 100_000)
    report.to_html(page)
    report.to_junit(str(junit))
    words = Page(report._repr_html_()).words
    frame = report.to_frame()
    assert isinstance(frame, pd.DataFrame)
    names = [each.check for each in report.results]
    assert list(frame["check"]) == names
    assert [each["check"] for each in json.loads(report.to_json())["results"]] == names
    assert [str(case.get("name")) for case in ElementTree.parse(junit).iter("testcase")] == names
    for name in names:
        assert name in str(report)
        assert name in words
        assert name in page.read_text(encoding="utf-8")
    assert "old" * 10 not in page.read_text(encoding="utf-8")


def test_a_report_is_told_on_one_line() -> None:
    """The representation of a report names what is wrong, and no more."""
    assert repr(Report(sick())) == (
        "Report(failed=('loss-input', 'loss-at-init'), warned=('class-imbalance',), errors=('gradient-check',))"
    )


def test_lone_surrogates_do_not_stop_a_file(tmp_path: Path) -> None:
    """Text that no encoding has is written nevertheless."""
    report = Report(replace(sick("\ud800"), model="\ud800"))
    report.to_html(tmp_path / "a.html")
    report.to_junit(tmp_path / "a.xml")
    (tmp_path / "a.json").write_text(report.to_json(), encoding="utf-8")
    assert ElementTree.parse(tmp_path / "a.xml").getroot().tag == "testsuites"


def test_a_report_of_a_real_program() -> None:
    """A batch of the wrong width fails `runs` first, with the line of the user's own forward."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x)  # the line

    batch = (torch.randn(8, 5), torch.randint(3, (8,)))
    report = nbinspect.check(Net(), [batch], nn.CrossEntropyLoss(), only="runs")
    assert report.failed == ("runs",)
    place = report.diagnosis[0].place
    assert place is not None
    line = Path(__file__).read_text(encoding="utf-8").splitlines()[place.line - 1]
    assert line.endswith("# the line")
    assert f"test_report.py:{place.line}" in str(report)
