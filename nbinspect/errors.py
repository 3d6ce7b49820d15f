"""Errors that a user of nbinspect can meet: each says what was expected, what came, and what to do."""

import sys
import traceback
import unicodedata
from pathlib import Path

from nbinspect.whose import is_of_python, is_ours

_JOINERS = "\u200c\u200d"


class NbinspectError(Exception):
    """Anything that nbinspect itself refuses or cannot do; what a terminal would obey is written out in its text."""

    def __str__(self) -> str:
        return written_out(super().__str__())


class InputError(NbinspectError, ValueError):
    """An argument that cannot be used; raised before anything is changed."""


class LoaderError(NbinspectError):
    """The user's loader gave no batch: it raised, was empty, or cannot be read."""


class UnreadableLoaderError(LoaderError):
    """The loader cannot be read without disturbing the user's training; a batch must be waited for."""


class CaptureError(NbinspectError):
    """A batch was read, but nothing could be captured from it."""


class UntoldSplitError(Exception):
    """Raised by a `split` that cannot tell of this batch, which is then split as without one."""


def written_out(text: str) -> str:
    """Return text in which each character that a terminal or a reader would obey is its number; lines stay."""
    return text if text.isascii() and text.isprintable() else "".join(map(_written_out, text))


def _written_out(character: str) -> str:
    obeyed = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return f"\\u{ord(character):04x}" if obeyed and character not in "\n\t" + _JOINERS else character


def place_in_user_code(error: BaseException) -> str:
    """Return ``file:line`` of the deepest frame of user code that the error passed; empty if it passed none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not (is_ours(f.filename) or of_torch(f.filename) or is_of_python(f.filename))]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def of_torch(file: str) -> bool:
    """Return whether a file is PyTorch's own: a folder of the user's may be called torch too."""
    found = getattr(sys.modules.get("torch"), "__file__", None)
    return found is not None and Path(found).parent in Path(file).parents


def told(error: BaseException) -> str:
    """Return an exception of the user's code in words, with its place."""
    place = place_in_user_code(error)
    return f"{type(error).__name__}: {error}" + (f" ({place})" if place else "")


def reason_of(error: Exception) -> str:
    """Return what an exception says to a person; of a foreign one its type and place too."""
    if isinstance(error, NbinspectError):
        return str(error)
    return f"{type(error).__name__}: {error} {place_in_user_code(error)}".rstrip()
