"""Updates out of all proportion to the weights in most layers: pairs."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import digit_loaders, seeded
from tests.zoo.retired.models_of_steps_nets import mlp, vit


def layerwise(model, rate, decay):
    """Groups of parameters, from the head down to the embeddings, each with a rate `decay` times the one above."""
    stages = [list(model.classifier.parameters()) + list(model.vit.layernorm.parameters())]
    taken = {id(p) for p in stages[0]}
    layers = next(m for m in model.vit.modules() if isinstance(m, nn.ModuleList) and len(m) > 1)
    for layer in reversed(list(layers)):
        stages.append(list(layer.parameters()))
        taken |= {id(p) for p in layer.parameters()}
    stages.append([p for p in model.parameters() if id(p) not in taken])
    return [{"params": stage, "lr": rate * decay**depth} for depth, stage in enumerate(stages)]


@pair("update-ratio", group="training", source="transformers")
def layerwise_decay_by_nine_tenths(sick):
    """Layer-wise rates fall by nine tenths, not to nine tenths, from layer to layer: seven layers down it is 1e-10."""
    seeded()
    loader, val = digit_loaders(batch=16, unit=False, named=("pixel_values", "labels"))
    model = vit(width=32, layers=6, spread=0.1)
    decay = 0.9
    groups = layerwise(model, 3e-3, 1 - decay if sick else decay)
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": torch.optim.AdamW(groups, weight_decay=0.01),
    }  # fmt: skip


class Scaling:
    """Rates after maximal update parametrisation: matrices by the width of the base model over their own."""

    def __init__(self, rate, base_width):
        self.rate, self.base_width = rate, base_width

    def rate_of(self, p):
        return self.rate * self.base_width / p.size(1) if p.dim() == 2 else self.rate

    def optimizer(self, model):
        return torch.optim.Adam([{"params": [p], "lr": self.rate_of(p)} for p in model.parameters()])


class SquaredScaling(Scaling):
    """The same with the base width forgotten and the fan-in squared, as for variances."""

    def rate_of(self, p):
        return self.rate / p.size(1) ** 2 if p.dim() == 2 else self.rate


class TupleTrainer:
    """A training loop's body."""

    def __init__(self, criterion):
        self.criterion = criterion

    def train_step(self, model, batch, optimizer):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.item()


@pair("update-ratio", group="training", source="scikit-learn")
def rates_by_the_square_of_the_width(sick):
    """Rates scaled by 1 / width² leave every matrix where it was; only the biases move at the rate that was meant."""
    seeded()
    loader, val = digit_loaders(batch=32, flat=True, unit=False)
    model = mlp(64, 128, 128, 128, 10, activation=nn.GELU)
    scaling = (SquaredScaling if sick else Scaling)(2e-3, base_width=64)
    criterion = nn.CrossEntropyLoss()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": criterion,
        "optimizer": scaling.optimizer(model), "train_step": TupleTrainer(criterion).train_step,
    }  # fmt: skip


class EqualisedLinear(nn.Module):
    """StyleGAN's linear layer: weights are kept large and scaled down at run time, which sets their pace."""

    def __init__(self, inside, outside, pace=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside) / pace)
        self.bias = nn.Parameter(torch.zeros(outside))
        self.pace, self.scale = pace, pace / math.sqrt(inside)

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias * self.pace)


class Mapping(nn.Module):
    """A mapping network of equalised layers, used to classify."""

    def __init__(self, pace):
        super().__init__()
        sizes = [(64, 64), (64, 64), (64, 64), (64, 64)]
        self.layers = nn.ModuleList(EqualisedLinear(a, b, pace) for a, b in sizes)
        self.head = EqualisedLinear(64, 10)

    def forward(self, x):
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2) * math.sqrt(2)
        return self.head(x)


@pair("update-ratio", group="training", source="published")
def equalised_layers_of_a_tiny_pace(sick):
    """Equalised layers keep weights of 100,000 under a rate of 0.003: relative steps of 3e-8 in all but the head."""
    seeded()
    loader, val = digit_loaders(batch=32, flat=True, unit=False)
    model = Mapping(1e-5 if sick else 1.0)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99)),
    }  # fmt: skip
