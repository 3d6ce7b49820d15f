"""The lines in which arithmetic on small integers wraps around, and what comes of it where it does not."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.capture.naming import calling_line, failing_line
from nbinspect.records import Place
from nbinspect.whose import is_users_file

SMALL = (torch.uint8, torch.int8, torch.int16)
_ATEN = torch.ops.aten
_OF_SCALARS = re.compile(r"overflow encountered in scalar (negative|add|subtract|multiply|power)")
_ARITHMETIC = (_ATEN.add, _ATEN.sub, _ATEN.rsub, _ATEN.mul, _ATEN.neg, _ATEN.pow)


@dataclass(frozen=True)
class Wrap:
    """A value that wrapped around."""

    place: Place
    told: str
    """``-20 becomes 236``."""


class WideArithmetic(TorchDispatchMode):  # type: ignore[no-untyped-call] # PyTorch's own class
    """Under this mode, what the user's own lines calculate in small integers is wide where it would wrap around.

    All else stays as it is: code that asks for the type goes its way, and libraries wrap where they mean to. So does
    0 - 1, which makes the mark 255 of labels that a loss leaves out.
    """

    def __init__(self, *, stops: bool = False) -> None:
        """Begin with nothing found.

        Args:
            stops: whether it keeps its type, and stops at the ends of it.
        """
        super().__init__()  # type: ignore[no-untyped-call] # PyTorch's own class
        self._stops = stops
        self.first: Wrap | None = None
        """The first value that would have wrapped around."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operation."""
        made = func(*args, **(kwargs or {}))
        if func.overloadpacket not in _ARITHMETIC or made.dtype not in SMALL:
            return made
        wide = func(
            *(one.long() if isinstance(one, Tensor) and one.dtype in SMALL else one for one in args), **(kwargs or {})
        )
        wraps = wide != made.long()
        is_mark = made.dtype is torch.uint8 and made.dim() > 0 and bool((wide[wraps] == -1).all())
        place = calling_line(sys._getframe()) if bool(wraps.any()) and not is_mark else None
        if place is None or not is_users_file(place.file):
            return made
        self.first = self.first or Wrap(place, f"{int(wide[wraps][0])} becomes {int(made[wraps][0])}")
        if self._stops:
            return wide.clamp(torch.iinfo(made.dtype).min, torch.iinfo(made.dtype).max).to(made.dtype)
        return wide.to(torch.int32)


def wrapped_scalar(run: Callable[[], Any]) -> Wrap | None:
    """Return the user's line in which a single number of NumPy's runs over, as it warns of there; None without."""
    try:
        with np.errstate(over="raise"):
            run()
    except FloatingPointError as error:
        place = failing_line(error)
        if _OF_SCALARS.search(str(error)) and place is not None and is_users_file(place.file):
            return Wrap(place, str(error))
    return None
