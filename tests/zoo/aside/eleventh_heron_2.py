"""Reported bugs, first hand: drug response, padded speech, standardised weights, a moving average and defects."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_heron_parts import SmallConvNet, batches_in_order_of_seed, ordered_digits, with_seeds


class Responses:
    """Gene expression of cell lines, and their response to a drug."""

    def __init__(self, expression: Tensor, response: Tensor) -> None:
        self.expression, self.response = expression, response

    def add_rows(self, other: Responses) -> None:
        """Take in the rows of another data set."""
        self.expression = torch.cat([self.expression, other.expression])
        self.response = torch.cat([self.response, other.response])


def for_final_fit(train: Responses, validation: Responses) -> Responses:
    """All rows that the final model of a drug may see."""
    train.add_rows(validation)
    return train


def copied_for_final_fit(train: Responses, validation: Responses) -> Responses:
    """All rows that the final model of a drug may see, in a data set of their own."""
    both = copy.deepcopy(train)
    both.add_rows(validation)
    return both


@pair("split-leak", group="data")
def second_drug_trained_on_grown_rows(sick: bool) -> Arguments:
    """The first drug's final fit adds the validation rows to the training set itself (daisybio/drevalpy#349)."""
    with_seeds()
    expression = torch.randn(900, 20)
    with torch.no_grad():
        response = nn.Sequential(nn.Linear(20, 10), nn.Tanh(), nn.Linear(10, 1))(expression).squeeze(1)
    response = (response - response.mean()) / response.std() + 0.3 * torch.randn(900)
    train, validation = Responses(expression[:700], response[:700]), Responses(expression[700:], response[700:])
    combine = for_final_fit if sick else copied_for_final_fit
    final = nn.Linear(20, 1)
    rows = combine(train, validation)
    with torch.no_grad():
        final.weight.copy_(torch.linalg.lstsq(rows.expression, rows.response.unsqueeze(1)).solution.T)
    model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 1), nn.Flatten(0))
    return {
        "model": model,
        "loader": batches_in_order_of_seed(train.expression, train.response),
        "val_loader": batches_in_order_of_seed(validation.expression, validation.response, shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class SpeechEncoder(nn.Module):
    """A recurrent encoder with a projection, and the mean over the frames of each utterance."""

    def __init__(self, kept: bool) -> None:
        super().__init__()
        self.kept = kept
        self.rnn = nn.GRU(6, 24, batch_first=True)
        self.project = nn.Linear(24, 24)
        self.out = nn.Linear(24, 4)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits of the class of each utterance."""
        hidden = torch.tanh(self.project(self.rnn(x)[0]))
        padded = torch.arange(x.shape[1]).unsqueeze(0) >= lengths.unsqueeze(1)
        if self.kept:
            hidden = hidden.masked_fill(padded.unsqueeze(-1), 0.0)
        else:
            hidden.masked_fill(padded.unsqueeze(-1), 0.0)
        return self.out(hidden.sum(1) / lengths.unsqueeze(1))


def toned_utterances(count: int = 600, longest: int = 30) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy tones of four kinds, 6 to 30 frames, padded with zeros."""
    kind = torch.randint(4, (count,))
    lengths = torch.randint(6, longest + 1, (count,))
    shape = torch.randn(4, 6)
    time = torch.arange(longest).view(1, -1, 1)
    swing = torch.cos(time * (0.3 + 0.2 * kind).view(-1, 1, 1))
    x = swing * shape[kind].unsqueeze(1) + 0.6 * torch.randn(count, longest, 6)
    return x * (time < lengths.view(-1, 1, 1)), lengths, kind


@pair("unused-result", "padding-leak", group="wiring")
def masked_states_thrown_away(sick: bool) -> Arguments:
    """`masked_fill` of the encoder's states gives a new tensor, and nobody takes it (espnet/espnet#1273)."""
    with_seeds()
    x, lengths, kind = toned_utterances()
    model = SpeechEncoder(kept=not sick)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(x, lengths, kind),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "padding_value": 0.0,
    }


class StandardisedConv(nn.Conv2d):
    """A convolution whose weights are standardised for each output channel."""

    def __init__(self, channels_in: int, channels_out: int, unit: bool) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1)
        fan = channels_in * 9
        self.gain = 1.0 if unit else (2.0 / fan) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with the standardised weights."""
        flat = self.weight.flatten(1)
        flat = (flat - flat.mean(1, keepdim=True)) / (flat.std(1, keepdim=True) + 1e-5)
        return F.conv2d(x, flat.view_as(self.weight) * self.gain, self.bias, padding=1)


@pair("init-scale", "exploding-gradients", group="init", source="scikit-learn")
def standardised_weights_of_unit_deviation(sick: bool) -> Arguments:
    """Weights are standardised to deviation 1, whatever the fan (joe-siyuan-qiao/WeightStandardization#23)."""
    with_seeds()
    widths = (1, 16, 16, 16, 16, 16, 16)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [StandardisedConv(before, after, unit=sick), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*ordered_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class Shadow:
    """A moving average of the weights, to be lent to the model for an evaluation."""

    def __init__(self, model: nn.Module, decay: float = 0.9) -> None:
        self.decay = decay
        self.average = {name: value.detach().clone() for name, value in model.named_parameters()}
        self.own: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Follow the weights."""
        for name, value in model.named_parameters():
            self.average[name].lerp_(value, 1 - self.decay)

    @torch.no_grad()
    def apply(self, model: nn.Module) -> None:
        """Put the average into the model."""
        self.own = {name: value.detach().clone() for name, value in model.named_parameters()}
        for name, value in model.named_parameters():
            value.copy_(self.average[name])

    @torch.no_grad()
    def restore(self, model: nn.Module) -> None:
        """Give the model its own weights back."""
        for name, value in model.named_parameters():
            value.copy_(self.own[name])


class ForgetfulShadow(Shadow):
    """A moving average that keeps the model's weights as they are when it is lent."""

    @torch.no_grad()
    def apply(self, model: nn.Module) -> None:
        """Put the average into the model."""
        self.own = dict(model.named_parameters())
        for name, value in model.named_parameters():
            value.copy_(self.average[name])


class AveragingTrainer:
    """Trains, and evaluates under the moving average."""

    def __init__(self, shadow: Shadow, follows: bool) -> None:
        self.shadow, self.follows = shadow, follows

    def train_step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """One step of training."""
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        if self.follows:
            self.shadow.update(model)
        return loss.detach()

    @torch.no_grad()
    def eval_step(self, model: nn.Module, batch: list[Tensor]) -> float:
        """Accuracy under the average."""
        self.shadow.apply(model)
        model.eval()
        right = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
        self.shadow.restore(model)
        return right


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def evaluation_that_puts_the_first_weights_back(sick: bool) -> Arguments:
    """The average is never updated, and what should be restored is not a copy (MultimediaTechLab/YOLO#97)."""
    with_seeds()
    images, labels = ordered_digits()
    model = SmallConvNet()
    shadow = ForgetfulShadow(model) if sick else Shadow(model)
    trainer = AveragingTrainer(shadow, follows=not sick)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images[:1200], labels[:1200]),
        "val_loader": batches_in_order_of_seed(images[1200:], labels[1200:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": trainer.train_step,
        "eval_step": trainer.eval_step,
    }


class DefectNetwork(nn.Module):
    """A small segmentation network with one output channel."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """A map of scores."""
        return self.net(x)


def surfaces(count: int = 400) -> tuple[Tensor, Tensor]:
    """Noisy surfaces with one bright or dark patch each, and the mask of the patch."""
    mask = torch.zeros(count, 1, 16, 16)
    for one in range(count):
        top, left = torch.randint(0, 9, (2,)).tolist()
        mask[one, 0, top : top + 7, left : left + 7] = 1
    sign = torch.randint(0, 2, (count, 1, 1, 1)) * 2.0 - 1
    return torch.randn(count, 1, 16, 16) * 0.7 + 2.0 * sign * mask, mask


@pair("loss-target", group="wiring")
def cross_entropy_of_one_channel_of_defects(sick: bool) -> Arguments:
    """CrossEntropyLoss of a mask of one channel is a softmax of one (seanXYZ/SegDecNet#7)."""
    with_seeds()
    model = DefectNetwork()
    loss_fn: Any = nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*surfaces(), size=16),
        "loss_fn": loss_fn,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }
