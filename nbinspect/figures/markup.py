"""HTML out of text that may be hostile: whatever is not markup already is escaped."""

from __future__ import annotations

import base64
import html
import io
import re

from nbinspect.records import Bytes

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Markup(str):
    """Text that is HTML: made by `tag` and `fragment` alone, never from data."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: object) -> Markup:
    """Return an element; children that are plain text are escaped, and so is every attribute.

    ``class_`` is written ``class``; attributes and children that are None are left out.
    """
    written = "".join(
        f' {key.rstrip("_")}="{_escaped(value)}"' for key, value in attributes.items() if value is not None
    )
    if name == "img":
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{fragment(*children)}</{name}>")


def fragment(*children: str | None) -> Markup:
    """Return children one after the other, escaped where they are plain text."""
    return Markup("".join(c if isinstance(c, Markup) else _escaped(c) for c in children if c is not None))


def image(colours: Bytes, alt: str, scale: float = 1) -> Markup:
    """Return a picture (h, w, 3) or (h, w, 4) as an element that holds its own PNG; `scale` is CSS pixels a pixel."""
    from PIL import Image

    if not colours.size:
        return tag("span", "(empty)")
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG")
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    height, width = (max(1, round(side * scale)) for side in colours.shape[:2])
    return tag("img", src=source, alt=alt, width=width, height=height)


def _escaped(text: object) -> str:
    return html.escape(_UNFIT.sub("\ufffd", str(text)), quote=True)
