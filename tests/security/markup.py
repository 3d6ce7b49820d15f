"""A page as a browser reads it, walked with a list of what may be in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbinspect

PACKAGE = Path(nbinspect.__file__).parent
STYLES = [path.read_text(encoding="utf-8") for path in (PACKAGE / "figures").glob("*.css")]
VOID = {"img", "meta", "br"}
ELEMENTS = {
    *("b", "code", "details", "div", "header", "img", "p", "pre", "section", "span", "style", "summary"),
    *("table", "tbody", "td", "th", "thead", "tr", "ol", "ul", "li", "h2", "h3", "i", "em"),
}
OF_A_FILE = {"html", "head", "body", "meta", "title"}
OWN_WORDS = re.compile(r"[\w -]*")
PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")
# Text from data may stand in these two; all others hold words and numbers of nbinspect's own.
TEXTS = {"title", "alt"}
VALUES = {
    **dict.fromkeys(("class", "scope", "role", "open", "lang", "aria-hidden"), OWN_WORDS),
    **dict.fromkeys(("width", "height", "colspan", "rowspan"), re.compile(r"\d{1,5}")),
    "src": PNG,
    "style": re.compile(r"((color|background|width|height|text-align|vertical-align|padding-left): ?[\w#.%-]+;? ?)*"),
    "data-plots": re.compile(r"\[\{.*\}\]", re.DOTALL),
}
META = {
    ("charset", "utf-8"),
    ("name", "viewport"),
    ("content", "width=device-width"),
    ("name", "color-scheme"),
    ("content", "light dark"),
    ("http-equiv", "Content-Security-Policy"),
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


class Walked(HTMLParser):
    """A page, or a whole file, read; `wrong` names all that is not on the list, `words` is what a person reads.

    The scripts of a file are kept apart in `scripts`, its policy in `policy`.
    """

    def __init__(self, html: str, *, whole: bool = False) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.scripts: list[str] = []
        self.policy = ""
        self._allowed = ELEMENTS | (OF_A_FILE | {"script"} if whole else set())
        self._open: list[str] = []
        self._texts: list[str] = []
        self._own: list[str] = []
        html.encode("utf-8")
        self.feed(html)
        self.close()
        if self._open:
            self.wrong.append(f"never closed: {self._open}")

    @property
    def words(self) -> str:
        return " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._allowed:
            self.wrong.append(f"element {tag}")
        for name, value in attrs:
            if tag == "meta":
                self._meta(name, value or "")
            elif name not in TEXTS and not (name in VALUES and VALUES[name].fullmatch(value or "")):
                self.wrong.append(f"attribute {tag} {name}={value!r:.80}")
            elif name in TEXTS:
                self._texts.append(f" {value} ")
            elif name.startswith("data-"):
                json.loads(value or "")
        if tag not in VOID:
            self._open.append(tag)
        self._own = []

    def _meta(self, name: str, value: str) -> None:
        if name == "content" and value.startswith(POLICY):
            self.policy = value
        elif (name, value) not in META:
            self.wrong.append(f"attribute meta {name}={value!r:.80}")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"end of {tag}, which is not open")
        own = "".join(self._own)
        if tag == "style":
            rest = own
            for style in STYLES:
                rest = rest.replace(style, "")
            if rest.strip() and self._open[-1:] != ["head"]:
                self.wrong.append(f"style {rest.strip()[:80]!r}")
            if "url(" in own or "@import" in own:
                self.wrong.append("a style that asks for something")
        if tag == "script":
            self.scripts.append(own)
        self._own = []

    def handle_data(self, data: str) -> None:
        self._own.append(data)
        if not {"style", "script"} & set(self._open):
            self._texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data[:80]!r}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"instruction {data[:80]!r}")

    def unknown_decl(self, data: str) -> None:
        self.wrong.append(f"declaration {data[:80]!r}")
