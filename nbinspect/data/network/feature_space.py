"""Samples as the last layer of a network sees them, and which of them are alike there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.errors import InputError
from nbinspect.nested import axis_of
from nbinspect.records import Floats, Integers

WIDTH, SAMPLES = 256, 100_000
"""Numbers that are kept of a sample at most, and samples."""
_WIDEST = 2**17
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_LAYERS = (nn.Linear, *_CONVOLUTIONS)


@dataclass(frozen=True, eq=False)
class Features:
    """What enters the last layer of a network, for samples of one split."""

    rows: Integers
    """(M,) ascending rows of the record: all, or 100,000 drawn at random."""
    values: Floats
    """(M, K ≤ 256) float32; NaN of samples that were not predicted."""
    of: str
    """``what enters head (Linear), mean over 28 places, 512 numbers as 256 random projections``"""


class FeatureTap:
    """Listens to the last linear layer or convolution that a network calls; no hook stays."""

    def __init__(self, network: nn.Module) -> None:
        self._layers = {
            name: module
            for name, module in network.named_modules()
            if isinstance(module, _LAYERS) and not isinstance(module, torch.jit.ScriptModule)
        }
        self._name: str | None = None
        """Of the layer; empty where it is the whole network."""
        self._entered: Tensor | None = None
        self._projection: Tensor | None = None
        self.of = ""
        """What the features are, in words; known once there were some."""
        self.missing = ""
        """Why there are none, in words; known once it was looked for some."""

    @contextlib.contextmanager
    def finding(self) -> Iterator[None]:
        """Find out which layer is called last in a block; none where there is no such layer."""
        called: list[str] = []

        def note(name: str) -> Any:
            return lambda *_: called.append(name)

        handles = [layer.register_forward_hook(note(name)) for name, layer in self._layers.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        self._name = called[-1] if called else None
        self.missing = "" if called else "the network calls no linear layer or convolution whose input could be taken"

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Note what enters that layer in a block."""
        self._entered = None
        if self._name is None:
            yield
            return

        def note(_: nn.Module, given: tuple[Any, ...]) -> None:
            if given and isinstance(given[0], Tensor):
                self._entered = given[0].detach()

        handle = self._layers[self._name].register_forward_pre_hook(note)
        try:
            yield
        finally:
            handle.remove()

    def taken(self, size: int, axis: int) -> Floats | None:
        """Return the features of the samples of the last block (n, K) float32, or None where they cannot be told."""
        entered, self._entered = self._entered, None
        if entered is None or self._name is None:
            return None
        is_map = isinstance(self._layers[self._name], _CONVOLUTIONS)
        found = _by_sample(entered, size, axis, is_map=is_map)
        if found is None or found.shape[2] > _WIDEST:
            self.missing = self.missing or f"what enters {self._layer()}, {tuple(entered.shape)}, cannot be told apart"
            return None
        places, width = found.shape[1:]
        if width < 2:  # one number has no direction, and all would be near all
            self.missing = f"what enters {self._layer()} is one number for each sample"
            return None
        pooled = found[:, 0].float() if places == 1 else found.float().mean(1)
        if not self.of:
            self.of = self._told(places, width)
        return self._projected(pooled).cpu().numpy()

    def _projected(self, rows: Tensor) -> Tensor:
        width = rows.shape[1]
        if width <= WIDTH:
            return rows
        if self._projection is None or len(self._projection) != width:
            own = torch.Generator("cpu").manual_seed(0)  # the same for every split, and nobody's random state
            drawn = torch.randn(width, WIDTH, generator=own, dtype=torch.float32, device="cpu")
            self._projection = (drawn / WIDTH**0.5).to(rows.device)
        return rows @ self._projection

    def _told(self, places: int, width: int) -> str:
        pooled = f", mean over {places:,} places" if places > 1 else ""
        told = f"{width:,} numbers" if width <= WIDTH else f"{width:,} numbers as {WIDTH} random projections"
        return f"what enters {self._layer()}{pooled}, {told}"

    def _layer(self) -> str:
        kind = type(self._layers[self._name or ""]).__name__
        return f"{self._name} ({kind})" if self._name else f"the {kind}"


def _by_sample(entered: Tensor, size: int, axis: int, *, is_map: bool) -> Tensor | None:
    """Return (n, places, numbers) of what entered a layer; None where its samples cannot be told apart."""
    if is_map:
        return entered.flatten(2).movedim(1, 2) if entered.dim() > 2 and len(entered) == size else None
    if entered.dim() < 2:
        return None
    along = axis_of(entered, size, axis)
    if along is not None and along < entered.dim() - 1:
        return entered.movedim(along, 0).reshape(size, -1, entered.shape[-1])
    if entered.dim() == 2 and size and len(entered) % size == 0:  # places of a sample one after the other
        return entered.reshape(size, -1, entered.shape[-1])
    return None


def nearest(features: Features, row: int, *, among: Features | None = None, count: int = 8) -> tuple[Integers, Floats]:
    """Return the rows (≤ count,) of the samples most alike a sample in the network's eyes, and their distances.

    The distance is 1 − cosine: 0 of the same direction, 1 of a right angle. The sample itself is left out; the
    features are left unchanged. Source: T-error-analysis.

    Args:
        features: of the split that `row` is of.
        row: of the record.
        among: features of the other split, by the same network, to look in; those of the sample's own by default.
        count: how many.

    Raises:
        InputError: for a row without features, features of another width, or a count below 1.
    """
    if count < 1:
        raise InputError(f"nearest: expected a count of 1 or more, got {count}")
    place = int(np.searchsorted(features.rows, row))
    if place == len(features.rows) or features.rows[place] != row or np.isnan(features.values[place]).any():
        raise InputError(f"nearest: expected a row with features of the network, row {row} has none; predict first")
    there = features if among is None else among
    if there.values.shape[1] != features.values.shape[1]:
        raise InputError("nearest: the features of the two splits differ in width; predict both with the same network")
    own = features.values[place].astype(np.float64)
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("mk,mk->m", there.values, there.values, dtype=np.float64))
        likeness = (there.values @ own.astype(np.float32)) / (lengths * np.sqrt(own @ own))
    distances = 1 - np.clip(likeness, -1, 1)
    if there is features:
        distances[place] = np.nan
    order = np.argsort(distances, kind="stable")[:count]  # NaN last
    order = order[np.isfinite(distances[order])]
    return there.rows[order], distances[order]
