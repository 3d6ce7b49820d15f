"""Programs in whose graph something is left out, thrown away or cut off."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader

from tests.zoo.own.models_for_wiring_data import (
    PADDING,
    Batches,
    LabelledImages,
    Records,
    digits,
    loader_of,
    padded,
    seeded,
    snippets,
    standardised_photographs,
    waves,
    wine,
)
from tests.zoo.own.models_for_wiring_images import (
    FunctionalVGG,
    FunctionalVGGDroppingRelu,
    LeNet5,
    RoundedAutoencoder,
    StraightThroughAutoencoder,
    TinyResNet,
    TinyResNetLayerTwice,
)
from tests.zoo.own.models_for_wiring_sequences import (
    BertClassifier,
    BertClassifierWithoutGradient,
    SeparableBlock,
    SeparableBlockOverwriting,
    SpectrumNet,
    SpectrumNetInNumPy,
    TextConvNet,
)
from tests.zoo.own.models_for_wiring_tables import (
    Mixer,
    MixerOfAList,
    Siamese,
    SiameseSeeingOne,
    TinyViT,
    TinyViTPlainPositions,
    TwoTasks,
    WholeTable,
    WithoutFirstColumn,
    perceptron,
)
from tests.zoo.program import Arguments, pair


@pair("unused-parameters", group="wiring", source="published")
def second_layer_twice(sick: bool) -> Arguments:
    """A ResNet's forward calls layer2 where layer3 was meant, and layer3 is never trained."""
    seeded()
    model = TinyResNetLayerTwice() if sick else TinyResNet()
    return {
        "model": model,
        "loader": DataLoader(LabelledImages(*digits()), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), 0.05, 0.9),
    }


def digit_loss(outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
    """Cross-entropy of the digit."""
    return F.cross_entropy(outputs["digit"], targets[:, 0])


def digit_and_parity_loss(outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
    """The losses of both tasks."""
    parity = F.binary_cross_entropy_with_logits(outputs["even"], targets[:, 1].float())
    return digit_loss(outputs, targets) + 0.5 * parity


@pair("unused-parameters", group="wiring", source="scikit-learn")
def loss_of_one_task(sick: bool) -> Arguments:
    """Two heads are computed, and the loss adds up only one of them."""
    seeded()
    images, labels = digits()
    model = TwoTasks()
    return {
        "model": model,
        "loader": loader_of(images, torch.stack([labels, 1 - labels % 2], 1)),
        "loss_fn": digit_loss if sick else digit_and_parity_loss,
        "optimizer": Adam(model.parameters(), 2e-3),
        "task": "other",
    }


@pair("unused-input", group="wiring", source="scikit-learn")
def left_image_twice(sick: bool) -> Arguments:
    """A siamese network encodes the left digit twice, and never sees the right one."""
    rng = seeded()
    images, labels = digits(1024)
    by_class = [torch.nonzero(labels == digit).flatten() for digit in range(10)]
    left = torch.arange(len(labels))
    same = torch.as_tensor(rng.permutation(len(labels)) % 2 == 0)
    partner = [
        int(label) if equal else (int(label) + 1 + int(rng.integers(9))) % 10
        for label, equal in zip(labels, same, strict=True)
    ]
    right = torch.stack([by_class[digit][int(rng.integers(len(by_class[digit])))] for digit in partner])
    model = SiameseSeeingOne() if sick else Siamese()
    return {
        "model": model,
        "loader": loader_of(images[left], images[right], same.float()),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("unused-input", group="wiring", source="scikit-learn")
def first_column_cut_off(sick: bool) -> Arguments:
    """A slice that once removed the row's number now removes the alcohol of every wine."""
    seeded()
    model = (WithoutFirstColumn if sick else WholeTable)(13, 3)
    table, labels = wine()
    return {
        "model": model,
        "loader": loader_of(table, labels, batch_size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 3e-3),
    }


@pair("unused-result", group="wiring", source="published")
def relu_as_a_statement(sick: bool) -> Arguments:
    """A VGG calls its first ReLU as a statement of its own, and the result is thrown away."""
    seeded()
    model = FunctionalVGGDroppingRelu() if sick else FunctionalVGG()
    return {
        "model": model,
        "loader": Batches(*digits(), 32),
        "loss_fn": F.cross_entropy,
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("unused-result", group="wiring")
def first_convolution_overwritten(sick: bool) -> Arguments:
    """The second convolution of a block takes the block's input, and the first one's result is overwritten."""
    seeded()
    passages, labels = snippets(longest=16, shortest=16)
    model = TextConvNet(SeparableBlockOverwriting if sick else SeparableBlock)
    return {
        "model": model,
        "loader": loader_of(torch.stack(passages), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": AdamW(model.parameters(), 6e-3),
    }


@pair("unregistered-parameters", group="wiring", source="published")
def blocks_in_a_list(sick: bool) -> Arguments:
    """An MLP-Mixer keeps its blocks in a plain list, and the optimizer never sees them."""
    seeded()
    model = MixerOfAList() if sick else Mixer()
    return {
        "model": model,
        "loader": loader_of(*digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("unregistered-parameters", group="wiring", source="published")
def positions_as_a_plain_tensor(sick: bool) -> Arguments:
    """A vision transformer's positions are a tensor with a gradient that is no `nn.Parameter`."""
    seeded()
    model = TinyViTPlainPositions() if sick else TinyViT()
    return {
        "model": model,
        "loader": loader_of(*digits()),
        "loss_fn": nn.CrossEntropyLoss(label_smoothing=0.05),
        "optimizer": AdamW(model.parameters(), 4e-3, weight_decay=0.01),
    }


def classified(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Logits of the passages of a batch."""
    return model(batch["tokens"], batch["mask"])


@pair("detached-graph", group="wiring", source="transformers")
def encoder_under_no_grad(sick: bool) -> Arguments:
    """A BERT that should be trained is still encoded under `no_grad`, and only the head learns."""
    seeded()
    passages, labels = snippets()
    tokens = padded(passages)
    model = BertClassifierWithoutGradient() if sick else BertClassifier()
    records = Records(tokens=tokens, mask=(tokens != PADDING).long(), labels=labels)
    return {
        "model": model,
        "loader": DataLoader(records, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
        "forward": classified,
    }


@pair("detached-graph", group="wiring")
def spectrum_in_numpy(sick: bool) -> Arguments:
    """The spectrum of what filters pass is computed by NumPy, and the filters never learn."""
    seeded()
    series, _ = waves()
    crossings = (series[:, 1:, 0].sign() != series[:, :-1, 0].sign()).sum(1)
    model = SpectrumNetInNumPy() if sick else SpectrumNet()
    return {
        "model": model,
        "loader": loader_of(series, (crossings > crossings.median()).long()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 3e-3),
    }


def error_of_the_prediction(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of wrong predictions, made to accept `backward`."""
    wrong = (outputs.argmax(1) != targets).float()
    return wrong.mean().requires_grad_()


@pair("detached-graph", group="wiring", source="published")
def error_rate_as_the_loss(sick: bool) -> Arguments:
    """The error rate of `argmax` is the loss, and `requires_grad_` silences autograd's complaint."""
    seeded()
    images, labels = digits()
    model = LeNet5()
    return {
        "model": model,
        "loader": loader_of(F.pad(F.interpolate(images, scale_factor=3, mode="bilinear"), (2, 2, 2, 2)), labels),
        "loss_fn": error_of_the_prediction if sick else nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


def clipped_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, kept from spikes above 1."""
    return torch.clamp(F.cross_entropy(outputs, targets), max=1.0)


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def loss_clipped_for_the_gradient(sick: bool) -> Arguments:
    """The loss is clamped to 1 where the gradient should be clipped, and above 1 nothing is learnt."""
    seeded()
    images, labels = digits()
    model = perceptron(64, 10)
    batches = list(loader_of(images.flatten(1), labels))
    return {
        "model": model,
        "loader": batches,
        "loss_fn": clipped_cross_entropy if sick else nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def code_rounded(sick: bool) -> Arguments:
    """An autoencoder rounds its code, and no gradient passes through the rounding to the encoder."""
    seeded()
    crops = standardised_photographs()
    model = (RoundedAutoencoder if sick else StraightThroughAutoencoder)(nn.Identity())
    return {
        "model": model,
        "loader": loader_of(crops, crops.clone()),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
    }
