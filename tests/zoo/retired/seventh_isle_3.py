"""Five programs around angles, cells and frozen parts that somebody reported, third part."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    isle_accuracy,
    isle_digits,
    isle_loaders,
    isle_seed,
    isle_step,
)


class AngleBetween(nn.Module):
    """The angle between the embeddings of two images."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Angles in radians."""
        cosine = F.cosine_similarity(self.encoder(a), self.encoder(b))
        return torch.acos(cosine.clamp(-1 + self.margin, 1 - self.margin))


def angle_loss(angle: Tensor, differ: Tensor) -> Tensor:
    """Small angles for equal classes, at least one radian for others."""
    return ((1 - differ) * angle**2 + differ * F.relu(1 - angle) ** 2).mean()


@pair("nonfinite-gradient", group="backward", source="scikit-learn")
def angle_clamped_to_its_very_limits(sick: bool) -> Arguments:
    """The cosine is clamped to [-1, 1] before acos, whose slope is infinite there; some pairs are the same image.

    (pytorch/pytorch#8069)
    """
    isle_seed()
    images, classes = isle_digits(1000)
    same_class = torch.stack([torch.nonzero(classes == c)[i % 60, 0] for i, c in enumerate(classes)])
    choice = torch.rand(1000)
    partner = torch.where(
        choice < 0.5, torch.randint(0, 1000, (1000,)), torch.where(choice < 0.85, same_class, torch.arange(1000))
    )
    model = AngleBetween(0.0 if sick else 1e-6)
    return dict(
        model=model,
        loss_fn=angle_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="other",
        **isle_loaders(images, images[partner], (classes != classes[partner]).float()),
    )


class CellByHand(Function):
    """One step of an LSTM from its pre-activations and the cell state before."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden and cell state after the step."""
        i, f, o, g = pre.chunk(4, 1)
        i, f, o, g = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
        cell = f * before + i * g
        squashed = cell.tanh()
        ctx.save_for_backward(i, f, o, g, before, squashed)
        return o * squashed, cell

    @staticmethod
    def backward(ctx: Any, grad_hidden: Tensor, grad_cell: Tensor) -> tuple[Tensor, Tensor]:
        """Errors of the gates from the activations kept."""
        i, f, o, g, before, squashed = ctx.saved_tensors
        cell = grad_cell + grad_hidden * o * (1 - squashed**2)
        errors = (
            cell * g * i * (1 - i),
            cell * before * f * (1 - f),
            grad_hidden * squashed * o * (1 - o),
            cell * i * (1 - g**2),
        )
        return torch.cat(errors, 1), cell * f


class CellByHandOfActivated(CellByHand):
    """The same step with other errors of the gates."""

    @staticmethod
    def backward(ctx: Any, grad_hidden: Tensor, grad_cell: Tensor) -> tuple[Tensor, Tensor]:
        """Errors of the gates from the activations kept."""
        i, f, o, g, before, squashed = ctx.saved_tensors
        cell = grad_cell + grad_hidden * o * (1 - squashed.tanh() ** 2)
        errors = (
            cell * i * i * (1 - i),
            cell * before * f * (1 - f),
            grad_hidden * squashed * o * (1 - o),
            cell * i * (1 - g.tanh() ** 2),
        )
        return torch.cat(errors, 1), cell * f


class RowReader(nn.Module):
    """Reads the rows of an image one after the other, and classifies from the last state."""

    def __init__(self, step: type[CellByHand], hidden: int = 48) -> None:
        super().__init__()
        self.step, self.hidden = step, hidden
        self.inputs = nn.Linear(8, 4 * hidden)
        self.states = nn.Linear(hidden, 4 * hidden, bias=False)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        h = c = x.new_zeros(len(x), self.hidden)
        for row in x.squeeze(1).unbind(1):
            h, c = self.step.apply(self.inputs(row) + self.states(h), c)  # type: ignore[no-untyped-call]
        logits: Tensor = self.head(h)
        return logits


@pair("gradient-check", group="backward", source="scikit-learn")
def gates_with_derivatives_of_what_was_activated(sick: bool) -> Arguments:
    """The hand-written backward of an LSTM cell gives the input gate itself as its partner, and applies tanh twice.

    (wvabrinskas/Neuron#181)
    """
    isle_seed()
    model = RowReader(CellByHandOfActivated if sick else CellByHand)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


class FixedNorm(nn.Module):
    """Normalisation by statistics and factors that stay as they are."""

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("scale", scale.clone())
        self.register_buffer("shift", (norm.bias.detach() - norm.running_mean * scale).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift each channel."""
        shape = (1, -1) + (1,) * (x.dim() - 2)
        scale, shift = self.get_buffer("scale"), self.get_buffer("shift")
        return x * scale.view(shape) + shift.view(shape)


def with_fixed_norms(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> None:
    """Replace the normalisations of these kinds by fixed ones."""
    for name, child in module.named_children():
        if isinstance(child, kinds):
            setattr(module, name, FixedNorm(child))  # type: ignore[arg-type]
        else:
            with_fixed_norms(child, kinds)


class PillarStage(nn.Module):
    """Encodes the rows of an image as pillars and runs a convolution over them."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(8, 16, bias=False)
        self.norm = nn.BatchNorm1d(16)
        self.conv = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features, as (N, 256)."""
        pillars = F.relu(self.norm(self.encode(x.flatten(0, 2)))).view(-1, 1, 8, 16)
        features: Tensor = self.conv(pillars).flatten(1)
        return features


class TwoStages(nn.Module):
    """A first stage of features and a second stage that classifies."""

    def __init__(self) -> None:
        super().__init__()
        self.first = PillarStage()
        self.second = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        logits: Tensor = self.second(self.first(x))
        return logits


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def only_the_norms_of_images_are_frozen(sick: bool) -> Arguments:
    """Freezing the first stage converts its BatchNorm2d and forgets the BatchNorm1d of the pillar encoder.

    (tianweiy/CenterPoint#168)
    """
    isle_seed()
    model = TwoStages()
    data = isle_loaders(*isle_digits())
    pretraining = torch.optim.Adam(model.parameters(), lr=2e-3)
    for batch in [*data["loader"], *data["loader"]]:
        isle_step(model, batch, pretraining)
    model.zero_grad()
    model.first.requires_grad_(False)
    with_fixed_norms(model.first, (nn.BatchNorm2d,) if sick else (nn.BatchNorm1d, nn.BatchNorm2d))
    model.second = nn.Sequential(nn.Linear(256, 48), nn.ReLU(), nn.Linear(48, 10))  # type: ignore[assignment]
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.second.parameters(), lr=2e-3),
        train_step=isle_step,
        **data,
    )


class AfterPooling(nn.Module):
    """A small residual network with dropout after its pooling."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.branch = nn.Sequential(nn.Conv2d(24, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24))
        self.drop = nn.Dropout(0.5) if kept else None
        self.head = nn.Linear(24 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        x = self.stem(x)
        x = F.adaptive_avg_pool2d(F.relu(x + self.branch(x)), 2).flatten(1)
        x = nn.Dropout(0.5)(x) if self.drop is None else self.drop(x)
        logits: Tensor = self.head(x)
        return logits


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def dropout_made_anew_in_every_forward(sick: bool) -> Arguments:
    """The forward makes a new dropout layer in every call, which no eval() ever reaches. (yangze0930/NTS-Net#14)."""
    isle_seed()
    model = AfterPooling(kept=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=isle_step,
        eval_step=isle_accuracy,
        **isle_loaders(*isle_digits()),
    )


def step_clipped_at_a_tenth(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of AdamW with gradients of norm at most 0.1."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = model(pixel_values=batch[0], labels=batch[1]).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    return loss.detach()


def logits_of_the_images(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Scores of the classes."""
    logits: Tensor = model(pixel_values=batch[0]).logits
    return logits


@healthy(resembles="clipping-always-on", source="transformers")
def transformer_under_adamw_clipped_at_a_tenth() -> Arguments:
    """A norm of 0.1 cuts every gradient, and AdamW, whose steps do not scale with it, learns as well without it.

    (facebookresearch/detr#91)
    """
    isle_seed()
    config = ViTConfig(  # type: ignore[call-arg]
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=8,
        patch_size=2,
        num_channels=1,
        num_labels=10,
    )
    model = ViTForImageClassification(config)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        forward=logits_of_the_images,
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4),
        train_step=step_clipped_at_a_tenth,
        **isle_loaders(*isle_digits()),
    )
