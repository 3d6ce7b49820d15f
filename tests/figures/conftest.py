from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbinspect.capture.tensors import describe
from nbinspect.decode.audio import decode_audio
from nbinspect.decode.image import decode_image
from nbinspect.decode.labels import decode_labels
from nbinspect.decode.series import decode_series
from nbinspect.decode.table import decode_table
from nbinspect.decode.text import decode_text
from nbinspect.decode.values import decode_values
from nbinspect.records import BatchRecord, Decoded, DecodedBatch, Labels, Normalisation, Origin

Make = Callable[..., DecodedBatch]


def decode(values: Any, name: str, decoder: str, **how: Any) -> Decoded:
    if decoder == "image":
        known = how.get("normalisation")
        return decode_image(values, name, normalisation=known, normalisation_note="", statistics=None)
    if decoder == "values":
        return decode_values(values, name)
    others: dict[str, Callable[..., Decoded]] = {
        "text": decode_text,
        "table": decode_table,
        "series": decode_series,
        "audio": decode_audio,
    }
    return others[decoder](values, name, **how)


@pytest.fixture(scope="session")
def make() -> Make:
    """Makes a decoded batch of one input and its targets, as the capture and the decoders would."""

    def batch(
        values: Tensor | list[Tensor],
        target: Any = None,
        *,
        decoder: str = "image",
        name: str = "x",
        class_names: Any = None,
        module: str = "Net",
        error: str | None = None,
        notes: tuple[str, ...] = (),
        **how: Any,
    ) -> DecodedBatch:
        size = len(values)
        tensors = [describe(values, name, "input", batch_size=size)] if size else []
        if isinstance(target, Tensor) and size:
            tensors.append(describe(target, "y", "target", batch_size=size))
        origin = Origin(module, "train", "training", 1240, notes)
        record = BatchRecord(size, tuple(tensors), True, "bfloat16", True, origin, error=error)
        labels = decode_labels(target, name="y", batch_size=size, class_names=class_names)
        item = decode(values, name, decoder, **how)
        return DecodedBatch(record, (item,), (), labels, None, None, None, None, None)

    return batch


@pytest.fixture(scope="session")
def predicted() -> Callable[[DecodedBatch, list[str], list[int]], DecodedBatch]:
    """Adds predictions, their correctness and losses to a decoded batch."""

    def add(decoded: DecodedBatch, text: list[str], correct: list[int]) -> DecodedBatch:
        labels = Labels("prediction", "soft", tuple(text), np.zeros(len(text)), ())
        losses = np.linspace(0.5, 1.5, len(text))
        return replace(decoded, predictions=labels, correct=np.array(correct, dtype=np.int8), losses=losses)

    return add


@pytest.fixture(scope="session")
def kinds(make: Make) -> dict[str, DecodedBatch]:
    """One batch for every decoder and for what is odd about its data."""
    torch.manual_seed(0)
    holes = torch.randn(6, 4)
    holes[1, 2], holes[2, 3] = float("nan"), float("inf")
    waves = torch.randn(5, 3, 900)
    waves[1, 0, 100:400], waves[2] = float("nan"), float("nan")
    maps = torch.randn(4, 6, 5, 7)
    maps[0, 1, 2, 3] = float("-inf")
    imagenet = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "argument")
    names = ["cat", "dog"]
    ids = torch.tensor([[2, 5, 6, 3, 0, 0, 0, 0, 0], [2, 7, 6, 6, 6, 3, 0, 0, 0]])
    return {
        "colour": make(torch.randn(5, 3, 9, 12), torch.arange(5) % 2, class_names=names, normalisation=imagenet),
        "grey": make(torch.rand(70, 1, 8, 8), torch.arange(70)),
        "alpha": make(torch.rand(3, 4, 8, 8)),
        "large": make(torch.rand(2, 3, 300, 200)),
        "ragged": make([torch.rand(3, 20, 30), torch.rand(3, 30, 10)], torch.tensor([0, 1])),
        "values": make(maps, torch.randn(4), decoder="values"),
        "one value": make(torch.tensor([3.0, -1.0]), decoder="values"),
        "text": make(ids, torch.tensor([0, 1]), decoder="text", attention_mask=(ids > 0).long(), padding_value=0),
        "table": make(holes, torch.arange(6) % 2, decoder="table", feature_names=["a", "b b", "c", "d" * 90]),
        "wide": make(torch.randn(30, 300), decoder="table"),
        "long names": make(
            torch.randn(3, 20), decoder="table", feature_names=[f"{i} " + "long" * 9 for i in range(20)]
        ),
        "series": make(waves, ["walk", "run", "walk", "run", "sit"], decoder="series"),
        "point": make(torch.randn(2, 1), decoder="series"),
        "audio": make(torch.randn(2, 5000), decoder="audio", sample_rate=16_000.0),
        "nothing": make(torch.full((2, 3, 4, 4), float("nan"))),
        "one": make(torch.rand(1, 3, 8, 8), torch.tensor([1])),
        "no steps": make(torch.zeros(3, 2, 0), decoder="series"),
        "no features": make(torch.zeros(3, 0), decoder="table"),
        "no pixels": make(torch.zeros(3, 2, 0, 4), decoder="values"),
        "no columns": make(torch.zeros(3, 2, 0), decoder="values"),
        "empty": make(torch.zeros(0, 4), decoder="table"),
    }
