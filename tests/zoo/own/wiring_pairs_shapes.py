"""Programs whose step raises, or whose numbers are lost by their dtype or shape before the loss sees them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader
from transformers import BertForSequenceClassification

from tests.zoo.own.models_for_wiring_data import (
    VOCABULARY,
    Batches,
    LabelledImages,
    Records,
    diabetes,
    digits,
    loader_of,
    padded,
    seeded,
    snippets,
    waves,
    wine,
)
from tests.zoo.own.models_for_wiring_images import FunctionalVGG, LeNet5
from tests.zoo.own.models_for_wiring_sequences import Forecaster, ForecasterBroadcast, small_bert
from tests.zoo.own.models_for_wiring_tables import (
    BinnedTable,
    BinnedTableTruncated,
    ByteCNN,
    ByteCNNWrapping,
    perceptron,
)
from tests.zoo.program import Arguments, pair


@pair("runs", group="wiring", source="published")
def lenet_without_its_padding(sick: bool) -> Arguments:
    """LeNet's first convolution lacks its padding, so that the flattened map has 256 values where fc1 takes 400."""
    seeded()
    images, labels = digits()
    images = F.pad(F.interpolate(images, scale_factor=3, mode="bilinear"), (2, 2, 2, 2))
    model = LeNet5(padding=0 if sick else 2)
    loader = DataLoader(LabelledImages(images, labels), batch_size=32, shuffle=True)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("runs", group="wiring", source="transformers")
def bert_of_a_smaller_vocabulary(sick: bool) -> Arguments:
    """A start token was added to the vocabulary and BERT was built for the vocabulary without it."""
    seeded()
    passages, labels = snippets()
    tokens = padded([torch.cat([torch.tensor([VOCABULARY]), passage]) for passage in passages])
    model = BertForSequenceClassification(small_bert(vocab_size=VOCABULARY if sick else VOCABULARY + 1))
    records = Records(input_ids=tokens, attention_mask=(tokens != 0).long(), labels=labels)
    return {
        "model": model,
        "loader": DataLoader(records, batch_size=32, shuffle=True),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("dtype", group="wiring", source="scikit-learn")
def centred_in_bytes(sick: bool) -> Arguments:
    """The model subtracts 128 from pixels while they are bytes, and dark pixels wrap round to bright ones."""
    seeded()
    images, labels = digits()
    model = ByteCNNWrapping() if sick else ByteCNN()
    return {
        "model": model,
        "loader": Batches((images * 255).round().byte(), labels, 32),
        "loss_fn": F.cross_entropy,
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("dtype", group="wiring", source="scikit-learn")
def bins_of_truncated_values(sick: bool) -> Arguments:
    """Values in [0, 1] are cast to integers before they are scaled to bins, so that nearly all fall in bin 0."""
    seeded()
    table, labels = wine()
    table = (table - table.amin(0)) / (table.amax(0) - table.amin(0))
    model = (BinnedTableTruncated if sick else BinnedTable)(13, 3)
    return {
        "model": model,
        "loader": loader_of(table, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 3e-3),
        "class_names": ["Barolo", "Grignolino", "Barbera"],
    }


def step_in_float16(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: Optimizer) -> Tensor:
    """One step under autocast, without a scaler."""
    images, labels = batch
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


def step_in_bfloat16(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: Optimizer) -> Tensor:
    """One step under autocast in bfloat16, which has the range of float32."""
    images, labels = batch
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


@pair("dtype", group="wiring", source="published")
def float16_without_a_scaler(sick: bool) -> Arguments:
    """A VGG is trained in float16, whose small gradients become zero, and nothing scales the loss."""
    seeded()
    model = FunctionalVGG()
    return {
        "model": model,
        "loader": loader_of(*digits(), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
        "train_step": step_in_float16 if sick else step_in_bfloat16,
    }


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean of squared differences, written by hand."""
    return ((outputs - targets) ** 2).mean()


@pair("silent-broadcast", group="wiring", source="scikit-learn")
def column_against_row(sick: bool) -> Arguments:
    """Outputs (N, 1) minus targets (N,) give an (N, N) table of differences, so that the model learns the mean."""
    seeded()
    table, targets = diabetes()
    model = perceptron(10, 1)
    return {
        "model": model,
        "loader": loader_of(table, targets if sick else targets[:, None]),
        "loss_fn": mean_squared_error,
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("silent-broadcast", group="wiring")
def last_values_added_as_a_row(sick: bool) -> Arguments:
    """A forecaster adds its (N, 1) change to last values of shape (N,), and every sample gets N forecasts."""
    seeded()
    series, following = waves(416)
    model = ForecasterBroadcast() if sick else Forecaster()
    return {
        "model": model,
        "loader": loader_of(series[:320], following[:320]),
        "loss_fn": mean_squared_error,
        "optimizer": Adam(model.parameters(), 3e-3),
        "val_loader": loader_of(series[320:], following[320:], shuffle=False),
    }
