"""What the page of a dashboard asks for, and how each is answered: between cells, for views touch the model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from nbinspect.widgets.main_thread import MainThread
from nbinspect.widgets.requests import Requests


class Board(Protocol):
    """What the requests need of the dashboard that they are about."""

    def open(self, room: Any) -> Any:
        """Open a room."""

    def act(self, step: str) -> None:
        """Do what a step of the recipe says."""

    def show(self, room: Any) -> None:
        """Carry the selected sample into a room."""

    def clear(self) -> None:
        """Let go of the selected sample."""

    def renew(self) -> None:
        """Inspect the objects that the notebook's variables mean now."""

    def rest(self) -> None:
        """Say that a click waits no longer."""


class DashboardRequests:
    """Answers the page of a dashboard."""

    def __init__(self, board: Board, main: MainThread) -> None:
        self._board = board
        methods = (board.open, board.act, board.show, board.clear, board.renew)
        working: dict[str, Callable[..., Any]] = {method.__name__: self._served(method) for method in methods}
        self._requests = Requests(board, main, looking={}, working=working)

    def _served(self, method: Callable[..., Any]) -> Callable[..., None]:
        def answer(**params: Any) -> None:
            # there is no cell that an interrupt could end: what was done until then stands
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    method(**params)
            finally:
                self._board.rest()

        return answer
