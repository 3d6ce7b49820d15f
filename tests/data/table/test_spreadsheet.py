from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from nbinspect.data.table.spreadsheet import to_csv


def cells(table):
    return list(csv.reader(io.StringIO(to_csv(table), newline="")))


@pytest.mark.parametrize("word", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "-"])
def test_no_cell_is_a_formula(word):
    """Words and names of columns that a spreadsheet would run begin with an apostrophe, in texts and in classes."""
    table = pd.DataFrame({word: [word, "cat"], "class": pd.Categorical([word, None])})
    shown = "'" + word.replace("\r", "\n")
    assert cells(table) == [[shown, "class"], [shown, shown], ["cat", ""]]


def test_all_else_is_as_it_is():
    """Numbers, words that are numbers, flags and harmless words are written unchanged, and so the table is left."""
    table = pd.DataFrame({"a": [-1.5, np.nan], "b": ["-2e3", "a=b"], "c": [True, False], "d": ['say "x", y', "z\n"]})
    before = table.copy()
    assert cells(table) == [["a", "b", "c", "d"], ["-1.5", "-2e3", "True", 'say "x", y'], ["", "a=b", "False", "z\n"]]
    pd.testing.assert_frame_equal(table, before)


def test_halves_of_characters_are_written_out():
    """Text that UTF-8 does not have can be written to a file all the same."""
    assert to_csv(pd.DataFrame({"a": ["\ud800"]})).encode("utf-8") == b"a\n\\ud800\n"


def test_two_columns_of_one_name_both_come():
    """Columns whose harmless names are alike keep their own words."""
    assert cells(pd.DataFrame({"=x": ["a"], "'=x": ["b"]}))[1] == ["a", "b"]
