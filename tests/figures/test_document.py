from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from nbinspect.errors import InputError
from nbinspect.figures.document import document, write_document
from nbinspect.figures.page import page, waiting_html
from tests.figures.reading import Page

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>"


def body_of(html: str) -> str:
    """The body of the file, without what stands around it."""
    return html[html.index("<body>") : html.index("</html>")]


def policy_of(html: str) -> str:
    """What the file allows a browser to load and run."""
    (found,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    return found


def test_a_document_is_one_whole_file() -> None:
    """The pages stand in their order in one file with a title, an encoding, and colours as the reader has them."""
    html = document("Batch · Net", page("batch", "first"), page("data", "second"))
    assert html.startswith('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">')
    assert html.endswith("</body></html>\n")
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "<title>Batch · Net</title>" in html
    words = Page(body_of(html)).words
    assert words.index("first") < words.index("second")


def test_nothing_is_loaded_or_run_without_the_script() -> None:
    """Without hovering there is no script, and the file forbids every one, and all that would be fetched."""
    html = document("a", waiting_html("batch", "waits"))
    assert "<script" not in html
    assert policy_of(html).split("; ")[:3] == ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
    assert "script-src" not in html


def test_the_script_for_hovering_is_the_only_one_that_may_run() -> None:
    """With hovering the file has one script, and its policy names the digest of that script alone."""
    html = document("a", waiting_html("batch", "waits"), hover=True)
    assert html.count("<script") == html.count("</script") == 1
    script = html[html.index("<script>") + len("<script>") : html.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy_of(html).endswith(f"; script-src 'sha256-{digest}'")
    assert "<!--" not in script


def test_titles_are_text() -> None:
    """A title that looks like markup is shown as it is."""
    html = document(HOSTILE, waiting_html("sanity", HOSTILE))
    assert "<script" not in html
    assert not [tag for tag, _ in Page(body_of(html)).elements if tag in ("img", "script")]
    assert "<title>&lt;/title&gt;&lt;script&gt;" in html


def test_a_document_is_written_in_place_of_another(tmp_path: Path) -> None:
    """The path of the file comes back; what was there is replaced, with text in UTF-8."""
    target = tmp_path / "ä.html"
    target.write_text("old" * 100_000)
    assert write_document(str(target), "Ü \ud800", waiting_html("batch", "größer"), hover=False) == target
    text = target.read_text(encoding="utf-8")
    assert "old" * 10 not in text
    assert "größer" in text
    assert "<title>Ü" in text


@pytest.mark.parametrize("place", ["missing/page.html", ".", "page.html/page.html", "a\0b", "n" * 300, None])
def test_a_path_that_cannot_be_written_is_refused(place: str | None, tmp_path: Path) -> None:
    """The error names the path, why, and what would do; it is the same for every page, and no file is touched."""
    (tmp_path / "page.html").write_text("kept")
    path = None if place is None else str(tmp_path / place)
    with pytest.raises(
        InputError, match=r"^to_html: .* cannot be written \(.+\); expected the path of a file"
    ) as caught:
        write_document(path, "a", waiting_html("batch", "waits"))  # type: ignore[arg-type] # as a user may
    assert isinstance(caught.value, OSError)
    assert caught.value.strerror
    assert repr(path) in str(caught.value) or path is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text() == "kept"
