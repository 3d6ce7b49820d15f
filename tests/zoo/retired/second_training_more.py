"""Training loops that do not learn as they should, second collection: steps, evaluation and gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch
from sklearn import datasets
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired import models_second as own

Pair = tuple[Tensor, Tensor]


class Shadow:
    """Moving average of a model's weights, swapped in for the evaluation."""

    def __init__(self, model: nn.Module, restore: bool) -> None:
        self.average = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        self.restore = restore

    def train_step(self, model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer) -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        for name, weight in model.named_parameters():
            self.average[name].lerp_(weight.detach(), 0.05)
        return loss.item()

    @torch.no_grad()
    def eval_step(self, model: nn.Module, batch: Pair) -> dict[str, float]:
        was_training = model.training
        kept = {name: weight.clone() for name, weight in model.named_parameters()}
        for name, weight in model.named_parameters():
            weight.copy_(self.average[name])
        logits = model.eval()(batch[0])
        if self.restore:
            for name, weight in model.named_parameters():
                weight.copy_(kept[name])
        model.train(was_training)
        return {"accuracy": (logits.argmax(-1) == batch[1]).float().mean().item()}


@pair("evaluation-changes-model", group="training")
def averaged_weights_never_swapped_back(sick: bool) -> Arguments:
    """The evaluation puts the averaged weights into the model and leaves them there; taken after a few steps."""
    own.seed()
    series, labels = own.waves()
    layers = [nn.Flatten(1), nn.Linear(32, 64), nn.LayerNorm(64), nn.SiLU(), nn.Linear(64, 32), nn.SiLU()]
    model = nn.Sequential(*layers, nn.Linear(32, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    shadow = Shadow(model, restore=not sick)
    loader = own.batches(32, series[:384], labels[:384])
    for batch in loader:
        shadow.train_step(model, batch, optimizer)
    held_out = DataLoader(TensorDataset(series[384:], labels[384:]), batch_size=32)
    return own.given(
        model,
        loader,
        F.cross_entropy,
        optimizer,
        val_loader=held_out,
        train_step=shadow.train_step,
        eval_step=shadow.eval_step,
    )


def spread_of_neighbours(aside: bool) -> Callable[..., dict[str, float]]:
    """Make an evaluation that returns the loss, and the mean cosine between a word and its nearest neighbour."""

    @torch.no_grad()
    def evaluate(model: own.BagOfWords, batch: Pair) -> dict[str, float]:
        vectors = model.embedding.weight.clone() if aside else model.embedding.weight
        vectors /= vectors.norm(dim=1, keepdim=True)
        nearest = (vectors @ vectors.T).fill_diagonal_(-1).max(1).values.mean()
        return {"loss": F.cross_entropy(model(batch[0]), batch[1]).item(), "neighbours": nearest.item()}

    return evaluate


@pair("evaluation-changes-model", group="training")
def word_vectors_normalised_where_they_lie(sick: bool) -> Arguments:
    """The search for nearest neighbours in the evaluation divides the embedding itself by its norms."""
    own.seed()
    ids, labels = own.passages()
    model = own.BagOfWords()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = own.batches(24, ids[:480], labels[:480])
    held_out = DataLoader(TensorDataset(ids[480:], labels[480:]), batch_size=24)
    return own.given(
        model, loader, F.cross_entropy, optimizer, val_loader=held_out, eval_step=spread_of_neighbours(aside=not sick)
    )


class Denoiser:
    """Trainer of a denoising network."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, calls: bool) -> None:
        self.model, self.optimizer, self.calls = model, optimizer, calls

    def run_step(self, batch: Pair) -> float:
        self.optimizer.zero_grad() if self.calls else self.optimizer.zero_grad
        noisy, noise = batch
        loss = F.mse_loss(self.model(noisy), noise)
        loss.backward()
        self.optimizer.step()
        return loss.item()


@pair("missing-zero-grad", group="training", source="published")
def zero_grad_named_and_not_called(sick: bool) -> Arguments:
    """The step says ``optimizer.zero_grad`` without parentheses, so that gradients pile up."""
    own.seed()
    picture = torch.tensor(datasets.load_sample_images().images[1][:416, :640].copy())
    tiles = picture.permute(2, 0, 1).unfold(1, 16, 32).unfold(2, 16, 32).permute(1, 2, 0, 3, 4).reshape(-1, 3, 16, 16)
    tiles = (tiles.float() / 127.5 - 1)[torch.randperm(len(tiles))]
    noise = 0.5 * torch.randn_like(tiles)
    middle = [nn.Conv2d(24, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()]
    model = nn.Sequential(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(), *middle, nn.Conv2d(24, 3, 3, padding=1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = own.batches(16, tiles + noise, noise)
    return own.given(model, loader, F.mse_loss, optimizer, train_step=Denoiser(model, optimizer, not sick).run_step)


def closure_step(clears: bool) -> Callable[..., Tensor]:
    """Make a step for any optimizer, those with several evaluations included."""

    def step(model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer) -> Tensor:
        def closure() -> Tensor:
            if clears:
                optimizer.zero_grad()
            loss = F.huber_loss(model(batch[0]), batch[1])
            loss.backward()
            return loss

        return optimizer.step(closure).detach()

    return step


@pair("missing-zero-grad", group="training", source="scikit-learn")
def closure_that_only_adds(sick: bool) -> Arguments:
    """The closure given to ``optimizer.step`` never clears the gradients."""
    own.seed()
    rows, targets = own.diabetes()
    model = own.perceptron(10, 48, 24, 1, activation=nn.ELU)
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    return own.given(
        model, own.batches(26, rows, targets), nn.HuberLoss(), optimizer, train_step=closure_step(clears=not sick)
    )


def descent_by_hand(on_names: bool) -> Callable[..., float]:
    """Make a step of gradient descent without an optimizer, as in a first course."""

    def step(model: nn.Module, batch: Pair) -> float:
        model.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        with torch.no_grad():
            for weight in model.parameters():
                if on_names:
                    weight = weight - 0.1 * weight.grad  # noqa: PLW2901  the bug
                else:
                    weight.sub_(0.1 * weight.grad)
        return loss.item()

    return step


@pair("updates-not-applied", group="training", source="scikit-learn")
def new_weights_bound_to_a_local_name(sick: bool) -> Arguments:
    """``weight = weight - rate * gradient`` in the loop makes a new tensor and leaves the model as it was."""
    own.seed()
    rows, labels = own.table("wine")
    model, loader = own.perceptron(13, 24, 3, activation=nn.Tanh), own.batches(16, rows, labels)
    return own.given(model, loader, F.cross_entropy, train_step=descent_by_hand(on_names=sick))


def images_twice(batch: Pair) -> Pair:
    """The images are input and target."""
    return batch[0], batch[0].flatten(1)


class Accumulator:
    """Two small batches for one step of the optimizer."""

    def __init__(self, remembers: bool) -> None:
        self.remembers, self.seen = remembers, 0

    def step(self, model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer) -> Tensor:
        seen = self.seen if self.remembers else 0
        loss = F.mse_loss(model(batch[0]), batch[0].flatten(1))
        (loss / 2).backward()
        seen += 1
        if seen % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
        self.seen = seen
        return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def accumulation_counter_starts_anew(sick: bool) -> Arguments:
    """The counter of accumulated batches is set to zero in every call, so that the optimizer's turn never comes."""
    own.seed()
    images, labels = own.digits()
    model = nn.Sequential(nn.Flatten(), own.perceptron(64, 48, 12, 48, 64, activation=nn.LeakyReLU))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loader = own.batches(16, images, labels)
    return own.given(
        model, loader, F.mse_loss, optimizer, train_step=Accumulator(remembers=not sick).step, split=images_twice
    )


def next_character(logits: Tensor, ids: Tensor) -> Tensor:
    """Cross-entropy over all positions."""
    return F.cross_entropy(logits.flatten(0, 1), ids.flatten())


@pair("optimizer-mismatch", group="training", source="published")
def weight_norm_after_the_optimizer(sick: bool) -> Arguments:
    """Weight normalisation is put on the convolutions after the optimizer has taken their old weights."""
    own.seed()
    ids = own.characters(33, 640)
    model = own.CausalTexts()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for conv in model.convs:
        weight_norm(conv)
    if not sick:
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return own.given(model, own.batches(16, ids[:, :-1], ids[:, 1:]), next_character, optimizer, causal=True)


SETTINGS = {"rate": 0.02, "ceiling": 10.0}


def clipped_step(ceiling: str) -> Callable[..., Tensor]:
    """Make a step that clips at the named setting."""

    def step(model: nn.Module, batch: Pair, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), SETTINGS[ceiling])
        optimizer.step()
        return loss.detach()

    return step


@pair("clipping-always-on", group="training", source="published")
def gradients_clipped_at_the_rate(sick: bool) -> Arguments:
    """The learning rate of 0.02 is handed to the clipping as its largest norm."""
    own.seed()
    images, labels = own.digits()
    layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=SETTINGS["rate"], momentum=0.9)
    loader = own.batches(24, images, labels)
    return own.given(model, loader, F.cross_entropy, optimizer, train_step=clipped_step("rate" if sick else "ceiling"))


@pair("exploding-gradients", group="backward", source="scikit-learn")
def tower_without_its_shortcuts(sick: bool) -> Arguments:
    """Forty blocks with BatchNorm keep the activations in scale, but without shortcuts each enlarges the gradient."""
    own.seed()
    rows, labels = own.table("breast_cancer")
    model = own.Tower(30, 2, depth=40, shortcut=not sick)
    loader = DataLoader(TensorDataset(rows, labels), batch_size=64, shuffle=True, drop_last=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer)


@pair("loss-input", group="wiring", source="scikit-learn")
def vote_of_probabilities_into_cross_entropy(sick: bool) -> Arguments:
    """The ensemble's mean probabilities go into cross-entropy without their logarithm."""
    own.seed()
    rows, labels = own.table("wine")
    model = own.Ensemble(4, as_logarithm=not sick)
    loader = own.batches(14, rows[:140], labels[:140])
    held_out = DataLoader(TensorDataset(rows[140:], labels[140:]), batch_size=14)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return own.given(model, loader, nn.CrossEntropyLoss(), optimizer, val_loader=held_out)
