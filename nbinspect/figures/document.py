"""Static pages as one HTML file of their own, which needs no other file, no network, and no script to be read."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from nbinspect.errors import InputError
from nbinspect.figures.markup import Markup, fragment, tag
from nbinspect.figures.words import clean
from nbinspect.whole_files import write_whole

_HOVER = Path(__file__).parents[1] / "static" / "hover.js"
_STYLE = """
body { margin: 16px; background: #ffffff }
body > .nbinspect-page { margin: 0 auto 16px }
@media (max-width: 600px) { body { margin: 0 } }
@media screen and (prefers-color-scheme: dark) { body { background: #0e1014 } }
"""
_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may load and run: pictures and styles within the file, whatever stands in its text."""


class UnwritableError(InputError, OSError):
    """A file that cannot be written where it was asked for."""


def document(title: str, *bodies: str, hover: bool = False) -> str:
    """Return pages, such as `batch_html` makes, as one HTML file.

    Args:
        title: plain text.
        *bodies: the pages, one below the other.
        hover: with a small script that enlarges thumbnails and reads marks under the pointer; all else stays as it is.
    """
    script = _script() if hover else None
    allowed = _NOTHING_ELSE + ("" if script is None else f"; script-src '{_digest(script)}'")
    head = (
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{allowed}">'),
        tag("title", clean(title)),
        tag("style", Markup(_STYLE)),
    )
    pages = fragment(*map(Markup, bodies), None if script is None else tag("script", Markup(script)))
    return f'<!doctype html>\n<html lang="en"><head>{fragment(*head)}</head><body>{pages}</body></html>\n'


def write_document(path: str | Path, title: str, *bodies: str, hover: bool = True) -> Path:
    """Write pages as one HTML file, as `document` makes it, and return its path; an existing file is replaced.

    Raises:
        UnwritableError: for a path that cannot be written; an `InputError` and an `OSError`.
    """
    text = document(title, *bodies, hover=hover)
    try:
        target = Path(path).expanduser()
        write_whole(target, text)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        refused = UnwritableError(
            f"to_html: {str(path)!r} cannot be written ({why}); expected the path of a file in a folder that is there "
            'and may be written to, such as "page.html"'
        )
        refused.strerror = why
        raise refused from error
    return target


@cache
def _script() -> str:
    return _HOVER.read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
