"""Whether a figure keeps the limit that was set for it, on a line that can be found in what a benchmark prints."""

from __future__ import annotations

from dataclasses import dataclass

_SIGN = "limit | "


@dataclass(frozen=True)
class Judged:
    """A figure, and the limit that was set for it."""

    what: str
    measured: str
    limit: str
    met: bool

    @property
    def verdict(self) -> str:
        """Whether the limit is kept, in a word."""
        return "met" if self.met else "MISSED"


def print_limit(what: str, measured: float, *, most: float | None = None, least: float | None = None) -> bool:
    """Print whether a figure keeps its limit, and return it; one of `most` and `least` is given."""
    met = (most is None or measured <= most) and (least is None or measured >= least)
    limit = f"at most {most:g}" if least is None else f"at least {least:g}"
    told = Judged(what, f"{measured:.3g}" if measured < 1000 else f"{measured:,.0f}", limit, met)
    print(f"{_SIGN}{told.what} | {told.measured} | {told.limit} | {told.verdict}")
    return met


def limits_in(printed: str) -> list[Judged]:
    """Return the limits that were judged in what a benchmark printed."""
    found = [line.removeprefix(_SIGN).split(" | ") for line in printed.splitlines() if line.startswith(_SIGN)]
    return [Judged(what, measured, limit, verdict == "met") for what, measured, limit, verdict in found]


def without_limits(printed: str) -> str:
    """Return what a benchmark printed but for its lines of limits."""
    return "\n".join(line for line in printed.splitlines() if not line.startswith(_SIGN)).strip("\n")
