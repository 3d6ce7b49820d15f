"""The death of a worker process is told where its batches are read, and nowhere else in the user's program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from nbinspect.errors import LoaderError


def unheard(batches: Any) -> None:
    """Have the death of these batches' workers interrupt nothing: PyTorch raises it wherever the main thread is."""
    if hasattr(batches, "_workers"):
        _listen(batches, to=False)


@contextmanager
def heard(batches: Any) -> Iterator[None]:
    """In this block, which reads batches that were `unheard`, their workers' death is raised as soon as it is known."""
    if not hasattr(batches, "_workers") or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        try:
            _listen(batches, to=True)
            torch._C._error_if_any_worker_fails()
            yield
        finally:
            _listen(batches, to=False)
    except Exception:
        _listen(batches, to=False)  # a death may be told in the line above, but only once
        raise


def tells_death(error: Exception) -> bool:
    """Whether an error of batches with workers says that one has ended, or that what it had sent is gone with it."""
    text = str(error)
    if isinstance(error, ConnectionError | EOFError | FileNotFoundError):
        return "DataLoader worker process" not in text  # which stands in what a worker raised
    return isinstance(error, RuntimeError) and "DataLoader worker (pid" in text


def death_told(error: Exception) -> LoaderError:
    """Return an error that says what has happened."""
    return LoaderError(f"a worker process of the loader died before its batch came: {error}")


def _listen(batches: Any, *, to: bool) -> None:
    if batches._worker_pids_set == to:
        return
    if to:
        batches._worker_pids_set = True  # before, as the handler may raise right after
        torch._C._set_worker_pids(id(batches), tuple(worker.pid for worker in batches._workers))
    else:
        torch._C._remove_worker_pids(id(batches))
        batches._worker_pids_set = False
