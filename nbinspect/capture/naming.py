"""Operations in PyTorch's own spelling, and the line of the user's code that called one."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import tokenize
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch.nn import functional

from nbinspect.records import Place, SourceCode
from nbinspect.whose import is_of_python, is_ours

_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep  # noqa: PTH100, PTH120 - compared with code objects' plain strings
_SHOWN_LINES = 400


@functools.cache
def spelled(function: Callable[..., Any]) -> str:
    """Return a torch function's name as its users write it: ``F.relu``, ``Tensor.view``, ``torch.cat``."""
    name: str = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":  # an attribute such as `x.T`
        return f"Tensor.{getattr(getattr(function, '__self__', None), '__name__', 'attribute')}"
    if getattr(functional, name, None) is function:
        return f"F.{name}"
    if getattr(torch, name, None) is function:
        return f"torch.{name}"
    if inspect.getattr_static(torch.Tensor, name, None) is function or hasattr(function, "__objclass__"):
        return f"Tensor.{name}"
    if getattr(function, "__module__", None) == torch._tensor.__name__:  # operators that torch wraps in Python
        return f"Tensor.{name}"
    module = (getattr(function, "__module__", None) or "torch").replace("torch._C._", "torch.")
    # as in `torch.fft.fft`, whose function is called fft_fft
    return f"{module}.{name.removeprefix(module.rpartition('.')[2] + '_')}"


@functools.cache
def _whose(file: str) -> str:
    if is_ours(file):
        return "ours"
    return "skipped" if is_of_python(file) or file.startswith((_TORCH, "<frozen", "<string>")) else "user"


def calling_line(frame: FrameType | None) -> Place | None:
    """Return the innermost line outside torch and this package that led to `frame`; None where there is none."""
    while frame is not None and _whose(frame.f_code.co_filename) == "ours":
        frame = frame.f_back
    while frame is not None:
        whose = _whose(frame.f_code.co_filename)
        if whose == "ours":
            return None
        if whose == "user":
            return place_of(frame, frame.f_lineno)
        frame = frame.f_back
    return None


def place_of(frame: FrameType, line: int) -> Place:
    """Return a line of the function that `frame` runs."""
    code = frame.f_code
    # Python 3.10 has no qualified names; the name alone then
    return _place(code.co_filename, line, getattr(code, "co_qualname", code.co_name), code.co_firstlineno)


@functools.lru_cache(4096)
def _place(file: str, line: int, function: str, first: int) -> Place:
    return Place(file, line, function, first)  # not by the code: that of a copy of the file is equal to it


def failing_line(error: BaseException) -> Place | None:
    """Return the innermost line of the user's code that an exception passed through."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if _whose(trace.tb_frame.f_code.co_filename) == "user":
            found = place_of(trace.tb_frame, trace.tb_lineno)
        trace = trace.tb_next
    return found


def source_of(place: Place) -> SourceCode | None:
    """Return the function that a place lies in (its first 400 lines), or None where its text is not to be had."""
    lines = linecache.getlines(place.file)
    if not 0 < place.first <= len(lines):
        return None
    try:
        block = inspect.getblock(lines[place.first - 1 :])
    except (SyntaxError, tokenize.TokenError):  # the file was edited since, and another line stands there now
        return None
    shown = tuple(line.rstrip("\n") for line in block[:_SHOWN_LINES])
    return SourceCode(place.file, place.function, place.first, shown)
