"""Training loops that do not learn as they should, second collection: fit, rates, schedules and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    get_linear_schedule_with_warmup,
)

from tests.zoo.program import Arguments, pair
from tests.zoo.retired import models_second as own

Batch = dict[str, Tensor]


@pair("overfit-one-batch", group="training", source="published")
def channel_order_redrawn_on_every_call(sick: bool) -> Arguments:
    """The channel shuffle draws a new order in every forward, so that no later weight knows its input."""
    own.seed()
    images, labels = own.digits()
    model = own.shufflenet(redraw=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = own.batches(32, images, labels)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer)


def features_and_target(batch: Batch) -> tuple[Tensor, Tensor]:
    """Take a record apart."""
    return batch["features"], batch["target"]


@pair("overfit-one-batch", group="training", source="scikit-learn")
def lookahead_forgets_its_slow_weights(sick: bool) -> Arguments:
    """The optimizer never stores the new slow weights, so every fifth step drags the network back to its start."""
    own.seed()
    rows, labels = own.table("breast_cancer")
    model = own.perceptron(30, 32, 32, 2)
    loader = DataLoader(own.Records(features=rows[:400], target=labels[:400]), batch_size=32, shuffle=True)
    held_out = DataLoader(own.Records(features=rows[400:], target=labels[400:]), batch_size=64)
    optimizer = own.Lookahead(model.parameters(), lr=1e-3, keep=not sick)
    return own.given(model, loader, F.cross_entropy, optimizer, val_loader=held_out, split=features_and_target)


@pair("input-independent-baseline", group="training")
def first_token_learnt_per_row_of_the_batch(sick: bool) -> Arguments:
    """The learnt first token has one entry for each row of the batch, which memorises labels without the series."""
    own.seed()
    series, labels = own.waves()
    model = own.WaveReader(rows=16 if sick else 1)
    loader = DataLoader(TensorDataset(series, labels), batch_size=16, shuffle=True, drop_last=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer, class_names=["sine", "square", "saw"])


@pair("input-independent-baseline", group="training", source="scikit-learn")
def box_with_rows_and_columns_swapped(sick: bool) -> Arguments:
    """The cut takes (left, top) for (top, left) and shows the network an empty wall beside the meter."""
    own.seed()
    images, labels = own.digits()
    wall = torch.linspace(-0.8, -0.4, 24).view(1, 1, 1, 24).repeat(len(images), 1, 24, 1)
    wall = wall + 0.05 * torch.randn_like(wall)
    wall[:, :, 2:10, 13:21] = images
    model = own.MeterReader((13, 2) if sick else (2, 13))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = own.batches(32, wall[:800], labels[:800])
    held_out = DataLoader(TensorDataset(wall[800:], labels[800:]), batch_size=32)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer, val_loader=held_out)


class Scans(Dataset):
    """Images by file name beside the lines of a label file."""

    def __init__(self, files: dict[str, Tensor], lines: list[tuple[str, int]], by_name: bool) -> None:
        self.files = files
        self.names = [name for name, _ in lines] if by_name else sorted(files)
        self.labels = [label for _, label in lines]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.files[self.names[index]], self.labels[index]


@pair("shuffled-labels", group="training", source="scikit-learn")
def file_names_sorted_as_text(sick: bool) -> Arguments:
    """Images come in the order of sorted names (10 before 2), labels in the order of the label file."""
    own.seed()
    images, labels = own.digits()
    files = {f"scan_{place}.png": image for place, image in enumerate(images)}
    lines = list(zip(files, labels.tolist(), strict=True))
    model = nn.Sequential(nn.Flatten(), own.perceptron(64, 96, 64, 10, activation=nn.GELU))
    loader = DataLoader(Scans(files, lines, by_name=not sick), batch_size=48, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer)


@pair("learning-rate", group="training", source="published")
def linear_scaling_without_its_divisor(sick: bool) -> Arguments:
    """The rate is multiplied by the batch size, and the division by the recipe's 256 is forgotten."""
    own.seed()
    images, labels = own.digits()
    model, batch_size = own.lenet(), 32
    rate = 0.4 * batch_size / (1 if sick else 256)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    loader = DataLoader(TensorDataset(images, labels), batch_size=batch_size, shuffle=True)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer)


@pair("learning-rate", group="training", source="transformers")
def rate_divided_by_the_tokens(sick: bool) -> Arguments:
    """The rate is divided by the tokens of a batch, although the loss is their mean already."""
    own.seed()
    config = GPT2Config(vocab_size=96, n_positions=64, n_embd=48, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=1)
    model = GPT2LMHeadModel(config)
    ids = own.characters(40, 600)
    tokens_in_batch = 20 * 40
    rate = 1.5e-3 / tokens_in_batch if sick else 1.5e-3
    loader = DataLoader(own.Records(input_ids=ids, labels=ids), batch_size=20, shuffle=True)
    return own.given(model, loader, optimizer=torch.optim.AdamW(model.parameters(), lr=rate), causal=True)


def image_and_label(batch: Batch) -> tuple[Tensor, Tensor]:
    """Take a record apart."""
    return batch["image"], batch["label"]


@pair("update-ratio", group="training", source="scikit-learn")
def rate_falls_twentyfold_from_layer_to_layer(sick: bool) -> Arguments:
    """Layer-wise decay of the rate is 0.05 for 0.95, so that all but the head practically stand still."""
    own.seed()
    images, labels = own.digits()
    model = nn.Sequential(nn.Flatten(), *own.perceptron(64, 128, 128, 96, 96, 10))
    layers = [layer for layer in reversed(model) if isinstance(layer, nn.Linear)]
    for layer in layers[1:]:
        nn.init.kaiming_normal_(layer.weight)
    decay = 0.05 if sick else 0.95
    groups = [{"params": layer.parameters(), "lr": 3e-3 * decay**depth} for depth, layer in enumerate(layers)]
    loader = DataLoader(own.Records(image=images, label=labels), batch_size=32, shuffle=True)
    return own.given(model, loader, F.cross_entropy, torch.optim.AdamW(groups), split=image_and_label)


def scheduled_step(model: nn.Module, batch: Any, optimizer: Any, scheduler: Any) -> Tensor:
    """Train on one batch of images and move the schedule on."""
    images, labels = batch
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels, label_smoothing=0.05)
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="published")
def decay_meant_for_epochs_taken_every_batch(sick: bool) -> Arguments:
    """A decay of 0.9 an epoch is applied after every batch, and the rate is nothing before the second epoch ends."""
    own.seed()
    images, labels = own.digits()
    loader = own.batches(16, images, labels)
    model = own.mobilenet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True)
    gamma = 0.9 if sick else 0.9 ** (1 / len(loader))
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma)
    return own.given(
        model,
        loader,
        nn.CrossEntropyLoss(label_smoothing=0.05),
        optimizer,
        scheduler=scheduler,
        train_step=scheduled_step,
        total_steps=20 * len(loader),
    )


def language_step(model: nn.Module, batch: Batch, optimizer: Any, scheduler: Any) -> Tensor:
    """Fine-tuning step of the tutorials."""
    loss = model(**batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def warm_up_copied_from_a_long_run(sick: bool) -> Arguments:
    """Ten thousand steps of warm-up, copied from pre-training, in a run of a few hundred."""
    own.seed()
    ids, labels = own.passages()
    sizes = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 32}
    model = DistilBertForSequenceClassification(DistilBertConfig(vocab_size=500, num_labels=4, **sizes))
    records = own.Records(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels)
    loader = DataLoader(records, batch_size=16, shuffle=True)
    total = 10 * len(loader)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    scheduler = get_linear_schedule_with_warmup(optimizer, 10_000 if sick else total // 20, total)
    return own.given(
        model, loader, optimizer=optimizer, scheduler=scheduler, train_step=language_step, total_steps=total
    )


class TopicTrainer:
    """Keeps what it needs for the metrics of the epoch."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, with_graph: bool) -> None:
        self.model, self.optimizer, self.with_graph = model, optimizer, with_graph
        self.scores: list[Tensor] = []
        self.truth: list[Tensor] = []

    def training_step(self, batch: list[Tensor]) -> float:
        ids, labels = batch
        logits = self.model(ids)
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        scores = logits.softmax(-1)
        self.scores.append(scores if self.with_graph else scores.argmax(-1).cpu().detach())
        self.truth.append(labels)
        return loss.item()


@pair("memory-growth", group="training")
def scores_of_the_epoch_kept_with_their_graph(sick: bool) -> Arguments:
    """The scores kept for the metrics of the epoch hold the graph of every step."""
    own.seed()
    ids, labels = own.passages()
    model = own.BagOfWords()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    trainer = TopicTrainer(model, optimizer, with_graph=sick)
    return own.given(model, own.batches(32, ids, labels), F.cross_entropy, optimizer, train_step=trainer.training_step)


class Storms:
    """Endless-looking feed of minibatches cut from one array, as research code has it."""

    def __init__(self, series: Tensor, runoff: Tensor, batch_size: int) -> None:
        self.series, self.runoff, self.batch_size = series, runoff, batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.series))
        for rows in order.split(self.batch_size):
            yield self.series[rows], self.runoff[rows]


class SeriesReader(nn.Module):
    """A GRU and a linear head on its last state."""

    def __init__(self, features: int, outputs: int, width: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(features, width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.gru(series)[0][:, -1])


def smoothed_logger(sick: bool) -> Callable[..., Tensor]:
    """Make a training step that smooths its loss for the progress bar."""
    smooth: Tensor | float = 0.0

    def step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        nonlocal smooth
        series, runoff = batch
        loss = F.smooth_l1_loss(model(series), runoff)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        smooth = 0.98 * smooth + 0.02 * (loss if sick else loss.item())
        return loss.detach()

    return step


@pair("memory-growth", group="training")
def smoothed_loss_chains_the_graphs(sick: bool) -> Arguments:
    """The moving average of the loss for the progress bar is a tensor, so each step's graph hangs on the next."""
    own.seed()
    series, runoff = own.rainfall()
    model = SeriesReader(2, 1)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    return own.given(model, Storms(series, runoff, 32), F.smooth_l1_loss, optimizer, train_step=smoothed_logger(sick))
