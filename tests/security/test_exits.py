from __future__ import annotations

import io
from typing import Any

import pytest
from matplotlib.text import Text

from nbinspect.figures.document import document
from nbinspect.figures.words import clean
from tests.security.exits import EXITS
from tests.security.hostile import DRAWN, HOSTILE
from tests.security.markup import STYLES, Walked
from tests.security.poisoned import poisoned, turned
from tests.security.running import obeyed

pytestmark = pytest.mark.slow


def named(*kinds: str) -> list[str]:
    return [name for name, way in EXITS.items() if any(getattr(way, kind) is not None for kind in kinds)]


@pytest.mark.parametrize("name", named("page"))
@pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning")
def test_a_page_has_nothing_that_data_brought(name: str) -> None:
    """Whatever the texts are, a page has only elements, attributes and styles of a short list, and shows the texts."""
    way, seen = EXITS[name], set[str]()
    assert way.page
    for record in turned(way.make(), way.turns):
        page = Walked(way.page(record))
        assert not page.wrong
        seen |= {key for key, text in HOSTILE.items() if " ".join(clean(text, 12)[:-1].split()) in page.words}
    assert len(seen & {"script", "img", "svg", "end of style", "entities", "whole mathtext"}) > 2


@pytest.mark.parametrize("name", named("text"))
def test_a_terminal_gets_nothing_to_obey(name: str) -> None:
    """No text for a terminal has an escape, a carriage return, an override of direction or half of a character."""
    way = EXITS[name]
    assert way.text
    for record in turned(way.make(), way.turns):
        assert not obeyed(way.text(record))


@pytest.mark.parametrize("name", named("figure"))
@pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning")
@pytest.mark.filterwarnings("ignore:.* not applied because axes sizes collapsed:UserWarning")
def test_a_figure_reads_no_formula(name: str) -> None:
    """Figures are drawn whatever the texts are; dollar signs are dollar signs."""
    way = EXITS[name]
    assert way.figure
    for record in turned(way.make(), way.turns, DRAWN):
        figure = way.figure(record)
        figure.savefig(io.BytesIO(), dpi=40)
        for text in figure.findobj(Text):
            words = text.get_text()
            assert not obeyed(words)
            assert not (text.get_parse_math() and words.replace(r"\$", "").count("$") > 1), words


@pytest.mark.parametrize("name", named("page", "text"))
@pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning")
def test_long_texts_are_cut(name: str) -> None:
    """Where each text has 75,000 characters, a page is at most half a megabyte longer, and a text 200 kB long."""
    way = EXITS[name]
    harmless = way.make()
    long = poisoned(harmless, iter(lambda: HOSTILE["long"], None))
    if way.page:
        assert len(way.page(long)) < len(way.page(harmless)) + 500_000
    if way.text:
        assert len(way.text(long)) < 200_000


@pytest.mark.parametrize("hover", [False, True])
def test_a_file_runs_only_its_own_script(hover: bool) -> None:
    """A file has at most the one script that its policy names by its digest, whatever its title and its page say."""
    page = EXITS["waiting"].page
    assert page
    digests = set[str]()
    for text in HOSTILE.values():
        file = Walked(document(text, page(poisoned(EXITS["waiting"].make(), iter([text]))), hover=hover), whole=True)
        assert not file.wrong
        assert len(file.scripts) == hover
        assert ("script-src 'sha256-" in file.policy) == hover
        digests.add(file.policy + "".join(file.scripts))
    assert len(digests) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<script></script>",
        "<img src=x>",
        "<p onclick='x'></p>",
        "<p",
        "<!-- x --><p></p>",
        "<p></div>",
        "<a href='javascript:x'></a>",
        "<style>p { color: red }</style>",
        "<p style='background: url(x)'></p>",
        "<svg></svg>",
        "<p title='x' data-x='[]'></p>",
    ],
)
def test_what_is_not_on_the_list_is_found(html: str) -> None:
    """The walk through a page finds scripts, handlers, addresses, comments, foreign styles and crossed elements."""
    assert STYLES
    assert Walked(html).wrong or not html.endswith(">")


def test_every_text_of_a_record_is_poisoned() -> None:
    """Texts in tuples, in records within records and where there may be none are replaced, our own words are not."""
    record = poisoned(EXITS["sanity"].make(), iter(lambda: "odd", None))
    assert (record.model, record.notes, record.versions) == ("odd", ("odd",), (("odd", "odd"),))
    finding: Any = next(result for result in record.results if result.place)
    assert (finding.check, finding.title, finding.place.file) == ("loss-input", "odd", "odd")
    assert finding.charts[0].names == ("odd", "odd")
