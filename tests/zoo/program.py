"""What a program of the zoo is: how to build it, whether it is broken, and which check names the cause."""

from __future__ import annotations

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
    build: partial[Arguments]
    cause: tuple[str, ...]
    """The checks of which one, as a `fail`, names the cause; empty for a healthy program."""
    source: Source
    about: str
    """What is wrong, or what it looks like and why it is right."""
    resembles: str = ""
    """Of a look-alike, the check that it must not alarm."""

    @property
    def is_healthy(self) -> bool:
        """Whether no check may fail on it."""
        return not self.cause

    @property
    def is_aside(self) -> bool:
        """Whether it was written after the checks by people who had not seen them, and nobody tunes on it."""
        return ".aside." in self.build.func.__module__


PROGRAMS: list[Program] = []


def pair(*cause: str, group: str, source: Source = "own") -> Callable[[Callable[[bool], Arguments]], Any]:
    """Enter a builder twice: ``build(True)`` is the broken program, ``build(False)`` its healthy twin, else alike."""

    def enter(build: Callable[[bool], Arguments]) -> Callable[[bool], Arguments]:
        name, about = build.__name__, (build.__doc__ or "").strip()
        PROGRAMS.append(Program(name, group, partial(build, True), cause, source, about))
        PROGRAMS.append(Program(f"{name}__mended", group, partial(build, False), (), source, about))
        return build

    return enter


def healthy(*, resembles: str, source: Source = "own") -> Callable[[Callable[[], Arguments]], Any]:
    """Enter a healthy program that a careless check would take for broken."""

    def enter(build: Callable[[], Arguments]) -> Callable[[], Arguments]:
        about = (build.__doc__ or "").strip()
        PROGRAMS.append(Program(build.__name__, "healthy", partial(build), (), source, about, resembles))
        return build

    return enter
