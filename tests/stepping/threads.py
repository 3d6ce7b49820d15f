"""The threads that passes run on."""

from __future__ import annotations

import threading

WAIT = 20.0
"""Seconds after which a test gives up on another thread."""


def passes_alive() -> list[threading.Thread]:
    """The threads of passes that have not ended."""
    return [thread for thread in threading.enumerate() if thread.name == "nbinspect-pass"]
