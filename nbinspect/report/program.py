"""A program that is named ``package.module:function``: found, called, and what it returns looked at."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from nbinspect.errors import InputError, place_in_user_code
from nbinspect.report.running import check
from nbinspect.sanity.choose import near
from nbinspect.sanity.limits import LEAST, Hung, Limits
from nbinspect.subject import kind_of


def program_named(name: str, seconds: float) -> dict[str, Any]:
    """Return the keyword arguments of `check` that the function of this name gives.

    Modules are looked for where the command is run, too. Importing and calling take `seconds`, or 2, at most each.

    Raises:
        InputError: if there is no such function, or it raises, exits, takes too long, or gives anything else.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise InputError(f"expected package.module:function, got {name!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does
    found = _ended(f"importing {module}", seconds, lambda: importlib.import_module(module))
    build = getattr(found, function, None)
    if not callable(build):
        if hasattr(found, function):
            raise InputError(f"{name}: expected a function, got {kind_of(build)}")
        raise InputError(f"{module} has no function {function!r}{near(function, _functions_of(found))}")
    arguments = _ended(f"calling {name}", seconds, build)
    if not isinstance(arguments, Mapping):
        raise InputError(f"{name}: expected a dict with the keyword arguments of `check`, got {kind_of(arguments)}")
    known = list(inspect.signature(check).parameters)
    for key in arguments:
        if key not in known:
            raise InputError(f"{name}: `check` has no argument {key!r}{near(str(key), known)}")
    if "model" not in arguments:
        raise InputError(f"{name}: no 'model' in the dict that it returns")
    return dict(arguments)


def _ended(what: str, seconds: float, call: Callable[[], Any]) -> Any:
    """Return what a call of the user's code gives, once it has ended.

    Raises:
        InputError: if it raises, exits, or takes too long.
    """
    try:
        with Limits(2 * max(seconds, LEAST)).watching():  # which allows a call half of the time that is left
            return call()
    except Hung as hung:
        raise InputError(f"{what}: {hung}") from hung
    except (Exception, SystemExit) as error:  # the user's code may raise anything; leaving as if all were well is worse
        place = place_in_user_code(error)
        line = f" (at {place})" if place and "<frozen" not in place else ""
        raise InputError(f"{what} raised {type(error).__name__}: {error}{line}") from error


def _functions_of(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if inspect.isfunction(value) and not name.startswith("_")]
