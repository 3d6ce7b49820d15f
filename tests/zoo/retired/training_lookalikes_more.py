"""More healthy programs whose steps, data or evaluation look odd, by people who had not seen the checks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.models_training import (
    Autoencoder,
    LeNet,
    MobileNet,
    Perceptron,
    ResNet,
    SimSiam,
    distilbert,
    reconstruction,
)
from tests.zoo.retired.models_training_data import (
    digits,
    documents,
    scaled_digits,
    seed_all,
    shuffled,
    shuffled_fields,
    tumours,
)


def _fit(model: nn.Module, loader: DataLoader, epochs: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
    model.zero_grad()


def hold_norms(network: nn.Module) -> None:
    """Keep every BatchNorm at the statistics that it was trained with."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _step_with_held_norms(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    hold_norms(model)
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


@healthy(resembles="train-eval-mode", source="published")
def resnet_tuned_with_its_norms_held() -> Arguments:
    """A trained ResNet is tuned on noisy digits, its BatchNorms frozen in eval mode inside a training model."""
    seed_all()
    model = ResNet(channels=8)
    images, labels = scaled_digits(1600)
    _fit(model, shuffled(images[:800], labels[:800], batch=50), epochs=3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)
    rest = [parameter for parameter in model.parameters() if parameter.requires_grad]
    noisy = images[800:] + 0.7 * torch.randn(images[800:].shape)
    return {
        "model": model,
        "loader": shuffled(noisy, labels[800:]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(rest, lr=1e-3, momentum=0.9),
        "train_step": _step_with_held_norms,
    }


@healthy(resembles="input-independent-baseline", source="scikit-learn")
def one_tumour_in_ten() -> Arguments:
    """One sample in ten is malignant: a constant answer is nine times right, and the features tell the rest."""
    seed_all()
    features, labels = tumours()
    rare = (labels == 0).nonzero().squeeze(1)[:40]
    kept = torch.cat([rare, (labels == 1).nonzero().squeeze(1)])
    model = nn.Sequential(Perceptron(30, 1), nn.Flatten(0))
    return {
        "model": model,
        "loader": shuffled(features[kept], (labels[kept] == 0).float(), batch=40),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy(resembles="shuffled-labels", source="scikit-learn")
def forty_eight_irises() -> Arguments:
    """A set of 48 flowers, which a network learns by heart in a few epochs."""
    seed_all()
    features, labels = load_iris(return_X_y=True)
    kept = torch.cat([torch.arange(start, start + 16) for start in (0, 50, 100)])
    flowers = torch.tensor((features - features.mean(0)) / features.std(0)).float()[kept]
    model = Perceptron(4, 3, width=32)
    return {
        "model": model,
        "loader": shuffled(flowers, torch.tensor(labels)[kept], batch=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "class_names": ["setosa", "versicolor", "virginica"],
    }


@healthy(resembles="learning-rate", source="published")
def lenet_tuned_at_a_low_rate() -> Arguments:
    """A LeNet that knows clean digits is tuned on faint ones at 2e-4, under which its loss falls slowly and surely."""
    seed_all()
    model = LeNet(width=16)
    images, labels = digits(1600)
    _fit(model, shuffled(images[:800], labels[:800]), epochs=4)
    return {
        "model": model,
        "loader": shuffled(0.4 * images[800:] + 0.1, labels[800:]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-4),
    }


class TwoViews(Dataset):
    """Two random views of each digit: shifted by a pixel at most, brighter or darker, noisy."""

    def __init__(self, images: Tensor) -> None:
        self.images = F.pad(images, (1, 1, 1, 1))

    def __len__(self) -> int:
        return len(self.images)

    def _view(self, image: Tensor) -> Tensor:
        row, column = torch.randint(3, (2,)).tolist()
        seen = image[:, row : row + 8, column : column + 8]
        return seen * (0.8 + 0.4 * torch.rand(1)) + 0.05 * torch.randn(seen.shape)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.stack([self._view(self.images[index]) for _ in range(2)]), index


def agreement(outputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
    """SimSiam's negative cosine of each prediction to the other view."""
    told_one, told_two, one, two = outputs
    return -(F.cosine_similarity(told_one, two).mean() + F.cosine_similarity(told_two, one).mean()) / 2


@healthy(resembles="shuffled-labels", source="published")
def simsiam_of_two_views() -> Arguments:
    """SimSiam: no labels but the sample's number, which the loss ignores; its targets carry no gradient."""
    seed_all()
    model = SimSiam()
    views = TwoViews(digits(768)[0])
    return {
        "model": model,
        "loader": DataLoader(views, 64, shuffle=True, generator=torch.Generator().manual_seed(0)),
        "loss_fn": agreement,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4),
        "task": "other",
    }


@healthy(resembles="overfit-one-batch", source="scikit-learn")
def autoencoder_of_grey_pixels() -> Arguments:
    """Binary cross-entropy against grey pixels, whose entropy stays when every pixel is right."""
    seed_all()
    model = Autoencoder()
    images, _ = digits()
    return {
        "model": model,
        "loader": shuffled(images, images),
        "loss_fn": reconstruction,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def _evaluate(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(batch[0])
        found = {
            "loss": F.cross_entropy(logits, batch[1]).item(),
            "accuracy": (logits.argmax(1) == batch[1]).float().mean().item(),
        }
    model.train(was_training)
    return found


@healthy(resembles="evaluation-changes-model", source="published")
def evaluation_puts_train_mode_back() -> Arguments:
    """Evaluation sets eval mode, returns plain numbers, and puts back the mode that it found."""
    seed_all()
    model = MobileNet()
    images, labels = scaled_digits(1600)
    return {
        "model": model,
        "loader": shuffled(images[:1200], labels[:1200]),
        "val_loader": DataLoader(TensorDataset(images[1200:], labels[1200:]), batch_size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "eval_step": _evaluate,
    }


def make_printing_step(every: int = 10) -> Callable[..., None]:
    """Return a training step that tells of its loss now and then, and returns nothing."""
    seen = 0

    def train_step(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        nonlocal seen
        model.train()
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        seen += 1
        if seen % every == 0:
            print(f"step {seen}: loss {loss.item():.3f}")  # noqa: T201 - users print from their steps

    return train_step


@healthy(resembles="updates-not-applied", source="transformers")
def distilbert_by_a_step_that_only_prints() -> Arguments:
    """The training step prints its loss and returns None; it updates all the same."""
    seed_all()
    words, labels = documents()
    model = distilbert()
    return {
        "model": model,
        "loader": shuffled_fields(input_ids=words, attention_mask=torch.ones_like(words), labels=labels),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "train_step": make_printing_step(),
    }


class EpochTrainer:
    """A trainer whose rate falls to a half after every fourth epoch."""

    def __init__(self, model: nn.Module, loader: DataLoader) -> None:
        self.model, self.loader, self.steps = model, loader, 0
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        self.scheduler = StepLR(self.optimizer, step_size=4, gamma=0.5)

    def _end_of_epoch(self) -> bool:
        return self.steps % len(self.loader) == 0

    def train_step(self, batch: list[Tensor]) -> Tensor:
        """One update, and the schedule's step at the end of an epoch."""
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(batch[0]), batch[1])
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        if self._end_of_epoch():
            self.scheduler.step()
        return loss


@healthy(resembles="lr-schedule", source="published")
def rate_halved_every_fourth_epoch() -> Arguments:
    """A StepLR counted in epochs is moved by the trainer at the end of each epoch, as it should be."""
    seed_all()
    loader = shuffled(*scaled_digits(768))
    trainer = EpochTrainer(LeNet(), loader)
    return {
        "model": trainer.model,
        "loader": loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": trainer.optimizer,
        "scheduler": trainer.scheduler,
        "total_steps": 16 * len(loader),
        "train_step": trainer.train_step,
    }
