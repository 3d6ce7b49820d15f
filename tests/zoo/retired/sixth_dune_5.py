"""Temperatures, activations, graphs, modes and codes: five programs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded


class Halves(nn.Module):
    """Two towers, for the upper and the lower halves of digits, and how alike every upper is to every lower half."""

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.upper, self.lower = (nn.Sequential(nn.Linear(32, 96), nn.GELU(), nn.Linear(96, 24)) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(1.61))
        self.largest = largest

    def forward(self, upper: Tensor, lower: Tensor) -> Tensor:
        a, b = F.normalize(self.upper(upper), dim=1), F.normalize(self.lower(lower), dim=1)
        return self.log_scale.exp().clamp(max=self.largest) * a @ b.T


def matched(rows: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    images = torch.stack(rows)
    return images[:, :32], images[:, 32:], torch.arange(len(rows))


def both_ways(logits: Tensor, targets: Tensor) -> Tensor:
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


@pair("zero-gradient-path", group="wiring", source="published")
def scale_clamped_below_its_start(sick: bool) -> Arguments:
    """The learnt scale of similarities starts at 5 and is clamped at 1 instead of 100, where it gets no gradient."""
    seeded()
    (x1, _), (x2, _) = digit_images(flat=True)
    model = Halves(largest=1.0 if sick else 100.0)
    return {
        "model": model,
        "loader": DataLoader(list(x1), 32, shuffle=True, drop_last=True, collate_fn=matched),  # type: ignore[arg-type]
        "val_loader": DataLoader(list(x2), 32, drop_last=True, collate_fn=matched),  # type: ignore[arg-type]
        "loss_fn": both_ways,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "other",
    }


ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "swish": nn.SiLU, "gelu": nn.GELU}
ACTIVATIONS_AS_TYPED: dict[str, type[nn.Module]] = {**ACTIVATIONS, "silu": nn.Sigmoid}


def deep(activation: type[nn.Module], depth: int = 10, width: int = 64) -> nn.Sequential:
    """A deep perceptron started for SiLU."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        linear = nn.Linear(width, width)
        nn.init.orthogonal_(linear.weight, gain=1.5)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def silu_looked_up_as_a_sigmoid(sick: bool) -> Arguments:
    """The table of activations gives the sigmoid under the name of SiLU, ten times in a row and without norms."""
    seeded()
    model = deep((ACTIVATIONS_AS_TYPED if sick else ACTIVATIONS)["silu"])
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        **batches(digit_images(flat=True)),
    )


class Messages(nn.Module):
    """A graph convolution with tanh over counted contacts."""

    def __init__(self, inputs: int, outputs: int, averaged: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.averaged = averaged

    def forward(self, x: Tensor, contacts: Tensor) -> Tensor:
        links = contacts + torch.eye(contacts.shape[-1])
        if self.averaged:
            root = links.sum(-1, keepdim=True).rsqrt()
            links = root * links * root.transpose(-1, -2)
        return torch.tanh(links @ self.linear(x))


class Contacts(nn.Module):
    def __init__(self, averaged: bool) -> None:
        super().__init__()
        self.first, self.second = Messages(5, 32, averaged), Messages(32, 32, averaged)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor, contacts: Tensor) -> Tensor:
        h = self.second(self.first(x, contacts), contacts)
        out: Tensor = self.head(h.mean(1))
        return out


@pair("saturated-units", group="init", source="published")
def messages_summed_over_all_contacts(sick: bool) -> Arguments:
    """Messages are summed over all contacts instead of normalised by the degrees, and tanh sits at its limits."""
    seeded()
    kind = torch.randint(3, (450,))
    x = torch.randn(450, 24, 5) + 0.35 * F.one_hot(kind, 5).unsqueeze(1)
    half = torch.randint(0, 9, (450, 24, 24)).float().triu(1)
    model = Contacts(averaged=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **batches(divided(x, half + half.transpose(1, 2), kind, train=350)),
    )


class FineTuned(nn.Module):
    """Frozen convolutions, which always stay in eval mode, and a head with dropout."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(24, momentum=None)
        self.body = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), norm, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.body.requires_grad_(False)
        self.body(images)
        self.head = nn.Sequential(nn.Linear(24 * 16, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
        self.train()

    def train(self, mode: bool = True) -> FineTuned:
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


class FineTunedForever(FineTuned):
    """The same, with the override as it is often passed on."""

    def train(self, mode: bool = True) -> FineTunedForever:
        nn.Module.train(self)
        self.body.eval()
        return self


def trained(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def loss_in_eval(model: nn.Module, batch: list[Tensor]) -> float:
    model.eval()
    return F.cross_entropy(model(batch[0]), batch[1]).item()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def override_of_train_that_drops_the_mode(sick: bool) -> Arguments:
    """The override of `train` forgets to pass its mode on, so that `eval` leaves dropout on in the evaluation."""
    seeded()
    split = digit_images()
    model = (FineTunedForever if sick else FineTuned)(split[0][0])
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3),
        train_step=trained,
        eval_step=loss_in_eval,
        **batches(split),
    )


class VectorQuantised(nn.Module):
    """An autoencoder whose four codes are rounded to the nearest of a book, the gradient passed straight through."""

    def __init__(self, size: int = 32, width: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 4 * width))
        self.decoder = nn.Sequential(nn.Linear(4 * width, 96), nn.ReLU(), nn.Linear(96, 64))
        self.book = nn.Embedding(size, width)
        self.width = width

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        codes = self.encoder(x).view(len(x), 4, self.width)
        nearest = torch.cdist(codes.detach(), self.book.weight.detach().expand(len(x), -1, -1)).argmin(-1)
        chosen: Any = self.book(nearest)
        distance = F.mse_loss(chosen, codes.detach()) + 0.25 * F.mse_loss(codes, chosen.detach())
        passed = codes + (chosen - codes).detach()
        return self.decoder(passed.flatten(1)), distance


def loss_with_commitment(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return F.mse_loss(outputs[0], targets) + outputs[1]


@healthy(resembles="zero-gradient-path", source="published")
def codes_rounded_to_a_book_straight_through() -> Arguments:
    """Codes are replaced by the nearest of a book in the forward, and their gradient skips that step on purpose."""
    seeded()
    (x1, _), (x2, _) = digit_images(flat=True)
    model = VectorQuantised()
    return dict(
        model=model,
        loss_fn=loss_with_commitment,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **batches(((x1, x1), (x2, x2))),
    )
