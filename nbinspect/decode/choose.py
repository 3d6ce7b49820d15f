"""Which decoder fits a tensor: one ordered list of rules, of which the first that holds decides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from nbinspect.capture.tensors import channel_axis
from nbinspect.decode.image import picture_layout
from nbinspect.decode.names import IGNORED
from nbinspect.errors import InputError
from nbinspect.subject import Subject

Decoder: TypeAlias = Literal["image", "text", "table", "series", "audio", "values"]
DECODERS: tuple[Decoder, ...] = get_args(Decoder)

_TOKENS = {"ids", "idx", "token", "tokens", "text", "texts", "src", "tgt", "sentence", "words", "caption", "captions"}
_NO_TOKENS = {"mask", "type", "position", "positions", "segment", "lengths"}
_PICTURES = {"image", "images", "img", "imgs", "pixel", "pixels", "picture", "spectrogram", "spec", "mel"}
_SOUND = {"audio", "wav", "wave", "waveform", "waveforms", "speech", "sound"}


@dataclass(frozen=True)
class _Sight:
    """What the rules look at."""

    values: Tensor | Sequence[Tensor]
    shape: tuple[int | None, ...]
    dtype: torch.dtype
    words: frozenset[str]
    subject: Subject

    @property
    def axes(self) -> int:
        return len(self.shape)

    @property
    def length(self) -> float:
        """The longest axis of a sample; of unknown length, as long as can be."""
        return max((float("inf") if side is None else side for side in self.shape[1:]), default=0)

    @property
    def channels(self) -> int:
        """C of a series (N, C, T) or (N, T, C), 1 of (N, T); 0 where no axis can be that of steps."""
        if self.axes == 2:
            return 1
        axis = channel_axis(self.shape, floating=True) if self.axes == 3 else None
        return (self.shape[axis] or 0) if axis else 0

    @property
    def whole_numbers(self) -> bool:
        return not self.dtype.is_floating_point and self.dtype != torch.bool


def _ids_by_name(sight: _Sight) -> bool:
    """Integers that are called tokens, or for which the user gave a tokenizer or a vocabulary."""
    if not sight.whole_numbers or sight.axes < 2 or sight.length < 2 or sight.words & _NO_TOKENS:
        return False
    given = sight.subject.tokenizer is not None or sight.subject.vocabulary is not None
    return bool(sight.words & _TOKENS) or (given and sight.axes == 2 and _indices(sight))


def _ids_by_value(sight: _Sight) -> bool:
    """Indices (N, T): integers enter a network to be looked up in an embedding, and features as floats."""
    return sight.axes == 2 and sight.length > 1 and not sight.words & _NO_TOKENS and _indices(sight)


def _indices(sight: _Sight) -> bool:
    if sight.dtype not in (torch.int32, torch.int64):
        return False
    parts = [sight.values] if isinstance(sight.values, Tensor) else sight.values
    counted = [part[part != IGNORED] for part in parts]
    ends = [part.aminmax() for part in counted if part.numel()]
    return bool(ends) and min(int(low) for low, _ in ends) >= 0 and max(int(high) for _, high in ends) > 1


def _named_features(sight: _Sight) -> bool:
    names = sight.subject.feature_names
    return sight.axes == 2 and names is not None and len(names) == sight.shape[1]


def _audio(sight: _Sight) -> bool:
    rate = sight.subject.sample_rate is not None and sight.length >= 256
    return 0 < sight.channels <= 2 and sight.length >= 2 and (rate or bool(sight.words & _SOUND))


def _picture(sight: _Sight) -> bool:
    """Pictures of 1, 3 or 4 channels; of up to 16 where they are 8 pixels high and wide; (N, H, W) by name as well."""
    pixels = [8 if side is None else side for side in sight.shape[-2:]]
    if sight.axes == 3 and min(pixels) < 8:
        return False
    if sight.axes == 3 and sight.words & _PICTURES:
        return True
    few = sight.axes == 4 and (sight.shape[1] or 0) <= 16 and min(pixels) >= 8
    return few or picture_layout(sight.shape, sight.dtype) is not None


RULES: tuple[tuple[Decoder, Callable[[_Sight], bool]], ...] = (
    ("text", _ids_by_name),
    ("table", _named_features),
    ("text", _ids_by_value),
    ("audio", _audio),
    ("image", _picture),
    ("table", lambda sight: sight.axes == 1 or (sight.axes == 2 and sight.length <= 256)),
    ("series", lambda sight: 0 < sight.channels <= 16),
    ("values", lambda _: True),
)


def choose_decoder(values: Tensor | Sequence[Tensor], name: str, *, subject: Subject) -> Decoder:
    """Return the decoder for an input (N, …), or for N samples of different sizes; leaves them unchanged.

    What decides is the shape, the dtype, the words in the name, what the user gave (tokenizer, vocabulary, feature
    names, sample rate), and for integers their range. Source: D-look.
    """
    shape: tuple[int | None, ...]
    if isinstance(values, Tensor):
        shape, first = tuple(values.shape), values
    elif not values:
        return "values"
    else:
        first = values[0]
        sides = zip(*(part.shape for part in values), strict=False)
        shape = (len(values), *(side[0] if len(set(side)) == 1 else None for side in sides))
    words = frozenset(re.findall(r"[a-z]+", name.lower()))
    sight = _Sight(values, shape, first.dtype, words, subject)
    return next(decoder for decoder, holds in RULES if holds(sight))


def check_decoder(name: Any) -> Decoder:
    """Return the decoder of this name.

    Raises:
        InputError: if there is none, with the nearest one.
    """
    for decoder in DECODERS:
        if decoder == name:
            return decoder
    near = difflib.get_close_matches(str(name).lower(), DECODERS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"decoder: expected one of {', '.join(map(repr, DECODERS))}, got {name!r}; {hint}".rstrip("; "))
