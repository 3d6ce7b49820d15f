"""What a scan costs: the samples of a loader iterated bare and scanned, in turns, beside peers if installed.

A loader is gone through bare and scanned once in each round after one to warm up, and medians are compared. The peaks
are those of what the scan itself holds in the process that asks for it, and of the whole of its largest worker. Run it
as ``python benchmarks/scan.py``; it prints one table. ``--quick`` takes a tenth of the samples. The map and the
outliers by distance are timed on the record of 100,000 samples, which is all that a scan keeps for them.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from limits import print_limit
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nbinspect.data.findings.mapping import map_of
from nbinspect.data.findings.outliers import outliers
from nbinspect.data.scanning.scan import Scan, scanned
from nbinspect.records import DatasetRecord
from nbinspect.subject import Subject

SIZE = (500, 375)
FILES, PICTURES, ROWS = 5000, 50_000, 1_000_000
MAPPED, MINUTE = 100_000, 60
PEER = 10_000
"""Samples that a peer gets, which compares all with all."""

Make = Callable[[], DataLoader[Any]]
Way = Callable[[DataLoader[Any]], None]


class Files(Dataset[tuple[Tensor, int]]):
    """JPEG files, decoded and made small by a transform, as most training code has it."""

    def __init__(self, folder: Path, count: int) -> None:
        self.paths = [folder / f"{number}.jpg" for number in range(count)]
        self.transform = fed

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB")), index % 10


def fed(image: Image.Image) -> Tensor:
    """Return what a network gets of a picture: 224 pixels a side, normalised."""
    small = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))
    return (torch.from_numpy(small.copy()).movedim(2, 0).float() / 255 - 0.45) / 0.225


def write(folder: Path, count: int) -> None:
    """Write photograph-like pictures: soft colours, edges and grain."""
    rng = np.random.default_rng(0)
    for number in range(count):
        soft = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
        grain = np.asarray(soft).astype(np.int16) + rng.integers(-12, 13, (SIZE[1], SIZE[0], 1), dtype=np.int16)
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.jpg", quality=90)


def files(folder: Path, count: int, workers: int) -> DataLoader[Any]:
    """Return the loader of JPEG files."""
    return DataLoader(Files(folder, count), batch_size=32, num_workers=workers)


def pictures(count: int) -> DataLoader[Any]:
    """Return a loader of ready pictures of the size of CIFAR's."""
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(count, 3, 32, 32, generator=draws)
    return DataLoader(TensorDataset(images, torch.arange(count) % 10), batch_size=128)


def table(count: int) -> DataLoader[Any]:
    """Return a loader of rows of 20 features."""
    draws = torch.Generator().manual_seed(0)
    rows = torch.randn(count, 20, generator=draws)
    return DataLoader(TensorDataset(rows, torch.arange(count) % 2), batch_size=1024)


def bare(loader: DataLoader[Any]) -> None:
    """Go through a loader and do nothing."""
    for _ in loader:
        pass


def scanning(loader: DataLoader[Any]) -> None:
    """Scan a loader."""
    record = scanned(Scan(Subject(nn.Identity(), loader)), lambda _: None)
    if not record.complete:
        raise SystemExit(f"not all was scanned: {record.failures[:1]}")


def cleanlab_duplicates(loader: DataLoader[Any]) -> None:
    """Have cleanlab's Datalab look for near duplicates and outliers in ready features, which it is given."""
    from cleanlab import Datalab

    tensors = loader.dataset.tensors  # type: ignore[attr-defined]  # the rows
    rows, labels = (np.asarray(tensor[:PEER]) for tensor in tensors)
    features = rows.reshape(len(rows), -1)
    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    lab.find_issues(features=features, issue_types={"near_duplicate": {}, "outlier": {}})


def afterwards(count: int, rounds: int) -> None:
    """Print how long the map and the outliers of the record of so many pictures take, the median of rounds."""
    record = scanned(Scan(Subject(nn.Identity(), pictures(count))), lambda _: None)
    ways: dict[str, Callable[[DatasetRecord], object]] = {"map (PCA)": map_of, "outliers": outliers}
    for name, way in ways.items():
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            way(record)
            times.append(time.perf_counter() - start)
        print(f"{name:<18} {count:9,} {statistics.median(times):9.2f} s")
        print_limit(f"{name} of {count:,} samples, seconds", statistics.median(times), most=MINUTE)


def seconds_of(way: Way, loader: DataLoader[Any]) -> float:
    """Return how long one pass takes."""
    start = time.perf_counter()
    way(loader)
    return time.perf_counter() - start


def in_turns(loader: DataLoader[Any], rounds: int) -> tuple[float, float]:
    """Return the median seconds bare and scanned."""
    times: dict[Way, list[float]] = {bare: [], scanning: []}
    for number in range(rounds + 1):
        for way, known in times.items():
            spent = seconds_of(way, loader)
            if number:
                known.append(spent)
    return statistics.median(times[bare]), statistics.median(times[scanning])


def _peak(way: Way, make: Make, told: Any) -> None:
    loader = make()
    tracemalloc.start()
    way(loader)
    own = tracemalloc.get_traced_memory()[1]
    told.send((own / 2**20, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))


def peak_of(way: Way, make: Make) -> tuple[float, float]:
    """Return the MB that a pass in a fresh process holds at most, NumPy's and Python's, and its largest worker does."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_peak, args=(way, make, there))
    process.start()
    there.close()  # the process has its own; else an answer would be waited for that never comes
    found: tuple[float, float] = here.recv()
    process.join()
    return found


def peers(name: str, make: Make, count: int) -> dict[str, str]:
    """Return samples per second of each peer where it is installed and takes such data; its work is not the same."""
    told = {}
    for peer in ("cleanlab", "fastdup"):
        if importlib.util.find_spec(peer) is None:
            told[peer] = "not installed"
        elif peer == "cleanlab" and importlib.util.find_spec("datasets") is None:
            told[peer] = "without datasets"
        elif peer == "fastdup" or name.startswith("files"):
            told[peer] = "not run"
        else:
            told[peer] = f"{min(count, PEER) / seconds_of(cleanlab_duplicates, make()):,.0f}/s"
    return told


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples")
    parser.add_argument("--rounds", type=int, default=3, help="rounds after the one to warm up")
    parser.add_argument("--only", default="", help="rows whose name begins so")
    options = parser.parse_args()
    torch.set_num_threads(1)
    share = 10 if options.quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        makes: dict[str, tuple[int, float, Make]] = {
            f"files, {workers} workers": (FILES // share, 1.15, partial(files, folder, FILES // share, workers))
            for workers in (0, 2)
        }
        makes["pictures 3×32×32"] = (PICTURES // share, 2.0, partial(pictures, PICTURES // share))
        makes["table of 20"] = (ROWS // share, 2.0, partial(table, ROWS // share))
        if any(row.startswith("files") and row.startswith(options.only) for row in makes):
            write(folder, FILES // share)
        print(
            f"{'data':<18} {'samples':>9} {'bare /s':>9} {'scan /s':>9} {'ratio':>6} {'limit':>6} "
            f"{'peak MB':>8} {'worker MB':>9}  {'cleanlab':>17} {'fastdup':>14}"
        )
        for row, (count, limit, make) in makes.items():
            if not row.startswith(options.only):
                continue
            plain, own = in_turns(make(), options.rounds)
            parent, worker = peak_of(scanning, make)
            beside = peers(row, make, count)
            print(
                f"{row:<18} {count:9,} {count / plain:9,.0f} {count / own:9,.0f} {own / plain:6.2f} {limit:6.2f} "
                f"{parent:8.0f} {worker:9.0f}  {beside['cleanlab']:>17} {beside['fastdup']:>14}"
            )
            print_limit(f"{row}: scan ÷ bare loop", own / plain, most=limit)
    if "map and outliers".startswith(options.only):
        afterwards(MAPPED // share, options.rounds)


if __name__ == "__main__":
    main()
