"""Recordings, cells, letters and rankings: programs of the fifth set, third hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loader, cargo_loaders, cargo_start, cargo_table


class RecordingFolders(Dataset[tuple[Tensor, int]]):
    """Recordings as a walk through one folder for each bird finds them."""

    def __init__(self, per_bird: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.files: list[tuple[Tensor, int]] = []
        time = torch.linspace(0, 1, 96)
        for bird, (pitch, sweep) in enumerate([(6.0, 0.0), (9.0, 4.0), (13.0, -4.0), (18.0, 0.0), (12.0, 8.0)]):
            for _ in range(per_bird):
                phase = 6.28 * torch.rand(1, generator=draw)
                song = torch.sin(
                    6.28 * (pitch * time + sweep * time**2) * (0.97 + 0.06 * torch.rand(1, generator=draw)) + phase
                )
                self.files.append((1.3 * song[None] + 0.35 * torch.randn(1, 96, generator=draw), bird))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.files[index]


@pair("not-shuffled", group="data")
def birdsong_read_folder_by_folder(sick: bool) -> Arguments:
    """The loader walks through the folders in order, so every batch holds the songs of a single bird."""
    cargo_start()
    generator = torch.Generator().manual_seed(2)
    loader = DataLoader(RecordingFolders(160, 1), batch_size=32, shuffle=not sick, generator=generator)
    val_loader = DataLoader(RecordingFolders(40, 2), batch_size=32)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 9, padding=4), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 32, 7, padding=3), nn.ReLU(),
        nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(128, 5),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class CellUNet(nn.Module):
    """A U-Net of two levels for images of sixteen pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.up = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.merge = nn.Sequential(nn.Conv2d(24, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.down1(x)
        low = self.down2(F.max_pool2d(high, 2))
        return self.out(self.merge(torch.cat([self.up(low), high], 1)))


def soft_dice(logits: Tensor, masks: Tensor) -> Tensor:
    """The overlap of predicted and true cells, averaged over the images."""
    p = torch.sigmoid(logits)
    overlap = 2 * (p * masks).sum((1, 2, 3)) + 1
    return (overlap / (p.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)).mean()


def overlap_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """What the overlap lacks to one."""
    return 1 - soft_dice(logits, masks)


@pair("loss-direction", group="wiring", source="published")
def dice_coefficient_used_as_a_loss(sick: bool) -> Arguments:
    """The overlap of the cells itself, not one minus it, is minimised."""
    cargo_start()
    centres, radii = 3 + 10 * torch.rand(400, 2), 2.5 + 2 * torch.rand(400)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    distance = ((rows - centres[:, 0, None, None]) ** 2 + (columns - centres[:, 1, None, None]) ** 2).sqrt()
    masks = (distance < radii[:, None, None]).float()[:, None]
    images = 2.0 * masks + 0.6 * torch.randn(400, 1, 16, 16)
    images = (images - images.mean()) / images.std()
    model = CellUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = soft_dice if sick else overlap_loss
    return dict(
        model=model, loss_fn=loss_fn, optimizer=optimizer, task="segmentation", **cargo_loaders(images, masks, size=16)
    )


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def ten_sigmoid_layers_on_biopsies(sick: bool) -> Arguments:
    """Ten hidden layers in a row have sigmoids, each of which divides the gradient by four or more."""
    cargo_start()
    x, y = cargo_table(load_breast_cancer)
    layers: list[nn.Module] = []
    for width in [30] + [32] * 9:
        hidden = nn.Linear(width, 32)
        nn.init.xavier_normal_(hidden.weight)
        nn.init.zeros_(hidden.bias)
        layers += [hidden, nn.Sigmoid() if sick else nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y.long()))


def syllable_rows(count: int, length: int = 24) -> Tensor:
    """Text of an invented language: each of thirty letters is followed by one of three."""
    followers = torch.randint(0, 30, (30, 3))
    text = torch.empty(count, length, dtype=torch.long)
    text[:, 0] = torch.randint(0, 30, (count,))
    for i in range(1, length):
        text[:, i] = followers[text[:, i - 1], torch.randint(0, 3, (count,))]
    return text


def as_language_batch(rows: list[Tensor]) -> dict[str, Tensor]:
    """Rows of text as inputs and as labels, which the model shifts itself."""
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


@pair("optimizer-mismatch", group="training", source="transformers")
def token_table_replaced_behind_the_optimizer(sick: bool) -> Arguments:
    """The table of embeddings, tied to the head, is replaced by a larger one after the optimizer took the old one."""
    cargo_start()
    config = GPT2Config(vocab_size=30, n_positions=32, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    early = torch.optim.AdamW(model.parameters(), lr=3e-3)
    table: Any = model.get_input_embeddings()
    larger = nn.Embedding(32, 32)
    nn.init.normal_(larger.weight, std=0.02)
    with torch.no_grad():
        larger.weight[:30] = table.weight
    model.set_input_embeddings(larger)
    model.config.vocab_size = 32
    model.lm_head = nn.Linear(32, 32, bias=False)
    model.tie_weights()
    optimizer = early if sick else torch.optim.AdamW(model.parameters(), lr=3e-3)
    text: Any = list(syllable_rows(640))
    generator = torch.Generator().manual_seed(4)
    loader: DataLoader[Any]
    loader = DataLoader(text[:512], batch_size=32, shuffle=True, generator=generator, collate_fn=as_language_batch)
    val_loader: DataLoader[Any] = DataLoader(text[512:], batch_size=32, collate_fn=as_language_batch)
    return {
        "model": model,
        "loader": loader,
        "val_loader": val_loader,
        "optimizer": optimizer,
        "task": "language-model",
        "causal": True,
    }


class DroppedPerceptron(nn.Module):
    """Three hidden layers with dropout after each."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 64)])
        self.dropout = nn.Dropout(p)
        self.out = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.dropout(F.relu(layer(x)))
        return self.out(x)


@pair("regularised-debug-run", group="training", source="scikit-learn")
def keep_probability_handed_to_dropout(sick: bool) -> Arguments:
    """`keep_prob=0.9` of an older framework was copied into `nn.Dropout`, which drops nine of ten units."""
    cargo_start()
    x, y = cargo_digits(flat=True)
    model = DroppedPerceptron(0.9 if sick else 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y))


def every_pair_ranked(scores: Tensor, severity: Tensor) -> Tensor:
    """RankNet: of each two patients of the batch the worse one should have the higher score."""
    worse = severity[:, None] > severity[None, :]
    return F.softplus(scores[None, :] - scores[:, None])[worse].mean()


@healthy(resembles="silent-broadcast", source="scikit-learn")
def patients_ranked_in_all_pairs() -> Arguments:
    """Scores less scores make a square on purpose: the loss is one over pairs of patients."""
    cargo_start()
    x, y = cargo_table(load_diabetes)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    y = (y.float() - y.float().mean()) / y.float().std()
    loaders = {"loader": cargo_loader(x[:360], y[:360]), "val_loader": cargo_loader(x[360:], y[360:], shuffle=False)}
    return dict(model=net, loss_fn=every_pair_ranked, optimizer=optimizer, task="other", **loaders)
