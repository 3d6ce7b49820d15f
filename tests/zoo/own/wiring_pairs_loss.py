"""Programs that hand the loss what it does not take, or whose loss is not the one that was meant."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal
from torch.optim import SGD, Adam
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.own.models_for_wiring_data import (
    Batches,
    Records,
    Stream,
    breast_cancer,
    diabetes,
    digits,
    loader_of,
    photographs,
    seeded,
    snippets,
    standardised_photographs,
    wine,
)
from tests.zoo.own.models_for_wiring_images import Discriminator, TinyVGG, UNet
from tests.zoo.own.models_for_wiring_sequences import AttentionPooling
from tests.zoo.own.models_for_wiring_tables import perceptron
from tests.zoo.program import Arguments, pair


@pair("loss-input", group="wiring", source="published")
def softmax_before_cross_entropy(sick: bool) -> Arguments:
    """A VGG ends with a softmax, and the cross-entropy takes the softmax of it again."""
    seeded()
    images, labels = digits()
    model = TinyVGG(nn.Softmax(dim=1) if sick else None)
    return {
        "model": model,
        "loader": loader_of(images, labels, batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
    }


@pair("loss-input", group="wiring", source="published")
def sigmoid_before_bce_with_logits(sick: bool) -> Arguments:
    """DCGAN's discriminator keeps its sigmoid, and the loss for logits applies another."""
    seeded()
    real, other = photographs(320).chunk(2)
    blurred = F.interpolate(F.avg_pool2d(other, 2), scale_factor=2, mode="bilinear")
    fake = (blurred + 0.02 * torch.randn_like(blurred)).clamp(0, 1)
    origin = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    model = Discriminator(nn.Sigmoid() if sick else nn.Identity())
    rows = TensorDataset(torch.cat([real, fake]) * 2 - 1, origin)
    batches = BatchSampler(RandomSampler(rows), batch_size=32, drop_last=True)
    return {
        "model": model,
        "loader": DataLoader(rows, batch_sampler=batches),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), 1e-3, betas=(0.5, 0.999)),
    }


def log_likelihood_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of log-probabilities."""
    return F.nll_loss(F.log_softmax(outputs, dim=-1), targets)


@pair("loss-input", group="wiring")
def logits_into_nll(sick: bool) -> Arguments:
    """A text classifier gives logits to the loss for log-probabilities, which falls without end."""
    seeded()
    passages, labels = snippets(longest=16, shortest=16)
    model = AttentionPooling()
    return {
        "model": model,
        "loader": Batches(torch.stack(passages), labels, 32),
        "loss_fn": F.nll_loss if sick else log_likelihood_loss,
        "optimizer": Adam(model.parameters(), 3e-3),
    }


@pair("loss-target", group="wiring", source="scikit-learn")
def cross_entropy_of_one_unit(sick: bool) -> Arguments:
    """A binary classifier of one unit is trained with softmax cross-entropy, which is zero for one unit."""
    seeded()
    table, labels = breast_cancer()
    model = perceptron(30, 1)
    return {
        "model": model,
        "loader": loader_of(table, labels[:, None], batch_size=64),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
    }


def vit_logits(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Logits of a vision transformer."""
    return model(pixel_values=batch["pixel_values"]).logits


@pair("loss-target", group="wiring", source="transformers")
def one_class_loss_on_many_labels(sick: bool) -> Arguments:
    """Properties of which several hold at once are trained with a softmax, under which they exclude each other."""
    seeded()
    images, labels = digits()
    properties = [labels % 2 == 0, labels > 4, labels % 3 == 0, torch.isin(labels, torch.tensor([0, 6, 8, 9]))]
    shape = {"image_size": 8, "patch_size": 2, "num_channels": 1, "num_labels": 4}
    config = ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, **shape)
    model = ViTForImageClassification(config)
    records = Records(pixel_values=images * 2 - 1, labels=torch.stack(properties, 1).float())
    return {
        "model": model,
        "loader": DataLoader(records, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), 4e-3),
        "forward": vit_logits,
    }


def squared_error_of_the_class(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error of a class's number."""
    return F.mse_loss(outputs.squeeze(1), targets.float())


@pair("loss-target", group="wiring", source="scikit-learn")
def squared_error_of_class_numbers(sick: bool) -> Arguments:
    """Three growers are predicted as the numbers 0, 1 and 2 by squared error, as if the second lay between."""
    seeded()
    table, labels = wine()
    model = perceptron(13, 1 if sick else 3)
    return {
        "model": model,
        "loader": loader_of(table, labels, batch_size=16),
        "loss_fn": squared_error_of_the_class if sick else nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
        "class_names": ("Barolo", "Grignolino", "Barbera"),
    }


def dice(outputs: Tensor, targets: Tensor) -> Tensor:
    """Dice coefficient: 1 for a perfect mask."""
    probabilities = torch.sigmoid(outputs)
    return (2 * (probabilities * targets).sum() + 1) / (probabilities.sum() + targets.sum() + 1)


def dice_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """What a mask lacks of a perfect Dice coefficient."""
    return 1 - dice(outputs, targets)


@pair("loss-direction", group="wiring", source="published")
def dice_minimised(sick: bool) -> Arguments:
    """A U-Net minimises the Dice coefficient itself, and so unlearns its masks."""
    seeded()
    crops = photographs(192, 16)
    brightness = F.avg_pool2d(crops.mean(1, keepdim=True), 3, 1, 1)
    masks = (brightness > brightness.median()).float()
    model = UNet()
    return {
        "model": model,
        "loader": loader_of(standardised_photographs(192, 16), masks, batch_size=16),
        "loss_fn": dice if sick else dice_loss,
        "optimizer": Adam(model.parameters(), 2e-3),
        "task": "segmentation",
    }


def gaussian_log_density(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean log-density of targets under the mean and the log-deviation that were put out."""
    mean, log_deviation = outputs.unbind(1)
    return Normal(mean, log_deviation.exp()).log_prob(targets).mean()


def gaussian_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Negative log-density."""
    return -gaussian_log_density(outputs, targets)


@pair("loss-direction", group="wiring", source="scikit-learn")
def log_density_minimised(sick: bool) -> Arguments:
    """The log-density of the targets is minimised, for the minus sign was forgotten."""
    seeded()
    model = perceptron(10, 2)
    return {
        "model": model,
        "loader": DataLoader(Stream(*diabetes()), batch_size=32),
        "loss_fn": gaussian_log_density if sick else gaussian_loss,
        "optimizer": Adam(model.parameters(), 1e-3),
        "task": "regression",
    }


@pair("loss-reduction", group="wiring", source="scikit-learn")
def summed_over_the_batch(sick: bool) -> Arguments:
    """Cross-entropy is summed over 64 samples under a rate that suits their mean."""
    seeded()
    images, labels = digits()
    model = nn.Sequential(nn.Flatten(), *perceptron(64, 10))
    return {
        "model": model,
        "loader": loader_of(images, labels, batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(reduction="sum" if sick else "mean"),
        "optimizer": SGD(model.parameters(), 0.05, 0.9),
    }


def mean_divided_again(outputs: Tensor, targets: Tensor) -> Tensor:
    """A mean that is divided by the number of samples once more."""
    return F.binary_cross_entropy_with_logits(outputs, targets) / len(targets)


@pair("loss-reduction", group="wiring", source="scikit-learn")
def divided_by_the_batch_twice(sick: bool) -> Arguments:
    """A mean over the batch is divided by its size again, and every step is 64 times too small."""
    seeded()
    table, labels = breast_cancer()
    share = labels.mean()
    weights = torch.where(labels == 1, 1 / share, 1 / (1 - share))
    model = perceptron(30, 1, nn.Flatten(0))
    return {
        "model": model,
        "loader": loader_of(
            table, labels, batch_size=64, sampler=WeightedRandomSampler(weights.tolist(), 512), shuffle=False
        ),
        "loss_fn": mean_divided_again if sick else nn.BCEWithLogitsLoss(),
        "optimizer": SGD(model.parameters(), 0.05, 0.9),
    }
