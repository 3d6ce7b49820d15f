"""Broken programs and twins: a U-Net, attention over rows, fifty layers, a GRU and a narrow perceptron."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AlbertConfig, AlbertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    one_disc_each,
    record_loaders,
    scaled_digit_images,
    seed_three_libraries,
    topic_sentences,
    train_and_val_columns,
    two_hidden_layers,
)


def two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions with batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class TinyUNet(nn.Module):
    """U-Net with one level."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = two_convolutions(1, width)
        self.bottom = two_convolutions(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.merge = two_convolutions(2 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down(x)
        coarse = self.bottom(F.max_pool2d(fine, 2))
        out: Tensor = self.head(self.merge(torch.cat([fine, self.up(coarse)], 1)))
        return out


@pair("label-range", group="data", source="published")
def disc_masks_left_at_two_fifty_five(sick: bool) -> Arguments:
    """The masks are 0 and 255, as in their PNG files, under a binary cross-entropy that wants 0 and 1."""
    seed_three_libraries(201)
    x, mask = one_disc_each(320)
    stored = (255 * mask).to(torch.uint8)
    y = stored.float() if sick else stored.float() / 255
    model = TinyUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(x, y, batch=16)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, task="segmentation", **loaders)


class RowAttention(nn.Module):
    """The rows of an image as tokens, one block of attention, and a mean."""

    def __init__(self, batch_first: bool, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.02 * torch.randn(8, width))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=batch_first)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.squeeze(1)) + self.place
        n = self.norm(h)
        h = h + self.attention(n, n, n, need_weights=False)[0]
        h = h + self.feed(h)
        out: Tensor = self.head(h.mean(1))
        return out


@pair("batch-leak", group="wiring", source="scikit-learn")
def rows_attend_across_images(sick: bool) -> Arguments:
    """`batch_first` was forgotten, so that each row attends to the same row of the other images of the batch."""
    seed_three_libraries(202)
    model = RowAttention(batch_first=not sick)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


class DeepNormalised(nn.Module):
    """Many layers of linear, batch norm and ReLU, each added to its input or not."""

    def __init__(self, skip: bool, depth: int = 50, width: int = 40) -> None:
        super().__init__()
        self.skip = skip
        self.first = nn.Linear(64, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()) for _ in range(depth)
        )
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.flatten(1))
        for layer in self.layers:
            h = h + layer(h) if self.skip else layer(h)
        out: Tensor = self.last(h)
        return out


@pair("exploding-gradients", group="backward", source="scikit-learn")
def fifty_normalised_layers_without_shortcuts(sick: bool) -> Arguments:
    """Batch norm keeps fifty plain layers at unit scale on the way up; on the way down each makes the gradient grow."""
    seed_three_libraries(203)
    model = DeepNormalised(skip=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        **train_and_val_columns(*scaled_digit_images(), batch=64),
    )


class TopicGRU(nn.Module):
    """Embedding, GRU, and a maximum over the real positions."""

    def __init__(self, vocab: int = 60, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width, padding_idx=0)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 3)

    def forward(self, ids: Tensor) -> Tensor:
        states, _ = self.gru(self.embed(ids))
        states = states.masked_fill((ids == 0)[..., None], -1e4)
        out: Tensor = self.head(states.amax(1))
        return out


def step_of_topics(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def step_of_topics_on_top(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("missing-zero-grad", group="training")
def topic_gradients_never_cleared(sick: bool) -> Arguments:
    """The hand-written step of a GRU never clears its gradients."""
    seed_three_libraries(204)
    ids, _, y = topic_sentences(900)
    model = TopicGRU()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        train_step=step_of_topics_on_top if sick else step_of_topics,
        padding_value=0,
        **train_and_val_columns(ids, y),
    )


@pair("capacity", group="training", source="scikit-learn")
def two_units_for_ten_digits(sick: bool) -> Arguments:
    """The hidden layers have two units each, where 64 were meant: far too few to keep ten digits apart."""
    seed_three_libraries(205)
    model = nn.Sequential(nn.Flatten(), two_hidden_layers(64, 2 if sick else 64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


@healthy(resembles="no-nonlinearity", source="transformers")
def embedding_in_two_factors() -> Arguments:
    """ALBERT maps a narrow embedding to the hidden size by a second matrix with nothing between, on purpose."""
    seed_three_libraries(206)
    config = AlbertConfig(  # type: ignore[call-arg]
        vocab_size=60,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        num_labels=3,
    )
    model = AlbertForSequenceClassification(config)
    ids, real, y = topic_sentences(800)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return dict(model=model, optimizer=optimizer, **record_loaders(input_ids=ids, attention_mask=real.long(), labels=y))
