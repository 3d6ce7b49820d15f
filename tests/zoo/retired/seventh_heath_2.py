"""Programs with a bug that was reported: a similarity, boxes, a memory, a diffusion block, a break for validation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_heath_parts import (
    disc_images,
    grey_digits,
    keyed_sentences,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
)


class StructuralSimilarity(nn.Module):
    """SSIM over windows of 5 by 5, for images in [0, 1]."""

    def __init__(self, *, as_loss: bool) -> None:
        super().__init__()
        self.as_loss = as_loss

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        mean_x, mean_y = F.avg_pool2d(x, 5, 1), F.avg_pool2d(y, 5, 1)
        var_x = F.avg_pool2d(x * x, 5, 1) - mean_x**2
        var_y = F.avg_pool2d(y * y, 5, 1) - mean_y**2
        both = F.avg_pool2d(x * y, 5, 1) - mean_x * mean_y
        top = (2 * mean_x * mean_y + 0.01**2) * (2 * both + 0.03**2)
        score = (top / ((mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2))).mean()
        return 1 - score if self.as_loss else score


class Denoiser(nn.Module):
    """Convolutions that clean an image."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.net(x)
        return out


@pair("loss-direction", group="wiring", source="scikit-learn")
def denoiser_trained_on_the_similarity_index(sick: bool) -> Arguments:
    """The SSIM module used as the loss returns the similarity, so the images become dissimilar.

    (photosynthesis-team/piq#37)
    """
    seed_torch_and_friends()
    clean = grey_digits()
    noisy = clean + 0.25 * torch.randn_like(clean)
    model = Denoiser()
    return dict(
        model=model,
        loss_fn=StructuralSimilarity(as_loss=not sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="regression",
        **train_and_val(noisy, clean, train=512, batch=16),
    )


class RegionNet(nn.Module):
    """A backbone and a map of offsets from an anchor in the middle of the image."""

    def __init__(self, *, rectified: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(self.unit(1, 16, 3, 1), self.unit(16, 24, 3, 2), self.unit(24, 32, 3, 2))
        self.offsets = self.unit(32, 3, 4, 4, padding=0) if rectified else nn.Conv2d(32, 3, 4, 4)

    @staticmethod
    def unit(into: int, out: int, size: int, stride: int, padding: int = 1) -> nn.Sequential:
        """A convolution with batch normalisation and ReLU."""
        conv = nn.Conv2d(into, out, size, stride, padding, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.offsets(self.body(x)).flatten(1)
        return out


@pair("output-range", group="wiring", source="published")
def anchor_that_can_only_move_one_way(sick: bool) -> Arguments:
    """The layer that predicts offsets of boxes ends in a ReLU like all others, so no box can shrink or move back.

    (tsinghua-rll/VoxelNet-tensorflow#10)
    """
    seed_torch_and_friends()
    image, _, where = disc_images(640)
    model = RegionNet(rectified=sick)
    return dict(
        model=model,
        loss_fn=nn.SmoothL1Loss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **train_and_val(image, where, train=512),
    )


class DotAttention(nn.Module):
    """Attention of queries over a context."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=dim)

    def forward(self, query: Tensor, context: Tensor) -> Tensor:
        n, asked, _ = query.shape
        scores = torch.bmm(query, context.transpose(1, 2)) / math.sqrt(query.shape[2])
        weights = self.softmax(scores.view(n * asked, -1)).view(n, asked, -1)
        return torch.bmm(weights, context)


class SentenceReader(nn.Module):
    """A recurrent encoder whose last state asks its outputs."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 24)
        self.rnn = nn.GRU(24, 32, batch_first=True)
        self.attention = DotAttention(dim)
        self.head = nn.Linear(64, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden, last = self.rnn(self.embed(tokens))
        query = last[-1].unsqueeze(1)
        out: Tensor = self.head(torch.cat([query, self.attention(query, hidden)], 2).squeeze(1))
        return out


@pair("batch-leak", group="wiring")
def attention_that_shares_one_unit_among_the_sentences(sick: bool) -> Arguments:
    """Scores of shape (batch x queries, context) go through a softmax over dimension 0 instead of the last.

    (PetrochukM/PyTorch-NLP#2)
    """
    seed_torch_and_friends()
    model = SentenceReader(0 if sick else -1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **train_and_val(*keyed_sentences(), train=768),
    )


class SpatialAttention(nn.Module):
    """Attention over the places of an image, with a residual."""

    def __init__(self, channels: int, *, projected: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.proj_attn = nn.Linear(channels, channels)
        self.projected = projected

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x).flatten(2).transpose(1, 2)
        h = F.scaled_dot_product_attention(self.to_q(h), self.to_k(h), self.to_v(h))
        if self.projected:
            h = self.proj_attn(h)
        out: Tensor = x + h.transpose(1, 2).reshape(x.shape)
        return out


class NoisePredictor(nn.Module):
    """Predicts the noise in an image of a given noise level."""

    def __init__(self, *, projected: bool) -> None:
        super().__init__()
        self.into = nn.Conv2d(1, 24, 3, padding=1)
        self.level = nn.Linear(1, 24)
        self.middle = nn.Conv2d(24, 24, 3, padding=1)
        self.attention = SpatialAttention(24, projected=projected)
        self.out = nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        h = F.silu(self.into(x) + self.level(level)[:, :, None, None])
        h = self.attention(h + F.silu(self.middle(h)))
        out: Tensor = self.out(h)
        return out


@pair("unused-parameters", group="wiring", source="published")
def diffusion_attention_without_its_projection(sick: bool) -> Arguments:
    """The attention block makes a projection `proj_attn` that its forward never applies.

    (Project-MONAI/GenerativeModels#402)
    """
    seed_torch_and_friends()
    clean, _ = small_digit_images()
    level = torch.rand(len(clean), 1)
    noise = torch.randn_like(clean)
    angle = level[:, :, None, None] * math.pi / 2
    noisy = torch.cos(angle) * clean + torch.sin(angle) * noise
    model = NoisePredictor(projected=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **train_and_val(noisy, level, noise, train=1024),
    )


class Matcher(nn.Module):
    """Images and captions in one space."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 24))
        self.caption = nn.Embedding(10, 24)
        self.iterations = 0

    def forward(self, x: Tensor) -> Tensor:
        return 8 * F.normalize(self.image(x.flatten(1)), dim=1) @ F.normalize(self.caption.weight, dim=1).T


class MatchingStep:
    """A step of training, with a look at held-out pairs every few steps."""

    def __init__(self, held_out: tuple[Tensor, Tensor], *, back_to_training: bool) -> None:
        self.held_out = held_out
        self.back_to_training = back_to_training

    def validate(self, model: Matcher) -> float:
        """Recall at 1 of the held-out pairs."""
        model.eval()
        with torch.no_grad():
            return float((model(self.held_out[0]).argmax(1) == self.held_out[1]).float().mean())

    def __call__(self, model: Matcher, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.iterations += 1
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if model.iterations % 4 == 0:
            self.validate(model)
            if self.back_to_training:
                model.train()
        return loss.detach()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def embeddings_validated_within_the_epoch(sick: bool) -> Arguments:
    """Validation within the epoch calls eval(), and train() comes only with the next epoch (fartashf/vsepp#4)."""
    seed_torch_and_friends()
    x, y = small_digit_images()
    model = Matcher()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=MatchingStep((x[1024:], y[1024:]), back_to_training=not sick),
        **train_and_val(x, y, train=1024),
    )
