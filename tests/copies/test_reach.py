from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.copies.reach import MISSING, attributes, bindings_of, elements
from nbinspect.whose import is_users_file

made: Any = None
bound = nn.Linear(2, 2)


def reads_global() -> Any:
    return bound


def by_helper() -> Any:
    return reads_global()


def makes_global() -> None:
    global made_later  # noqa: PLW0603 - what is tested
    made_later = 1


class Owner:
    shared = nn.Linear(2, 2)

    def __init__(self) -> None:
        self.own = nn.Linear(2, 2)

    def step(self) -> Any:
        return self.shared, self.own, bound

    @property
    def other(self) -> Any:
        return bound


def values(*roots: Any) -> list[Any]:
    return [binding.value for binding in bindings_of(roots)]


def has(found: list[Any], value: Any) -> bool:
    return any(one is value for one in found)


@pytest.mark.parametrize("root", [reads_global, by_helper, functools.partial(by_helper), Owner().step])
def test_globals_are_reached_through_functions(root: Callable[..., Any]) -> None:
    """A global is found where a function reads it itself, through a helper, a partial or a method."""
    assert has(values(root), bound)


def test_what_a_function_closes_over_and_defaults_to_is_reached() -> None:
    """Cells and both kinds of defaults are bindings."""
    cell, default, named = (nn.Linear(2, 2) for _ in range(3))

    def step(first: Any = default, *, second: Any = named) -> Any:
        return cell, first, second

    found = values(step)
    assert has(found, cell)
    assert any(isinstance(value, tuple) and has(list(value), default) for value in found)
    assert any(isinstance(value, dict) and has(list(value.values()), named) for value in found)


def test_class_attributes_and_properties_are_reached() -> None:
    """What a method's class holds, and what its properties read, counts."""
    found = values(Owner().step)
    assert has(found, Owner.shared)
    assert has(found, bound)


def test_a_binding_binds_its_name_again() -> None:
    """What is put is what the function sees then."""
    other = nn.Linear(2, 2)
    (binding,) = [one for one in bindings_of([reads_global]) if one.name == "bound"]
    binding.put(other)
    assert reads_global() is other
    binding.put(binding.value)
    assert reads_global() is bound


def test_a_global_that_a_function_makes_is_unbound_again() -> None:
    """A name that was not there is known as missing, and goes when that is put."""
    (binding,) = [one for one in bindings_of([makes_global]) if one.name == "made_later"]
    assert binding.value is MISSING
    makes_global()
    assert globals()["made_later"] == 1
    binding.put(MISSING)
    assert "made_later" not in globals()


def test_functions_that_call_each_other_end() -> None:
    """A circle of functions and objects is walked once."""

    def one() -> Any:
        return other()

    def other() -> Any:
        return one()

    assert has(values(one), other)


def test_installed_code_is_not_followed() -> None:
    """Neither PyTorch's own functions nor their globals are bindings."""
    found = bindings_of([torch.nn.functional.cross_entropy])
    assert [binding.name for binding in found] == [""]
    assert is_users_file(__file__)
    assert is_users_file("<ipython-input-1>")
    assert not is_users_file(torch.__file__)
    assert not is_users_file("<frozen importlib>")
    assert not is_users_file(str(Path(attributes.__code__.co_filename)))


def test_long_containers_and_tensors_are_data() -> None:
    """A list of many elements is not walked, and a tensor has no attributes to follow."""
    assert list(elements([1, 2])) == [1, 2]
    assert list(elements({"a": 3})) == [3]
    assert not list(elements([0] * 10_001))
    assert not attributes(torch.zeros(2))
    assert attributes(Owner())


def test_modules_that_import_each_other_are_reached_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk over two files of the user's that import each other ends, and finds what either step reads there."""
    (tmp_path / "own_model.py").write_text("import own_data\nwidth, depth = [1], [2]\n")
    (tmp_path / "own_data.py").write_text("import own_model\nscale = [3]\n")
    (tmp_path / "own_train.py").write_text(
        "import own_data, own_model\n"
        "def first():\n    return own_model.width, own_data.scale, own_model.own_data, own_data.own_model\n"
        "def second():\n    return own_model.depth\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("own_model", "own_data", "own_train"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    train = importlib.import_module("own_train")
    found = values(train.first, train.second)
    assert all(has(found, part) for part in (train.own_model.width, train.own_model.depth, train.own_data.scale))
