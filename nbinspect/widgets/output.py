"""How a widget stands in a notebook: live, beside a static picture of itself, or frozen into that picture alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import display, update_display

from nbinspect.figures.document import write_document

_WIDGET = "application/vnd.jupyter.widget-view+json"


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
        self._displayed = self._outdated = False

    def bundle(self, model_id: str | None) -> dict[str, Any]:
        """Return all forms by MIME type: the static ones, and the live one of the widget with this id."""
        live = {} if model_id is None else {_WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model_id}}
        return {**live, **self.static()}

    def static(self) -> dict[str, str]:
        """Return the static forms by MIME type: what GitHub, nbconvert and a terminal show."""
        return {"text/plain": self._text(), "text/html": self._html()}

    def show(self, model_id: str | None) -> None:
        """Display the live form, with the static ones beside it for pages that cannot run widgets."""
        self._displayed, self._outdated = True, False
        display(self.bundle(model_id), raw=True, display_id=self._id)  # type: ignore[no-untyped-call] # IPython's

    def outdate(self) -> None:
        """Take note that the static forms no longer tell what there is."""
        self._outdated = True

    def renew(self, model_id: str | None) -> None:
        """Bring outdated static forms up to date wherever it was displayed; the live one stays beside them.

        The page draws the live one anew then: not to be done while a person looks at it and nothing has ended.
        """
        if self._displayed and self._outdated:
            self._outdated = False
            update_display(self.bundle(model_id), raw=True, display_id=self._id)  # type: ignore[no-untyped-call] # IPython's

    def write(self, path: str | Path, title: str, *, hover: bool = True) -> Path:
        """Write the static page as one HTML file, and return its path; an existing file is replaced.

        Raises:
            UnwritableError: for a path that cannot be written.
        """
        return write_document(path, title, self._html(), hover=hover)

    def close(self) -> None:
        """Replace the live output by the static page where it was displayed, for a closed widget shows nothing."""
        if self._displayed:
            self.freeze()

    def freeze(self) -> None:
        """Replace the live output, wherever it was displayed, by the static page; display it here if it never was."""
        show = update_display if self._displayed else display
        self._displayed = False
        show(self.static(), raw=True, display_id=self._id)  # type: ignore[no-untyped-call] # IPython's
