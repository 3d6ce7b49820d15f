"""A page as a viewer shows it that takes no script, no style and no class: the strictest that notebooks are seen in."""

from __future__ import annotations

import html
from html.parser import HTMLParser

_AWAY = {"script", "style", "title", "iframe", "object", "svg", "math"}
"""Elements that go with all that is in them."""
_TABLE = {"table", "thead", "tbody", "tr", "td", "th"}
_KEPT = _TABLE | {"p", "b", "i", "code", "pre", "img", "br", "div", "span", "details", "summary", "ul", "ol", "li"}
_ATTRIBUTES = {"src", "alt", "width", "height", "title", "colspan", "rowspan", "open", "scope"}


class _Stripping(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self._away = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._away += tag in _AWAY
        if not self._away and tag in _KEPT:
            kept = [f' {name}="{html.escape(value or "")}"' for name, value in attrs if name in _ATTRIBUTES]
            self.written.append(f"<{tag}{''.join(kept)}>")

    def handle_endtag(self, tag: str) -> None:
        if not self._away and tag in _KEPT:
            self.written.append(f"</{tag}>")
        self._away -= tag in _AWAY

    def handle_data(self, data: str) -> None:
        if not self._away:
            self.written.append(html.escape(data))


def stripped(page: str) -> str:
    """Return what is left: text, tables, and pictures that hold themselves; other elements leave their content."""
    parser = _Stripping()
    parser.feed(page)
    parser.close()
    return "".join(parser.written)
