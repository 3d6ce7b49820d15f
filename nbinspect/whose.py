"""Whose a file of code is: the user's own, an installed package's, Python's, this package's."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import CodeType

_INSTALLED = ("site-packages", "dist-packages")
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120 - compared with code objects' plain strings
_PYTHON = sysconfig.get_paths()["stdlib"] + os.sep


def is_ours(file: str) -> bool:
    """Return whether a file is of this package."""
    return file.startswith(_OURS)


def is_installed(file: str) -> bool:
    """Return whether a file is of an installed package."""
    return any(folder in file for folder in _INSTALLED)


def is_of_python(file: str) -> bool:
    """Return whether a file is of Python's own library."""
    return file.startswith(_PYTHON) and not is_installed(file)


def is_users_file(file: str) -> bool:
    """Return whether a file is the user's own; what was typed into a console or a notebook is too."""
    if file.startswith("<"):
        return not file.startswith("<frozen")
    return not (is_installed(file) or is_of_python(file) or is_ours(file))


def is_users_module(name: str) -> bool:
    """Return whether a module of this name is the user's own; False where it has no file."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return name == "__main__" or (file is not None and is_users_file(file))


def names_in(code: CodeType) -> frozenset[str]:
    """Return the names of globals and attributes that code uses, and the code of functions within it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(code.co_names).union(*map(names_in, inner))
