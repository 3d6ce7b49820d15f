"""Six programs around warm-ups, transforms and states that somebody reported, sixth part."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    ISLE_LETTERS,
    ISLE_LINES,
    IsleConvNet,
    isle_accuracy,
    isle_digits,
    isle_letter_loss,
    isle_loaders,
    isle_seed,
    isle_step,
)


class InkNet(nn.Module):
    """A fully convolutional network: five convolutions, a score at half size, and its upsampling."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()]
        for place in range(4):
            layers += [nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
            if place == 1:
                layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.score = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of ink and paper at each pixel."""
        return F.interpolate(self.score(self.body(x)), scale_factor=2, mode="bilinear", align_corners=False)


@pair("exploding-gradients", "init-scale", group="backward", source="scikit-learn")
def convolutions_filled_from_a_unit_normal(sick: bool) -> Arguments:
    """All convolutions of an FCN start from a unit normal instead of scaled weights and a score of zeros.

    (wkentaro/pytorch-fcn#167)
    """
    isle_seed()
    model = InkNet()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            if sick:
                nn.init.normal_(layer.weight)
            elif layer is model.score:
                nn.init.zeros_(layer.weight)
            else:
                nn.init.kaiming_normal_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    images = isle_digits(900)[0]
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        task="segmentation",
        **isle_loaders(images + 0.4 * torch.randn_like(images), (images.squeeze(1) > 0.4).long()),
    )


class RandomContrast:
    """Multiplies an image by a random factor, and remembers the seed of the last one."""

    def __init__(self, *, fresh: bool) -> None:
        self.fresh = fresh
        self.last_seed = 0

    def __call__(self, image: Tensor) -> Tensor:
        if not self.fresh:
            self.last_seed = int(torch.randint(0, 2**31, ()).item())
        with torch.random.fork_rng():
            if self.fresh:
                self.last_seed = torch.seed()
            else:
                torch.manual_seed(self.last_seed)
            return image * (0.8 + 0.4 * torch.rand(()))


class TransformedDigits(Dataset[tuple[Tensor, Tensor]]):
    """Digits with a transform of each image."""

    def __init__(self, images: Tensor, classes: Tensor, transform: RandomContrast) -> None:
        self.images, self.classes, self.transform = images, classes, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.transform(self.images[index]), self.classes[index]


@pair("nondeterminism", group="backward", source="scikit-learn")
def transform_that_seeds_itself_anew(sick: bool) -> Arguments:
    """Every call of the transform asks the system for a new seed, so that the seed of the script means nothing.

    (TorchIO-project/torchio#208)
    """
    isle_seed()
    images, classes = isle_digits()
    train = TransformedDigits(images[:960], classes[:960], RandomContrast(fresh=sick))
    model = IsleConvNet()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "val_loader": DataLoader(list(zip(images[960:], classes[960:], strict=True)), batch_size=32),  # type: ignore[arg-type]
    }


class NoiseGuesser(nn.Module):
    """Guesses the noise in an image from the image and the share of noise."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 24, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(24, 24, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(24, 1, 3, padding=1),
        )

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """The noise, as an image."""
        noise: Tensor = self.layers(torch.cat([x, share.view(-1, 1, 1, 1).expand_as(x)], 1))
        return noise


@pair("learning-rate", group="training", source="scikit-learn")
def rate_of_the_command_line_overruled_by_a_default(sick: bool) -> Arguments:
    """The default of the optimizer's config, 1e-6, overrules the rate that the user asked for.

    (victorchall/EveryDream2trainer#102)
    """
    isle_seed()
    arguments = {"lr": 2e-3, "batch_size": 32}
    optimizer_config: dict[str, Any] = {"lr": 1e-6, "betas": (0.9, 0.999), "weight_decay": 0.01}
    if not sick:
        optimizer_config["lr"] = arguments.get("lr", optimizer_config["lr"])
    images = isle_digits(1000)[0]
    noise, share = torch.randn_like(images), 0.1 + 0.8 * torch.rand(1000)
    mixed = (1 - share.view(-1, 1, 1, 1)).sqrt() * images + share.view(-1, 1, 1, 1).sqrt() * noise
    model = NoiseGuesser()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.AdamW(model.parameters(), **optimizer_config),
        task="regression",
        **isle_loaders(mixed, share, noise, batch=32),
    )


@pair("lr-schedule", group="training", source="scikit-learn")
def warmup_that_starts_over_every_epoch(sick: bool) -> Arguments:
    """The warm-up counts the steps within the epoch, so that it starts over in each and never reaches its peak.

    (Vision-CAIR/MiniGPT-4#263)
    """
    isle_seed()
    model = IsleConvNet()
    data = isle_loaders(*isle_digits())
    batches, warmup, total, peak = len(data["loader"]), 120, 600, 0.03

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, step: int) -> Tensor:
        epoch, inner = divmod(step, batches)
        done = epoch * batches + inner
        if done < warmup:
            rate = 1e-5 + (peak - 1e-5) * (inner if sick else done) / warmup
        else:
            rate = 1e-5 + (peak - 1e-5) * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warmup) / (total - warmup))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        return isle_step(model, batch, optimizer)

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=peak, momentum=0.9),
        train_step=train_step,
        total_steps=total,
        eval_step=isle_accuracy,
        **data,
    )


class KeptOutputs:
    """A loop that keeps the outputs of its training steps for the mean at the end of the epoch."""

    def __init__(self, *, detached: bool) -> None:
        self.detached = detached
        self.outputs: list[dict[str, Tensor]] = []

    def train_step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One step, whose output is kept."""
        model.train()
        optimizer.zero_grad()
        output = {"loss": F.mse_loss(model(batch[0]), batch[1])}
        output["loss"].backward()
        optimizer.step()
        if self.detached:
            output["loss"] = output["loss"].detach()
        self.outputs.append(output)
        return output["loss"].detach()


@pair("memory-growth", group="training", source="scikit-learn")
def outputs_of_the_steps_kept_for_the_epoch(sick: bool) -> Arguments:
    """The outputs of all training steps are kept with the graphs of their losses. (TRI-ML/packnet-sfm#51)."""
    isle_seed()
    images = isle_digits()[0]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 1)
    )
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=KeptOutputs(detached=not sick).train_step,
        task="regression",
        **isle_loaders(images + 0.6 * torch.randn_like(images), images),
    )


class ReadingOn(nn.Module):
    """A letter model that begins each batch in the state in which the last one ended."""

    def __init__(self, readers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(27, 16)
        self.gru = nn.GRU(16, 64, batch_first=True)
        self.head = nn.Linear(64, 27)
        self.register_buffer("state", torch.zeros(1, readers, 64))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the next letter at every place."""
        kept = self.get_buffer("state")
        reading_on = self.training and len(x) == kept.shape[1]
        hidden, state = self.gru(self.embed(x), kept if reading_on else None)
        if reading_on:
            self.state = state.detach()
        logits: Tensor = self.head(hidden)
        return logits


def parallel_readings(readers: int, length: int) -> list[tuple[Tensor, Tensor]]:
    """The text in as many strands as there are readers, cut into batches that follow each other."""
    text = torch.tensor([ISLE_LETTERS.index(letter) for letter in " ".join(ISLE_LINES)])
    strand = (len(text) - 1) // readers
    x, y = (text[s : s + strand * readers].view(readers, strand) for s in (0, 1))
    return [(x[:, i : i + length], y[:, i : i + length]) for i in range(0, strand - length + 1, length)]


@healthy(resembles="memory-growth")
def state_carried_on_after_detaching() -> Arguments:
    """The state goes from batch to batch, detached, which ends the graph and is no mistake.

    (yunjey/pytorch-tutorial#90)
    """
    isle_seed()
    model = ReadingOn(6)
    return {
        "model": model,
        "loader": parallel_readings(6, 20),
        "loss_fn": isle_letter_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "causal": True,
        "intended": {"not-shuffled": "the strands of the text are read on from batch to batch"},
    }
