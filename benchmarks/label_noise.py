"""Flipped labels found again: nbinspect's label issues beside cleanlab's own two ways, on data that scikit-learn ships.

A tenth of the labels is given another class, by a few seeds; with none flipped every candidate is one too many, though
these data hold some doubtful labels of their own. The ways take turns with each seed. Run it as
``python benchmarks/label_noise.py``; it prints one table.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.data.network.label_issues import label_issues
from nbinspect.data.scanning.scan import Scan, scanned
from nbinspect.subject import Subject

SHARE = 0.1

Rows: TypeAlias = NDArray[Any]
Way: TypeAlias = Callable[[Rows, Rows], Rows]
"""Takes features (N, F) and labels (N,), and returns the places of the labels that it doubts."""


@dataclass
class Found:
    """What a way found, a figure for each seed."""

    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of the flipped labels and of none flipped."""
    too_many: int = 0
    """Candidates where none was flipped."""


def ours(rows: Rows, labels: Rows) -> Rows:
    """Scan the data and look for label issues."""
    data = TensorDataset(torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(labels))
    record = scanned(Scan(Subject(nn.Identity(), DataLoader(data, batch_size=64))), lambda _: None)
    return np.asarray(label_issues(record)[0].rows)


def ours_alone(rows: Rows, labels: Rows) -> Rows:
    """Do the same as if cleanlab were not installed."""
    kept = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "cleanlab"}
    sys.modules.update(dict.fromkeys({*kept, "cleanlab"}))  # type: ignore[arg-type] # None is what refuses an import
    try:
        return ours(rows, labels)
    finally:
        sys.modules.pop("cleanlab")
        sys.modules.update(kept)


def clean_learning(rows: Rows, labels: Rows) -> Rows:
    """Have cleanlab wrap a logistic regression on standardised features, as its tutorial on tables does."""
    from cleanlab.classification import CleanLearning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        issues = CleanLearning(model, seed=0).find_label_issues(rows, labels)
    return np.flatnonzero(issues["is_label_issue"])


def datalab(rows: Rows, labels: Rows) -> Rows:
    """Have cleanlab's Datalab look at the features alone."""
    from cleanlab import Datalab
    from sklearn.preprocessing import StandardScaler

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        lab = Datalab({"label": labels}, label_name="label", verbosity=0)
        lab.find_issues(features=StandardScaler().fit_transform(rows), issue_types={"label": {}})
        return np.flatnonzero(lab.get_issues("label")["is_label_issue"])


def ways() -> Iterator[tuple[str, Way]]:
    """Yield the ways that can be gone here."""
    yield "nbinspect, without cleanlab", ours_alone
    if importlib.util.find_spec("cleanlab") is None:
        print("cleanlab is not installed")
        return
    yield "nbinspect, with cleanlab", ours
    yield "cleanlab, CleanLearning", clean_learning
    if importlib.util.find_spec("datasets") is None:
        print("cleanlab's Datalab needs datasets, which is not installed")
    else:
        yield "cleanlab, Datalab on features", datalab


def flipped(labels: Rows, seed: int) -> tuple[Rows, Rows]:
    """Return the labels with a tenth of another class, and where."""
    draws, count = np.random.default_rng(seed), int(labels.max()) + 1
    where = draws.choice(len(labels), int(SHARE * len(labels)), replace=False)
    changed = labels.copy()
    changed[where] = (changed[where] + draws.integers(1, count, len(where))) % count
    return changed, where


def tried(rows: Rows, labels: Rows, tools: dict[str, Way], seeds: int) -> dict[str, Found]:
    """Return what each way finds with each seed, and then with none flipped."""
    found = {name: Found() for name in tools}
    for seed in range(seeds):
        given, where = flipped(labels, seed)
        for name, way in tools.items():
            began = time.perf_counter()
            doubted = set(way(rows, given).tolist())
            found[name].seconds.append(time.perf_counter() - began)
            hit = len(doubted.intersection(where.tolist()))
            found[name].precision.append(hit / max(1, len(doubted)))
            found[name].recall.append(hit / len(where))
    for name, way in tools.items():
        found[name].too_many = len(way(rows, labels))
    return found


def main() -> None:
    """Print the table."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, and wine alone")
    given = parser.parse_args()
    torch.set_num_threads(1)
    tools = dict(ways())
    for name, load in {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}.items():
        if given.quick and name != "wine":
            continue
        rows, labels = load(return_X_y=True)
        tools["nbinspect, without cleanlab"](rows, labels)  # what is imported once is not timed
        found = tried(rows, labels.astype(np.int64), tools, 1 if given.quick else given.seeds)
        print(f"\n{name}, {len(rows):,} × {rows.shape[1]}")
        print(f"{'':<30} {'precision':>9} {'recall':>7} {'none flipped':>13} {'s':>6}")
        for tool, told in found.items():
            figures = f"{statistics.mean(told.precision):9.2f} {statistics.mean(told.recall):7.2f}"
            print(f"{tool:<30} {figures} {told.too_many:>13} {statistics.median(told.seconds):6.2f}")


if __name__ == "__main__":
    main()
