"""Showing one batch: what it takes until a page, a picture or a line is there, beside treescope and lovely-tensors.

The ways take turns in each round, and medians are compared. nbinspect's way opens the batch view, with the pass of the
network that it catches the batch from, and writes the page that needs no kernel. Run it as
``python benchmarks/tensor_display.py``; it prints one table.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from batch_view import Way, measured, pictures
from torch import Tensor, nn

from nbinspect import Inspector

READ_OFF = {
    "nbinspect, page": "every picture, its label and statistics by channel, findings, dtype, mode",
    "nbinspect, text": "statistics by channel, findings, dtype, mode",
    "treescope, tensor": "shape, dtype, mean, std, range, zeros; the values at its edges",
    "treescope, NumPy": "shape, dtype, mean, std, range, zeros; the values at its edges",
    "lovely-tensors, line": "shape, bytes, range, mean, std, a histogram of ten letters, NaN and Inf",
    "lovely-tensors, rgb": "every picture of the batch in one, de-normalised by numbers that are given",
}


def ours(batch: Tensor, targets: Tensor, folder: Path) -> Iterator[tuple[str, Way]]:
    """Yield nbinspect's ways."""
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    inspector = Inspector(model, [(batch, targets)], nn.CrossEntropyLoss())

    def page() -> int:
        view = inspector.batch()
        size = view.to_html(folder / "batch.html").stat().st_size
        view.close()
        return size

    def text() -> int:
        view = inspector.batch()
        size = len(repr(view).encode())
        view.close()
        return size

    yield "nbinspect, page", page
    yield "nbinspect, text", text


def treescopes(batch: Tensor) -> Iterator[tuple[str, Way]]:
    """Yield the ways of treescope, of tensors and of arrays."""
    import treescope  # type: ignore[import-not-found, unused-ignore] # in the peers' environment

    def of(value: object) -> Way:
        return lambda: len(treescope.render_to_html(value, compressed=False).encode())

    yield "treescope, tensor", of(batch)
    yield "treescope, NumPy", of(batch.numpy())


def lovelies(batch: Tensor) -> Iterator[tuple[str, Way]]:
    """Yield the ways of lovely-tensors."""
    import lovely_tensors  # type: ignore[import-not-found, unused-ignore] # in the peers' environment

    def picture() -> int:
        page = io.BytesIO()
        lovely_tensors.rgb(batch, "imagenet").fig.savefig(page, format="png")
        return page.tell()

    yield "lovely-tensors, line", lambda: len(str(lovely_tensors.lovely(batch)).encode())
    yield "lovely-tensors, rgb", picture


PEERS: dict[str, Callable[[Tensor], Iterator[tuple[str, Way]]]] = {"treescope": treescopes, "lovely_tensors": lovelies}


def works(name: str, way: Way) -> bool:
    """Return whether a way can be gone, and print why where it cannot."""
    try:
        way()
    except Exception as error:  # noqa: BLE001 - whatever it raises, it cannot be measured
        print(f"{name} raised {type(error).__name__}: {' '.join(str(error).split())[:80]}")
        return False
    return True


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each way is measured")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    given = parser.parse_args()
    torch.set_num_threads(1)
    batch = pictures(64)
    with tempfile.TemporaryDirectory() as folder:
        ways = dict(ours(batch, torch.arange(len(batch)) % 10, Path(folder)))
        for peer, make in PEERS.items():
            if importlib.util.find_spec(peer) is None:
                print(f"{peer} is not installed")
            else:
                ways |= {name: way for name, way in make(batch) if works(name, way)}
        results = measured(ways, 3 if given.quick else given.rounds)
    print(f"\n{'64×3×64×64, normalised':<24} {'ms':>8} {'kB':>9}  what can be read off")
    for name, (seconds, size) in results.items():
        print(f"{name:<24} {seconds * 1e3:8.2f} {size / 1e3:9.1f}  {READ_OFF[name]}")


if __name__ == "__main__":
    main()
