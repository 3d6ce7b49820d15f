"""Waveforms to look at and to hear."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from nbinspect.decode.series import decode_series
from nbinspect.errors import InputError
from nbinspect.records import Series


def decode_audio(
    waves: Tensor | Sequence[Tensor],
    name: str,
    *,
    sample_rate: float | None = None,
    channel_names: Sequence[object] | None = None,
) -> Series:
    """Return waveforms as `decode_series` does, to be played as well; `sample_rate` is in Hz.

    Leaves the waveforms unchanged. Source: K-before-net.

    Raises:
        InputError: for shapes other than (N, T), (N, C, T) and (N, T, C), and for a rate that is no positive number.
    """
    if sample_rate is not None:
        _whole_rate(sample_rate)
    series = decode_series(waves, name, channel_names=channel_names, sample_rate=sample_rate)
    return replace(series, decoder="audio")


def wav_bytes(samples: Tensor, sample_rate: float) -> bytes:
    """Return a waveform (T,), (C, T) or (T, C) as a 16-bit WAV file of the first two channels.

    Floats are taken as they are within [-1, 1] and divided by their peak beyond it; integers are divided by the full
    scale of their type. What is not finite becomes silence. Leaves the waveform unchanged.

    Raises:
        InputError: for other shapes, and for a rate that is no positive number.
    """
    if samples.dim() not in (1, 2):
        raise InputError(f"expected a waveform (T,) or (C, T), got {tuple(samples.shape)}")
    rate = _whole_rate(sample_rate)
    channels = samples.unsqueeze(0) if samples.dim() == 1 else samples
    channels = channels.T if channels.shape[0] > channels.shape[1] else channels
    loud = torch.nan_to_num(_full_scale(channels[:2].cpu()), nan=0.0, posinf=0.0, neginf=0.0)
    peak = loud.abs().amax().item() if loud.numel() else 0.0
    frames = (loud / max(1.0, peak) * 32768).round().clamp(-32768, 32767).to(torch.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(max(1, len(frames)))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(frames.T.contiguous().numpy().astype("<i2").tobytes())
    return file.getvalue()


def _whole_rate(sample_rate: Any) -> int:
    if not isinstance(sample_rate, Real) or not 1 <= float(sample_rate) <= 2**31 - 1:
        raise InputError(f"sample_rate: expected a positive number in Hz, got {sample_rate!r}; write sample_rate=16000")
    return round(float(sample_rate))


def _full_scale(samples: Tensor) -> Tensor:
    """Samples as float64, integers within [-1, 1]; unsigned ones have their silence in the middle."""
    values = samples.double()
    if samples.is_floating_point() or samples.dtype == torch.bool:
        return values
    limits = torch.iinfo(samples.dtype)
    middle = 0 if limits.min < 0 else (limits.max + 1) / 2
    return (values - middle) / (limits.max + 1 - middle)
