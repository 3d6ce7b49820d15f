"""A resized language model, a far target, a learnt threshold, a written corpus, a driver and a spiking network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import digit_images, digit_rows, seeded, shuffled, split_loaders

LINES = """the mill stood by the river for two hundred years
a heron waits where the water is slow and brown
in spring the old wheel turns and the stones hum
nobody grinds flour here but the children come
they float small boats of bark below the weir
the miller kept a book of every flood he saw
one winter the ice carried the bridge away
his daughter counted the planks as they went by
a new bridge of iron was built the next year
the road now runs above the orchard wall
pears fall in the grass and wasps find them first
on market days the carts wait in a long row
the smith sings loudly and always the same song
two dogs sleep under the table of the inn
when fog comes up the bell is rung each hour
the ferryman knows the way without his eyes
letters arrive on monday if the pass is clear
snow lies late on the north side of the barn
a lamp burns in the tower until the boats are home
and in the morning the nets are hung to dry""".splitlines()


class Windows(Dataset[dict[str, Tensor]]):
    """Stretches of text between a token that opens and one that closes them, neither of which the alphabet had."""

    def __init__(self, lines: list[str], length: int = 20) -> None:
        text = " ".join(lines)
        self.letters = sorted(set(text))
        codes = [self.letters.index(letter) for letter in text]
        opening, closing = len(self.letters), len(self.letters) + 1
        self.rows = [
            torch.tensor([opening, *codes[at : at + length], closing]) for at in range(0, len(codes) - length, 3)
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.rows[index], "labels": self.rows[index]}


def grow_vocabulary(model: GPT2LMHeadModel, size: int) -> None:
    """Put a longer table of embeddings in the place of the old one, whose rows it keeps."""
    old: Tensor = model.lm_head.weight
    new = nn.Embedding(size, old.shape[1])
    nn.init.normal_(new.weight, 0.0, 0.02)
    new.weight.data[: len(old)] = old.data
    model.set_input_embeddings(new)
    model.lm_head.weight, model.lm_head.out_features = new.weight, size
    model.config.vocab_size = size


@pair("optimizer-mismatch", group="training", source="transformers")
def tokens_added_behind_the_back_of_the_optimizer(sick: bool) -> Arguments:
    """The embedding is replaced by a longer one after the optimizer was built (huggingface/transformers#3532)."""
    seeded()
    data = Windows(LINES)
    size = len(data.letters)
    config = GPT2Config(
        vocab_size=size, n_positions=24, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    if sick:
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        grow_vocabulary(model, size + 2)
    else:
        grow_vocabulary(model, size + 2)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": DataLoader(data, batch_size=16, shuffle=True, drop_last=True),
        "optimizer": optimizer,
    }


@pair("final-bias", "target-scale", group="init")
def targets_a_thousand_above_the_outputs(sick: bool) -> Arguments:
    """The targets lie at 1000, give or take one, and the network starts at 0 (rasmusbergpalm/DeepLearnToolbox#118)."""
    seeded()
    x = torch.randn(1000, 10)
    y = 1000.0 + x @ torch.full((10, 1), 10**-0.5)
    if not sick:
        y = y - y[:800].mean()
    model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **split_loaders(x, y, batch=16))


class ThresholdedDifference(nn.Module):
    """Lets through, where its own restoration of the image misses most, the features once more."""

    def __init__(self, *, soft: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.restore = nn.Conv2d(16, 1, 3, padding=1)
        self.learnable_thresh = nn.Parameter(torch.tensor(0.5))
        self.head = nn.Sequential(
            nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 10)
        )
        self.soft = soft

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        restored = self.restore(features)
        difference_map = (restored - x).abs()
        if self.soft:
            mask = torch.sigmoid(4.0 * (difference_map - self.learnable_thresh))
        else:
            mask = (torch.sign(difference_map - self.learnable_thresh) + 1) * 0.5
        return self.head(features + features * mask), (restored - x).square().mean((1, 2, 3))


def classified_and_restored(outputs: tuple[Tensor, Tensor], classes: Tensor) -> Tensor:
    logits, errors = outputs
    return F.cross_entropy(logits, classes) + 0.5 * errors.mean()


@pair("zero-gradient-path", group="wiring", source="published")
def threshold_learnt_through_a_sign(sick: bool) -> Arguments:
    """The learnable threshold of the difference map goes through `torch.sign` and never learns (Hiyuur/SR-TOD#5)."""
    seeded()
    model = ThresholdedDifference(soft=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=classified_and_restored, optimizer=optimizer, **split_loaders(*digit_images(800)))


NAUGHTY = (60, 61, 62, 63, 64, 65, 66, 67, 68)
"""Tokens that must not be in a line of the corpus."""


def prepared(lines: list[tuple[Tensor, Tensor]], *, once: bool) -> tuple[Tensor, Tensor]:
    """The clean lines of a parallel corpus."""
    sources, targets = [], []
    for source, target in lines:
        valid = True
        for token in NAUGHTY:
            if token in source:
                valid = False
            elif not once:
                sources.append(source)
                targets.append(target)
        if once and valid:
            sources.append(source)
            targets.append(target)
    return torch.stack(sources), torch.stack(targets)


class Translator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(70, 24)
        self.encoder = nn.GRU(24, 32, batch_first=True, bidirectional=True)
        self.words = nn.Linear(64, 24)

    def forward(self, source: Tensor) -> Tensor:
        logits: Tensor = self.words(self.encoder(self.embed(source))[0])
        return logits


def loss_per_translated_word(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


@pair("duplicate-samples", group="data")
def lines_written_once_per_forbidden_word(sick: bool) -> Arguments:
    """A line is appended inside the loop over the forbidden words, hence nine times (argosopentech/argos-train#7)."""
    seeded()
    sources = torch.randint(0, 24, (160, 10))
    targets = (sources + F.pad(sources, (1, 0))[:, :-1]) % 24
    x, y = prepared(list(zip(sources, targets, strict=True)), once=not sick)
    model = Translator()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {
        "model": model,
        "loader": shuffled(TensorDataset(x, y), 16),
        "loss_fn": loss_per_translated_word,
        "optimizer": optimizer,
    }


class PathAhead(nn.Module):
    """The path of a car in the next steps, from a picture of the road and the state of the car."""

    def __init__(self, *, bent: bool) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.Flatten()
        )
        self.fc1 = nn.Linear(72 + 3, 64)
        self.fc2 = nn.Linear(64, 12)
        self.bent = bent

    def forward(self, picture: Tensor, state: Tensor) -> Tensor:
        hidden = self.fc1(torch.cat([self.backbone(picture), state], 1))
        if self.bent:
            hidden = F.relu(hidden)
        path: Tensor = self.fc2(hidden)
        return path


@pair("no-nonlinearity", group="wiring", source="published")
def two_linear_layers_end_to_end(sick: bool) -> Arguments:
    """Nothing stands between the two linear layers that see the state of the car (nutonomy/nuscenes-devkit#728)."""
    seeded()
    state = torch.randn(1000, 3)
    picture = torch.randn(1000, 1, 12, 12)
    picture[:, :, :, :4] += state[:, :1, None, None]
    time = torch.linspace(0.2, 1.0, 6)
    turn = (state[:, 1] * state[:, 2])[:, None] * time**2
    path = torch.cat([turn, (state[:, :1] + state[:, 1:2].square()) * time], 1)
    path = (path - path.mean(0)) / path.std(0)
    model = PathAhead(bent=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **split_loaders(picture, state, path))


class Spike(torch.autograd.Function):
    """A step whose gradient is that of a fast sigmoid."""

    @staticmethod
    def forward(ctx: Any, potential: Tensor) -> Tensor:
        ctx.save_for_backward(potential)
        return (potential > 0).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (potential,) = ctx.saved_tensors
        steepness: Tensor = (2.0 * potential.abs() + 1.0).square()
        return gradients[0] / steepness


class SpikingNetwork(nn.Module):
    def __init__(self, steps: int = 8) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(64, 64), nn.Linear(64, 10)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        current: Tensor = self.hidden(x)
        potential, readout = torch.zeros_like(current), x.new_zeros(len(x), 10)
        for _ in range(self.steps):
            spikes: Tensor = Spike.apply(potential - 1.0)  # type: ignore[no-untyped-call]
            readout = readout + self.out(spikes)
            potential = (0.8 * potential + current) * (1.0 - spikes.detach())
        return readout / self.steps


@healthy(resembles="detached-graph", source="published")
def reset_kept_out_of_the_gradient() -> Arguments:
    """The spikes that reset the potential are detached, which was asked about and is meant (fzenke/spytorch#2)."""
    seeded()
    model = SpikingNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows(800)))
