"""The latency of one click on Over, in a real JupyterLab with Chromium: median and worst of 100.

Measured in the page, from the click until the cursor stands on the next step and its tensor has been drawn.

Run with `python benchmarks/forward_click.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

CLICKS = 20 if "--quick" in sys.argv else 100
MODEL = f"""
import torch
from torch import nn
from nbinspect import Inspector

layers = [layer for _ in range({CLICKS // 2 + 1}) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())]
model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *layers)
view = Inspector(model, [torch.randn(32, 3, 32, 32)]).forward()
view
"""
CLICK = """async () => {
    const root = document.querySelector('.nbinspect');
    const over = [...root.querySelectorAll('button')].find(button => button.textContent.startsWith('Over'));
    const current = () => root.querySelector('[role=tree] [aria-current=step]')?.dataset.index;
    const drawn = () => root.querySelector('[aria-label=Tensor] .nf-maps canvas')?.isConnected;
    const refused = () => over.disabled || over.getAttribute('aria-disabled') === 'true';
    while (refused()) await new Promise(requestAnimationFrame);
    const before = current(), began = performance.now();
    over.click();
    while (current() === before || !drawn()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""


@pytest.mark.timeout(600)
def test_latency(lab: Any) -> None:
    """Click through a hundred steps and print how long each took."""
    notebook = lab.open(MODEL)
    notebook.run()
    times = [notebook.page.evaluate(CLICK) for _ in range(CLICKS)]
    print(f"\n\n{CLICKS} clicks on Over, activations (32, 16, 32, 32): ", end="")
    print(f"median {median(times):.0f} ms, worst {max(times):.0f} ms")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(pytest.main([__file__, "-q", "-s", "-p", "tests.browser.conftest"]))
