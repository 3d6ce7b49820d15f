"""Programs with reported bugs in losses, normalisation, masks, loops and averages, each with its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    in_random_order,
    likely_followers,
    loss_of_tokens,
    one_after_another,
    seed_all_three,
    train_and_validation,
)


class EmotionNetwork(nn.Module):
    """Two modalities, joined late, with one logit an emotion."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.text, self.audio = nn.Linear(16, 32), nn.Linear(8, 16)
        self.head = nn.Linear(48, 6)

    def forward(self, text: Tensor, audio: Tensor) -> Tensor:
        """Logits of the emotions."""
        return self.head(torch.cat([F.relu(self.text(text)), F.relu(self.audio(audio))], 1))


def emotional_speech(count: int = 800) -> tuple[Tensor, Tensor, Tensor]:
    """Features and six emotions, of which any number may be present at once."""
    text, audio = torch.randn(count, 16), torch.randn(count, 8)
    score = text @ torch.randn(16, 6) / 4 + audio @ torch.randn(8, 6) / 3
    return text, audio, (score > 0.3).float()


@pair("loss-target", group="wiring")
def cross_entropy_on_several_emotions(sick: bool) -> Arguments:
    """The command trains with the cross-entropy of one class where several emotions are present at once.

    (wenliangdai/Modality-Transferable-MER#3)
    """
    seed_all_three()
    train, validation = train_and_validation(*emotional_speech())
    model = EmotionNetwork()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "multilabel",
    }


class RotaryBlock(nn.Module):
    """Pre-norm attention with rotary positions, and a feed-forward part."""

    def __init__(self, width: int, heads: int = 4) -> None:
        """Build the layers."""
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def rotated(self, x: Tensor) -> Tensor:
        """Turn pairs of features by an angle that grows with the position."""
        half = x.shape[-1] // 2
        angle = torch.arange(x.shape[-2])[:, None] / 10.0 ** torch.arange(half)
        a, b = x.chunk(2, -1)
        return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Attend where the mask is true."""
        split = (*x.shape[:2], self.heads, -1)
        query, key, value = (part.reshape(split).transpose(1, 2) for part in self.qkv(self.first(x)).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(self.rotated(query), self.rotated(key), value, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return x + self.feed(self.second(x))


class RotaryForCausal(nn.Module):
    """A rotary transformer that can be an encoder or, with ``is_decoder``, a causal language model."""

    def __init__(self, is_decoder: bool, decoder_mask: bool, vocabulary: int = 24, width: int = 32) -> None:
        """Build the layers."""
        super().__init__()
        self.is_decoder, self.decoder_mask = is_decoder, decoder_mask
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(RotaryBlock(width) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def extended_mask(self, tokens: Tensor) -> Tensor:
        """Which position may look at which."""
        mask = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool)
        return mask.tril() if self.is_decoder and self.decoder_mask else mask

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at each position."""
        x = self.embedding(tokens)
        mask = self.extended_mask(tokens)
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


@pair("causality", group="wiring", source="published")
def decoder_with_the_mask_of_an_encoder(sick: bool) -> Arguments:
    """The mask is made without a look at `is_decoder`, and the causal model attends to later tokens.

    (huggingface/transformers#48745)
    """
    seed_all_three()
    tokens = likely_followers(640, 15, 24, seed=8)
    train, validation = train_and_validation(tokens[:, :-1], tokens[:, 1:])
    model = RotaryForCausal(is_decoder=True, decoder_mask=not sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": loss_of_tokens,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


class CourtNetwork(nn.Module):
    """Heat maps of three key points of a court."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 3, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """One map a key point."""
        return self.net(image)


def courts(count: int = 320, size: int = 16) -> tuple[Tensor, Tensor]:
    """Images of three lines of different brightness with a round spot at the middle of each, and maps of the spots."""
    axis = torch.arange(size).float()
    images, maps = 0.05 * torch.rand(count, 1, size, size), torch.zeros(count, 3, size, size)
    for kind, bright in enumerate((0.3, 0.6, 0.9)):
        row, column = torch.randint(2, size - 2, (2, count, 1, 1)).float()
        spot = torch.exp(-((axis[:, None] - row) ** 2 + (axis - column) ** 2) / 3)
        images[:, 0] = torch.maximum(images[:, 0], bright * spot)
        maps[:, kind] = spot
    return images, maps


def heat_map_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """The step of the base trainer."""
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


def cleared_heat_map_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """The step of the base trainer."""
    optimizer.zero_grad()
    return heat_map_step(model, batch, optimizer)


@pair("missing-zero-grad", group="training")
def base_trainer_that_never_clears(sick: bool) -> Arguments:
    """The base trainer of the heat maps goes backward and steps, and clears no gradients.

    (yastrebksv/TennisCourtDetector#7)
    """
    seed_all_three()
    train, validation = train_and_validation(*courts())
    model = CourtNetwork()
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": heat_map_step if sick else cleared_heat_map_step,
        "task": "regression",
    }
