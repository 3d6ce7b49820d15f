from __future__ import annotations

import argparse
import json
from collections import namedtuple
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.journal.plain import code_digest, described, flat, plain


@dataclass
class Settings:
    rate: float
    inner: dict


class Silent:
    def __repr__(self):
        raise RuntimeError("no words")


class Plain:
    pass


CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1, 2: (3.5, None)}, {"a": 1, "2": [3.5, None]}),
        (float("nan"), "nan"),
        ({"x": -float("inf")}, {"x": "-inf"}),
        (True, True),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
        (torch.tensor(2.5, requires_grad=True), 2.5),
        (torch.zeros(100, 3), "float32 (100, 3)"),
        (torch.empty(3, device="meta"), "float32 (3,)"),
        (torch.tensor([1 + 2j]), ["(1+2j)"]),
        ({3, 1, 2}, [1, 2, 3]),
        (argparse.Namespace(lr=0.1), {"lr": 0.1}),
        (Settings(0.1, {"b": np.bool_(True)}), {"rate": 0.1, "inner": {"b": True}}),
        (namedtuple("Pair", "a b")(1, 2), [1, 2]),
        (PurePosixPath("a/b"), "PurePosixPath('a/b')"),
        (nn.ReLU, {"function": "ReLU"}),
        (Silent(), "a Silent"),
        (10**30, 10**30),
    ],
)
def test_values_become_json_that_is_equal_for_equal_settings(value, expected):
    """Numbers, containers, arrays and objects become values of JSON, whatever a user puts into a configuration."""
    found = plain(value)
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_two_objects_of_a_kind_are_alike():
    """An address in memory is not part of what an object is."""
    assert plain([Plain(), nn.ReLU()]) == plain([Plain(), nn.ReLU()])


def test_what_holds_itself_comes_to_an_end():
    """A list that holds itself is JSON after a few levels."""
    json.dumps(plain(CYCLE))
    json.dumps(plain({"a": CYCLE}))


def test_settings_of_an_object_are_told():
    """A loss tells its class and its public numbers and texts, and a function its name."""
    loss = described(nn.CrossEntropyLoss(label_smoothing=0.1))
    assert (loss["class"], loss["label_smoothing"], loss["reduction"]) == ("CrossEntropyLoss", 0.1, "mean")
    assert described(None) is None
    assert described(test_settings_of_an_object_are_told)["function"] == "test_settings_of_an_object_are_told"


def compiled(text):
    space: dict = {}
    exec(text, space)
    return code_digest([space["f"].__code__])


def test_the_digest_of_code_follows_what_it_does():
    """The digest is the same wherever a function stands and changes with a constant, a name, or inside a lambda."""
    same = compiled("def f(x): return x * 2")
    assert same == compiled("\n\n# moved\ndef f(x): return x * 2")
    others = [
        "def f(x): return x * 3",
        "def f(x): return y * 2",
        "def f(x): return x + 2",
        "def f(x): return lambda: x",
    ]
    assert len({same, *map(compiled, others)}) == 5
    assert compiled("def f(x): return lambda: 1") != compiled("def f(x): return lambda: 2")
    assert compiled("def f(x): return x in {'a', 'b'}") == compiled("def f(x): return x in {'b', 'a'}")


def test_leaves_have_paths():
    """Nested dicts and lists of dicts become paths, while a list of numbers stays one value."""
    found = flat({"groups": [{"lr": 0.1, "betas": [0.9, 0.99]}], "none": None, "empty": {}})
    assert found == {"groups.0.lr": 0.1, "groups.0.betas": [0.9, 0.99], "none": None, "empty": {}}
    assert flat("cpu") == {"": "cpu"}
