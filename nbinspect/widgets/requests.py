"""Requests from the page and their answers: every request is answered, errors too."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from nbinspect.errors import reason_of
from nbinspect.interrupts import interruptible
from nbinspect.widgets.main_thread import MainThread
from nbinspect.wire import pack


class Requests:
    """Answers ``{id, method, params}`` with ``{id, ok: true, payload}`` or ``{id, ok: false, error}``.

    Args:
        widget: the widget whose custom messages these are.
        main: where methods that touch the model or the loader run.
        looking: methods that read what is held already, or note what is asked; called at once, on the thread that the
            message came on. One that returns a future is answered with its result.
        working: methods that touch the user's objects; answered when no cell is running.
    """

    def __init__(
        self,
        widget: Any,
        main: MainThread,
        *,
        looking: Mapping[str, Callable[..., Any]],
        working: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._widget = widget
        self._main = main
        self._looking = looking
        self._working = working
        widget.on_msg(self._came)
        _answer_on_own_thread(widget)

    def _came(self, _: Any, content: Any, __: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            return
        method, params = str(content.get("method")), content.get("params") or {}
        if method in self._looking:
            self._answer(content["id"], self._looking[method], params)
        elif method in self._working:
            self._widget.waiting()
            self._main.soon(functools.partial(self._work, content["id"], self._working[method], params))
        else:
            self._send(content["id"], error=f"unknown request {method!r}")

    def _work(self, request: str, method: Callable[..., Any], params: dict[str, Any]) -> None:
        # there is no cell that an interrupt could end: it ends the work of this click
        with interruptible(), contextlib.suppress(KeyboardInterrupt):
            self._answer(request, method, params)

    def _answer(self, request: str, method: Callable[..., Any], params: dict[str, Any]) -> None:
        try:
            payload = method(**params)
        except Exception as error:  # noqa: BLE001 - the page waits for an answer, whatever the user's objects raise
            self._send(request, error=reason_of(error))
        except BaseException:
            self._send(request, error="interrupted")
            raise
        else:
            if isinstance(payload, Future):
                payload.add_done_callback(lambda done: self._answer(request, done.result, {}))
            else:
                self._send(request, payload=payload)

    def _send(self, request: str, *, payload: Any = None, error: str | None = None) -> None:
        buffers: list[memoryview] = []
        if error is not None:
            self._widget.send({"id": request, "ok": False, "error": pack(error)})
        else:
            self._widget.send({"id": request, "ok": True, "payload": pack(payload or {}, buffers)}, buffers)


def _answer_on_own_thread(widget: Any) -> None:
    """Keep messages of this widget on the thread that they come on, also after a cell has published on its comm.

    ipykernel 7.4 sends a page's messages to the shell that last published, where they wait for the running cell. The
    attribute is private; where it is missing there is nothing to mend.
    """
    comm: Any = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default
