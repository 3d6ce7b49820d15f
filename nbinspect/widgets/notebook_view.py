"""What every view of a notebook is: a widget, with a static page and a text of itself beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from nbinspect.widgets.output import Output

_STATIC = Path(__file__).parents[1] / "static"


def front_end(name: str) -> tuple[str, str]:
    """Return script and style sheet of a view.

    The texts, not their paths: widgets that were made from a path are never collected.
    """
    script, style = (_STATIC / f"{name}.{kind}" for kind in ("js", "css"))
    return script.read_text(encoding="utf-8"), style.read_text(encoding="utf-8")


class NotebookView(anywidget.AnyWidget):
    """A view in a notebook, which says what it shows by `_html`, `_summary` and `_title`.

    Args:
        **traits: first values of traits.
    """

    _closed = True

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._closed = False
        self._output = Output(self._html, self._summary)

    def to_html(self, path: str | Path, *, hover: bool = True) -> Path:
        """Write what is shown as one HTML file, and return its path; `hover` as in `Report.to_html`."""
        return self._output.write(path, self._title(), hover=hover)

    def freeze(self) -> None:
        """Replace the live output in the notebook by a static page without scripts, and close the view."""
        self._output.freeze()
        self.close()

    def _html(self) -> str:
        raise NotImplementedError

    def _summary(self) -> str:
        raise NotImplementedError

    def _title(self) -> str:
        raise NotImplementedError

    def _put(self, traits: dict[str, Any]) -> None:
        """Tell the page new values of traits, all at once."""
        if not self._closed:
            with self.hold_sync():
                for name, value in traits.items():
                    setattr(self, name, value)

    def _ipython_display_(self) -> None:
        self._output.show(None if self._closed else self.model_id)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # type: ignore[override] # IPython takes a dict too
        return self._output.bundle(None if self._closed else self.model_id)

    def __repr__(self) -> str:
        return self._summary()
