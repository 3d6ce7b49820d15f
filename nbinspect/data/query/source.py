"""A filter as a user writes it, read into a syntax tree in which every name is a column's or a function's."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from nbinspect.errors import InputError

_LONGEST = 5_000
_DEEPEST = 60
_TOKENS = re.compile(
    r"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
    r"|(?P<quoted>`(?:``|[^`])*`)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<both>&&?)|(?P<either>\|\|?)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL | re.VERBOSE,
)
_OPERATORS = {"and", "or", "not", "in", "is", "True", "False", "None"}
_SYNTAX = set("=<>!~&|()[]{}@`+*/%\"'\\;:^")


class QueryError(InputError):
    """A filter that cannot be understood, or asks for more than a filter may do; says where and what to write."""


@dataclass(frozen=True)
class Source:
    """A filter as Python spells it, and where each part of it stood."""

    query: str
    python: str
    places: tuple[int, ...]
    """Of each character of `python`, the place in `query` that it stands for."""
    names: dict[str, str] = field(default_factory=dict)
    """The column that a stand-in names."""

    def place(self, offset: int) -> int:
        """Return the place in the query, from 1, of a place in its Python spelling, from 0."""
        return self.places[offset] + 1 if 0 <= offset < len(self.places) else len(self.query) + 1


def spelled(query: str, columns: Collection[str]) -> Source:
    """Spell a filter in Python: columns in backticks get a stand-in, ``&`` and ``|`` bind as ``and`` and ``or`` do.

    A backtick in a column's name is written twice. Words that Python keeps for itself, or would spell otherwise, are
    columns where there are columns of these names.

    Raises:
        QueryError: for a query that is too long.
    """
    if len(query) > _LONGEST:
        raise QueryError(f"expected a filter of at most {_LONGEST:,} characters, got {len(query):,}; shorten it")
    stem = "column"
    while stem in query:
        stem += "_"
    pieces: list[str] = []
    places: list[int] = []
    names: dict[str, str] = {}
    for token in _TOKENS.finditer(query):
        piece = _piece(token, columns, names, stem)
        pieces.append(piece)
        places += [token.start() + min(k, len(token[0]) - 1) for k in range(len(piece))]
    return Source(query, "".join(pieces), tuple(places), names)


def _piece(token: re.Match[str], columns: Collection[str], names: dict[str, str], stem: str) -> str:
    """Return one token in Python, and note a column that got a stand-in."""
    text = token[0]
    if token["space"]:
        return " "
    if token["both"] or token["either"]:
        return " and " if token["both"] else " or "
    taken = (keyword.iskeyword(text) and text not in _OPERATORS) or not text.isascii()
    if token["quoted"] or (token["word"] and taken and text in columns):
        stand_in = f"{stem}{len(names)}"
        names[stand_in] = text[1:-1].replace("``", "`") if token["quoted"] else text
        return f" {stand_in} " if token["quoted"] else stand_in
    return text


def tree_of(source: Source) -> ast.expr:
    """Return the syntax tree of a filter; nothing of it is run.

    Raises:
        QueryError: for what is no expression, with the place, and for one that is nested too deep.
    """
    try:
        tree = ast.parse(source.python.strip(), mode="eval").body
    except SyntaxError as error:
        raise QueryError(_explained(source, (error.offset or len(source.python) + 1) - 1)) from None
    except (ValueError, RecursionError, MemoryError):
        raise QueryError("expected a comparison, got text that cannot be read; see the examples") from None
    if _depth(tree) > _DEEPEST:
        raise QueryError(f"expected a filter nested at most {_DEEPEST} deep; split it into several")
    return tree


def _explained(source: Source, offset: int) -> str:
    """Return where the syntax ends to be understood, and the usual reason."""
    lead = len(source.python) - len(source.python.lstrip())
    place = source.place(offset + lead)
    shouted = re.search(r"\b(AND|OR|NOT|IN)\b", source.query)
    advice = "write comparisons like loss > 1 and label == 'cat', and words to look for in quotes"
    if "@" in source.query:
        advice = "variables (@name) are not known to a filter; write the value itself"
    elif re.search(r"(?<![=<>!:])=(?!=)", source.query):
        advice = "to compare, write == instead of ="
    elif shouted:
        advice = f"write {shouted[0].lower()} instead of {shouted[0]}"
    elif source.query.count("`") % 2:
        advice = "a column's name in backticks needs one before and one after it"
    near = source.query[max(0, place - 1) : place + 11] or "the end"
    return f"expected a filter, cannot read it at character {place} ({near!r}); {advice}"


def _depth(tree: ast.expr) -> int:
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def is_plain(query: str, columns: Collection[str]) -> bool:
    """Whether a query is words to look for: no syntax in it, no column and no operator."""
    known = any(word in columns or word in _OPERATORS for word in re.findall(r"\w+", query))
    return not known and not _SYNTAX & set(query)
