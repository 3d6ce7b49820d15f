from __future__ import annotations

import io
import wave

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nbinspect.decode.audio import decode_audio, wav_bytes
from nbinspect.decode.series import decode_series
from nbinspect.errors import InputError


def read(data: bytes) -> tuple[NDArray[np.int16], int]:
    """Samples (T, C) and rate of a WAV file, by the standard library's reader."""
    with wave.open(io.BytesIO(data)) as file:
        assert file.getsampwidth() == 2
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return frames.reshape(-1, file.getnchannels()), file.getframerate()


@pytest.mark.parametrize("shape", [(500,), (1, 500), (2, 500), (500, 2)])
def test_waves_are_written_as_they_are(shape: tuple[int, ...]) -> None:
    """Floats within ±1 keep their loudness, within half a step of 16 bits, in one or two channels."""
    samples = torch.rand(shape) * 1.8 - 0.9
    frames, rate = read(wav_bytes(samples, 22_050))
    expected = samples.numpy().reshape(shape if shape[0] != 500 or len(shape) == 1 else (500, 2))
    expected = expected.T if expected.ndim == 2 and expected.shape[0] < 3 else expected.reshape(500, -1)
    assert np.abs(frames / 32768 - expected).max() <= 0.5 / 32768
    assert rate == 22_050


def test_loud_waves_are_divided_by_their_peak() -> None:
    """Beyond ±1 the peak becomes full scale and the proportions stay."""
    frames, _ = read(wav_bytes(torch.tensor([4.0, -2.0, 1.0, 0.0]), 8000))
    np.testing.assert_allclose(frames[:, 0] / 32768, [1, -0.5, 0.25, 0], atol=1 / 32768)


def test_what_is_not_finite_is_silent() -> None:
    """NaN and infinity become silence and change nothing else."""
    samples = torch.tensor([0.5, float("nan"), float("inf"), -float("inf"), -0.5])
    assert read(wav_bytes(samples, 8000))[0][:, 0].tolist() == [16384, 0, 0, 0, -16384]


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (torch.int16, [-32768, -1, 0, 1, 32767], [-32768, -1, 0, 1, 32767]),
        (torch.uint8, [0, 64, 128, 255], [-32768, -16384, 0, 32512]),
        (torch.int32, [-(2**31), 2**30], [-32768, 16384]),
        (torch.float16, [0.5, -1.0], [16384, -32768]),
        (torch.bfloat16, [0.5], [16384]),
    ],
)
def test_integers_are_of_their_own_scale(dtype: torch.dtype, values: list[float], expected: list[int]) -> None:
    """Integers are shares of their type's range, so that 16 bits come back to the bit."""
    assert read(wav_bytes(torch.tensor(values, dtype=dtype), 8000))[0][:, 0].tolist() == expected


def test_of_many_channels_two_are_heard() -> None:
    """A file has the first two channels of four."""
    samples = torch.rand(4, 100)
    frames, _ = read(wav_bytes(samples, 8000))
    np.testing.assert_allclose(frames / 32768, samples[:2].T.numpy(), atol=1 / 32768)


def test_silence_of_no_length_is_a_file() -> None:
    """A wave without samples is a file without frames."""
    assert read(wav_bytes(torch.zeros(0), 8000))[0].size == 0


@pytest.mark.parametrize("rate", [0, -1, float("nan"), "16000"])
def test_rates_must_be_numbers_of_hertz(rate: object) -> None:
    """A rate that cannot be played is refused, with an example."""
    with pytest.raises(InputError, match="sample_rate: expected a positive number in Hz"):
        wav_bytes(torch.zeros(5), rate)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="sample_rate: expected a positive number in Hz"):
        decode_audio(torch.zeros(2, 5), "x", sample_rate=rate)  # type: ignore[arg-type]


def test_other_shapes_are_no_wave() -> None:
    """Three axes are refused."""
    with pytest.raises(InputError, match="expected a waveform"):
        wav_bytes(torch.zeros(1, 2, 3), 8000)


def test_audio_is_a_series_that_can_be_played() -> None:
    """The record differs from a series in its decoder alone, and has the rate."""
    waves = torch.randn(2, 3000)
    audio, series = decode_audio(waves, "wave", sample_rate=16_000.0), decode_series(waves, "wave")
    np.testing.assert_array_equal(audio.low, series.low)
    np.testing.assert_array_equal(audio.high, series.high)
    assert (audio.decoder, audio.sample_rate, audio.length) == ("audio", 16_000.0, 3000)
