from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbinspect.figures.sanity import chart_figure
from nbinspect.figures.sanity_page import prose, sanity_frame, sanity_html, sanity_text
from nbinspect.records import Place, SanityRecord
from tests.figures.reading import Page
from tests.figures.sanity_runs import chart, healthy, result, run, sick

SCRIPT = "<img src=x onerror=alert(1)>"
HOSTILE = {
    "img": SCRIPT,
    "quotes": "\"'><script>alert(1)</script>",
    "closing": "</style></details></div><b>",
    "entities": "&lt;b&gt; &amp;",
    "control": "\x00\x1b[31m\ud800\u202e",
    "long": "x" * 9000,
    "dollars": "$\\nosuch{$ {}%s",
}
RECORDS: dict[str, SanityRecord] = {
    "sick": sick(),
    "healthy": healthy(),
    "nothing": run(),
    "cut": replace(healthy(), cut="time budget of 2 s"),
    "error": run(result("runs", "error", "KeyError: 'x'", detail="KeyError: 'x'")),
    "bare": run(result("runs", "fail"), result("dtype", "warn"), diagnosis=("runs", "dtype")),
    "odd charts": run(
        result("a", "fail", charts=(chart("lines"), chart("bars", [np.nan])), title="t"), diagnosis=("a",)
    ),
}


def test_a_run_as_text() -> None:
    """The sentence comes first, then findings with numbers and remedy, then a line a check by stage."""
    assert sanity_text(sick()).splitlines() == [
        "Sanity · Net · cuda:0 · 1.0 of 139 GiB · 1.2 s · 14.5 passes · seed 0",
        "2 failed · 1 error · 1 warning · 1 passed · 1 inconclusive · 1 waived · 1 skipped",
        "",
        "Softmax before cross-entropy at net.py:36: Take out the softmax.",
        "  task: classification of 10 classes (inferred: the loss is F.cross_entropy)",
        "  your own code changes `mean`",
        "",
        "✕ loss-input: Softmax before cross-entropy (confirmed) · net.py:36",
        "    The loss stops at 1.48; without the one in `forward` it falls to 0.01.",
        "    lowest loss: 1.461 nats (expected 0.000 nats)",
        "    remedy: Take out the softmax.",
        "      - return softmax(x)",
        "      + return x",
        "    explains 1 other finding: loss-at-init",
        "",
        "✕ loss-at-init: Softmax before cross-entropy · fc.weight",
        "    The loss stops at 1.48; without the one in `forward` it falls to 0.01.",
        "    lowest loss: 1.461 nats (expected 0.000 nats)",
        "    remedy: Take out the softmax.",
        "      - return softmax(x)",
        "      + return x",
        "    follows from loss-input",
        "",
        "▲ class-imbalance: Softmax before cross-entropy · fc.weight",
        "    The loss stops at 1.48; without the one in `forward` it falls to 0.01.",
        "    lowest loss: 1.461 nats (expected 0.000 nats)",
        "    remedy: Take out the softmax.",
        "      - return softmax(x)",
        "      + return x",
        "",
        "! gradient-check: KeyError: 'wheel'",
        "    KeyError (net.py:12)",
        "",
        "Data",
        "  ● label-range                0 to 9 of 10",
        "  – split-leak                 needs val_loader",
        "  ▲ class-imbalance            3.1 times",
        "  ? duplicate-samples          no answer",
        "                               Read all samples.",
        "",
        "Wiring",
        "  ✕ loss-input                 squashed",
        "  ○ loss-direction             rises",
        "                               intended: policy gradient.",
        "",
        "Init",
        "  ✕ loss-at-init               2.30",
        "",
        "Backward",
        "  ! gradient-check             KeyError: 'wheel'",
    ]


def test_text_cannot_colour_a_terminal() -> None:
    """Control characters of names, exceptions and remedies are written out, and no line is broken by them."""
    harmless, text = (sanity_text(sick(each)).splitlines() for each in ("name", "a\x1b[31m\u202e\x07b"))
    assert len(text) == len(harmless)
    assert not any(character in "".join(text) for character in "\x1b\u202e\x07")
    assert "\\u001b" in "".join(text)


def test_the_card_says_the_thing_to_mend() -> None:
    """The card has headline, line, proof, symptoms, remedy, and what else is to be looked at."""
    words = Page(sanity_html(sick())).words
    card = (
        "✕ Softmax before cross-entropy net.py:36 confirmed The loss stops at 1.48 ; without the one in forward it "
        "falls to 0.01 . This explains 1 other finding: loss-at-init . Remedy: Take out the softmax. "
        "2 more findings: class-imbalance , gradient-check"
    )
    assert card in words
    assert "● No defect was found by 1 check." in Page(sanity_html(healthy())).words
    cut = Page(sanity_html(RECORDS["cut"])).words
    assert "– No defect was found by 1 check, but the run was cut short (time budget of 2 s)." in cut
    assert (
        "! 1 check could not finish; no defect was found by 0 other checks."
        in Page(sanity_html(RECORDS["error"])).words
    )


def test_findings_open_with_their_evidence() -> None:
    """Findings follow each other in the order of the diagnosis, the cause is open, and what is left open follows."""
    page = Page(sanity_html(sick()))
    opens = ["open" in attributes for tag, attributes in page.elements if tag == "details"]
    # the last is the passed check with a measurement, which opens in the list
    assert opens == [True, False, False, False, False, False, False]
    places = [page.words.index(f"{name} ·") for name in ("loss-input", "loss-at-init", "class-imbalance")]
    places += [page.words.index(f"{name} ·") for name in ("gradient-check", "duplicate-samples", "loss-direction")]
    assert places == sorted(places)
    assert "follows from loss-input" in page.words
    assert "quantity measured expected lowest loss 1.461 nats 0.000 nats" in page.words
    assert "S-loss-scale · no pass of its own" in page.words


def test_a_remedy_is_a_diff_in_two_colours() -> None:
    """Lines that go have another colour than those that come, and their sign stays for those who see none."""
    named = result("a", "fail", title="t", code="  def f(x):\n-     return softmax(x)\n+     return x")
    html = sanity_html(run(named, diagnosis=("a",)))
    start, end = html.index("<pre>"), html.index("</pre>")
    assert html[start:end].splitlines() == [
        "<pre><span>  def f(x):</span>",
        '<span class="bad">-     return softmax(x)</span>',
        '<span class="ok">+     return x</span>',
    ]


def test_pictures_are_those_of_the_record() -> None:
    """Each finding's charts are in the page as PNG with their titles, as wide as the paper they are drawn on."""
    drawn = chart("bars", [1.0, 2.0, 3.0], title="Norms")
    page = Page(sanity_html(run(result("a", "fail", title="t", charts=(drawn, drawn)), diagnosis=("a",))))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [each["alt"] for each in images] == ["Norms", "Norms"]
    width, height = chart_figure(drawn, width=6.2).get_size_inches()
    for pixels in page.images():
        assert pixels.shape[:2] == pytest.approx((height * 144, width * 144), abs=1)
        assert pixels.std() > 5


@pytest.fixture(scope="module")
def harmless() -> Page:
    """The page of a run without a hostile name."""
    return Page(sanity_html(sick("harmless name")))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_element_comes_from_data(harmless: Page, name: str) -> None:
    """Hostile names, exceptions and remedies give the very same elements as harmless ones, and are read as text."""
    html = sanity_html(sick(HOSTILE[name]))
    page = Page(html)
    assert page.structure == harmless.structure
    assert harmless.words.count("harmless name") >= 15
    if name == "img":
        assert page.words.count(SCRIPT) >= 15
    html.encode("utf-8")
    sanity_text(sick(HOSTILE[name])).encode("utf-8")


@pytest.mark.parametrize("kind", RECORDS)
def test_a_page_needs_nothing_else(kind: str) -> None:
    """A page is well-formed, and has neither scripts nor anything to fetch."""
    page = Page(sanity_html(RECORDS[kind]))
    known = {"div", "style", "header", "span", "p", "b", "code", "pre", "section", "details", "summary", "img"}
    assert {tag for tag, _ in page.elements} <= known | {"table", "thead", "tbody", "tr", "th", "td"}
    for tag, attributes in page.elements:
        assert not any(each.startswith("on") or each == "href" for each in attributes)
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
    sanity_text(RECORDS[kind])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("falls to 0.01; in `forward` it", "falls to <b>0.01</b>; in <code>forward</code> it"),
        ("stops at 1.48.", "stops at <b>1.48</b>."),
        ("from −1.5e−07 to -2.5", "from <b>−1.5e−07</b> to <b>-2.5</b>"),
        ("torch 2.13.0, layer1.0.conv, 3 of 4, net.py:12", "torch 2.13.0, layer1.0.conv, 3 of 4, net.py:12"),
        ("`<b>` & `", "<code>&lt;b&gt;</code> &amp; `"),
    ],
)
def test_sentences_set_off_code_and_numbers(text: str, html: str) -> None:
    """What is between backticks is code, and decimal numbers stand out; versions, paths and counts do not."""
    assert prose(text) == html


def test_a_frame_has_a_row_for_each_check() -> None:
    """The frame has every result in order, its line as an integer, and its numbers beside what was expected."""
    frame = sanity_frame(sick())
    assert list(frame["check"]) == [each.check for each in sick().results]
    row: Any = frame.set_index("check").loc["loss-input"]
    assert (row["file"], row["line"], row["status"], row["stage"]) == ("/home/me/net.py", 36, "fail", "wiring")
    assert row["evidence"] == "lowest loss: 1.461 nats (expected 0.000 nats)"
    assert row["explains"] == "loss-at-init"
    assert row["sources"] == "S-loss-scale"
    assert bool(row["confirmed"])
    assert str(frame["line"].dtype) == "Int64"
    assert frame["line"].isna().sum() == 7
    assert list(frame.loc[frame["status"] == "fail", "check"]) == ["loss-input", "loss-at-init"]


@pytest.mark.parametrize("record", [run(), healthy()], ids=["no result", "no line"])
def test_a_frame_without_findings_has_the_same_columns(record: SanityRecord) -> None:
    """Runs without results or places give the same columns of the same types."""
    frame, full = sanity_frame(record), sanity_frame(sick())
    assert list(frame.columns) == list(full.columns)
    assert str(frame["line"].dtype) == "Int64"
    assert len(frame) == len(record.results)
    assert isinstance(pd.concat([frame, full]), pd.DataFrame)


def test_notebook_cells_have_no_file_name() -> None:
    """A line of a notebook is named as such, not by the file that stands for it."""
    place = Place("/tmp/ipykernel_12/345.py", 7, "Net.forward", 1)
    record = run(result("a", "fail", title="t", place=place), diagnosis=("a",))
    assert "notebook cell:7" in sanity_text(record)
    assert "ipykernel" not in sanity_html(record)
