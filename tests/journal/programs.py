"""A small program to keep, and a second Python to kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector

HOSTILE = "<img src=x onerror=alert(1)>'); DROP TABLE entry; --\x00\ud800$\\frac$"


def inspector(rate: float = 0.1, width: int = 16, size: int = 8, offset: float = 0.0, **options: Any) -> Inspector:
    """A classifier of 64 samples; `offset` is added to its data."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 6, generator=generator)
    model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, 3))
    loader = DataLoader(TensorDataset(x + offset, x[:, :3].argmax(1)), batch_size=size, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, **options)


@contextmanager
def another_python(code: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Python that runs `code` with a `journal` at `file`; it does not outlive the block."""
    head = (
        f"import nbinspect.journal.run as run_module\nfrom nbinspect import Journal\njournal = Journal({str(file)!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", head + code], stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()
