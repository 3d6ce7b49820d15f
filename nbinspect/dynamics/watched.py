"""A loader that is watched while a loop goes over it, in a plain loop and in ``async for``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal, Protocol


class Watching(Protocol):
    """What is told of the batches."""

    def begin_batches(self, how: Literal["loop", "async"]) -> None:
        """Take note that a loop begins."""

    def next_batch(self, batch: Any) -> bool:
        """Take note of the batch that the loop gets next; False where it is to stop."""

    async def between_batches(self) -> None:
        """Let others act between two batches of an asynchronous loop, and wait there during a pause."""

    def end_batches(self) -> None:
        """Take note that the loop has come to its end."""


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
            await self._watching.between_batches()

    def _batches(self, how: Literal["loop", "async"]) -> Iterator[Any]:
        self._watching.begin_batches(how)
        try:
            for batch in self._loader:
                if not self._watching.next_batch(batch):
                    return
                yield batch
        finally:
            self._watching.end_batches()
