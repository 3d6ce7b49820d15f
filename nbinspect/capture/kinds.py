"""What steps do, told by the names of their operations and modules."""

from __future__ import annotations

import re

LAYS = re.compile(r"\w*full(_like)?|\w*fill\w*|setitem|where|triu|tril|\w*tensor|\w*scatter\w*|index_put")
"""Those that lay values down on purpose, as of masks."""
COUNTS = re.compile(r"arange|linspace|logspace|eye|tri[ul]_indices|zeros|ones|full|\w*tensor")
"""Those that count, or give values that are written down."""
RECTIFIES = re.compile(r"\w*relu6?|threshold|clamp(_min)?|clip|maximum|hardswish|hardtanh")
"""Those that may silence a unit for good."""
UNWRITTEN = re.compile(r"(new_)?empty\w*")
"""Those that make a tensor of whatever lies in memory."""


def word_of(name: str) -> str:
    """Return the bare word of a name, to be matched in full: ``relu`` of ``F.relu_``, ``linear`` of ``Linear``."""
    return name.rpartition(".")[2].strip("_").lower()
