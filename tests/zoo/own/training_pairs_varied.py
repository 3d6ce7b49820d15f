"""Pairs on training, varied: batches that cannot be learnt, labels that tell nothing, rates, schedules, memory."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, pair


@pair("overfit-one-batch", group="training", source="scikit-learn")
def cosines_as_logits_without_a_scale(sick: bool) -> Arguments:
    """Cosines between -1 and 1 go into cross-entropy, which they cannot bring under 0.8; a scale of 16 is forgotten."""
    own.seed()
    model = own.CosineNet(scale=1.0 if sick else 16.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = own.batches(*own.digits())
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class _CriticTrainer:
    """A trainer taken over from a Wasserstein GAN."""

    def __init__(self, model: nn.Module, limit: float | None) -> None:
        self.model, self.limit = model, limit
        self.optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-4)

    def train_step(self, batch: Any) -> Tensor:
        loss = own.plain_step(self.model, batch, self.optimizer)
        if self.limit is not None:
            for parameter in self.model.parameters():
                parameter.data.clamp_(-self.limit, self.limit)
        return loss


@pair("overfit-one-batch", group="training", source="published")
def classifier_clamped_like_a_critic(sick: bool) -> Arguments:
    """The trainer still clamps all weights to a hundredth, as a Wasserstein critic needs, though it trains classes."""
    own.seed()
    model = own.discriminator()
    trainer = _CriticTrainer(model, 0.01 if sick else None)
    loader = own.batches(*own.digits(800))
    return {
        "model": model,
        "loader": loader,
        "loss_fn": F.cross_entropy,
        "optimizer": trainer.optimizer,
        "train_step": trainer.train_step,
    }


@pair("overfit-one-batch", group="training", source="scikit-learn")
def noise_of_a_sum_on_a_mean_gradient(sick: bool) -> Arguments:
    """Privacy noise meant for the sum of the gradients of 57 samples is added to their mean, so it drowns them."""
    own.seed()
    model = own.layers(30, 32, 16, 2, between=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)

    def private_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer) -> Tensor:
        features, targets = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features), targets)
        loss.backward()
        for parameter in model.parameters():
            noise = 1.1 * torch.randn_like(parameter)
            parameter.grad += noise if sick else noise / len(targets)
        optimizer.step()
        return loss.detach()

    return {
        "model": model,
        "loader": own.batches(*own.cancer(), size=57),
        "loss_fn": F.cross_entropy,
        "optimizer": optimizer,
        "train_step": private_step,
    }


@pair("input-independent-baseline", group="training", source="scikit-learn")
def signal_and_noise_swap_their_shares(sick: bool) -> Arguments:
    """In training the input is 1 part in 500 signal and the rest noise: the two shares changed places."""
    own.seed()
    model = own.NoisyInput(0.002, 0.998) if sick else own.NoisyInput(0.998, 0.002)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loader = own.batches(*own.digits(720), size=48)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class _Passages(Dataset):
    """Passages as transformers takes them."""

    def __init__(self) -> None:
        self.ids, _, self.labels = own.passages()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": self.labels[index]}


def _mask_twice(model: nn.Module, batch: dict[str, Tensor]) -> Any:
    mask = batch["attention_mask"]
    return model(input_ids=mask, attention_mask=mask, labels=batch["labels"])


def _words_and_mask(model: nn.Module, batch: dict[str, Tensor]) -> Any:
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"])


@pair("input-independent-baseline", "unused-input", group="training", source="transformers")
def mask_given_for_the_words(sick: bool) -> Arguments:
    """A slip in copying gives BERT the attention mask as word ids too, so it sees only how long a passage is."""
    own.seed()
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = BertConfig(vocab_size=400, max_position_embeddings=24, num_labels=4, **sizes)
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    forward, loader = _mask_twice if sick else _words_and_mask, DataLoader(_Passages(), batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "optimizer": optimizer, "forward": forward}


class _ScannedDigits(Dataset):
    """Digits by the names of their files, and a list of labels in the order of their numbers."""

    def __init__(self, *, as_words: bool) -> None:
        data = load_digits()
        self.images = {f"scan_{i}.png": image for i, image in enumerate(data.images[:700])}
        by_number = sorted(self.images, key=lambda name: int(name[5:-4]))
        self.names, self.labels = sorted(self.images) if as_words else by_number, data.target

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.tensor(self.images[self.names[index]], dtype=torch.float32)[None]
        return image / 16, int(self.labels[index])


@pair("shuffled-labels", group="training", source="scikit-learn")
def files_sorted_as_words(sick: bool) -> Arguments:
    """Files sorted as words (scan_10 before scan_2) meet labels in the order of numbers."""
    own.seed()
    model = own.lenet()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    loader = DataLoader(_ScannedDigits(as_words=sick), batch_size=32, shuffle=True)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _numbered_by_appearance(samples: list[tuple[Tensor, str]]) -> dict[str, Tensor]:
    names = list(dict.fromkeys(name for _, name in samples))
    return _collated(samples, names)


def _numbered_by_list(samples: list[tuple[Tensor, str]]) -> dict[str, Tensor]:
    return _collated(samples, list(_NAMES))


def _collated(samples: list[tuple[Tensor, str]], names: list[str]) -> dict[str, Tensor]:
    targets = torch.tensor([names.index(name) for _, name in samples])
    return {"x": torch.stack([image.flatten() for image, _ in samples]), "y": targets}


@pair("shuffled-labels", group="training", source="scikit-learn")
def classes_numbered_anew_in_every_batch(sick: bool) -> Arguments:
    """The collate function numbers classes as they appear in the batch: a number means another class each time."""
    own.seed()
    images, targets = own.digits(768)
    samples = [(image, _NAMES[int(target)]) for image, target in zip(images, targets, strict=True)]
    model = own.layers(64, 96, 48, 10, between=nn.GELU)
    collate = _numbered_by_appearance if sick else _numbered_by_list
    return {
        "model": model,
        "loader": DataLoader(samples, batch_size=32, shuffle=True, collate_fn=collate),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        "split": lambda batch: (batch["x"], batch["y"]),
    }


@pair("learning-rate", group="training", source="published")
def rate_times_the_batch(sick: bool) -> Arguments:
    """The rate of 0.1 for 256 samples is scaled to the batch without the division by 256: it is 3.2."""
    own.seed()
    model = own.resnet()
    loader = own.batches(*own.digits(640))
    rate = 0.1 * loader.batch_size if sick else 0.1 * loader.batch_size / 256
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("learning-rate", group="training")
def rate_divided_by_the_samples(sick: bool) -> Arguments:
    """The rate is divided by the number of samples twice, though the loss is a mean already: nothing moves."""
    own.seed()
    series, shapes = own.waves()
    model = own.convolutions_over_time(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2 / len(series) ** 2 if sick else 0.2, momentum=0.5)
    loader = own.batches(series.transpose(1, 2), shapes, size=40)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


@pair("update-ratio", "learning-rate", group="training", source="scikit-learn")
def trust_coefficient_twice(sick: bool) -> Arguments:
    """Layer-wise rates carry the trust coefficient of a thousandth twice: a step moves a tensor by a millionth."""
    own.seed()
    model = nn.Sequential(nn.Flatten(), own.layers(64, 64, 64, 10, between=nn.SiLU))
    rate, trust = 10.0, 1e-3
    optimizer = own.LayerwiseRates(model.parameters(), lr=rate * trust if sick else rate, trust=trust)
    loader = own.batches(*own.digits(800), size=50)
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer}


def _scheduled_step(model: nn.Module, batch: Any, optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
    loss = own.plain_step(model, batch, optimizer)
    scheduler.step()
    return loss


@pair("lr-schedule", group="training", source="scikit-learn")
def decay_in_whole_numbers(sick: bool) -> Arguments:
    """The linear decay divides whole numbers: the factor is one at the first step and zero at all others."""
    own.seed()
    model = own.lenet(between=nn.Tanh)
    loader = own.batches(*own.digits(640))
    steps = 10 * len(loader)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    factor = (lambda step: (steps - step) // steps) if sick else (lambda step: (steps - step) / steps)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": F.cross_entropy,
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, factor),
        "train_step": _scheduled_step,
        "total_steps": steps,
    }


@pair("lr-schedule", group="training", source="published")
def one_cycle_counted_in_samples(sick: bool) -> Arguments:
    """The one-cycle schedule counts samples where it is stepped by batches: the run ends before the rate has risen."""
    own.seed()
    model = own.resnet(blocks=1)
    loader = own.batches(*own.digits(640), size=16)
    steps = 12 * len(loader)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    planned = 12 * len(loader.dataset) if sick else steps
    return {
        "model": model,
        "loader": loader,
        "loss_fn": F.cross_entropy,
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=planned),
        "train_step": _scheduled_step,
        "total_steps": steps,
    }


def _likeness(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cosine_similarity(outputs, targets).mean()


def _unlikeness(outputs: Tensor, targets: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(outputs, targets).mean()


@pair("loss-direction", group="wiring", source="scikit-learn")
def likeness_of_images_minimised(sick: bool) -> Arguments:
    """An autoencoder minimises the cosine between an image and its reconstruction, which is to be raised."""
    own.seed()
    images = own.digits()[0].flatten(1)
    model, loader = own.layers(64, 32, 12, 32, 64), own.batches(images, images)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": loader, "loss_fn": _likeness if sick else _unlikeness, "optimizer": optimizer}


@pair("padding-leak", group="wiring")
def mask_that_tells_the_words_to_be_ignored(sick: bool) -> Arguments:
    """The key mask is true at words where PyTorch wants it true at padding: the encoder attends to padding alone."""
    own.seed()
    ids, _, topics = own.passages()
    model, loader = own.PassageEncoder(masks_words=sick), own.batches(ids, topics)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer, "padding_value": 0}
