from __future__ import annotations

from typing import Any

from torch import nn

from nbinspect.sanity.evidence.source.classes import assigned_at, keeps_things, may_be_used


class Keeper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.forgotten = nn.Linear(1, 1), nn.Linear(1, 1)
        self.parts = [nn.Linear(1, 1)]

    def forward(self, x: Any) -> Any:
        self.last = self.used(x)
        return self.last


class Finder(nn.Module):
    def forward(self, x: Any, name: str) -> Any:
        return getattr(self, name)(x)


def test_tells_which_attributes_a_class_may_use() -> None:
    """Mentions beyond `__init__` and lookups by name count; what is only set there was forgotten."""
    assert may_be_used(Keeper, "used")
    assert not may_be_used(Keeper, "forgotten")
    assert may_be_used(Finder, "anything")


class Replaced(Keeper):
    def forward(self, x: Any) -> Any:
        return self.forgotten(x)


class Extended(Keeper):
    def forward(self, x: Any) -> Any:
        return super().forward(self.forgotten(x))


def test_a_replaced_method_uses_nothing() -> None:
    """What the forward of a base class mentions counts only where the one that replaces it may call it."""
    assert not may_be_used(Replaced, "used")
    assert may_be_used(Extended, "used")
    assert may_be_used(Replaced, "forgotten")


def test_tells_which_classes_keep_things() -> None:
    """Setting an attribute keeps something; torch's own layers do not."""
    assert keeps_things(Keeper)
    assert not keeps_things(Finder)
    assert not keeps_things(nn.BatchNorm1d)


def test_finds_where_an_attribute_is_set() -> None:
    """The line in `__init__` is found with its text."""
    found = assigned_at(Keeper, "parts")
    assert found is not None
    assert found[1] == "self.parts = [nn.Linear(1, 1)]"
    assert assigned_at(Keeper, "nothing") is None
    several = assigned_at(Keeper, "forgotten")
    assert several is not None
    assert several[1].startswith("self.used, self.forgotten =")


class Numbered(nn.Module):
    def __init__(self, first: tuple[int, ...] = (1, 2)) -> None:
        super().__init__()
        for number in range(1, 5):
            setattr(self, f"conv{number}", nn.Linear(1, 1))
        self.norm, self.most = nn.LayerNorm(1), 3
        self.first = first


class ByNumber(Numbered):
    def forward(self, x: Any) -> Any:
        for number in range(1, 4):
            x = getattr(self, f"conv{number}")(x)
        return x


class ByNumberToAnEnd(Numbered):
    def forward(self, x: Any) -> Any:
        for number in range(1, self.most):
            x = getattr(self, "conv" + str(number))(x)
        return x


class ByNumbersGiven(Numbered):
    def forward(self, x: Any) -> Any:
        for number in (*self.first, 3):
            x = getattr(self, f"conv{number}", None)(x)
        return x


class ByNumberThatChanges(Numbered):
    def forward(self, x: Any) -> Any:
        for number in range(1, 3):
            number = number + 1  # noqa: PLW2901 - as users write it
            x = getattr(self, f"conv{number}")(x)
        return x


class ByNumberOrItsOwn(Numbered):
    def forward(self, x: Any, number: int) -> Any:
        every = [getattr(self, f"conv{number}") for number in range(1, 3)]
        return getattr(self, f"conv{number}")(every[0](x))


class ByAnyWord(Numbered):
    def forward(self, x: Any, words: list[str]) -> Any:
        for word in words:
            x = getattr(self, word)(x)
        return x


def test_a_lookup_by_a_name_put_together_reaches_what_it_may_spell() -> None:
    """The names that a `getattr` may come to are those of its text, of a loop's numbers, and of what was given."""
    assert [may_be_used(ByNumber, f"conv{number}") for number in (1, 3, 4)] == [True, True, False]
    assert not may_be_used(ByNumber, "norm")
    assert may_be_used(ByNumberToAnEnd, "conv4"), "the end may change"
    assert not may_be_used(ByNumberToAnEnd, "norm")
    assert may_be_used(ByNumbersGiven, "conv4"), "an object may be made with it"
    assert [may_be_used(ByNumbersGiven, f"conv{n}", ByNumbersGiven()) for n in (2, 3, 4)] == [True, True, False]
    assert may_be_used(ByNumberThatChanges, "conv4")
    assert may_be_used(ByNumberOrItsOwn, "conv4")
    assert may_be_used(ByAnyWord, "norm")
