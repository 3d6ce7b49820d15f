"""Small real trainings that go well, a few hundred steps each: no alert may speak of any of them."""

from __future__ import annotations

import itertools
import pydoc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.optim import lr_scheduler as schedules
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.dynamics.instruments import validation_instrument
from nbinspect.dynamics.observer import Observer
from nbinspect.dynamics.validation import Validation
from nbinspect.subject import make_subject

TICK = 1e-3
"""Seconds, about what a step of these runs takes."""


@dataclass
class Run:
    """A program whose every step is one `next` of `steps`."""

    model: nn.Module
    loader: Any
    loss_fn: Any
    steps: Callable[[Run], Iterator[None]]
    val_loader: Any = None


def watched(run: Run, **options: Any) -> tuple[Observer, list[str]]:
    """Train a run under an observer; return it and the alerts: every 25 steps the run is validated and looked at.

    The clock goes on by as much each time it is read: by a real one, the machine's pace would choose what is measured.
    """
    subject = make_subject(run.model, run.loader, run.loss_fn, val_loader=run.val_loader)
    observer = Observer(subject, **{"budget": 1.0, "validate": False, **options})
    looks = []
    if run.val_loader is not None:
        looks.append(validation_instrument(Validation(subject), observer.history, 1.0))
    with mock.patch("time.perf_counter", itertools.count(step=TICK).__next__), observer:
        looks += [one for one in observer._measuring._instruments if one.name == "alerts"]
        for _ in run.steps(run):
            if observer.steps % 25 == 0:
                for look in looks:
                    look.measure(observer.steps)
    return observer, [f"{moment.step}: {moment.text}" for moment in observer.record.moments if moment.kind == "alert"]


def epochs(loader: Any, steps: int) -> Iterator[Any]:
    made = 0
    while made < steps:
        for batch in loader:
            yield batch
            made += 1
            if made == steps:
                return


def plainly(
    optimizer: Callable[..., Any],
    steps: int,
    schedule: Callable[..., Any] | None = None,
    every: int = 1,
    clip: float = 0,
) -> Callable[[Run], Iterator[None]]:
    """An ordinary loop: `every` batches make a step; the schedule is stepped after each."""

    def loop(run: Run) -> Iterator[None]:
        chosen = optimizer(run.model.parameters())
        rates = schedule(chosen) if schedule else None
        run.model.train()
        for number, (x, y) in enumerate(epochs(run.loader, steps * every), 1):
            loss = run.loss_fn(run.model(x), y)
            (loss / every).backward()
            if number % every:
                continue
            if clip:
                nn.utils.clip_grad_norm_(run.model.parameters(), clip)
            chosen.step()
            chosen.zero_grad()
            if rates is not None:
                rates.step()
            yield

    return loop


def adam(rate: float = 1e-3, **options: Any) -> Callable[..., Any]:
    return lambda parameters: torch.optim.Adam(parameters, lr=rate, fused=True, **options)


def sgd(rate: float = 0.1, **options: Any) -> Callable[..., Any]:
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, **options)


_DIGITS, _SPLIT = datasets.load_digits(), 1400
_ORDER = torch.randperm(len(_DIGITS.target), generator=torch.Generator().manual_seed(0))
PIXELS = (torch.tensor(_DIGITS.data, dtype=torch.float32) / 16)[_ORDER]
CLASSES = torch.tensor(_DIGITS.target)[_ORDER]


def pairs(x: Tensor, y: Tensor, size: int = 32) -> DataLoader:
    return DataLoader(TensorDataset(x, y), size, shuffle=True, generator=torch.Generator().manual_seed(1))


def batches(x: Tensor, y: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """Held-out data, which is read every 25 steps, put together once."""
    return list(zip(x.split(size), y.split(size), strict=True))


def mlp(inputs: int = 64, outputs: int = 10, width: int = 64, dropout: float = 0.0) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, outputs),
    )


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(384, 10),
    )


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x.unflatten(1, (8, 8)))[0][:, -1])


class Letters(nn.Module):
    """A transformer that tells the next letter, with as many as before it are seen."""

    def __init__(self, letters: int, length: int = 32, width: int = 32) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(letters, width), nn.Embedding(length, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 64, batch_first=True, dropout=0.1, norm_first=True)
        self.head = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        seen = self.embedding(ids) + self.places(torch.arange(length))
        return self.head(self.block(seen, src_mask=mask, is_causal=True)).transpose(1, 2)


def digits(model: nn.Module, loop: Callable[[Run], Iterator[None]], size: int = 32, loss_fn: Any = None) -> Run:
    held_out = batches(PIXELS[_SPLIT:], CLASSES[_SPLIT:], 128)
    return Run(model, pairs(PIXELS[:_SPLIT], CLASSES[:_SPLIT], size), loss_fn or nn.CrossEntropyLoss(), loop, held_out)


def table(
    load: Callable[..., Any], outputs: int, loop: Callable[[Run], Iterator[None]], loss_fn: Any, size: int = 16
) -> Run:
    """A table of sklearn: features scaled, a fifth held out; one output has float targets (N, 1)."""
    x, y = (torch.tensor(part) for part in load(return_X_y=True))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = ((x - x.mean(0)) / x.std(0)).float()[order], y[order]
    y = y.float()[:, None] if outputs == 1 else y
    if isinstance(loss_fn, nn.MSELoss):
        y = (y - y.mean()) / y.std()
    cut = len(x) // 5
    return Run(
        mlp(x.shape[1], outputs, 32),
        pairs(x[cut:], y[cut:], size),
        loss_fn,
        loop,
        batches(x[:cut], y[:cut], 64),
    )


def letters() -> Run:
    text = "".join(pydoc.render_doc(name, renderer=pydoc.plaintext) for name in ("str", "list", "dict"))
    known = sorted(set(text))
    ids = torch.tensor([known.index(letter) for letter in text])
    ids = ids[: len(ids) // 33 * 33].view(-1, 33)
    loop = plainly(adam(3e-3), 150, lambda o: schedules.LambdaLR(o, lambda n: min(1.0, (n + 1) / 50)))
    return Run(Letters(len(known)), pairs(ids[:, :-1], ids[:, 1:], 16), nn.CrossEntropyLoss(), loop)


def rare() -> Run:
    """One class in twenty is the rare one."""
    ones = (CLASSES == 1) & (torch.arange(len(CLASSES)) % 2 == 0)
    return Run(mlp(outputs=2), pairs(PIXELS, ones.long(), 32), nn.CrossEntropyLoss(), plainly(adam(), 300))


def fine_tuned() -> Run:
    """A network that was trained before goes on at a tiny rate."""
    run = digits(mlp(), plainly(adam(3e-3), 250))
    for _ in run.steps(run):
        pass
    return Run(run.model, run.loader, run.loss_fn, plainly(adam(5e-5), 300), run.val_loader)


def labels() -> Run:
    """Several labels of each digit: even, above four, round."""
    wanted = torch.stack([CLASSES % 2 == 0, CLASSES > 4, torch.isin(CLASSES, torch.tensor([0, 6, 8, 9]))], 1).float()
    return Run(mlp(outputs=3), pairs(PIXELS, wanted), nn.BCEWithLogitsLoss(), plainly(adam(), 300))


def at_the_noise() -> Run:
    """Targets that are half noise: the loss soon lies at its floor, and small batches shake it."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 8, generator=draw)
    targets = x[:, :1] + torch.randn(2000, 1, generator=draw)
    return Run(mlp(8, 1, 32), pairs(x, targets, 8), nn.MSELoss(), plainly(adam(3e-3), 400))


def autoencoder() -> Run:
    model = nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64)
    )
    return Run(model, pairs(PIXELS, PIXELS), nn.MSELoss(), plainly(adam(3e-3), 300))


def thawing() -> Run:
    """The body is frozen at first, and trained with the head later."""

    def loop(run: Run) -> Iterator[None]:
        body, head = list(run.model[:2].parameters()), list(run.model[2:].parameters())
        optimizer = torch.optim.Adam([{"params": body, "lr": 0.0}, {"params": head, "lr": 2e-3}])
        for number, (x, y) in enumerate(epochs(run.loader, 300)):
            optimizer.param_groups[0]["lr"] = 5e-4 if number > 150 else 0.0
            optimizer.zero_grad()
            run.loss_fn(run.model(x), y).backward()
            optimizer.step()
            yield

    return digits(mlp(), loop)


def smoothed() -> Any:
    return nn.CrossEntropyLoss(label_smoothing=0.1)


def one_cycle(rate: float, steps: int) -> Callable[..., Any]:
    return lambda optimizer: schedules.OneCycleLR(optimizer, rate, total_steps=steps)


def warm_up(steps: int) -> Callable[..., Any]:
    return lambda optimizer: schedules.LinearLR(optimizer, 1e-3, total_iters=steps)


HEALTHY: dict[str, Callable[[], Run]] = {
    "adam": lambda: digits(mlp(), plainly(adam(), 300)),
    "sgd": lambda: digits(mlp(), plainly(sgd(), 300)),
    "momentum": lambda: digits(mlp(), plainly(sgd(0.02, momentum=0.9, nesterov=True), 300)),
    "cnn with batch statistics": lambda: digits(cnn(), plainly(adam(3e-3), 200)),
    "one cycle": lambda: digits(mlp(), plainly(adam(), 300, one_cycle(1e-2, 300))),
    "one cycle of sgd": lambda: digits(cnn(), plainly(sgd(momentum=0.9), 200, one_cycle(0.1, 200))),
    "cosine": lambda: digits(mlp(), plainly(adam(3e-3), 300, lambda o: schedules.CosineAnnealingLR(o, 300))),
    "restarts": lambda: digits(
        mlp(), plainly(adam(3e-3), 300, lambda o: schedules.CosineAnnealingWarmRestarts(o, 100))
    ),
    "warm-up": lambda: digits(mlp(), plainly(adam(2e-3), 300, warm_up(200))),
    "slow warm-up of sgd": lambda: digits(mlp(), plainly(sgd(), 300, warm_up(220))),
    "dropout": lambda: digits(mlp(dropout=0.5), plainly(adam(), 300)),
    "label smoothing": lambda: digits(mlp(), plainly(adam(3e-3), 300), loss_fn=smoothed()),
    "wine": lambda: table(datasets.load_wine, 3, plainly(adam(3e-3), 300), nn.CrossEntropyLoss()),
    "binary": lambda: table(datasets.load_breast_cancer, 1, plainly(adam(), 300), nn.BCEWithLogitsLoss()),
    "regression": lambda: table(datasets.load_diabetes, 1, plainly(adam(), 200), nn.MSELoss()),
    "at the noise": at_the_noise,
    "slow beginning": lambda: digits(Recurrent(), plainly(sgd(), 300)),
    "recurrent": lambda: digits(Recurrent(), plainly(adam(3e-3), 250, clip=1.0)),
    "letters": letters,
    "autoencoder": autoencoder,
    "several labels": labels,
    "accumulation": lambda: digits(mlp(), plainly(adam(2e-3), 150, every=4), size=8),
    "small batches": lambda: digits(mlp(), plainly(sgd(0.03), 800), size=4),
    "fine-tuning": fine_tuned,
    "converged": lambda: table(datasets.load_wine, 3, plainly(adam(3e-3), 800), nn.CrossEntropyLoss()),
    "converged by momentum": lambda: digits(mlp(), plainly(sgd(0.05, momentum=0.9), 800)),
    "a rare class": rare,
    "thawing": thawing,
    "to zero at the end": lambda: digits(
        mlp(), plainly(adam(2e-3), 300, lambda o: schedules.LinearLR(o, 1.0, 0.0, 300))
    ),
    "drops": lambda: digits(mlp(), plainly(sgd(), 300, lambda o: schedules.MultiStepLR(o, [150, 240]))),
    "weight decay": lambda: digits(mlp(), plainly(lambda p: torch.optim.AdamW(p, 2e-3, weight_decay=0.1), 300)),
}
