"""Runs as an observer would tell of them, and processes that record one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch

from nbinspect.capture.tensors import describe
from nbinspect.decode.audio import decode_audio
from nbinspect.decode.image import decode_image
from nbinspect.decode.labels import decode_labels
from nbinspect.decode.series import decode_series
from nbinspect.decode.table import decode_table
from nbinspect.decode.text import decode_text
from nbinspect.records import (
    BatchRecord,
    DecodedBatch,
    DynamicsRecord,
    Moment,
    Origin,
    ProbeRecord,
    Reading,
    Spike,
    Trace,
)

HOSTILE = "</script><img src=x onerror=alert(1)>\ud800\x00"


def decoded_batch(kind: str = "image", size: int = 4) -> DecodedBatch:
    generator = torch.Generator().manual_seed(7)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(size, *shape, generator=generator)

    if kind == "image":
        values = draw(3, 8, 8)
        decoded = decode_image(values, "x", normalisation=None, normalisation_note="", statistics=None)
    elif kind == "text":
        values = torch.arange(size * 6).reshape(size, 6)
        decoded = decode_text(values, "x")
    elif kind == "table":
        values = draw(5)
        decoded = decode_table(values, "x")
    elif kind == "series":
        values = draw(2, 30)
        decoded = decode_series(values, "x")
    else:
        values = draw(1, 400)
        decoded = decode_audio(values, "x", sample_rate=8000)
    targets = torch.arange(size) % 3
    facts = [describe(values, "x", "input", batch_size=size), describe(targets, "y", "target", batch_size=size)]
    record = BatchRecord(size, tuple(facts), True, None, True, Origin("Net", "train", "probe", None))
    labels = decode_labels(targets, name="y", batch_size=size, class_names=None)
    return DecodedBatch(record, (decoded,), (), labels, None, None, None, None, np.full(size, np.nan))


def probe_record(kind: str = "image", size: int = 4) -> ProbeRecord:
    targets = np.arange(size) % 3
    return ProbeRecord(
        "train", "given", "classification", decoded_batch(kind, size), targets, ("a", "b", "c"), np.arange(3)
    )


def reading(step: int, size: int = 4, classes: int = 3) -> Reading:
    numbers = np.random.default_rng(step)
    one = np.linspace(0, 1, size, dtype=np.float32)
    whole = np.zeros(size, dtype=np.int32)
    logits = numbers.normal(size=(size, classes)).astype(np.float32)
    jitter = np.full(size, np.nan if step < 3 else 0.1, dtype=np.float32)
    right = np.ones(size, dtype=np.int8)
    return Reading(step, logits, logits.argmax(1).astype(np.int32), one, right, one, one, jitter, whole, whole)


def trace(name: str, steps: range, part: str = "", value: float = 0.5) -> Trace:
    values = np.full(len(steps), value, dtype=np.float32)
    return Trace(
        name, part, np.array(steps, dtype=np.int64), values, values, values, np.zeros(len(steps), dtype=np.int32)
    )


def news(first: int, last: int, **others: object) -> DynamicsRecord:
    """What is fresh after the steps from `first` to `last`: loss and rate of each, a reading after the last."""
    steps = range(first, last + 1)
    record = DynamicsRecord(
        model="Net",
        optimizers=("SGD",),
        steps=last,
        seconds=last / 100,
        overhead=0.01,
        budget=0.02,
        probes=(probe_record(),) if first == 1 else (),
        readings=((reading(last),),),
        traces=(trace("loss", steps, value=1 / last), trace("rate", steps, "SGD")),
        moments=(Moment(last, "note", HOSTILE),) if first == 1 else (),
        spikes=(Spike(last, 9.0, 0.5, decoded_batch(size=2), np.ones(2, dtype=np.float32)),) if first == 1 else (),
        pins=(last,),
        notes=("a note",),
    )
    return replace(record, **others)


@contextmanager
def another_python(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs `code` with `arguments` in ``sys.argv``; it does not outlive the block."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


KILLED = """
import os, signal, sys
from nbinspect.runlog.log import RunLog
from tests.runlog.logged import news
log = RunLog(sys.argv[1])
for step in range(1, 8):
    log.write(news(step, step))
    log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
