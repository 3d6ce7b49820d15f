"""How a widget stands in a notebook: live, beside a static picture of itself, or frozen into that picture alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from IPython.display import display, update_display


class Output:
    """The place of one widget in the notebook's output.

    Args:
        html: makes the static page, without scripts.
        text: makes the plain-text summary.
    """

    def __init__(self, html: Callable[[], str], text: Callable[[], str]) -> None:
        self._html = html
        self._text = text
        self._id = uuid.uuid4().hex
        self._displayed = False

    def static(self) -> dict[str, str]:
        """Return the static forms by MIME type: what GitHub, nbconvert and a terminal show."""
        return {"text/plain": self._text(), "text/html": self._html()}

    def show(self, live: dict[str, Any]) -> None:
        """Display the live form, with the static ones beside it for pages that cannot run widgets."""
        self._displayed = True
        display({**live, **self.static()}, raw=True, display_id=self._id)  # type: ignore[no-untyped-call] # IPython's

    def close(self) -> None:
        """Replace the live output by the static page where it was displayed, for a closed widget shows nothing."""
        if self._displayed:
            self.freeze()

    def freeze(self) -> None:
        """Replace the live output, wherever it was displayed, by the static page; display it here if it never was."""
        show = update_display if self._displayed else display
        self._displayed = False
        show(self.static(), raw=True, display_id=self._id)  # type: ignore[no-untyped-call] # IPython's
