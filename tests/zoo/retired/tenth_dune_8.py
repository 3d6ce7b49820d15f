"""A frozen backbone, a bridge to a decoder, origins of surnames, a detector of voices and unit patches."""

from __future__ import annotations

from functools import partial

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.tenth_dune_parts import digit_images, seeded, split_loaders


class LinearProbe(nn.Module):
    """A linear classifier on a backbone that was trained for something else and stays as it is."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone, self.fc = backbone, nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.backbone(x))
        return logits


def backbone_that_knows_groups_of_digits(images: Tensor, classes: Tensor) -> nn.Module:
    """Features learnt by telling five pairs of digits apart."""
    backbone = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 24, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    model = nn.Sequential(backbone, nn.Linear(24, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(200):
        rows = torch.randint(0, len(images), (32,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[rows]), classes[rows] % 5)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return backbone.requires_grad_(False)


def probing_step(model: LinearProbe, batch: list[Tensor], optimizer: torch.optim.Optimizer, *, whole: bool) -> Tensor:
    if whole:
        model.train()
    else:
        model.eval()
        model.fc.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="published")
def probe_that_moves_the_statistics_of_its_backbone(sick: bool) -> Arguments:
    """The step sets train mode, in which the norms of the frozen backbone go on averaging (kdexd/virtex#16)."""
    seeded()
    images, classes = digit_images(1200)
    model = LinearProbe(backbone_that_knows_groups_of_digits(images[:400], classes[:400]))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.fc.parameters(), lr=0.2, momentum=0.9),
        train_step=partial(probing_step, whole=sick),
        **split_loaders(images[400:], classes[400:]),
    )


class BridgedTranslator(nn.Module):
    """An encoder of two layers whose last states pass a bridge and start the decoder."""

    def __init__(self, *, by_sample: bool, words: int = 10, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(words, 16)
        self.encoder = nn.GRU(16, width, num_layers=2, batch_first=True)
        self.bridge = nn.Linear(2 * width, 2 * width)
        self.decoder = nn.GRU(16, width, num_layers=2, batch_first=True)
        self.out = nn.Linear(width, words)
        self.by_sample = by_sample

    def bottle(self, states: Tensor) -> Tensor:
        layers, samples, width = states.shape
        if self.by_sample:
            joined = torch.tanh(self.bridge(states.transpose(0, 1).reshape(samples, layers * width)))
            return joined.view(samples, layers, width).transpose(0, 1).contiguous()
        return torch.tanh(self.bridge(states.view(-1, layers * width))).view(states.shape)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        states = self.bottle(self.encoder(self.words(source))[1])
        delayed = F.pad(self.words(target)[:, :-1], (0, 0, 1, 0))
        logits: Tensor = self.out(self.decoder(delayed, states)[0])
        return logits


def loss_of_each_word(logits: Tensor, words: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


@pair("batch-leak", group="wiring", source="published")
def bridge_that_views_two_samples_as_one(sick: bool) -> Arguments:
    """The view before the bridge joins the states of two samples and not of two layers (OpenNMT/OpenNMT-py#1521)."""
    seeded()
    drawn = torch.randperm(10**4)[:1000]
    source = torch.stack([drawn // 1000, drawn // 100 % 10, drawn // 10 % 10, drawn % 10], 1)
    target = source.flip(1)
    model = BridgedTranslator(by_sample=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=loss_of_each_word, optimizer=optimizer, **split_loaders(source, target, target))


class SurnameClassifier(nn.Module):
    """Tells from the letters of a surname where it comes from."""

    def __init__(self, *, heeds_mode: bool) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8 * 27, 64), nn.Linear(64, 4)
        self.heeds_mode = heeds_mode

    def forward(self, letters: Tensor) -> Tensor:
        hidden = F.relu(self.fc1(F.one_hot(letters, 27).float().flatten(1)))
        hidden = F.dropout(hidden, p=0.5, training=self.training) if self.heeds_mode else F.dropout(hidden, p=0.5)
        logits: Tensor = self.fc2(hidden)
        return logits


@torch.no_grad()
def share_of_origins_right(model: nn.Module, batch: list[Tensor]) -> float:
    model.eval()
    right: float = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    return right


@pair("train-eval-mode", group="wiring", source="published")
def surnames_read_with_dropout_for_ever(sick: bool) -> Arguments:
    """`F.dropout` is called without the mode of the module, so it drops in evaluation too (delip/PyTorchNLPBook#28)."""
    seeded()
    endings = torch.tensor([[0, 22, 19, 11], [9, 15, 22, 0], [5, 20, 20, 9], [0, 19, 15, 14]])
    origins = torch.randint(0, 4, (900,))
    surnames = torch.cat([torch.randint(1, 27, (900, 4)), endings[origins]], 1)
    misspelt = torch.rand(900, 8) < 0.3
    surnames = torch.where(misspelt, torch.randint(1, 27, (900, 8)), surnames)
    model = SurnameClassifier(heeds_mode=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        eval_step=share_of_origins_right,
        **split_loaders(surnames, origins),
    )


class VoiceDetector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv1d(6, 24, 3, padding=1), nn.ReLU())
        self.recurrence = nn.GRU(24, 24, batch_first=True)
        self.decoder = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        states = self.recurrence(self.encoder(x.transpose(1, 2)).transpose(1, 2))[0]
        logits: Tensor = self.decoder(states).squeeze(-1)
        return logits


def tune_on_a_batch(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, *, cleared: bool
) -> Tensor:
    model.train()
    loss = F.binary_cross_entropy_with_logits(model(batch[0]), batch[1])
    if cleared:
        optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="published")
def tuning_that_never_clears_its_gradients(sick: bool) -> Arguments:
    """The tuning loop calls backward and step and at no time `zero_grad` (snakers4/silero-vad#699)."""
    seeded()
    voiced = (torch.randn(600, 12).cumsum(1) + torch.randn(600, 1) > 0).float()
    x = torch.randn(600, 12, 6) + 0.9 * voiced.unsqueeze(-1) * torch.tensor([1.0, -1.0, 0.5, 0.0, 1.0, 0.0])
    model = VoiceDetector()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9),
        train_step=partial(tune_on_a_batch, cleared=not sick),
        **split_loaders((x - x.mean((0, 1))) / x.std((0, 1)), voiced, batch=16),
    )


class UnitPatches(nn.Module):
    """Reads digits by patches whose features are brought to unit length; the corners of an image are often blank."""

    def __init__(self, *, guarded_first: bool) -> None:
        super().__init__()
        self.project = nn.Conv2d(1, 16, 2, stride=2, bias=False)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(256, 48), nn.ReLU(), nn.Linear(48, 10))
        self.guarded_first = guarded_first

    def normalised(self, x: Tensor) -> Tensor:
        square_sum = x.square().sum(1, keepdim=True)
        if self.guarded_first:
            return x / square_sum.clamp(min=1e-4).sqrt()
        return x * torch.rsqrt(square_sum).clamp(max=1e2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(3.0 * self.normalised(self.project(x)))
        return logits


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def blank_patches_guarded_too_late(sick: bool) -> Arguments:
    """The inverse length of a zero vector is bounded after it was infinite (keras-team/keras#23075)."""
    seeded()
    images, classes = load_digits(return_X_y=True)
    x = torch.tensor(images[:1000] / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
    model = UnitPatches(guarded_first=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    y = torch.tensor(classes[:1000])
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(x, y))
