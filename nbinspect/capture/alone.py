"""One rank on its own: a collective call, which the other ranks do not make, raises where it would wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.errors import CaptureError


class _Alone(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's base has no types
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace in ("c10d", "_c10d_functional", "c10d_functional"):
            raise CaptureError(
                f"{func.__name__.partition('.')[0]} waits for the other ranks, which take no part in a probe; it can "
                f"be run on one rank alone only where model, loss_fn and forward call no collectives"
            )
        return func(*args, **(kwargs or {}))


@contextmanager
def alone() -> Iterator[None]:
    """In this block, on this thread, collectives of torch.distributed raise, where there are several ranks.

    Raises:
        CaptureError: in place of a collective.
    """
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        with _Alone():  # type: ignore[no-untyped-call] # likewise
            yield
    else:
        yield
