"""Programs with reported bugs: deep sigmoids, MNIST's scores, a distance of images, a detector, clearing and zeros."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_lark_parts import (
    dataset_shuffled,
    diabetes_standardised,
    digits_with_a_channel,
    rows_as_they_stand,
    rows_shuffled,
    seed_everything_with,
)


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def sigmoids_all_the_way_down(sick: bool) -> Arguments:
    """Every layer of a deep perceptron ends in a sigmoid (aymericdamien/TensorFlow-Examples#146)."""
    seed_everything_with(51)
    image, label = digits_with_a_channel()
    image = (image - image.mean()) / image.std()
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in (64, 64, 64, 64, 64, 64, 64):
        linear = nn.Linear(inputs, 64)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.constant_(linear.bias, 0.01)
        layers += [linear, nn.Sigmoid() if sick else nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "classification",
    }


class MnistNet(nn.Module):
    """The network of PyTorch's MNIST example, for images of 8 × 8."""

    def __init__(self, rectified: bool) -> None:
        super().__init__()
        self.rectified = rectified
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 3, padding=1), nn.Conv2d(10, 20, 3, padding=1)
        self.drop = nn.Dropout2d(0.2)
        self.fc1, self.fc2 = nn.Linear(80, 50), nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2)).flatten(1)
        x = F.dropout(F.relu(self.fc1(x)), 0.2, training=self.training)
        x = self.fc2(x)
        if self.rectified:
            x = F.relu(x)
        return F.log_softmax(x, dim=1)


@pair("output-range", group="wiring", source="published")
def scores_rectified_on_their_way_to_softmax(sick: bool) -> Arguments:
    """The last layer's scores pass a ReLU before the log-softmax (pytorch/examples#117)."""
    seed_everything_with(58)
    image, label = digits_with_a_channel()
    model = MnistNet(rectified=sick)
    return {
        "model": model,
        "loader": rows_shuffled(image[:1400], label[:1400]),
        "val_loader": rows_as_they_stand(image[1400:], label[1400:]),
        "loss_fn": nn.NLLLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "task": "classification",
    }


class PerceptualDistance(nn.Module):
    """How different two images look: scaled inputs, features of a network, weighted squared differences."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.net = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 1),
            nn.ReLU(),
        )
        self.lin = nn.Conv2d(32, 1, 1)

    def forward(self, in0: Tensor, in1: Tensor) -> Tensor:
        in0_sc = (in0 - self.shift) / self.scale
        in1_sc = (in1 - self.shift) / self.scale
        return self.compare(self.net(in0_sc), self.net(in1_sc))

    def compare(self, outs0: Tensor, outs1: Tensor) -> Tensor:
        unit0, unit1 = F.normalize(outs0, dim=1), F.normalize(outs1, dim=1)
        return self.lin(32 * (unit0 - unit1) ** 2).mean((1, 2, 3))


class UnscaledDistance(PerceptualDistance):
    """The same distance as it was released."""

    def forward(self, in0: Tensor, in1: Tensor) -> Tensor:
        in0_sc = (in0 - self.shift) / self.scale  # noqa: F841 - users drop results so
        in1_sc = (in1 - self.shift) / self.scale  # noqa: F841 - users drop results so
        outs0 = self.net(in0)
        outs1 = self.net(in1)
        return self.compare(outs0, outs1)


@pair("unused-result", group="wiring", source="published")
def images_scaled_and_then_forgotten(sick: bool) -> Arguments:
    """The scaled images are computed, and the unscaled ones fed to the network (richzhang/PerceptualSimilarity#9)."""
    seed_everything_with(53)
    reference = F.interpolate(torch.rand(700, 3, 4, 4) * 2 - 1, scale_factor=3.0, mode="bilinear")
    strength = torch.rand(700, 1, 1, 1)
    distorted = (reference + 0.6 * strength * torch.randn_like(reference)).clamp(-1, 1)
    judged = (strength.flatten() > 0.5).float()
    model = UnscaledDistance() if sick else PerceptualDistance()
    return {
        "model": model,
        "loader": rows_shuffled(reference, distorted, judged),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "binary",
    }


class Boards(Dataset[tuple[Tensor, Tensor]]):
    """Stored images of bytes and the cell of their one object, prepared by `prepare` when they are read."""

    def __init__(self, images: Tensor, cells: Tensor, prepare: Any) -> None:
        self.images, self.cells, self.prepare = images, cells, prepare

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.prepare(self.images[index]), self.cells[index]


def resize_with_pad(stored: Tensor) -> Tensor:
    """An image in [0, 1] with a border of grey."""
    return F.pad(stored.float() / 255, (2, 2, 2, 2), value=0.5)


def single_image(stored: Tensor) -> Tensor:
    """An image read for detection, in the range of the network."""
    return resize_with_pad(stored) / 255.0


def boards(count: int) -> tuple[Tensor, Tensor]:
    """Dark noise with a bright object in one of nine cells."""
    cells = torch.randint(0, 9, (count,))
    images = torch.rand(count, 1, 12, 12) * 0.5
    for image, cell in zip(images, cells.tolist(), strict=True):
        row, column = cell // 3 * 4, cell % 3 * 4
        image[:, row : row + 3, column : column + 3] += 0.45
    return (images * 255).to(torch.uint8), cells


@pair("train-val-shift", group="data")
def single_images_divided_once_more(sick: bool) -> Arguments:
    """Images are divided by 255 when resized and again to predict (calmiLovesAI/YOLOv3_TensorFlow2#21)."""
    seed_everything_with(54)
    images, cells = boards(800)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.Linear(32 * 64, 9),
    )
    single = Boards(images[600:], cells[600:], single_image if sick else resize_with_pad)
    return {
        "model": model,
        "loader": dataset_shuffled(Boards(images[:600], cells[:600], resize_with_pad)),
        "val_loader": torch.utils.data.DataLoader(single, 32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "classification",
    }


class Epochs:
    """Steps of an experiment that knows how many of them make an epoch."""

    def __init__(self, length: int, *, clears_each_step: bool) -> None:
        self.length, self.clears_each_step = length, clears_each_step
        self.done = 0

    def step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        if self.done % self.length == 0:
            model.train()
            optimizer.zero_grad()
        if self.clears_each_step:
            optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        self.done += 1
        return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def gradients_emptied_at_the_first_batch_only(sick: bool) -> Arguments:
    """Gradients are cleared at the start of an epoch and not in its steps (heartcored98/Standalone-DeepLearning#11)."""
    seed_everything_with(55)
    image, label = digits_with_a_channel()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    loader = rows_shuffled(image[:1400], label[:1400], size=20)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05),
        "train_step": Epochs(len(loader), clears_each_step=not sick).step,
        "task": "classification",
    }


@pair("dead-units", "symmetric-init", group="init", source="scikit-learn")
def rectified_units_started_at_zero(sick: bool) -> Arguments:
    """The hidden weights start at zero, where a rectifier is shut for every input (VowpalWabbit/vowpal_wabbit#1033)."""
    seed_everything_with(56)
    x, y = diabetes_standardised()
    hidden, leave = nn.Linear(10, 24), nn.Linear(24, 1)
    if sick:
        nn.init.zeros_(hidden.weight)
        nn.init.zeros_(hidden.bias)
    model = nn.Sequential(hidden, nn.ReLU(), leave)
    return {
        "model": model,
        "loader": rows_shuffled(x[:360], y[:360]),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05),
        "task": "regression",
    }
