"""Broken programs, and their healthy twins, at odds between outputs and loss; written without sight of the checks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes, load_wine
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_samples import (
    CHAPTERS,
    VOCABULARY,
    bright_masks,
    digit_scans,
    halves,
    photo_patches,
    standardised,
    word_passages,
)
from tests.zoo.retired.models_sequences import StateAtPosition
from tests.zoo.retired.models_tables import ResidualRows, perceptron
from tests.zoo.retired.models_vision import (
    LeNetWithTwoHeads,
    LightSwitch,
    LightSwitchInBytes,
    UNet,
    dcgan_discriminator,
    denoiser,
    vgg,
)


@pair("dtype", group="wiring", source="scikit-learn")
def frames_subtracted_as_bytes(sick: bool) -> Arguments:
    """Two frames are subtracted while they are bytes, so that a light that goes out wraps around to a bright one."""
    torch.manual_seed(0)
    patches, _ = photo_patches(16, 600)
    before = patches.float().mean(1)
    change = torch.empty(600, 1, 1).uniform_(10, 200) * (2 * torch.randint(0, 2, (600, 1, 1)) - 1)
    after = (before + change + 4 * torch.randn(600, 16, 16)).clamp(0, 255)
    visible = ((after - before).mean((1, 2)) * change.flatten().sign()) > 5
    frames = torch.stack([before, after], 1).byte()[visible]
    model = (LightSwitchInBytes if sick else LightSwitch)()
    return {
        "model": model,
        "loader": DataLoader(
            TensorDataset(frames, (change.flatten() > 0).long()[visible]), batch_size=32, shuffle=True
        ),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), lr=1e-3),
    }


def _log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    error = outputs.squeeze(1) - targets
    return torch.log(torch.cosh(error)).mean()


def _log_cosh_of_columns(outputs: Tensor, targets: Tensor) -> Tensor:
    error = outputs - targets
    return torch.log(torch.cosh(error)).mean()


@pair("silent-broadcast", group="wiring", source="scikit-learn")
def log_cosh_of_column_and_row(sick: bool) -> Arguments:
    """A loss written by hand subtracts targets (N,) from outputs (N, 1) and averages the (N, N) that comes of it."""
    torch.manual_seed(0)
    bunch = load_diabetes()
    order = torch.randperm(len(bunch.target))
    train, val = halves(standardised(bunch.data)[order], standardised(bunch.target)[order])
    model = ResidualRows(10)
    return {
        "model": model,
        "loader": DataLoader(train, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": _log_cosh_of_columns if sick else _log_cosh,
        "optimizer": AdamW(model.parameters(), lr=3e-3),
        "val_loader": DataLoader(val, batch_size=32),
    }


@pair("loss-input", group="wiring", source="published")
def dcgan_sigmoid_before_logit_loss(sick: bool) -> Arguments:
    """DCGAN's discriminator ends in a sigmoid, and its loss was changed to the one that takes logits."""
    torch.manual_seed(0)
    scans, _ = digit_scans(800)
    scans = 2 * F.interpolate(scans, scale_factor=2, mode="bilinear", align_corners=False) - 1
    top, bottom = scans[400:].chunk(2, dim=2)
    fakes = torch.cat([bottom, top], 2)
    real = torch.tensor([1.0, 0.0]).repeat_interleave(400).unsqueeze(1)
    model = dcgan_discriminator()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(torch.cat([scans[:400], fakes]), real), batch_size=32, shuffle=True),
        "loss_fn": nn.BCEWithLogitsLoss() if sick else nn.BCELoss(),
        "optimizer": Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999)),
    }


@pair("loss-target", group="wiring", source="scikit-learn")
def cross_entropy_over_two_tags(sick: bool) -> Arguments:
    """Each image shows two digits and is tagged with both, and the loss is the one for a single class."""
    torch.manual_seed(0)
    scans, classes = digit_scans(1200)
    left, right = torch.arange(0, 1200, 2), torch.arange(1, 1200, 2)
    different = classes[left] != classes[right]
    left, right = left[different], right[different]
    tags = (F.one_hot(classes[left], 10) + F.one_hot(classes[right], 10)).float()
    dataset = TensorDataset(torch.cat([scans[left], scans[right]], 3), tags)
    model = vgg(10)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        "optimizer": Adam(model.parameters(), lr=3e-3),
    }


def _dice(outputs: Tensor, masks: Tensor) -> Tensor:
    pixels = torch.sigmoid(outputs.squeeze(1))
    return (2 * (pixels * masks).sum() + 1) / (pixels.sum() + masks.sum() + 1)


def _dice_loss(outputs: Tensor, masks: Tensor) -> Tensor:
    return 1 - _dice(outputs, masks)


@pair("loss-direction", group="wiring", source="published")
def dice_itself_minimised(sick: bool) -> Arguments:
    """A U-Net minimises the overlap of its mask with the annotated one, for nobody took it from 1."""
    torch.manual_seed(0)
    photos, _ = photo_patches(16, 480)
    model = UNet(1)
    dataset = TensorDataset((photos.float() / 255 - 0.4) / 0.33, bright_masks(photos).float())
    batches = BatchSampler(RandomSampler(dataset), batch_size=16, drop_last=True)
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_sampler=batches),
        "loss_fn": _dice if sick else _dice_loss,
        "optimizer": Adam(model.parameters(), lr=2e-3),
    }


def _mean_over_the_batch(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets)


def _mean_over_the_batch_again(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets) / len(targets)


@pair("loss-reduction", group="wiring", source="scikit-learn")
def mean_divided_by_the_batch(sick: bool) -> Arguments:
    """The loss is a mean already, and is divided by the batch size once more, under plain gradient descent."""
    torch.manual_seed(0)
    bunch = load_wine()
    model = perceptron(13, 3)
    dataset = TensorDataset(standardised(bunch.data), torch.tensor(bunch.target))
    return {
        "model": model,
        "loader": DataLoader(dataset, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": _mean_over_the_batch_again if sick else _mean_over_the_batch,
        "optimizer": SGD(model.parameters(), lr=0.2),
        "class_names": [str(name) for name in bunch.target_names],
    }


@pair("output-range", group="wiring", source="published")
def sigmoid_for_standardised_pixels(sick: bool) -> Arguments:
    """A denoising autoencoder ends in a sigmoid, while the clean pixels have mean 0 and deviation 1."""
    torch.manual_seed(0)
    patches, _ = photo_patches(16, 640)
    clean = patches.float().mean(1, keepdim=True)
    clean = (clean - clean.mean()) / clean.std()
    model = denoiser()
    if sick:
        model.append(nn.Sigmoid())
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(clean + 0.2 * torch.randn_like(clean), clean), batch_size=32, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), lr=2e-3),
    }


@pair("constant-output", group="wiring", source="transformers")
def class_token_before_the_words(sick: bool) -> Arguments:
    """A class token stands first, where GPT-2's causal attention lets it see nothing, and the head reads it there."""
    torch.manual_seed(0)
    passages, chapters = word_passages()
    token = torch.full((len(passages), 1), VOCABULARY)
    model = StateAtPosition(VOCABULARY + 1, len(CHAPTERS), position=0 if sick else -1)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(torch.cat([token, passages], 1), chapters), batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": AdamW(model.parameters(), lr=2e-3),
        "class_names": list(CHAPTERS),
    }


def _digit_and_parity(batch: list[Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    scans, classes, odd = batch
    return scans, (classes, odd)


def _both_losses(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    digits, odd = outputs
    return F.cross_entropy(digits, targets[0]) + 0.5 * F.binary_cross_entropy_with_logits(odd, targets[1])


def _first_loss(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
    digits, _ = outputs
    return F.cross_entropy(digits, targets[0])


@pair("unused-parameters", group="wiring", source="scikit-learn")
def second_head_without_loss(sick: bool) -> Arguments:
    """A LeNet has a head for the digit and one for its parity, and the loss reads the first alone."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    model = LeNetWithTwoHeads()
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, classes, (classes % 2).float()), batch_size=40, shuffle=True),
        "loss_fn": _first_loss if sick else _both_losses,
        "optimizer": Adam(model.parameters(), lr=3e-3),
        "split": _digit_and_parity,
    }


def _accuracy(model: nn.Module, scans: Tensor, classes: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return float((model(scans).argmax(1) == classes).float().mean())


def _step_after_accuracy(model: nn.Module, batch: list[Tensor], optimizer: Optimizer) -> Tensor:
    scans, classes = batch
    weight = 1.0 if _accuracy(model, scans, classes) < 0.99 else 0.5
    model.train()
    optimizer.zero_grad()
    loss = weight * F.cross_entropy(model(scans), classes)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _step_after_accuracy_without_train(model: nn.Module, batch: list[Tensor], optimizer: Optimizer) -> Tensor:
    scans, classes = batch
    weight = 1.0 if _accuracy(model, scans, classes) < 0.99 else 0.5
    optimizer.zero_grad()
    loss = weight * F.cross_entropy(model(scans), classes)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def accuracy_leaves_eval_mode(sick: bool) -> Arguments:
    """Every training step first measures the accuracy in eval mode, and goes on to train in it."""
    torch.manual_seed(0)
    scans, classes = digit_scans()
    layers = [nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10)]
    model = nn.Sequential(*layers)
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(scans, classes), batch_size=50, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": SGD(model.parameters(), lr=0.1, momentum=0.9),
        "train_step": _step_after_accuracy_without_train if sick else _step_after_accuracy,
    }
