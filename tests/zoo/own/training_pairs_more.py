"""Programs that run and train badly, each with its healthy twin."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    ConvNextConfig,
    ConvNextForImageClassification,
    get_linear_schedule_with_warmup,
)

from tests.zoo.own.data_for_lookalikes import loaders, passages_for_transformers, standard_digits, table
from tests.zoo.own.models_for_lookalikes import LeNet, image_perceptron, perceptron
from tests.zoo.own.models_for_lookalikes_kept import Conditioned
from tests.zoo.own.training_pairs import cleared_first
from tests.zoo.program import Arguments, pair


@pair("overfit-one-batch", group="training", source="scikit-learn")
def one_unit_between_image_and_classes(sick: bool) -> Arguments:
    """A hidden width of 1 is left from debugging: ten classes must pass through one number, and do not fit."""
    torch.manual_seed(0)
    narrow = 1 if sick else 32
    trunk = [nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, narrow), nn.Tanh()]
    model = nn.Sequential(*trunk, nn.Linear(narrow, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@pair("overfit-one-batch", group="training", source="published")
def pooled_before_the_first_layer(sick: bool) -> Arguments:
    """Global pooling stands before the convolutions, so that the network sees the mean brightness alone."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 48, 3, padding=1), nn.ReLU()]
    pool = nn.AdaptiveAvgPool2d(1)
    ordered = [pool, *layers] if sick else [*layers, pool]
    model = nn.Sequential(*ordered, nn.Flatten(), nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits(1000)))


def told_the_label(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Outputs for images together with their own labels."""
    x, y = batch
    return model(x, y)


def told_nothing(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Outputs for images under the index that means an unknown label."""
    x, y = batch
    return model(x, torch.full_like(y, 10))


@pair("input-independent-baseline", group="training", source="scikit-learn")
def label_given_as_a_condition(sick: bool) -> Arguments:
    """A network that takes a hint is given the label it must predict as its hint, and needs no image."""
    torch.manual_seed(0)
    model = Conditioned()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    forward = told_the_label if sick else told_nothing
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, forward=forward, **loaders(standard_digits()))


@pair("shuffled-labels", group="training", source="scikit-learn")
def images_shuffled_without_their_labels(sick: bool) -> Arguments:
    """Images were shuffled in place and their labels were not, so that no image has its own label."""
    torch.manual_seed(0)
    parts = standard_digits()
    order = torch.randperm(len(parts.x))
    parts = parts._replace(x=parts.x[order], y=parts.y if sick else parts.y[order])
    model = image_perceptron()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


@pair("shuffled-labels", group="training", source="transformers")
def passages_filtered_without_their_labels(sick: bool) -> Arguments:
    """Short passages are dropped from the texts and not from the labels, and all after the first are out of step."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    long = [row for row in rows if int(row["attention_mask"].sum()) > 13]
    labels = [row["labels"] for row in (rows if sick else long)]
    paired = [{**row, "labels": label} for row, label in zip(long, labels, strict=False)]
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        num_labels=4,
    )
    model = BertForSequenceClassification(config)
    loader = DataLoader(paired, batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3)}


@pair("learning-rate", group="training", source="published")
def rate_a_thousand_times_too_high(sick: bool) -> Arguments:
    """Adam's rate is 1 where 0.003 would do: the first steps throw the weights far away."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0 if sick else 3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@pair("learning-rate", group="training", source="transformers")
def rate_of_fine_tuning_from_scratch(sick: bool) -> Arguments:
    """A network without pretraining is trained at 1e-7, at which its loss does not move in an epoch."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    config = ConvNextConfig(
        num_channels=1, patch_size=2, num_stages=2, hidden_sizes=[24, 48], depths=[1, 1], num_labels=10
    )
    model = ConvNextForImageClassification(config)
    rows = [{"pixel_values": x, "labels": y} for x, y in zip(parts.x, parts.y, strict=True)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-7 if sick else 5e-3)
    return {"model": model, "loader": DataLoader(rows, batch_size=32, shuffle=True), "optimizer": optimizer}


def stepped_every_batch(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler) -> Tensor:
    """A step after which the schedule moves on."""
    loss = cleared_first(model, batch, optimizer)
    scheduler.step()
    return loss


def stepped_every_epoch(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler, step: int
) -> Tensor:
    """A step after which the schedule moves on where an epoch of 37 batches ends."""
    loss = cleared_first(model, batch, optimizer)
    if step % 37 == 36:
        scheduler.step()
    return loss


@pair("lr-schedule", group="training", source="scikit-learn")
def decay_of_an_epoch_in_every_batch(sick: bool) -> Arguments:
    """The rate is to fall by a tenth each epoch, and falls by a tenth each batch: it is nothing after three epochs."""
    torch.manual_seed(0)
    model = image_perceptron()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9),
        total_steps=20 * 37,
        train_step=stepped_every_batch if sick else stepped_every_epoch,
        **loaders(standard_digits()),
    )


def scheduled_step(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer, scheduler) -> Tensor:
    """A step of a model that computes its own loss, after which the schedule moves on."""
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def warm_up_longer_than_the_run(sick: bool) -> Arguments:
    """The warm-up of 10,000 steps was copied from a paper into a run of 390, which ends at 4 % of the rate."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        num_labels=4,
    )
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    warm_up = 10_000 if sick else 20
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[416:], batch_size=32),
        "optimizer": optimizer,
        "scheduler": get_linear_schedule_with_warmup(optimizer, warm_up, 390),
        "total_steps": 390,
        "train_step": scheduled_step,
    }


@pair("regularised-debug-run", group="training", source="published")
def share_kept_taken_for_share_dropped(sick: bool) -> Arguments:
    """Dropout of 0.9 after every layer, where an older library took the share that is kept."""
    torch.manual_seed(0)
    share = 0.9 if sick else 0.1
    convolution = [nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(share), nn.Flatten()]
    model = nn.Sequential(
        *convolution, nn.Linear(384, 64), nn.ReLU(), nn.Dropout(share), nn.Linear(64, 48), nn.ReLU(), nn.Dropout(share)
    )
    model.append(nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(standard_digits()))


@pair("regularised-debug-run", group="training", source="scikit-learn")
def weights_decayed_by_a_tenth_a_step(sick: bool) -> Arguments:
    """A weight decay of 40 times a rate of 0.003 takes a tenth off every weight in every step."""
    torch.manual_seed(0)
    model = perceptron(13, 32, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=40.0 if sick else 0.01)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(table("wine"), 16))
