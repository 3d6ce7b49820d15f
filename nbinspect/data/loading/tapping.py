"""What a data set holds of a sample before its transform changes it: the transform of a copy notes what it gets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch.utils.data import Dataset

_TRANSFORMS = ("transform", "transforms", "augment", "augmentation", "augmentations")
_INPUT = "image"


class Tap:
    """Reads samples of a data set, and tells of each what its transform was given, where that was one content.

    The data set itself is left unchanged: a shallow copy has the transform that notes.
    """

    def __init__(self, dataset: Any, tell: Callable[[Any], Any]) -> None:
        self._plain = dataset
        self._tell = tell
        self._told: list[Any] = []
        self._made: list[Any] = []
        self._count = 0
        self._dataset = self._tapped(dataset)

    @property
    def finds(self) -> bool:
        """Whether the data set, or one inside it, has a transform."""
        return self._count > 0

    def read(self, key: Any) -> tuple[Any, Any]:
        """Return a sample, and what `tell` makes of its content; None where transforms were given none, or several."""
        self._told.clear()
        try:
            sample = self._dataset[key]
        except Exception:  # noqa: BLE001 - a copy may lack what the data set itself has
            return self._plain[key], None
        finally:
            self._made.clear()
        first = self._told[0] if self._told else None
        return sample, first if all(told == first for told in self._told) else None

    def _tapped(self, dataset: Any) -> Any:
        """Return a copy of a data set, and of those inside it, whose transforms note what they get."""
        try:
            again = copy.copy(dataset)
            for name, part in vars(dataset).items():
                if name.lstrip("_") in _TRANSFORMS and callable(part):
                    object.__setattr__(again, name, _Noting(part, self._note, self._made))
                    self._count += 1
                elif isinstance(part, Dataset):
                    object.__setattr__(again, name, self._tapped(part))
                elif isinstance(part, list | tuple) and part and all(isinstance(one, Dataset) for one in part):
                    object.__setattr__(again, name, type(part)(self._tapped(one) for one in part))
        except Exception:  # noqa: BLE001 - a data set that cannot be copied is read without
            return dataset
        return again

    def _note(self, parts: tuple[Any, ...], named: dict[str, Any]) -> None:
        content = parts[0] if parts else named.get(_INPUT, named)
        if any(content is made for made in self._made):  # a later transform gets what an earlier one made
            return
        try:
            self._told.append(self._tell(content))
        except Exception:  # noqa: BLE001 - content of a kind that nobody knows is as good as none
            self._told.append(None)


class _Noting:
    """A transform that lets another look at what it gets, and adds what it makes to a list."""

    def __init__(
        self,
        transform: Callable[..., Any],
        note: Callable[[tuple[Any, ...], dict[str, Any]], None],
        made: list[Any],
    ) -> None:
        self._transform = transform
        self._note = note
        self._made = made

    def __call__(self, *parts: Any, **named: Any) -> Any:
        self._note(parts, named)
        result = self._transform(*parts, **named)
        inside = result.values() if isinstance(result, dict) else result if isinstance(result, list | tuple) else ()
        self._made += [result, *inside]
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_transform":  # asked for while it is being copied
            raise AttributeError(name)
        return getattr(self._transform, name)
