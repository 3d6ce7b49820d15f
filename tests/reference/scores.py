"""Short trainings of reference models, and how good what they learnt is, by measures of the tests' own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.reference.data import ReferenceData

LOSSES = {
    "classification": F.cross_entropy,
    "segmentation": F.cross_entropy,
    "language-model": lambda outputs, targets: F.cross_entropy(outputs.transpose(1, 2), targets),
    "binary": F.binary_cross_entropy_with_logits,
    "multilabel": F.binary_cross_entropy_with_logits,
    "regression": F.mse_loss,
}


def outputs_of(data: ReferenceData) -> tuple[int, ...]:
    """The shape of a sample's outputs."""
    classes = data.classes or 0
    shapes = {
        "classification": (classes,),
        "segmentation": (classes, *data.target_shape),
        "language-model": (*data.target_shape, classes),
    }
    return shapes.get(data.task, data.target_shape)


def trained(model: nn.Module, data: ReferenceData, steps: int, rate: float = 1e-3) -> nn.Module:
    """The model after steps of Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    model.train()
    done = 0
    while done < steps:
        for inputs, targets in data.train:
            optimizer.zero_grad()
            LOSSES[data.task](model(inputs), targets).backward()
            optimizer.step()
            done += 1
            if done == steps:
                break
    return model.eval()


def score(model: nn.Module, data: ReferenceData) -> float:
    """Accuracy, R², overlap or nats, as the record's metric says, on the validation part."""
    with torch.no_grad():
        pairs = [(model(inputs), targets) for inputs, targets in data.validation]
    outputs, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    if data.task == "regression":
        return float(1 - (outputs - targets).square().sum() / (targets - targets.mean(0)).square().sum())
    if data.task == "language-model":
        return float(-outputs.log_softmax(-1).gather(-1, targets[..., None]).mean())
    if data.task in ("binary", "multilabel"):
        return float(((outputs > 0) == (targets > 0.5)).double().mean())
    predicted: Tensor = outputs.argmax(1)
    if data.task == "segmentation":
        return float(((predicted == 1) & (targets == 1)).sum() / ((predicted == 1) | (targets == 1)).sum())
    return float((predicted == targets).double().mean())
