"""A trainer's own loop over batches, led as one over a watched loader, for the callbacks of several frameworks."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from nbinspect.errors import InputError, NbinspectError
from nbinspect.subject import kind_of

MOST_NUMBERS = 32
"""How many numbers of one's own are taken from what a trainer logs; the first ones stay."""
_TAKEN = {"self", "loss", "rate", "jitter"}
"""Names that a curve or an argument has already; what is logged under them is drawn as ``logged …``."""
_OVER = object()


class Dynamics(Protocol):
    """What watches a run: the view of `Inspector.dynamics`, or a `Recorder`."""

    def detach(self) -> None:
        """End watching."""

    def step(self, loss: Any = None, **values: float) -> None:
        """Give the loss of the last step, and numbers of one's own."""

    def watch(self, loader: Iterable[Any], /) -> Iterable[Any]:
        """Begin to watch, and give the batches of a loader until a stop is asked for."""


class TrainerLoop:
    """Watches the loop of a trainer from `begin` to `end`; a stop is not raised into it, but told by `goes_on`.

    Raises:
        InputError: for an object that cannot watch.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        if isinstance(dynamics, type) or not all(hasattr(dynamics, name) for name in ("detach", "step", "watch")):
            raise InputError(f"dynamics: expected inspector.dynamics() or a Recorder, got {kind_of(dynamics)}")
        self._dynamics = dynamics
        self._batches: Any = None
        self._names: set[str] = set()

    def begin(self, *, first_rank: bool = True) -> None:
        """Begin to watch, on the first rank alone; but a `Recorder` made for another rank keeps a log of its own."""
        self.end()
        if first_rank or getattr(self._dynamics, "rank", 0) > 0:
            self._batches = iter(self._dynamics.watch(_for_ever()))
            next(self._batches, None)

    def goes_on(self) -> bool:
        """Return whether training is to go on; to be called after every batch."""
        return self._batches is None or next(self._batches, _OVER) is not _OVER

    def step(self, loss: Any = None, values: Mapping[str, Any] | None = None) -> None:
        """Give the loss of the step that was just made, and what of `values` is a number."""
        if self._batches is not None:
            # of a view that was closed meanwhile: the run goes on unwatched
            with suppress(NbinspectError):
                self._dynamics.step(loss, **self._numbers(values or {}))

    def end(self) -> None:
        """End watching, with every hook removed; doing it twice does no harm."""
        batches, self._batches = self._batches, None
        if batches is not None:
            batches.close()
            self._dynamics.detach()

    def _numbers(self, values: Mapping[str, Any]) -> dict[str, float]:
        found: dict[str, float] = {}
        for key, value in values.items():
            name = f"logged {key}" if key in _TAKEN else str(key)
            if name in self._names or len(self._names) < MOST_NUMBERS:
                # what has no single number, such as a string or a matrix, is not drawn
                with suppress(TypeError, ValueError, RuntimeError):
                    found[name] = float(value)
                    self._names.add(name)
        return found


def _for_ever() -> Generator[None, None, None]:
    while True:
        yield
