"""What a program of the zoo is: how to build it, whether it is broken, and which check names the cause."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

Source = Literal["own", "published", "transformers", "scikit-learn"]
"""Who wrote the model or the data: this project, a published small architecture, transformers, scikit-learn."""
Arguments: TypeAlias = dict[str, Any]
"""The keyword arguments of `nbinspect.check`, ``model`` and ``loader`` among them."""

GROUPS = ("data", "wiring", "init", "backward", "training", "healthy")


@dataclass(frozen=True)
class Program:
    """A user's program, built anew on every call of `build`, with the same seed."""

    name: str
    group: str
    """The group of the check that should name the cause; ``healthy`` for look-alikes."""
    build: Callable[[], Arguments]
    cause: tuple[str, ...]
    """The checks of which one, as a `fail`, names the cause; empty for a healthy program."""
    source: Source
    about: str
    """What is wrong, or what it looks like and why it is right."""
    resembles: str = ""
    """Of a look-alike, the check that it must not alarm."""
    unseen: bool | None = None
    """True: written after the checks by people who had not seen them, and kept aside whole. False: never kept aside."""

    @property
    def is_healthy(self) -> bool:
        """Whether no check may fail on it."""
        return not self.cause

    @property
    def is_aside(self) -> bool:
        """Whether it belongs to the part that thresholds are never tuned on; a pair stays together."""
        if self.unseen is not None:
            return self.unseen
        family = self.name.removesuffix("__mended")
        return zlib.crc32(family.encode()) % 3 == 0


PROGRAMS: list[Program] = []


def pair(
    *cause: str, group: str, source: Source = "own", unseen: bool | None = None
) -> Callable[[Callable[[bool], Arguments]], Any]:
    """Enter a builder twice: ``build(True)`` is the broken program, ``build(False)`` its healthy twin, else alike."""

    def enter(build: Callable[[bool], Arguments]) -> Callable[[bool], Arguments]:
        name, about = build.__name__, (build.__doc__ or "").strip()
        PROGRAMS.append(Program(name, group, partial(build, True), cause, source, about, unseen=unseen))
        PROGRAMS.append(Program(f"{name}__mended", group, partial(build, False), (), source, about, unseen=unseen))
        return build

    return enter


def healthy(
    *, resembles: str, source: Source = "own", unseen: bool | None = None
) -> Callable[[Callable[[], Arguments]], Any]:
    """Enter a healthy program that a careless check would take for broken."""

    def enter(build: Callable[[], Arguments]) -> Callable[[], Arguments]:
        about = (build.__doc__ or "").strip()
        PROGRAMS.append(Program(build.__name__, "healthy", build, (), source, about, resembles, unseen))
        return build

    return enter
