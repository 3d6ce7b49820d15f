from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("sent", ["nothing", "half an order", "an order"])
def test_starters_that_end_at_once(lab: Lab, forks: str, tmp_path: Path, sent: str) -> None:
    """A kernel starts also after one was asked for by a process that ended before it was answered."""
    order = json.dumps(
        {"arguments": ["-f", str(tmp_path / "none.json")], "environment": dict(os.environ), "folder": "."}
    )
    text = {"nothing": "", "half an order": order[:20], "an order": f"{order}\n"}[sent]
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(forks)
        if text:
            socket.send_fds(asking, [text.encode()], [reading, writing, writing, writing])
    os.close(writing)
    os.read(reading, 1)  # until the last that holds the other side has let it go
    os.close(reading)
    assert lab.open("").execute("print(1 + 1)") == "2"
