"""Six programs around norms, gates and rates that somebody reported, second part."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    IsleConvNet,
    IsleLetterModel,
    isle_accuracy,
    isle_digits,
    isle_letter_loss,
    isle_letters,
    isle_loaders,
    isle_passages,
    isle_seed,
    isle_step,
    isle_table,
)


class NextLetter(nn.Module):
    """Letters before are embedded, and one hidden layer of tanh names the next."""

    def __init__(self, context: int, gain: float) -> None:
        super().__init__()
        inputs, hidden = 10 * context, 128
        self.table = nn.Parameter(torch.randn(27, 10))
        self.w1 = nn.Parameter(torch.randn(inputs, hidden) * gain)
        self.b1 = nn.Parameter(torch.randn(hidden) * 0.01)
        self.w2 = nn.Parameter(torch.randn(hidden, 27) * 0.01)
        self.b2 = nn.Parameter(torch.zeros(27))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the next letter."""
        h = torch.tanh(self.table[x].flatten(1) @ self.w1 + self.b1)
        return h @ self.w2 + self.b2


@pair("saturated-units", group="init")
def hidden_weights_of_unit_spread_before_tanh(sick: bool) -> Arguments:
    """The weights before the tanh are drawn from a unit normal, which pins most of its units at their limits.

    (breno.bearblog.dev/the-weights-in-a-study-on-fixing-the-saturated-function)
    """
    isle_seed()
    model = NextLetter(8, 1.0 if sick else (5 / 3) / 80**0.5)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        **isle_loaders(*isle_letters(8)),
    )


class TwoNormedConvs(nn.Module):
    """Two convolutions under batch normalisation and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        logits: Tensor = self.head(self.body(self.stem(x)).flatten(1))
        return logits


def with_group_norms(model: nn.Module) -> nn.Module:
    """Replace every batch normalisation by a group normalisation."""
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(model, name, nn.GroupNorm(4, child.num_features))
        else:
            with_group_norms(child)
    return model


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def norms_replaced_after_the_optimizer_was_built(sick: bool) -> Arguments:
    """The normalisations are replaced after the optimizer was built, which goes on holding the old ones.

    (meta-pytorch/opacus#432)
    """
    isle_seed()
    model: nn.Module = TwoNormedConvs()
    if sick:
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        model = with_group_norms(model)
    else:
        model = with_group_norms(model)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=isle_step,
        **isle_loaders(*isle_digits()),
    )


@pair("learning-rate", group="training")
def config_that_asks_adam_for_a_rate_of_one(sick: bool) -> Arguments:
    """The config hands Adam a learning rate of 1.0 for a language model. (rajveermalviya/language-modeling#3)."""
    isle_seed()
    config: dict[str, Any] = {"hidden": 64, "learning_rate": 1.0 if sick else 0.001, "batch": 16}
    model = IsleLetterModel(config["hidden"])
    passages = isle_passages()
    return dict(
        model=model,
        loss_fn=isle_letter_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=config["learning_rate"]),
        causal=True,
        **isle_loaders(passages[:, :-1], passages[:, 1:], batch=config["batch"]),
    )


class Invigilator(nn.Module):
    """Says how real an image of 8 by 8 is."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))

    def forward(self, x: Tensor) -> Tensor:
        """One score an image."""
        scores: Tensor = self.layers(x).squeeze(1)
        return scores


class PatchedUp(nn.Module):
    """Fills the hole of an image, and holds the discriminator that judges the filling."""

    def __init__(self) -> None:
        super().__init__()
        self.filler = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64))
        self.judge = Invigilator()

    def forward(self, x: Tensor) -> Tensor:
        """Images without a hole."""
        filled: Tensor = self.filler(x).view(-1, 1, 8, 8)
        return filled


def judged(model: PatchedUp, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Images that were filled, after a backward of the discriminator on them and on whole ones."""
    filled: Tensor = model(batch[0])
    optimizer.zero_grad()
    real, fake = model.judge(batch[1]), model.judge(filled.detach())
    (F.softplus(-real).mean() + F.softplus(fake).mean()).backward()
    return filled


def filled_better(model: PatchedUp, filled: Tensor, whole: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """One update of the generator."""
    optimizer.zero_grad()
    loss = F.l1_loss(filled, whole) + 0.01 * F.softplus(-model.judge(filled)).mean()
    loss.backward()
    optimizer.step()
    return loss.detach()


def inpainting_step(model: PatchedUp, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """The discriminator and then the generator."""
    filled = judged(model, batch, optimizer["judge"])
    return filled_better(model, filled, batch[1], optimizer["filler"])


def inpainting_step_of_both(
    model: PatchedUp, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]
) -> Tensor:
    """The discriminator and then the generator."""
    filled = judged(model, batch, optimizer["judge"])
    optimizer["judge"].step()
    return filled_better(model, filled, batch[1], optimizer["filler"])


@pair("updates-not-applied", group="training", source="scikit-learn")
def discriminator_that_is_never_stepped(sick: bool) -> Arguments:
    """The trainer of an inpainting GAN runs the discriminator backward and leaves out its step.

    (zhaoyuzhi/deepfillv2#6)
    """
    isle_seed()
    model = PatchedUp()
    images = isle_digits()[0]
    holed = images.clone()
    holed[:, :, 2:5, 3:6] = 0
    return dict(
        model=model,
        optimizer={
            "filler": torch.optim.Adam(model.filler.parameters(), lr=2e-3),
            "judge": torch.optim.Adam(model.judge.parameters(), lr=2e-3),
        },
        train_step=inpainting_step if sick else inpainting_step_of_both,
        task="other",
        **isle_loaders(holed, images),
    )


@pair("vanishing-gradients", "init-scale", group="backward", source="scikit-learn")
def six_layers_of_one_fixed_small_spread(sick: bool) -> Arguments:
    """Weights of one fixed small spread, whatever the width, let the gradients die out within a few layers.

    (SilasMarvin/dnns-from-scratch-in-zig#7)
    """
    isle_seed()
    layers: list[nn.Module] = [nn.Linear(30, 48), nn.ReLU()]
    for _ in range(5):
        layers += [nn.Linear(48, 48), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(48, 2))
    for layer in model:
        if isinstance(layer, nn.Linear):
            if sick:
                nn.init.uniform_(layer.weight, -0.05, 0.05)
            elif layer is not model[-1]:
                nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_table("cancer")))


def cleared_after_the_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that clears the gradients at its end."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


@healthy(resembles="missing-zero-grad", source="scikit-learn")
def gradients_cleared_only_after_the_step() -> Arguments:
    """Nothing is cleared before the backward, because each step has cleared at its end. (inyeoplee77/SAGPool#15)."""
    isle_seed()
    model = IsleConvNet(8)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        train_step=cleared_after_the_step,
        eval_step=isle_accuracy,
        **isle_loaders(*isle_digits()),
    )
