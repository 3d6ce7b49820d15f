"""Programs with a bug that was reported: a decoder's labels, a mask, views, and heat maps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import Seq2SeqLMOutput

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    disc_images,
    keyed_sentences,
    mean_over_words,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    train_and_val_records,
)


class CaptionDecoder(nn.Module):
    """An encoder and a decoder that gets its labels shifted to the right."""

    def __init__(self, *, shifts_again: bool, words: int = 12) -> None:
        super().__init__()
        self.embed = nn.Embedding(words + 1, 32)
        self.encoder = nn.GRU(32, 48, batch_first=True)
        self.decoder = nn.GRU(32, 48, batch_first=True)
        self.head = nn.Linear(96, words)
        self.start = words
        self.shifts_again = shifts_again

    def forward(self, input_ids: Tensor, labels: Tensor) -> Seq2SeqLMOutput:
        memory, state = self.encoder(self.embed(input_ids))
        decoder_ids = torch.cat([torch.full_like(labels[:, :1], self.start), labels[:, :-1]], 1)
        hidden, _ = self.decoder(self.embed(decoder_ids), state)
        weights = torch.softmax(hidden @ memory.transpose(1, 2) / math.sqrt(48), -1)
        logits = self.head(torch.cat([hidden, weights @ memory], -1))
        if self.shifts_again:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        else:
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return Seq2SeqLMOutput(loss=loss, logits=logits)


@pair("causality", group="wiring")
def decoder_labels_shifted_right_and_then_left(sick: bool) -> Arguments:
    """The labels are shifted to the right for the decoder, and the loss shifts them once more as for a causal model.

    (huggingface/transformers#46898)
    """
    seed_torch_and_friends()
    ids = torch.randint(0, 12, (640, 7))
    model = CaptionDecoder(shifts_again=sick)
    return dict(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        task="language-model",
        **train_and_val_records(512, 16, input_ids=ids, labels=ids.clone()),
    )


class MaskedAttention(nn.Module):
    """Self-attention with a mask."""

    def __init__(self, dim: int, *, in_place: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.in_place = in_place

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.qkv(x).chunk(3, -1)
        score = query @ key.transpose(1, 2) / math.sqrt(x.shape[-1])
        if self.in_place:
            score.masked_fill_(~mask.unsqueeze(1), -1e9)
        else:
            score.masked_fill(~mask.unsqueeze(1), -1e9)
        out: Tensor = self.out(torch.softmax(score, -1) @ value)
        return out


class UnitEncoder(nn.Module):
    """Two layers of such attention over the units in sight, which are then averaged."""

    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 32, padding_idx=0)
        self.attention = nn.ModuleList(MaskedAttention(32, in_place=in_place) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(2))
        self.head = nn.Linear(32, 4)

    def forward(self, units: Tensor) -> Tensor:
        mask = units != 0
        h = self.embed(units)
        for attention, norm in zip(self.attention, self.norms, strict=True):
            h = norm(h + attention(h, mask))
        out: Tensor = self.head(mean_over_words(h, mask))
        return out


@pair("unused-result", "padding-leak", group="wiring")
def attention_mask_filled_into_a_copy(sick: bool) -> Arguments:
    """The scores are masked by `masked_fill` without the underscore, whose result is dropped.

    (opendilab/DI-engine#333)
    """
    seed_torch_and_friends()
    model = UnitEncoder(in_place=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        padding_value=0,
        **train_and_val(*keyed_sentences(padded=True), train=768),
    )


class MultiViewNet(nn.Module):
    """One network for all views of an object, whose features are pooled."""

    def __init__(self, *, rectified: bool) -> None:
        super().__init__()
        self.view = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU()
        )
        self.fc7 = nn.Linear(24 * 16, 64)
        self.fc8 = nn.Linear(64, 10)
        self.rectified = rectified

    def forward(self, views: Tensor) -> Tensor:
        n, count = views.shape[:2]
        h = self.view(views.flatten(0, 1)).view(n, count, -1).amax(1)
        h = self.fc8(F.relu(self.fc7(h)))
        return F.relu(h) if self.rectified else h


@pair("output-range", group="wiring", source="published")
def views_scored_by_a_rectified_last_layer(sick: bool) -> Arguments:
    """The last fully connected layer has a ReLU like those before it, so the class scores cannot be negative.

    (WeiTang114/MVCNN-TensorFlow#14)
    """
    seed_torch_and_friends()
    x, y = small_digit_images()
    views = torch.stack([x, x.roll(1, -1), x.roll(1, -2)], 1) + 0.2 * torch.randn(len(x), 3, 1, 8, 8)
    model = MultiViewNet(rectified=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(views, y, train=1024),
    )


class PeakNet(nn.Module):
    """Predicts a map of where the middle of an object is."""

    def __init__(self, prior: float | None) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=2, dilation=2),
            nn.ReLU(),
        )
        self.heat = nn.Conv2d(24, 1, 1)
        if prior is not None and self.heat.bias is not None:
            nn.init.constant_(self.heat.bias, -math.log((1 - prior) / prior))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.heat(self.body(x))
        return out


@pair("final-bias", "loss-at-init", group="init", source="published")
def heat_maps_that_begin_at_one_half(sick: bool) -> Arguments:
    """The bias of the heat map is not set to the prior of the few positives, so the first loss is all background.

    (yjh0410/CenterNet-Lite#14)
    """
    seed_torch_and_friends()
    image, mask, _ = disc_images()
    flat = (mask.squeeze(1) * torch.arange(16.0)).sum((1, 2)) / mask.sum((1, 2, 3))
    upright = (mask.squeeze(1) * torch.arange(16.0)[:, None]).sum((1, 2)) / mask.sum((1, 2, 3))
    heat = torch.zeros_like(mask)
    heat[torch.arange(len(mask)), 0, upright.round().long(), flat.round().long()] = 1
    model = PeakNet(None if sick else 1 / 256)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="segmentation",
        **train_and_val(image, heat, train=384, batch=16),
    )


class CoupledOscillators(nn.Module):
    """A recurrent network of coupled oscillators."""

    def __init__(self, units: int = 64) -> None:
        super().__init__()
        self.into = nn.Linear(2 * units + 8, units)
        self.out = nn.Linear(units, 10)
        self.units = units

    def forward(self, image: Tensor) -> Tensor:
        place = torch.zeros(len(image), self.units, device=image.device)
        speed = torch.zeros_like(place)
        for row in image.squeeze(1).unbind(1):
            push = torch.tanh(self.into(torch.cat([row, place, speed], 1)))
            speed = speed + 0.4 * (push - 0.5 * place - 0.5 * speed)
            place = place + 0.4 * speed
        out: Tensor = self.out(place)
        return out


def row_by_row_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on images read row by row."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def row_by_row_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes in eval mode."""
    model.eval()
    with torch.no_grad():
        return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


@healthy(resembles="train-eval-mode", source="published")
def oscillators_that_stay_in_eval_mode() -> Arguments:
    """The tests call eval() and nothing calls train() again, which is the same without dropout or BatchNorm.

    (tk-rusch/coRNN#1)
    """
    seed_torch_and_friends()
    model = CoupledOscillators().eval()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=row_by_row_step,
        eval_step=row_by_row_accuracy,
        **train_and_val(*small_digit_images(), train=1024),
    )
