"""What a widget needs to know of the notebook around it: that a cell has ended, and what its variables mean."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from IPython.core.getipython import get_ipython


class AfterCells:
    """Calls a method after each cell until `stop`, or until the method's object is gone; nothing outside IPython."""

    def __init__(self, method: Callable[[], None]) -> None:
        self._method = weakref.WeakMethod(method)
        self._shell: Any = get_ipython()
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self._ended)

    def stop(self) -> None:
        """Stop calling."""
        if self._shell is not None:
            self._shell.events.unregister("post_run_cell", self._ended)
            self._shell = None

    def _ended(self, *_: Any) -> None:
        method = self._method()
        if method is None:
            self.stop()
        else:
            method()


class Names:
    """The notebook variables that mean one object, and which of them have been given another since.

    Those count that meant it when it was first asked for; another name that it gets later, as in a loop, does not.
    """

    def __init__(self, meant: Any) -> None:
        self._meant = meant
        self._names: set[str] = set()

    def others(self) -> dict[str, Any]:
        """Return what the variables that meant the object mean now, those that mean another; by name."""
        shell = get_ipython()
        space: dict[str, Any] = shell.user_ns if shell is not None else {}
        if not any(name in space for name in self._names):
            self._names = {name for name, value in list(space.items()) if value is self._meant and name[:1] != "_"}
        return {name: space[name] for name in sorted(self._names) if name in space and space[name] is not self._meant}

    def rebound(self) -> str | None:
        """Return a sentence that names the variables that mean another object now; None while there are none."""
        others = self.others()
        return f"{', '.join(others)} is another object now: this view shows the old one" if others else None
