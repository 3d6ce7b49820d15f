from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbinspect.data.query.matching import QueryError, rows_matching

HOSTILE = "<img src=x onerror=alert(1)>"


def table() -> pd.DataFrame:
    """A thousand rows of every kind of column, some values missing."""
    random = np.random.default_rng(0)
    names, texts = ["cat", "dog", HOSTILE], np.array(["free money", "a|b", "New York", "it's", None], dtype=object)
    numbers = random.normal(size=1000).round(2)
    numbers[::17] = np.nan
    places = random.integers(0, 9, 1000)
    return pd.DataFrame(
        {
            "index": pd.array(np.arange(1000), dtype="Int64"),
            "loss": random.exponential(size=1000),
            "mean": numbers,
            "label": pd.Categorical.from_codes(random.integers(-1, 3, 1000), names),
            "prediction": pd.Categorical.from_codes(random.integers(0, 2, 1000), ["dog", "cat"]),
            "digit": pd.Categorical.from_codes(random.integers(-1, 10, 1000), [str(k) for k in range(10)]),
            "correct": random.random(1000) < 0.5,
            "duplicate": pd.arrays.IntegerArray(places, places < 5),
            "text": texts[random.integers(0, 5, 1000)],
            "a b": random.normal(size=1000),
            "class": random.normal(size=1000),
            "it`s": random.normal(size=1000),
            HOSTILE: random.normal(size=1000),
            "größe": random.normal(size=1000),
        }
    )


FRAME = table()
LABEL, PREDICTED, DIGIT = (FRAME[name].astype(object) for name in ("label", "prediction", "digit"))
TEXT, LOSS, MEAN = FRAME["text"].astype(object), FRAME["loss"], FRAME["mean"]
NUMBER = pd.to_numeric(DIGIT)

MASKS = {
    "loss > 1": LOSS > 1,
    "loss > 1 and label != prediction": (LOSS > 1) & (LABEL != PREDICTED),
    "label == prediction": LABEL == PREDICTED,
    "not label == 'cat'": ~(LABEL == "cat"),
    "'cat' == label": LABEL == "cat",
    "loss > 1 & label == 'cat' | correct": ((LOSS > 1) & (LABEL == "cat")) | FRAME["correct"],
    "~correct && loss < .1": ~FRAME["correct"] & (LOSS < 0.1),
    "correct == False": ~FRAME["correct"],
    "0.5 < loss <= 1.5": (LOSS > 0.5) & (LOSS <= 1.5),
    "mean != 0": MEAN != 0,
    "mean.isna() or label.isnull()": MEAN.isna() | LABEL.isna(),
    "duplicate.notna() and index % 2 == 0": FRAME["duplicate"].notna() & (FRAME["index"] % 2 == 0),
    "duplicate == 7": (FRAME["duplicate"] == 7).fillna(value=False),
    "abs(mean) + 2 * loss ** 2 - 1 > -loss / 3": MEAN.abs() + 2 * LOSS**2 - 1 > -LOSS / 3,
    "mean // 0.5 == 1": MEAN // 0.5 == 1,
    "mean.abs() > 1": MEAN.abs() > 1,
    "loss.between(1, 2)": LOSS.between(1, 2),
    "index.between(3, 5, inclusive='left')": FRAME["index"].between(3, 5, inclusive="left"),
    "index in [1, 2, 5000]": FRAME["index"].isin([1, 2, 5000]),
    "label in ('cat', 'none')": LABEL.isin(["cat", "none"]),
    "label not in ['cat']": ~LABEL.isin(["cat"]),
    "label.isin(['dog', 'cat'])": LABEL.isin(["dog", "cat"]),
    "digit == 3": DIGIT == "3",
    "digit == '3'": DIGIT == "3",
    "digit >= 7": NUMBER >= 7,
    "digit in [1, '2']": DIGIT.isin(["1", "2"]),
    f"label == '{HOSTILE}'": LABEL == HOSTILE,
    'text == "it\'s"': TEXT == "it's",
    r"text == 'it\'s'": TEXT == "it's",
    "text.str.contains('a|b')": TEXT.str.contains("a|b", na=False),
    "text.str.contains('a|b', regex=False)": TEXT.str.contains("a|b", regex=False, na=False),
    "text.str.contains('new', case=False)": TEXT.str.contains("new", case=False, na=False),
    r"text.str.contains('^\w+ \w+$')": TEXT.str.contains(r"^\w+ \w+$", na=False),
    "text.str.lower().str.startswith('new')": TEXT.str.lower().str.startswith("new", na=False),
    "text.str.endswith('b') or text.str.len() > 8": TEXT.str.endswith("b", na=False) | (TEXT.str.len() > 8),
    "`a b` > 0": FRAME["a b"] > 0,
    "`it``s` > 0": FRAME["it`s"] > 0,
    f"`{HOSTILE}` > 0": FRAME[HOSTILE] > 0,
    "class > 0": FRAME["class"] > 0,
    "größe > 0": FRAME["größe"] > 0,
    "correct": FRAME["correct"],
    "  loss\n>\n1 ": LOSS > 1,
    "1 < 2": LOSS > -1,
    "": LOSS > -1,
    # words that are no column are looked for
    "new york": TEXT == "New York",
    "CAT": (LABEL == "cat") | (PREDICTED == "cat"),
    "'a|b'": TEXT == "a|b",
    "zebra": LOSS < 0,
}


@pytest.mark.parametrize("query", MASKS)
def test_rows_are_those_of_the_mask_written_by_hand(query: str) -> None:
    """A query gives the positions that a boolean mask of pandas gives, and leaves the table unchanged."""
    before = FRAME.copy()
    assert rows_matching(FRAME, query).tolist() == np.flatnonzero(MASKS[query]).tolist()
    pd.testing.assert_frame_equal(FRAME, before)


REFUSED = {
    "losses > 1": "did you mean loss?",
    "losss": "did you mean loss?",
    "loss": "expected a condition, got numbers",
    "label": "expected a condition, got words",
    "loss > 1 and": "at character",
    "loss >> 1": "expected + - * / // % or **",
    "loss > 1 and loss <": "at character 20",
    "`a b > 1": "backticks",
    "`a  b` > 1 and loss = 2": "at character 21",
    "label = 'cat'": "write == instead of =",
    "label > 2": "holds words such as 'cat'",
    "label == 2": "holds words such as 'cat'",
    "label < 'm'": "expected numbers, but label holds words",
    "mean < 'm'": "expected a number, got text",
    "loss == 'cat'": "without quotes",
    "loss in ['cat']": "without quotes",
    "label in 'cat'": "expected a list",
    "label == ['cat']": "write label in ['cat']",
    "mean is None": "column.isna()",
    "mean == None": "got 'None'",
    "loss.str.lower() == 'a'": "expected words before .str",
    "loss.median() > 1": "expected one of isna",
    "loss.between(1)": "expected between(left, right",
    "text.str.contains('[')": "expected a regular expression",
    "text.str.contains('(a+)+$')": "could take for ever",
    "text.str.contains('a*a*a*a*b')": "could take for ever",
    "loss > 1j": "got '1j'",
    "loss > 1" + "0" * 400: "expected a number",
    "not " * 100 + "correct": "nested at most",
    "(" * 3000: "at character",
    "correct or " * 1000 + "correct": "at most 5,000 characters",
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_query_is_explained(query: str) -> None:
    """A mistake is answered with what came, where, and what to write."""
    with pytest.raises(QueryError) as caught:
        rows_matching(FRAME, query)
    assert REFUSED[query] in str(caught.value)


ATTACKS = (
    "@__import__('os').system('touch {path}')",
    "__import__('os').system('touch {path}')",
    "loss.__class__.__mro__",
    "loss.__class__.__base__.__subclasses__()",
    "loss.to_csv('{path}')",
    "label.str.__class__('x')",
    "(lambda: open('{path}', 'w'))()",
    "f'{{open(1)}}'",
    "[open('{path}', 'w') for k in loss]",
    "{{k: 1 for k in loss}}",
    "(x := loss) > 1",
    "open('{path}', 'w')",
    "abs(*[loss])",
    "loss.isin(**loss)",
    "loss[open('{path}', 'w')]",
    "loss if loss else open('{path}', 'w')",
    "9**9**9",
    "loss > 9**9**9",
    "loss > 2 ** (loss * 1000)",
    "label == 'a' * 10**9",
    "'%099999999d' % 1 == label",
    "text.str.pad(10**10) == 'a'",
    "`loss`.__class__",
    "loss; import os",
    "exec('1')",
    "breakpoint()",
    "yield loss",
    "await loss",
    "b'a' == label",
    "... == loss",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_code_is_refused(attack: str, tmp_path: Path) -> None:
    """No query runs code, walks attributes or makes huge values."""
    path = tmp_path / "made"
    with pytest.raises(QueryError):
        rows_matching(FRAME, attack.format(path=path))
    assert not path.exists()


RUN: list[str] = []
_watched: list[bool] = []


def _note(event: str, _: tuple[object, ...]) -> None:
    if _watched and event in {"exec", "os.system", "subprocess.Popen", "open", "import", "socket.connect"}:
        RUN.append(event)


sys.addaudithook(_note)  # it cannot be taken away again, so it is switched


@pytest.fixture
def nothing_runs() -> Iterator[None]:
    """Watch that nothing is executed, opened or imported while a query is read."""
    rows_matching(FRAME, "loss > 1 and text.str.contains('a')")  # imports what it needs once
    RUN.clear()
    yield
    assert not RUN


PIECES = st.sampled_from(
    [
        *(
            *FRAME.columns,
            *"()[]{}.,:;@`'\"~&|<>=!+-*/%^\\\n\0",
            "**",
            "==",
            "!=",
            "and",
            "or",
            "not",
            "in",
            "is",
            "if",
        ),
        *(
            "else",
            "for",
            "lambda",
            "f'",
            "abs(",
            ".str",
            ".isna()",
            ".isin(",
            ".contains(",
            "__import__('os')",
            "'cat'",
        ),
        *("1", "0.5", "9" * 30, "1e999", "None", "True", "`a b`", "\ud800", "\u202e", "ﬁ", " "),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES).map("".join)))
def _any_text(query: str) -> None:
    _watched.append(True)
    try:
        rows = rows_matching(FRAME.head(40), query)
    except QueryError:
        pass
    else:
        assert rows.dtype == np.int64
        assert np.all(np.diff(rows) > 0)
        assert set(rows.tolist()) <= set(range(40))
    finally:
        _watched.clear()


def test_any_text_gives_rows_or_one_clear_error(nothing_runs: None) -> None:
    """Whatever is typed, there are positions or a QueryError, and nothing is run."""
    _any_text()


def test_a_table_without_rows_or_columns_answers() -> None:
    """An empty table has no matching rows, and one without columns knows no column."""
    assert rows_matching(FRAME.head(0), "loss > 1 and label == 'cat' or text.str.contains('a')").tolist() == []
    with pytest.raises(QueryError):
        rows_matching(pd.DataFrame(), "loss > 1")


def test_names_that_occur_twice_or_are_numbers_are_columns() -> None:
    """The first of two columns of one name counts, and a name that is no text is written in backticks."""
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", 5])
    assert rows_matching(frame, "a == 1 and `5` == 3").tolist() == [0]


@pytest.mark.parametrize("query", [None, 3, ["loss > 1"]])
def test_a_filter_that_is_no_text_is_refused(query):
    """The error says what came and what to write."""
    with pytest.raises(QueryError, match=f"expected a filter as text, got {type(query).__name__}; write one like"):
        rows_matching(table(), query)


@pytest.mark.parametrize("word", ["and", "or", "not", "in"])
def test_operators_in_capitals_are_named(word):
    """AND, OR, NOT and IN are answered with how they are written."""
    query = f"loss > 1 {word.upper()} mean < 0"
    with pytest.raises(QueryError, match=f"write {word} instead of {word.upper()}"):
        rows_matching(table(), query)
