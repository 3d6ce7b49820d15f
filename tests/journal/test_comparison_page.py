from __future__ import annotations

from nbinspect import Journal, Report
from tests.figures.reading import Page
from tests.figures.sanity_runs import result
from tests.figures.sanity_runs import run as record
from tests.journal.programs import HOSTILE, inspector


def test_hostile_text_stays_text(tmp_path):
    """Names, notes, settings and quantities that are markup make the same elements as harmless ones."""
    journal = Journal(tmp_path / "runs.db")

    def page(text: str) -> str:
        runs = []
        for loss in (1.0, 2.0):
            with journal.run(text, config={text: [text, loss]}, note=text) as run:
                run.log(0, loss, **{text: loss})
            runs.append(run)
        return journal.compare(*runs)._repr_html_()

    odd, harmless = page(HOSTILE), page("x")
    assert HOSTILE.split(">")[0] not in odd
    assert [tag for tag, _ in Page(odd).elements] == [tag for tag, _ in Page(harmless).elements]
    assert "<script" not in odd


def test_the_page_shows_both_sides(tmp_path):
    """The page has the verdict, each difference with both values, both losses as a picture, and changed checks."""
    journal = Journal(tmp_path / "runs.db")
    runs = []
    for rate in (0.1, 0.25):
        with journal.run("rate", inspector=inspector(rate=rate)) as run:
            run.log(0, rate * 3)
        runs.append(run)
    html = journal.compare(*runs)._repr_html_()
    for part in ("One thing differs", "optimizer groups.0.lr", "<td>0.25</td>", "last value loss", "data:image/png"):
        assert part in html
    before, after = Report(record(result("runs", "fail"))), Report(record(result("runs", "pass")))
    reports = journal.compare(journal.add(before), journal.add(after))._repr_html_()
    assert "✕ fail" in reports
    assert "● pass" in reports
    assert "<img" not in reports


def test_the_page_is_light_or_dark_as_the_notebook_is(tmp_path):
    """The page has the colours of the other pages, by their variables."""
    journal = Journal(tmp_path / "runs.db")
    html = journal.compare(journal.act("a"), journal.act("b"))._repr_html_()
    assert 'data-jp-theme-light="false"' in html
    assert "nbinspect-page nbinspect-sanity" in html
