"""What it takes to turn a batch of normalised pictures into the bytes that a page shows, beside a limit and its peers.

The ways take turns in each round, and medians are compared. Run it as ``python benchmarks/batch_view.py``; it prints
one table for each size of picture.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from limits import print_limit
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from nbinspect.capture.tensors import describe
from nbinspect.decode.image import decode_image
from nbinspect.records import Normalisation, Statistics

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "argument")
SIDES = (64, 224)
COUNT = 64
MOST, LEAST = 3.0, 20.0
"""Times the limit that showing may take, and times that subplots take more at least."""

Way = Callable[[], int]
"""Makes a batch fit to be shown, and returns how many bytes are then to be sent."""


def pictures(side: int) -> Tensor:
    """Return (64, 3, side, side) float32: noise over a gradient, in steps of 1/255, normalised."""
    ramp = torch.linspace(0, 1, side)
    noise = 0.15 * torch.randn(COUNT, 3, side, side, generator=torch.Generator().manual_seed(0))
    raw = ((ramp[:, None] + ramp) / 2 + noise).clamp(0, 1)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (IMAGENET.mean, IMAGENET.std))
    return ((raw * 255).round() / 255 - mean) / std


def denormalised(batch: Tensor) -> NDArray[np.uint8]:
    """Return the pictures as bytes by one fused pass an image: what any way to show them has to do at least."""
    mean, std = (torch.tensor(part).view(3, 1, 1) * 255 for part in (IMAGENET.mean, IMAGENET.std))
    planes, levels = torch.empty(batch.shape, dtype=torch.uint8), torch.empty(batch.shape[1:])
    for image, plane in zip(batch, planes, strict=True):
        plane.copy_(torch.addcmul(mean + 0.5, image, std, out=levels).clamp_(0, 255))
    return planes.numpy()


def limit(batch: Tensor) -> int:
    """Bring the pictures to bytes and no more."""
    return denormalised(batch).nbytes


def decoded(batch: Tensor, known: Statistics | None) -> int:
    """Show the pictures as nbinspect does, with the statistics that were captured, or working them out."""
    if known is None:
        known = describe(batch, "x", "input", batch_size=len(batch)).statistics
    shown = decode_image(batch, "x", normalisation=IMAGENET, normalisation_note="", statistics=known)
    return shown.planes.nbytes + (0 if shown.exact is None else shown.exact.nbytes)


def subplots(batch: Tensor) -> int:
    """Show the pictures as most notebooks do: 8 × 8 subplots, drawn to a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(8, 8, figsize=(8, 8))
    for axis, image in zip(axes.flat, denormalised(batch), strict=True):
        axis.imshow(image.transpose(1, 2, 0))
        axis.axis("off")
    page = io.BytesIO()
    figure.savefig(page, format="png")
    plt.close(figure)
    return page.tell()


def sprite(batch: Tensor) -> int:
    """Show the pictures as one large PNG, 8 × 8."""
    side, across = batch.shape[-1], math.isqrt(len(batch))
    tiles = denormalised(batch).reshape(across, across, 3, side, side).transpose(0, 3, 1, 4, 2)
    page = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tiles.reshape(across * side, across * side, 3))).save(page, "PNG")
    return page.tell()


def measured(ways: dict[str, Way], rounds: int) -> dict[str, tuple[float, int]]:
    """Return the median seconds and the bytes of each way, all of them once in each round after one to warm up."""
    payload = {name: way() for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: (statistics.median(times[name]), payload[name]) for name in ways}


def print_pictures(side: int, rounds: int) -> None:
    """Print the table for pictures of one size."""
    batch = pictures(side)
    known = describe(batch, "x", "input", batch_size=COUNT).statistics
    ways: dict[str, Way] = {
        "limit: one pass to uint8": lambda: limit(batch),
        "nbinspect, statistics known": lambda: decoded(batch, known),
        "nbinspect, with statistics": lambda: decoded(batch, None),
        "matplotlib 8×8 subplots": lambda: subplots(batch),
        "PIL sprite": lambda: sprite(batch),
    }
    results = measured(ways, rounds)
    least = results["limit: one pass to uint8"][0]
    most = results["matplotlib 8×8 subplots"][0]
    print(f"\n{COUNT}×3×{side}×{side} {'':<15} {'ms':>8} {'× limit':>8} {'subplots ÷':>11} {'kB':>7}")
    for name, (seconds, size) in results.items():
        row = f"{seconds * 1e3:8.2f} {seconds / least:8.2f} {most / seconds:11.1f} {size / 1e3:7.0f}"
        print(f"{name:<28} {row}")
    own = results["nbinspect, statistics known"][0]
    print_limit(f"{side} px: statistics known ÷ one pass to uint8", own / least, most=MOST)
    print_limit(f"{side} px: subplots ÷ statistics known", most / own, least=LEAST)


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each way is measured")
    parser.add_argument("--threads", type=int, default=1, help="threads that torch may use")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for side in SIDES:
        print_pictures(side, 3 if options.quick else options.rounds)


if __name__ == "__main__":
    main()
