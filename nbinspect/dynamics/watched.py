"""A loader that is watched while a loop goes over it, in a plain loop and in ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal, Protocol

from nbinspect.dynamics.controls import Controls
from nbinspect.dynamics.live import Liveness


class Watching(Protocol):
    """What a watched loop needs of the run."""

    controls: Controls
    live: Liveness

    def attach(self) -> object:
        """Begin to watch."""

    def tell(self) -> None:
        """Tell others what is fresh."""

    def batch_given(self, batch: Any) -> None:
        """Take note of the batch that the loop gets next."""


class Watched:
    """Gives the very batches of a loader; ``async for`` lets clicks through between two of them."""

    def __init__(self, loader: Iterable[Any], watching: Watching) -> None:
        self._loader = loader
        self._watching = watching

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type] # a loader without a length raises, as it does alone

    def __iter__(self) -> Iterator[Any]:
        return self._batches("loop")

    async def __aiter__(self) -> AsyncIterator[Any]:
        for batch in self._batches("async"):
            yield batch
            await asyncio.sleep(0)
            await self._watching.controls.hold()

    def _batches(self, how: Literal["loop", "async"]) -> Iterator[Any]:
        watching = self._watching
        watching.live.begin("async" if how == "async" else "plain")
        watching.attach()
        watching.controls.watched = how
        try:
            for batch in self._loader:
                watching.batch_given(batch)
                if watching.controls.stopping:
                    return
                yield batch
        finally:
            watching.controls.watched = ""
            watching.tell()
