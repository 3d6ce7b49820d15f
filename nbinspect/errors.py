"""Errors that a user of nbinspect can meet: each says what was expected, what came, and what to do."""

import sysconfig
import traceback
from pathlib import Path


class NbinspectError(Exception):
    """Anything that nbinspect itself refuses or cannot do."""


class InputError(NbinspectError, ValueError):
    """An argument that cannot be used; raised before anything is changed."""


class LoaderError(NbinspectError):
    """The user's loader gave no batch: it raised, was empty, or cannot be read."""


class UnreadableLoaderError(LoaderError):
    """The loader cannot be read without disturbing the user's training; a batch must be waited for."""


class CaptureError(NbinspectError):
    """A batch was read, but nothing could be captured from it."""


def place_in_user_code(error: BaseException) -> str:
    """Return ``file:line`` of the deepest frame of user code that the error passed; empty if it passed none."""
    ours, python = str(Path(__file__).parent), sysconfig.get_paths()["stdlib"]
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f
        for f in frames
        if not f.filename.startswith(ours)
        and "torch" not in Path(f.filename).parts
        and (not f.filename.startswith(python) or "site-packages" in f.filename)
    ]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""
