"""What a sanity view shows, in the forms that it can be saved and frozen in: the report, and under it the swap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from nbinspect.figures.sanity_page import sanity_html, sanity_text
from nbinspect.records import SanityRecord, SwapRecord
from nbinspect.reference.page import swap_html, swap_text
from nbinspect.report.interchange import as_json, as_junit, as_page, plain_values


@dataclass(frozen=True)
class Shown:
    """What a view shows."""

    record: SanityRecord
    swap: SwapRecord | None
    """None where model and data were not swapped."""

    @property
    def html(self) -> str:
        """Static HTML without scripts."""
        return "".join([sanity_html(self.record), *self.below])

    @property
    def below(self) -> list[str]:
        """Static pages that come after that of the report."""
        return [] if self.swap is None else [swap_html(self.swap)]

    @property
    def text(self) -> str:
        """Text for a terminal."""
        return sanity_text(self.record) + ("" if self.swap is None else f"\n\n{swap_text(self.swap)}")

    def file(self, form: str) -> dict[str, str]:
        """Return the name and the text of a file: ``html``, ``json``, ``junit`` or ``text``."""
        name, write = _FORMS[form]
        return {"name": name, "text": write(self)}


def _json(shown: Shown) -> str:
    if shown.swap is None:
        return as_json(shown.record)
    return json.dumps({**json.loads(as_json(shown.record)), "swap": plain_values(shown.swap)}, indent=1)


def _junit(shown: Shown) -> str:
    """JUnit has no place for these but the properties of its suite."""
    properties = list(_properties(shown))
    if not properties:
        return as_junit(shown.record)
    root = ElementTree.fromstring(as_junit(shown.record))
    for listed in root.findall("testsuite/properties"):
        for name, value in properties:
            ElementTree.SubElement(listed, "property", name=name, value=value)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written.decode("utf-8")


def _properties(shown: Shown) -> Iterator[tuple[str, str]]:
    off = "; ".join(note for note in shown.record.notes if note.startswith("plain: "))
    if shown.record.plain and off:
        yield "switched off", off
    if shown.swap is not None:
        yield "swap", f"{shown.swap.at_fault}: {shown.swap.sentence}"


_FORMS: dict[str, tuple[str, Callable[[Shown], str]]] = {
    "html": ("sanity.html", lambda shown: as_page(shown.record, *shown.below)),
    "json": ("sanity.json", _json),
    "junit": ("sanity.xml", _junit),
    "text": ("sanity.txt", lambda shown: shown.text),
}
"""The forms that what is shown can be saved in: the name of the file, and what writes it."""
