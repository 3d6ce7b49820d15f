from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from nbinspect.decode.choose import DECODERS, check_decoder, choose_decoder
from nbinspect.errors import InputError
from nbinspect.subject import Subject


def choose(values: Tensor | list[Tensor], name: str = "x", **known: Any) -> str:
    return choose_decoder(values, name, subject=Subject(torch.nn.Identity(), [], **known))


def ids(*shape: int) -> Tensor:
    return torch.randint(0, 5000, shape)


@pytest.mark.parametrize(
    ("shape", "dtype", "name", "decoder"),
    [
        ((8, 3, 32, 32), torch.float32, "x", "image"),
        ((8, 32, 32, 3), torch.uint8, "x", "image"),
        ((8, 1, 28, 28), torch.float16, "x", "image"),
        ((8, 4, 5, 9), torch.float64, "x", "image"),
        ((8, 5, 32, 32), torch.float32, "x", "image"),
        ((8, 512, 4, 4), torch.float32, "x", "values"),
        ((8, 1000, 16, 16), torch.float32, "x", "values"),
        ((8, 28, 28), torch.uint8, "x", "image"),
        ((8, 28, 28), torch.float32, "x", "image"),
        ((8, 28, 30), torch.float32, "images", "image"),
        ((8, 80, 300), torch.float32, "batch['mel']", "image"),
        ((8, 4, 4), torch.float32, "x", "series"),
        ((8, 12, 50), torch.float32, "x", "series"),
        ((8, 50, 12), torch.float32, "x", "series"),
        ((8, 64, 200), torch.float32, "x", "values"),
        ((8,), torch.float32, "x", "table"),
        ((8,), torch.int64, "x", "table"),
        ((8, 30), torch.float32, "x", "table"),
        ((8, 30), torch.bool, "x", "table"),
        ((8, 256), torch.float32, "x", "table"),
        ((8, 257), torch.float32, "x", "series"),
        ((8, 9000), torch.float32, "x", "series"),
        ((8, 9000), torch.float32, "waveform", "audio"),
        ((8, 2, 9000), torch.float32, "batch['audio']", "audio"),
        ((8, 3, 4, 16, 16), torch.float32, "x", "values"),
        ((), torch.float32, "x", "values"),
    ],
)
def test_shape_dtype_and_name_decide(shape: tuple[int, ...], dtype: torch.dtype, name: str, decoder: str) -> None:
    """What a tensor of this shape, dtype and name usually is decides without any hint."""
    assert choose(torch.zeros(shape, dtype=dtype), name) == decoder


@pytest.mark.parametrize(
    ("values", "name", "decoder"),
    [
        (ids(4, 20), "input_ids", "text"),
        (ids(4, 20), "x", "text"),
        (ids(4, 20).int(), "x", "text"),
        (torch.tensor([[5, -100, -100]]), "y", "text"),
        (torch.zeros(4, 20, dtype=torch.int64), "idx", "text"),
        (ids(4, 3, 20), "input_ids", "text"),
        (ids(4, 1), "x", "table"),
        (-ids(4, 20) - 1, "x", "table"),
        (torch.ones(4, 20, dtype=torch.int64), "attention_mask", "table"),
        (ids(4, 20) % 3, "token_type_ids", "table"),
        (ids(4, 20), "position_ids", "table"),
        (ids(4, 20).to(torch.int16), "x", "table"),
        (ids(4, 20).float(), "input_ids", "table"),
    ],
)
def test_integers_that_are_looked_up_are_text(values: Tensor, name: str, decoder: str) -> None:
    """Integer ids are text by name or range; masks, types, positions and negative numbers are not."""
    assert choose(values, name) == decoder


@pytest.mark.parametrize(
    ("values", "known", "decoder"),
    [
        (ids(4, 20), {"feature_names": [str(i) for i in range(20)]}, "table"),
        (torch.zeros(4, 300), {"feature_names": [str(i) for i in range(300)]}, "table"),
        (torch.zeros(4, 300), {"feature_names": ["a"]}, "series"),
        (torch.zeros(4, 9000), {"sample_rate": 16_000}, "audio"),
        (torch.zeros(4, 9000, dtype=torch.int16), {"sample_rate": 16_000}, "audio"),
        (torch.zeros(4, 2, 9000), {"sample_rate": 16_000}, "audio"),
        (torch.zeros(4, 6, 9000), {"sample_rate": 16_000}, "series"),
        (torch.zeros(4, 20), {"sample_rate": 16_000}, "table"),
        (torch.zeros(4, 1, 64, 64), {"sample_rate": 16_000}, "image"),
        (ids(4, 20), {"tokenizer": object()}, "text"),
        (torch.zeros(4, 20), {"tokenizer": object()}, "table"),
        (torch.zeros(4, 3, 32, 32), {"tokenizer": object()}, "image"),
    ],
)
def test_what_the_user_gave_decides(values: Tensor, known: dict[str, Any], decoder: str) -> None:
    """Feature names that fit, a sample rate and a tokenizer settle what a shape leaves open."""
    assert choose(values, **known) == decoder


@pytest.mark.parametrize(
    ("parts", "decoder"),
    [
        ([ids(5), ids(9)], "text"),
        ([torch.zeros(50), torch.zeros(90)], "series"),
        ([torch.zeros(2, 50), torch.zeros(2, 90)], "series"),
        ([torch.zeros(50, 2), torch.zeros(90, 2)], "series"),
        ([torch.zeros(3, 40, 50), torch.zeros(3, 30, 60)], "image"),
        ([torch.zeros(40, 50, 3), torch.zeros(30, 60, 3)], "image"),
        ([torch.zeros(40, 50), torch.zeros(30, 60)], "image"),
        ([], "values"),
    ],
)
def test_ragged_lists_are_chosen_by_what_they_share(parts: list[Tensor], decoder: str) -> None:
    """Samples of different sizes are decided by the axes that vary."""
    assert choose(parts) == decoder


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_can_be_named(name: str) -> None:
    """The name of a decoder is accepted as it is."""
    assert check_decoder(name) == name


@pytest.mark.parametrize(
    ("name", "hint"), [("images", "did you mean 'image'?"), ("Text", "did you mean 'text'?"), (3, ""), (None, "")]
)
def test_other_names_are_refused_with_the_nearest(name: object, hint: str) -> None:
    """An unknown decoder is refused with all names, and the nearest where there is one."""
    with pytest.raises(InputError) as raised:
        check_decoder(name)
    said = str(raised.value)
    assert "'image', 'text', 'table', 'series', 'audio', 'values'" in said
    assert repr(name) in said
    assert said.endswith(hint or repr(name))
