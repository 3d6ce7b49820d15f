"""Reading beside the user's own: random states and generators stay as they are."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from nbinspect.preserve import preserve
from nbinspect.settings import Undo, random_undos


@contextlib.contextmanager
def undisturbed(loader: Any) -> Iterator[None]:
    """Put back, however the block ends, the generators of a loader and the global random states."""
    with preserve(loader), warnings.catch_warnings():
        # forking a worker from a kernel that has threads is what the user's own loader does as well
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*", category=DeprecationWarning)
        yield


class OwnDraws:
    """The random draws of a reading of its own: the user's states stay as they are, these go on from read to read."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._drawn: list[Undo] = []

    @contextlib.contextmanager
    def go_on(self) -> Iterator[None]:
        """Read on with the global random states as the last read has left them: a sampler may draw as it goes."""
        with undisturbed(self._loader):
            for _, put, state in self._drawn:
                put(*state)
            yield
            self._drawn = list(random_undos())
