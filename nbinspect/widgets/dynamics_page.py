"""What the page of a dynamics view is told: all that is kept, what is fresh, and how the run stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.rates import rate_groups
from nbinspect.records import DynamicsRecord
from nbinspect.wire import pack

WHOLE = 5.0
"""Least seconds between two times that all is sent, for pages that come later; longer where packing takes long."""
_SHARE = 0.002
_WORDS = {"idle": "", "running": "", "paused": "paused", "stopped": "stopped, as asked", "ended": ""}


class PageNews:
    """Sends what is fresh at once, and from time to time all, so that a page that is opened later has the past too.

    Args:
        send: takes the traits to set, together.
        whole: gives all that is kept.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None], whole: Callable[[], DynamicsRecord]) -> None:
        self._send = send
        self._whole = whole
        self._serial = 0
        self._again_at = 0.0

    def tell(self, fresh: DynamicsRecord, status: dict[str, Any]) -> None:
        """Send what is fresh; all of it instead, where that is due, or a probe is new."""
        if fresh.probes or time.monotonic() >= self._again_at:
            self.tell_all(status)
            return
        self._serial += 1
        self._send({"news": {"serial": self._serial, "record": pack(fresh)}, "status": status})

    def tell_all(self, status: dict[str, Any]) -> None:
        """Send all that is kept."""
        self._serial += 1
        began = time.monotonic()
        self._send({"history": {"serial": self._serial, "record": pack(self._whole())}, "status": status})
        ended = time.monotonic()
        self._again_at = ended + max(WHOLE, (ended - began) / _SHARE)


def status_of(observer: Observer, stale: str | None, *, background: bool, journal: bool) -> dict[str, Any]:
    """Return how a run stands, as the page is told.

    Args:
        observer: of the run.
        stale: a sentence where the notebook's variables mean other objects now.
        background: whether it trains on a thread of its own.
        journal: whether notes are kept in one.
    """
    why = observer.live.why_no_pause()
    return {
        "state": observer.controls.state,
        "text": _WORDS[observer.controls.state],
        "stale": stale,
        "live": observer.live.state,
        "liveText": observer.live.text,
        "step": observer.steps,
        "rates": [{"group": group.name, "rate": group.rate} for group in rate_groups(observer.optimizers)],
        "canPause": not why,
        "whyNot": why,
        "following": None,
        "background": background,
        "journal": journal,
    }
