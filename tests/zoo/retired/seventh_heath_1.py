"""Programs with a bug that was reported, each with its mended twin: a dice, a softmax, a table, a list, a momentum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    UNet,
    disc_images,
    fitted,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    tumour_measures,
)


class DiceLoss(nn.Module):
    """The overlap of a predicted mask with the true one."""

    def __init__(self, *, as_coefficient: bool) -> None:
        super().__init__()
        self.as_coefficient = as_coefficient

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        p = torch.sigmoid(logits).flatten(1)
        mask = mask.flatten(1)
        dice = ((2 * (p * mask).sum(1) + 1) / (p.sum(1) + mask.sum(1) + 1)).mean()
        return dice if self.as_coefficient else 1 - dice


@pair("loss-direction", group="wiring", source="published")
def hair_mask_with_the_dice_itself_as_loss(sick: bool) -> Arguments:
    """The loss returns the Dice coefficient and not one minus it (akirasosa/mobile-semantic-segmentation#24)."""
    seed_torch_and_friends()
    image, mask, _ = disc_images()
    model = UNet()
    return dict(
        model=model,
        loss_fn=DiceLoss(as_coefficient=sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="segmentation",
        **train_and_val(image, mask, train=384, batch=16),
    )


class DigitWriter(nn.Module):
    """A dense network with one output."""

    def __init__(self, *, softmax: bool) -> None:
        super().__init__()
        self.hidden = nn.Linear(30, 48)
        self.out = nn.Linear(48, 1)
        self.softmax = softmax

    def forward(self, x: Tensor) -> Tensor:
        y = self.out(torch.tanh(self.hidden(x)))
        y = torch.softmax(y, 1) if self.softmax else torch.sigmoid(y)
        return y.squeeze(1)


@pair("constant-output", "loss-target", group="wiring", source="scikit-learn")
def dense_net_that_only_ever_says_one(sick: bool) -> Arguments:
    """The last activation is a softmax over a single unit, which is 1 whatever comes in (keras-team/keras#500)."""
    seed_torch_and_friends()
    x, y = tumour_measures()
    model = DigitWriter(softmax=sick)
    return dict(
        model=model,
        loss_fn=nn.BCELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **train_and_val(x, y, train=448),
    )


class FieldTransformer(nn.Module):
    """A transformer over the fields of a table's row."""

    offset: Tensor

    def __init__(self, *, sequence_first: bool, fields: int = 10, values: int = 6) -> None:
        super().__init__()
        self.embed = nn.Embedding(fields * values, 24)
        layer = nn.TransformerEncoderLayer(24, 4, dim_feedforward=48, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(fields * 24, 2)
        self.sequence_first = sequence_first
        self.register_buffer("offset", torch.arange(fields) * values)

    def forward(self, row: Tensor) -> Tensor:
        h = self.embed(row + self.offset)
        h = self.encoder(h.transpose(0, 1)).transpose(0, 1) if self.sequence_first else self.encoder(h)
        out: Tensor = self.head(h.flatten(1))
        return out


@pair("batch-leak", group="wiring", source="published")
def field_encoder_given_the_rows_as_its_sequence(sick: bool) -> Arguments:
    """The encoder wants (fields, rows, dim) and gets (rows, fields, dim), so rows attend to each other.

    (IBM/TabFormer#14)
    """
    seed_torch_and_friends()
    rows = torch.randint(0, 6, (960, 10))
    label = ((rows[:, 0] + rows[:, 1] > 4) ^ (rows[:, 2] > 2)).long()
    model = FieldTransformer(sequence_first=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(rows, label, train=768),
    )


class SentencePairNet(nn.Module):
    """A classifier whose hidden layers come from the options."""

    def __init__(self, *, plain_list: bool, layers: int = 3, width: int = 48) -> None:
        super().__init__()
        into = 64
        hidden: list[Any] = []
        for _ in range(layers):
            hidden.append(nn.ModuleList([nn.Linear(into, width), nn.Tanh()]))
            into = width
        self.hids: Any = hidden if plain_list else nn.ModuleList(hidden)
        self.classifier = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for linear, act in self.hids:
            h = act(linear(h))
        out: Tensor = self.classifier(h)
        return out


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def hids_from_the_options_in_a_list(sick: bool) -> Arguments:
    """The hidden layers of the options live in a Python list, so only the classifier is trained.

    (pytorch/pytorch#715)
    """
    seed_torch_and_friends()
    model = SentencePairNet(plain_list=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(*small_digit_images(), train=1024),
    )


class Inception(nn.Module):
    """A small network of convolutions with batch normalisation."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.stem = self.unit(1, 16, momentum)
        self.near = self.unit(16, 16, momentum)
        self.wide = self.unit(16, 16, momentum)
        self.last = self.unit(32, 32, momentum)
        self.head = nn.Linear(32, 10)

    @staticmethod
    def unit(into: int, out: int, momentum: float) -> nn.Sequential:
        """A convolution, normalised and rectified."""
        return nn.Sequential(
            nn.Conv2d(into, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out, eps=0.001, momentum=momentum),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.stem(x), 2)
        x = self.last(torch.cat([self.near(x), self.wide(x)], 1))
        out: Tensor = self.head(x.mean((2, 3)))
        return out


def class_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes in eval mode."""
    model.eval()
    with torch.no_grad():
        return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


@pair("batchnorm-statistics", group="wiring", source="published")
def inception_ported_with_a_momentum_of_zero(sick: bool) -> Arguments:
    """The ported BatchNorm layers have momentum 0, so their running statistics stay at 0 and 1 while it is tuned.

    (Cadene/pretrained-models.pytorch#5)
    """
    seed_torch_and_friends()
    data = train_and_val(*small_digit_images(), train=1024)
    loss_fn = nn.CrossEntropyLoss()
    model = fitted(Inception(0.0 if sick else 0.1), loss_fn, data["loader"], steps=64)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, eval_step=class_accuracy, **data)


class DiceAndCrossEntropy(nn.Module):
    """Minus the soft Dice plus the cross-entropy."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        p, m = torch.sigmoid(logits).flatten(1), mask.flatten(1)
        dice = ((2 * (p * m).sum(1) + 1e-5) / (p.sum(1) + m.sum(1) + 1e-5)).mean()
        return F.binary_cross_entropy_with_logits(logits, mask) - dice


@healthy(resembles="loss-direction", source="published")
def segmentation_whose_loss_falls_below_zero() -> Arguments:
    """Cross-entropy minus Dice falls to -1, as it should; "why should the loss be positive?" (MIC-DKFZ/nnUNet#666)."""
    seed_torch_and_friends()
    image, mask, _ = disc_images()
    model = UNet()
    return dict(
        model=model,
        loss_fn=DiceAndCrossEntropy(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="segmentation",
        **train_and_val(image, mask, train=384, batch=16),
    )
