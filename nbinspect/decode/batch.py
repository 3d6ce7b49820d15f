"""A captured batch, decoded: each tensor by the decoder that fits it, targets as labels, masks, boxes or pictures."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbinspect.capture.batch import CapturedBatch
from nbinspect.capture.predictions import Evaluation
from nbinspect.capture.samples import entries
from nbinspect.capture.tensors import length_of, readable
from nbinspect.decode.audio import decode_audio, wav_bytes
from nbinspect.decode.choose import check_decoder, choose_decoder
from nbinspect.decode.image import decode_image
from nbinspect.decode.labels import decode_labels, decode_predictions
from nbinspect.decode.names import outside, shortened
from nbinspect.decode.normalisation import find_normalisation
from nbinspect.decode.overlays import decode_boxes, decode_masks
from nbinspect.decode.series import decode_series
from nbinspect.decode.table import decode_table
from nbinspect.decode.text import decode_text
from nbinspect.decode.values import decode_values
from nbinspect.errors import NbinspectError, reason_of
from nbinspect.records import BatchRecord, Decoded, DecodedBatch, Finding, Labels, Pictures, TensorRecord, Tokens
from nbinspect.subject import Subject

Decoders: TypeAlias = "str | Mapping[str, str] | None"
"""A decoder for every input, decoders by the names of inputs, or None for those that fit."""

Found = TypeVar("Found")
P = ParamSpec("P")
Values: TypeAlias = "Tensor | list[Tensor]"

_MAIN_FIRST = ("image", "audio", "text", "series", "table", "values")
_BESIDE_TEXT = ("mask", "token_type_ids", "position_ids")
_SAMPLE_LIMIT = 1 << 20
_NAMED = 64
"""Samples that a finding names at most."""


def check_decoders(decoder: Decoders) -> None:
    """Raise InputError for a decoder name that does not exist."""
    for name in decoder.values() if isinstance(decoder, Mapping) else [decoder]:
        if name is not None:
            check_decoder(name)


def decode_batch(captured: CapturedBatch, subject: Subject, decoder: Decoders = None) -> DecodedBatch:
    """Decode every tensor of a batch that can be shown; what cannot is said in the notes, never raised.

    Tensors are reduced on their own device before they reach the host; they are left unchanged.
    """
    captured = replace(captured, record=_with_names(captured.record, subject.feature_names))
    notes: list[str] = []
    inputs: list[Decoded] = []
    for (name, values), record in zip(captured.inputs, captured.record.tensors, strict=False):
        choice = decoder.get(name) if isinstance(decoder, Mapping) else decoder
        decoded = _tried(name, notes, _decode, values, record, subject, captured, choice)
        if decoded is not None:
            inputs.append(decoded)
    names, tensors = subject.feature_names, captured.record.tensors
    if names and not any(len(names) in each.facts.shape[1:] for each in tensors if each.facts.role == "input"):
        notes.append(f"feature_names has {len(names)} names, and no input has {len(names)} features")
    inputs.sort(key=_rank)
    if inputs and isinstance(inputs[0], Tokens):
        inputs = [each for each in inputs if not _is_beside(each.name)]
    return _with_targets(captured, subject, inputs, notes)


def _decode(
    values: Values, record: TensorRecord, subject: Subject, captured: CapturedBatch, choice: str | None
) -> Decoded | None:
    """Decode one tensor whose first axis is the batch, or a list of samples; None for a scalar or a lookup table.

    Raises:
        NbinspectError: if it has no values to show, or its first axis is not the batch.
    """
    name, shape = record.facts.name, record.facts.shape
    if length_of(values) != captured.record.size:
        if len(shape) < 2:
            return None
        raise NbinspectError(f"shape {shape} is not that of a batch of {captured.record.size}")
    read = [readable(part) for part in ([values] if isinstance(values, Tensor) else values)]
    parts = [part for part, _ in read if part is not None]
    if len(parts) < len(read):
        raise NbinspectError(next(note for part, note in read if part is None))
    dense = parts[0] if isinstance(values, Tensor) else parts
    # names of other inputs' features; where they fit none, a note says so
    own = dense.shape[1:] if isinstance(dense, Tensor) else shape[1:]
    names = subject.feature_names if len(subject.feature_names or ()) in own else None
    kind = choice or choose_decoder(dense, name, subject=subject)
    if kind == "image":
        dataset = getattr(subject.loader, "dataset", None)
        normalisation, note = find_normalisation(subject.normalisation, dataset, dense, record.statistics)
        return decode_image(
            dense, name, normalisation=normalisation, normalisation_note=note, statistics=record.statistics
        )
    if kind == "text":
        mask = next((each for path, each in captured.inputs if "mask" in path and isinstance(each, Tensor)), None)
        words = {"tokenizer": subject.tokenizer, "vocabulary": subject.vocabulary}
        return decode_text(dense, name, attention_mask=mask, padding_value=subject.padding_value, **words)
    if kind in ("series", "audio"):
        decode = decode_audio if kind == "audio" else decode_series
        return decode(dense, name, channel_names=names, sample_rate=subject.sample_rate)
    if kind == "table" and isinstance(dense, Tensor):
        return decode_table(dense, name, feature_names=names)
    return decode_values(dense, name, statistics=record.statistics)


def _is_beside(name: str) -> bool:
    """Whether an input only goes with the tokens of a text."""
    return any(part in name for part in _BESIDE_TEXT)


def _rank(decoded: Decoded) -> int:
    return _MAIN_FIRST.index(decoded.decoder)


def _with_names(record: BatchRecord, names: Sequence[object] | None) -> BatchRecord:
    """Return the record with the rows of a table's statistics under the user's names for its features."""

    def named(tensor: TensorRecord) -> TensorRecord:
        rows = tensor.statistics
        table = rows is not None and rows.axis == "feature" and tensor.facts.role == "input"
        if not names or rows is None or not table or len(rows.names) != len(names):
            return tensor
        return replace(tensor, statistics=replace(rows, names=tuple(map(shortened, names))))

    return replace(record, tensors=tuple(map(named, record.tensors)))


def _with_targets(captured: CapturedBatch, subject: Subject, inputs: list[Decoded], notes: list[str]) -> DecodedBatch:
    target, name, names = captured.targets, captured.target_name, subject.class_names
    size = captured.record.size
    entered = [each for _, each in captured.inputs]
    read = functools.partial(
        decode_labels, name=name, batch_size=size, class_names=names, inputs=entered, loss_fn=subject.loss_fn
    )
    labels = _tried(name, notes, read, target)
    pictures = next((each for each in inputs if isinstance(each, Pictures)), None)
    masks = boxes = None
    if pictures is not None and labels is not None and labels.kind in ("mask", "boxes"):
        if labels.kind == "mask":
            masks = _tried(name, notes, decode_masks, target, pictures, names)
        else:
            boxes = _tried(name, notes, decode_boxes, target, pictures, names)
    goals: list[Decoded] = []
    if labels is not None and labels.kind in ("picture", "tokens"):
        records = [each for each in captured.record.tensors if each.facts.role == "target"]
        for (path, values), record in zip(entries(target, name, size), records, strict=False):
            goal = _tried(path, notes, _decode, values, record, subject, captured, None)
            if goal is not None:
                goals.append(goal)
    told = captured.record if labels is None or labels.kind != "class" else _with_outside(captured.record, labels)
    return DecodedBatch(told, tuple(inputs), tuple(goals), labels, masks, boxes, None, None, None, tuple(notes))


def _with_outside(record: BatchRecord, labels: Labels) -> BatchRecord:
    """Return the record with a finding about labels that are outside the class names, where there are any."""
    count, which = outside(Counter(labels.text))
    if not count:
        return record
    samples = tuple(place for place, text in enumerate(labels.text) if outside({text: 1})[0])[:_NAMED]
    text = f"{count:,} of {len(labels.text):,} labels {'is' if count == 1 else 'are'} {which}"
    found = (Finding("warn", "outside-classes", text, None, samples),)
    own = [each.facts.role == "target" and each.facts.name == labels.name for each in record.tensors]
    if not any(own):  # labels in a list
        return replace(record, findings=found + record.findings)
    pairs = zip(record.tensors, own, strict=True)
    tensors = (replace(each, findings=found + each.findings) if is_own else each for each, is_own in pairs)
    return replace(record, tensors=tuple(tensors))


def with_predictions(
    shown: DecodedBatch, evaluation: Evaluation, captured: CapturedBatch, subject: Subject
) -> DecodedBatch:
    """Return the same decoded batch with predictions, their correctness and the loss of each sample."""
    names, loss_fn, paired = subject.class_names, subject.loss_fn, _are_paired(captured)
    predictions, correct = decode_predictions(
        evaluation.outputs, shown.labels, captured.targets, class_names=names, loss_fn=loss_fn, paired=paired
    )
    return replace(shown, predictions=predictions, correct=correct, losses=evaluation.losses)


def _are_paired(captured: CapturedBatch) -> bool:
    """Whether two inputs of one shape and type entered, such as two pictures, and nothing else of that shape."""
    tensors = [each for name, each in captured.inputs if isinstance(each, Tensor) and not _is_beside(name)]
    kinds = Counter((each.shape, each.dtype) for each in tensors)
    return 2 in kinds.values()


def exact_sample(captured: CapturedBatch, name: str, sample: int) -> dict[str, Any]:
    """Return one sample of an input or target as it entered: float32 values of its own shape, and a note.

    Raises:
        NbinspectError: if there is no such tensor or sample.
    """
    values = _sample_of(captured, name, sample)
    note = ""
    if values.numel() > _SAMPLE_LIMIT:
        step = int(np.ceil((values.numel() / _SAMPLE_LIMIT) ** (1 / max(min(values.dim(), 2), 1))))
        values = values[..., ::step, ::step] if values.dim() > 1 else values[::step]
        note = f"every {step}th value of a large sample"
    return {"values": values.float().cpu().numpy(), "note": note}


def sound_of(captured: CapturedBatch, subject: Subject, name: str, sample: int) -> NDArray[np.uint8]:
    """Return one sample of an audio input as the bytes of a WAV file, to be played."""
    if subject.sample_rate is None:
        raise NbinspectError("the rate of this sound is not known: give Inspector(…, sample_rate=16_000), in Hz")
    wave = wav_bytes(_sample_of(captured, name, sample), subject.sample_rate)
    return np.frombuffer(wave, dtype=np.uint8)


def _sample_of(captured: CapturedBatch, name: str, sample: int) -> Tensor:
    named = dict(captured.inputs) | dict(entries(captured.targets, captured.target_name, captured.record.size))
    if name not in named:
        raise NbinspectError(f"there is no tensor {name!r} in this batch; there are {', '.join(named)}")
    values = named[name]
    if not isinstance(sample, int) or not 0 <= sample < len(values):
        raise NbinspectError(f"{name} has samples 0 to {len(values) - 1}, not {sample}")
    one, note = readable(values[sample])
    if one is None:
        raise NbinspectError(f"{name}: {note}")
    return one


def _tried(
    name: str, notes: list[str], decode: Callable[P, Found], /, *args: P.args, **options: P.kwargs
) -> Found | None:
    """Decode, or note in a sentence why not: one tensor that cannot be shown must not hide the others."""
    try:
        return decode(*args, **options)
    except Exception as error:  # noqa: BLE001 - data may be anything; the note says what it was
        notes.append(f"{name} cannot be shown: {reason_of(error)}")
        return None
