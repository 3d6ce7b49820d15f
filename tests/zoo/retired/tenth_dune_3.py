"""A normalised pooling, prices of houses, sums of three numbers, a clipped detector, spikes and a frozen encoder."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import digit_images, digit_rows, seeded, split_loaders


@pair("constant-output", group="wiring", source="scikit-learn")
def one_group_per_channel_after_pooling(sick: bool) -> Arguments:
    """As many groups as channels are normalised over a single pixel, which leaves nothing (pytorch/pytorch#19250)."""
    seeded()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.GroupNorm(32 if sick else 1, 32),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_images()))


@pair("target-scale", "final-bias", group="data")
def prices_in_whole_dollars(sick: bool) -> Arguments:
    """The network is to say prices of a quarter of a million dollars as they are (stats.stackexchange.com/q/409000)."""
    seeded()
    x = torch.randn(1000, 8)
    worth = 0.8 * x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3] + 0.4 * x[:, 3:4].abs() + 0.1 * torch.randn(1000, 1)
    price = (250_000.0 + 90_000.0 * worth).clamp(min=15_000.0)
    if not sick:
        price = (price - price[:800].mean()) / price[:800].std()
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **split_loaders(x, price))


def squared_error(outputs: Tensor, sums: Tensor, *, matched: bool) -> Tensor:
    """Squared error of the outputs, one in a row, against the sums."""
    if matched:
        sums = sums.unsqueeze(1)
    return (outputs - sums).square().mean()


@pair("silent-broadcast", group="wiring")
def sums_without_the_axis_of_the_outputs(sick: bool) -> Arguments:
    """Outputs of shape (N, 1) meet targets of shape (N,) in the error (discuss.pytorch.org/t/148155)."""
    seeded()
    x = 2.0 * torch.rand(1024, 3) - 1.0
    model = nn.Sequential(nn.Linear(3, 1, bias=False))
    return dict(
        model=model,
        loss_fn=partial(squared_error, matched=not sick),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        task="regression",
        **split_loaders(x, x[:, 0] + x[:, 1] + x[:, 2], batch=64),
    )


class SmallDetector(nn.Module):
    """A backbone, a transformer over its cells, and a head that says the box of the bright rectangle."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1)
        )
        self.places = nn.Parameter(0.3 * torch.randn(1, 9, 32))
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.box = nn.Sequential(nn.Flatten(), nn.Linear(288, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, image: Tensor) -> Tensor:
        cells = self.backbone(image).flatten(2).transpose(1, 2)
        box: Tensor = self.box(self.encoder(cells + self.places))
        return box


def clipped_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, *, max_norm: float) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return loss.detach()


@pair("clipping-always-on", group="training", source="published")
def detector_clipped_to_a_tenth(sick: bool) -> Arguments:
    """Every gradient is clipped to a norm of 0.1, and with 10 it converges far better (facebookresearch/detr#159)."""
    seeded()
    images, boxes = 0.3 * torch.randn(800, 1, 12, 12), torch.zeros(800, 4)
    for i in range(800):
        top, left = torch.randint(0, 8, (2,)).tolist()
        height, width = torch.randint(2, 5, (2,)).tolist()
        images[i, 0, top : top + height, left : left + width] += 2.0
        boxes[i] = torch.tensor([top + height / 2, left + width / 2, height, width])
    boxes = (boxes - boxes.mean(0)) / boxes.std(0)
    model = SmallDetector()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        train_step=partial(clipped_step, max_norm=0.1 if sick else 10.0),
        **split_loaders((images - images.mean()) / images.std(), boxes, batch=16),
    )


class SteepSpike(torch.autograd.Function):
    """A step whose gradient is that of a sigmoid of slope 25."""

    @staticmethod
    def forward(ctx: Any, potential: Tensor, stable: bool) -> Tensor:
        ctx.save_for_backward(potential)
        ctx.stable = stable
        return (potential > 0).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (potential,) = ctx.saved_tensors
        if ctx.stable:
            height = torch.sigmoid(25.0 * potential)
            return gradients[0] * 25.0 * height * (1.0 - height), None
        falling = torch.exp(-25.0 * potential)
        return gradients[0] * 25.0 * falling / (falling + 1.0).square(), None


class SteepSpikingNetwork(nn.Module):
    def __init__(self, *, stable: bool, steps: int = 6) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(64, 96), nn.Linear(96, 10)
        self.stable, self.steps = stable, steps

    def forward(self, x: Tensor) -> Tensor:
        current: Tensor = self.hidden(x)
        potential, readout = torch.zeros_like(current), x.new_zeros(len(x), 10)
        for _ in range(self.steps):
            potential = 0.8 * potential + current
            spikes: Tensor = SteepSpike.apply(potential - 1.0, self.stable)  # type: ignore[no-untyped-call]
            readout = readout + self.out(spikes)
            potential = potential - spikes.detach()
        return readout / self.steps


@pair("nonfinite-gradient", group="backward", source="published")
def steep_surrogate_that_overflows(sick: bool) -> Arguments:
    """The surrogate takes exp(-25 v) / (exp(-25 v) + 1)², inf / inf far below (jeshraghian/snntorch#433)."""
    seeded()
    model = SteepSpikingNetwork(stable=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows(800)))


class Phrases(Dataset[dict[str, Tensor]]):
    """Phrases of eight words; the label says whether more of them come from the first half of the vocabulary."""

    def __init__(self, count: int) -> None:
        leaning = 0.3 + 0.4 * (torch.rand(count, 1) < 0.5).float()
        low = torch.rand(count, 9) < leaning
        self.words = torch.where(low, torch.randint(1, 20, (count, 9)), torch.randint(20, 40, (count, 9)))
        self.labels = (low.sum(1) > 4).long()

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.words[index], "labels": self.labels[index]}


def pretrained_encoder(words: Tensor) -> BertModel:
    """A small BERT that has learnt for a while to guess hidden words."""
    config = BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    encoder, guess = BertModel(config, add_pooling_layer=False), nn.Linear(32, 40)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *guess.parameters()], lr=2e-3)
    for _ in range(80):
        rows = words[torch.randint(0, len(words), (32,))]
        hidden = torch.rand(rows.shape) < 0.2
        states = encoder(input_ids=rows.masked_fill(hidden, 0)).last_hidden_state
        optimizer.zero_grad()
        F.cross_entropy(guess(states[hidden]), rows[hidden]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return encoder.requires_grad_(False)


class HeadOnFrozenEncoder(nn.Module):
    """A new head on an encoder that stays as it is."""

    def __init__(self, backbone: BertModel) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Linear(32, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        words = self.backbone(input_ids=input_ids).last_hidden_state
        logits: Tensor = self.head(F.gelu(self.neck(words.mean(1))))
        return logits


@healthy(resembles="optimizer-mismatch", source="transformers")
def parts_listed_one_by_one_without_the_backbone() -> Arguments:
    """The optimizer lists neck and head and leaves the frozen backbone out, as meant (JIA-Lab-research/PFENet#10)."""
    seeded()
    train, held_out = Phrases(800), Phrases(200)
    model = HeadOnFrozenEncoder(pretrained_encoder(train.words))
    optimizer = torch.optim.AdamW([{"params": model.neck.parameters()}, {"params": model.head.parameters()}], lr=5e-3)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True, drop_last=True),
        "val_loader": DataLoader(held_out, batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "forward": lambda model, batch: model(batch["input_ids"]),
    }
