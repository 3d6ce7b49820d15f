"""Programs whose rate, schedule, regularisation or bookkeeping is wrong, by people who had not seen the checks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_training import (
    Autoencoder,
    Average,
    LeNet,
    MobileNet,
    Perceptron,
    Reader,
    ResNet,
    distilbert,
    gpt2,
    reconstruction,
)
from tests.zoo.retired.models_training_data import (
    digits,
    documents,
    scaled_digits,
    seed_all,
    sentences,
    shuffled,
    shuffled_fields,
    streams,
    tumours,
)


@pair("learning-rate", group="training", source="transformers")
def gpt2_at_a_rate_of_three_tenths(sick: bool) -> Arguments:
    """AdamW runs GPT-2 at 0.3 where 0.003 was meant: the loss doubles, then learns letter frequencies alone."""
    seed_all()
    model = gpt2()
    return {
        "model": model,
        "loader": shuffled_fields(input_ids=sentences(), labels=sentences()),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=0.3 if sick else 3e-3, weight_decay=0.01),
        "causal": True,
    }


@pair("learning-rate", group="training", source="scikit-learn")
def rate_and_decay_change_places(sick: bool) -> Arguments:
    """`SGD(parameters, 1e-6, 0.9)`: the decay went where the rate belongs, and the loss stands still."""
    seed_all()
    model = Perceptron(30, 2)
    rate, decay = (1e-6, 5e-2) if sick else (5e-2, 1e-6)
    features, labels = tumours()
    return {
        "model": model,
        "loader": shuffled(features[:450], labels[:450]),
        "val_loader": shuffled(features[450:], labels[450:]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), rate, 0.9, weight_decay=decay),
    }


@pair("update-ratio", "learning-rate", group="training", source="published")
def rate_of_fine_tuning_given_to_plain_sgd(sick: bool) -> Arguments:
    """1e-5 is a rate for tuning a transformer; in plain SGD it moves a ResNet's weights a hundred times too little."""
    seed_all()
    model = ResNet()
    return {
        "model": model,
        "loader": shuffled(*scaled_digits(), batch=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=1e-5 if sick else 3e-3),
    }


class ScheduledTrainer:
    """A trainer that moves its scheduler, after every batch or at the end of every epoch."""

    def __init__(self, model: nn.Module, loader: DataLoader, by_batch: bool) -> None:
        self.model, self.loader, self.by_batch, self.steps = model, loader, by_batch, 0
        self.optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        self.scheduler = ExponentialLR(self.optimizer, gamma=0.9)

    def train_step(self, batch: list[Tensor]) -> float:
        """One update, and a step of the schedule where one is due."""
        images, _ = batch
        self.optimizer.zero_grad()
        loss = reconstruction(self.model(images), images)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        if self.by_batch or self.steps % len(self.loader) == 0:
            self.scheduler.step()
        return loss.item()


@pair("lr-schedule", group="training", source="scikit-learn")
def exponential_decay_after_every_batch(sick: bool) -> Arguments:
    """A decay of 0.9 an epoch is applied after every batch: the rate is gone after three epochs of twenty."""
    seed_all()
    images, _ = digits()
    loader = shuffled(images, images)
    trainer = ScheduledTrainer(Autoencoder(), loader, by_batch=sick)
    return {
        "model": trainer.model,
        "loader": loader,
        "loss_fn": reconstruction,
        "optimizer": trainer.optimizer,
        "scheduler": trainer.scheduler,
        "total_steps": 20 * len(loader),
        "train_step": trainer.train_step,
        "task": "other",
    }


def _share_of_rate(step: int, warm_up: int, total: int) -> float:
    if step < warm_up:
        return (step + 1) / warm_up
    return max(0.0, (total - step) / (total - warm_up))


def make_scheduled_step(interval: int) -> Callable[..., Tensor]:
    """Return a training step that moves the schedule every `interval` batches."""
    seen = 0

    def train_step(
        model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer, scheduler: LambdaLR
    ) -> Tensor:
        nonlocal seen
        model.train()
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen += 1
        if seen % interval == 0:
            scheduler.step()
        return loss

    return train_step


@pair("lr-schedule", group="training", source="transformers")
def warm_up_in_batches_moved_by_epochs(sick: bool) -> Arguments:
    """Warm-up and decay are counted in batches, and the schedule is moved once an epoch: it never gets warm."""
    seed_all()
    words, labels = documents()
    loader = shuffled_fields(input_ids=words, labels=labels, batch=20)
    model = distilbert()
    total = 12 * len(loader)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": loader,
        "optimizer": optimizer,
        "scheduler": LambdaLR(optimizer, partial(_share_of_rate, warm_up=total // 5, total=total)),
        "total_steps": total,
        "train_step": make_scheduled_step(len(loader) if sick else 1),
    }


@pair("regularised-debug-run", group="training", source="published")
def share_to_keep_given_as_share_to_drop(sick: bool) -> Arguments:
    """A network ported with keep_prob = 0.9 drops nine units of ten before each of its linear layers."""
    seed_all()
    model = LeNet(dropout=0.9 if sick else 0.1)
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


METERS: dict[str, Tensor | float] = {}


def log(name: str, number: Tensor | float) -> None:
    """Add to a running sum."""
    METERS[name] = METERS.get(name, 0.0) + number


def _updated(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def _step_with_meter(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    loss = _updated(model, batch, optimizer)
    log("loss", loss)
    return loss


def _step_with_meter_of_numbers(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    loss = _updated(model, batch, optimizer)
    log("loss", loss.item())
    return loss


@pair("memory-growth", group="training", source="published")
def global_meter_sums_losses_with_their_graphs(sick: bool) -> Arguments:
    """The running loss of a global meter adds tensors instead of numbers, and with them the graph of every step."""
    seed_all()
    METERS.clear()
    model = MobileNet()
    return {
        "model": model,
        "loader": shuffled(*scaled_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": _step_with_meter if sick else _step_with_meter_of_numbers,
    }


class StreamTrainer:
    """Reads several streams of text side by side and carries its memory from chunk to chunk."""

    def __init__(self, model: Reader, cuts: bool) -> None:
        self.model, self.cuts = model, cuts
        self.optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        self.memory: Tensor | None = None

    def train_step(self, batch: list[Tensor]) -> Tensor:
        """One update on the next chunk of each stream."""
        chunk, following = batch
        fits = self.memory is not None and len(self.memory) == len(chunk)
        memory = self.model.read(chunk, self.memory if fits else None)
        loss = F.cross_entropy(self.model.head(memory), following)
        self.optimizer.zero_grad()
        loss.backward(retain_graph=True)
        self.optimizer.step()
        self.memory = memory.detach() if self.cuts else memory
        return loss.detach()


@pair("memory-growth", group="training")
def memory_of_a_stream_is_never_cut(sick: bool) -> Arguments:
    """The hidden state goes on to the next chunk with its graph, and retain_graph silences the error that it gave."""
    seed_all()
    trainer = StreamTrainer(Reader(), cuts=not sick)
    return {
        "model": trainer.model,
        "loader": DataLoader(TensorDataset(*streams()), batch_size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": trainer.optimizer,
        "train_step": trainer.train_step,
        "intended": {"not-shuffled": "chunks of a stream follow each other"},
    }


def make_average_steps(average: Average, puts_back: bool) -> tuple[Callable[..., Tensor], Callable[..., dict]]:
    """Return a training step that updates the average, and an evaluation under the average."""

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = _updated(model, batch, optimizer)
        average.follow(model)
        return loss

    @torch.no_grad()
    def eval_step(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
        kept = copy.deepcopy(model.state_dict())
        model.load_state_dict(average.shadow)
        right = (model(batch[0]).argmax(1) == batch[1]).float().mean()
        if puts_back:
            model.load_state_dict(kept)
        return {"accuracy": right.item()}

    return train_step, eval_step


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def evaluation_leaves_the_average_in_the_model(sick: bool) -> Arguments:
    """Evaluation loads the moving average into the model and never puts the trained weights back."""
    seed_all()
    images, labels = digits(1400)
    model = Perceptron(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    train_step, eval_step = make_average_steps(Average(model), puts_back=not sick)
    loader = shuffled(images[:1000], labels[:1000])
    for batch in loader:
        train_step(model, batch, optimizer)
    return {
        "model": model,
        "loader": loader,
        "val_loader": DataLoader(TensorDataset(images[1000:], labels[1000:]), batch_size=50),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "train_step": train_step,
        "eval_step": eval_step,
    }
