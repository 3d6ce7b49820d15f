"""The user's texts that may reach for what a class holds: its own file, those that know of it, cells of a notebook."""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from types import FunctionType
from typing import Any

from torch import nn

from nbinspect.whose import is_users_file


def texts_around(kind: type | FunctionType) -> list[str] | None:
    """Return the texts that may reach for an object of a class, its own file's first; None where that is not to be had.

    Those are files that hold the class, or anything else of its file, the program that was started, and the cells of a
    notebook.
    """
    try:
        file = inspect.getsourcefile(kind) or ""
    except (OSError, TypeError):
        return None
    files = dict.fromkeys((file, *_files_that_know(kind.__module__, len(sys.modules))))
    texts = ["".join(linecache.getlines(one)) for one in files]
    cells = getattr(sys.modules.get("__main__"), "In", None)
    return texts + [cell for cell in (cells if isinstance(cells, list) else ()) if isinstance(cell, str)]


@functools.lru_cache(64)
def _files_that_know(name: str, _loaded: int) -> tuple[str, ...]:
    """Return the user's files that hold something of a module; asked anew once others were loaded."""
    home = sys.modules.get(name)
    found = []
    for own, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or not is_users_file(file):
            continue
        if own == "__main__" or any(value is home or _home_of(value) == name for value in list(vars(module).values())):
            found.append(file)
    return tuple(found)


def _home_of(value: Any) -> str:
    """Return the name of the module that a class, a function or the class of a network is of; else nothing."""
    if isinstance(value, nn.Module):
        value = type(value)
    return str(value.__module__) if isinstance(value, type | FunctionType) else ""
