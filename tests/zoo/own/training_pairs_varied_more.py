"""More pairs on training, varied: memory, evaluation, updates, and what reaches the weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.own import models_varied_training as own
from tests.zoo.program import Arguments, pair

Optimizer = torch.optim.Optimizer


def _arguments(model: nn.Module, loader: Any, optimizer: Optimizer, **more: Any) -> Arguments:
    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "optimizer": optimizer, **more}


class _Trainer:
    """A small trainer of classifiers with a schedule, a journal of outputs and an evaluation."""

    def __init__(self, model: nn.Module, *, milestones: tuple[int, ...] = (), keeps_graphs: bool = False) -> None:
        self.model, self.keeps_graphs = model, keeps_graphs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        self.scheduler = torch.optim.lr_scheduler.MultiStepLR(self.optimizer, list(milestones))
        self.outputs: list[Tensor] = []

    def train_step(self, batch: Any) -> Tensor:
        images, targets = batch
        self.optimizer.zero_grad()
        logits = self.model(images)
        loss = F.cross_entropy(logits, targets)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.outputs.append(logits if self.keeps_graphs else logits.detach())
        return loss.detach()


@pair("lr-schedule", group="training", source="scikit-learn")
def milestones_in_epochs_met_by_batches(sick: bool) -> Arguments:
    """Milestones at epochs 12, 16 and 19 are counted in batches: after one epoch a thousandth of the rate is left."""
    own.seed()
    model, loader = own.lenet(between=nn.ELU), own.batches(*own.digits(640))
    trainer = _Trainer(model, milestones=tuple(e * (1 if sick else len(loader)) for e in (12, 16, 19)))
    more = {"scheduler": trainer.scheduler, "train_step": trainer.train_step, "total_steps": 20 * len(loader)}
    return _arguments(model, loader, trainer.optimizer, **more)


@pair("memory-growth", group="training", source="published")
def outputs_of_the_epoch_kept_with_their_graphs(sick: bool) -> Arguments:
    """The trainer keeps the logits of every batch for the accuracy of the epoch and forgets to detach them."""
    own.seed()
    model, loader = own.discriminator(), own.batches(*own.digits(704), size=44)
    trainer = _Trainer(model, keeps_graphs=sick)
    return _arguments(model, loader, trainer.optimizer, train_step=trainer.train_step)


@pair("memory-growth", group="training", source="scikit-learn")
def soft_confusion_that_remembers_how_it_was_made(sick: bool) -> Arguments:
    """A matrix of soft confusions is added up over all steps together with the graphs behind the probabilities."""
    own.seed()
    model, loader = own.layers(13, 32, 3), own.batches(*own.wine(), size=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    confusion = {"matrix": torch.zeros(3, 3)}

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> float:
        logits = model(batch[0])
        optimizer.zero_grad()
        loss = F.cross_entropy(logits, batch[1])
        loss.backward()
        optimizer.step()
        chances = logits.softmax(1) if sick else logits.detach().softmax(1)
        confusion["matrix"] = confusion["matrix"] + F.one_hot(batch[1], 3).float().T @ chances
        return loss.item()

    return _arguments(model, loader, optimizer, train_step=step)


class _Watched(nn.Module):
    """A residual network that notes how far the activations behind its first layer spread."""

    def __init__(self, *, as_numbers: bool) -> None:
        super().__init__()
        self.net, self.as_numbers, self.spreads = own.resnet(8), as_numbers, []

    def forward(self, x: Tensor) -> Tensor:
        x = self.net[0](x)
        self.spreads.append(x.std().item() if self.as_numbers else x.std())
        return self.net[1:](x)


@pair("memory-growth", group="training", source="published")
def spread_of_activations_noted_as_tensors(sick: bool) -> Arguments:
    """The forward notes the spread of its activations for a plot, as a tensor that holds the graph of its batch."""
    own.seed()
    model, loader = _Watched(as_numbers=not sick), own.batches(*own.digits(512))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return _arguments(model, loader, optimizer, train_step=own.plain_step)


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def accuracy_in_four_bits(sick: bool) -> Arguments:
    """The evaluation rounds the weights to sixteen levels to see what that costs, in the model, not in a copy."""
    own.seed()
    images, targets = own.digits()
    model, loader = own.layers(64, 48, 10), own.batches(images.flatten(1), targets)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    @torch.no_grad()
    def eval_step(model: nn.Module, batch: Any) -> float:
        was_training = model.training
        rounded = (model if sick else copy.deepcopy(model)).eval()
        for weight in rounded.parameters():
            step = weight.abs().max() / 8
            weight.copy_((weight / step).round() * step)
        share = (rounded(batch[0]).argmax(1) == batch[1]).float().mean().item()
        model.train(was_training)
        return share

    return _arguments(model, loader, optimizer, eval_step=eval_step, train_step=own.plain_step)


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def sharpness_taken_back_with_other_noise(sick: bool) -> Arguments:
    """The evaluation adds noise to the weights to measure sharpness, then subtracts noise that it draws anew."""
    own.seed()
    model, loader = own.layers(10, 24, 1, between=nn.Tanh), own.batches(*own.diabetes())

    @torch.no_grad()
    def evaluate(model: nn.Module, batch: Any) -> dict[str, float]:
        kept = [weight.clone() for weight in model.parameters()]
        before = F.mse_loss(model(batch[0]), batch[1]).item()
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
        after = F.mse_loss(model(batch[0]), batch[1]).item()
        for weight, old in zip(model.parameters(), kept, strict=True):
            weight.copy_(weight - 0.05 * torch.randn_like(weight) if sick else old)
        return {"loss": before, "sharpness": after - before}

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return _arguments(model, loader, optimizer, eval_step=evaluate) | {"loss_fn": nn.MSELoss()}


def _neighbours_in_place(model: own.BagOfWords, batch: Any) -> Tensor:
    vectors = model.vectors.weight.data
    vectors /= vectors.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return (vectors[batch[0][:, 0]] @ vectors.T).argmax(1)


def _neighbours(model: own.BagOfWords, batch: Any) -> Tensor:
    vectors = F.normalize(model.vectors.weight.detach(), dim=1)
    return (vectors[batch[0][:, 0]] @ vectors.T).argmax(1)


@pair("evaluation-changes-model", group="training")
def nearest_words_from_normalised_vectors(sick: bool) -> Arguments:
    """The evaluation divides the word vectors by their lengths in place to look for neighbours."""
    own.seed()
    ids, _, topics = own.passages()
    model = own.BagOfWords(nn.Embedding(400, 48, padding_idx=0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return _arguments(
        model, own.batches(ids, topics), optimizer, eval_step=_neighbours_in_place if sick else _neighbours
    )


@pair("missing-zero-grad", group="training", source="published")
def gradients_detached_but_not_zeroed(sick: bool) -> Arguments:
    """The handwritten clearing copies `grad.detach_()` from the optimizer and forgets the `zero_()` that follows it."""
    own.seed()
    model, loader = own.resnet(8), own.batches(*own.digits(600), size=24)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.detach_()
                if not sick:
                    parameter.grad.zero_()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return _arguments(model, loader, optimizer, train_step=step)


@pair("updates-not-applied", group="training", source="scikit-learn")
def underscore_missing_in_a_handmade_update(sick: bool) -> Arguments:
    """The update by hand calls `sub`, not `sub_`, and drops what it returns."""
    own.seed()
    model, loader = own.layers(13, 40, 3, between=nn.LeakyReLU), own.batches(*own.wine())

    def step(model: nn.Module, batch: Any) -> float:
        model.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        for parameter in model.parameters():
            update = parameter.data.sub if sick else parameter.data.sub_
            update(0.1 * parameter.grad)
        return loss.item()

    return {"model": model, "loader": loader, "loss_fn": F.cross_entropy, "train_step": step}


@pair("frozen-parameters-change", group="training")
def frozen_vectors_cut_to_length_one(sick: bool) -> Arguments:
    """Ready word vectors are frozen, yet `max_norm` shortens the rows in place whenever they are looked up."""
    own.seed()
    ids, _, topics = own.passages(20, 400)
    vectors = nn.Embedding.from_pretrained(torch.randn(400, 32), freeze=True, max_norm=1.0 if sick else None)
    model = own.BagOfWords(vectors)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=5e-3)
    return _arguments(model, own.batches(ids, topics, size=40), optimizer, train_step=own.plain_step)


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def weight_norm_put_on_after_the_optimizer(sick: bool) -> Arguments:
    """Weight norm splits each weight into two new parameters, but the optimizer took the old ones before."""
    own.seed()
    model, loader = own.lenet(between=nn.SiLU), own.batches(*own.digits(640))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.utils.parametrizations.weight_norm(layer)
    if not sick:
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return _arguments(model, loader, optimizer)


@pair("clipping-always-on", group="training")
def values_clipped_at_a_hundred_thousandth(sick: bool) -> Arguments:
    """Every value of the gradient is cut at a hundred-thousandth under plain SGD; five was meant."""
    own.seed()
    series, _ = own.waves(length=25)
    model, loader = own.Recurrent(nn.LSTM, 1), own.batches(series[:, :-1], series[:, -1])

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 1e-5 if sick else 5.0)
        optimizer.step()
        return loss.detach()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    return _arguments(model, loader, optimizer, train_step=step) | {"loss_fn": nn.MSELoss()}


@pair("exploding-gradients", group="backward", source="published")
def sines_of_thirty_without_their_initialisation(sick: bool) -> Arguments:
    """Sines of thirty times a layer with default weights multiply the gradient tenfold in every layer."""
    own.seed()
    coordinates, greys = own.photograph()
    model, loader = own.Siren(follows_the_paper=not sick), own.batches(coordinates, greys, size=64)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    return {"model": model, "loader": loader, "loss_fn": nn.MSELoss(), "optimizer": optimizer}


@pair("exploding-gradients", group="backward", source="scikit-learn")
def euler_steps_of_three_seconds(sick: bool) -> Arguments:
    """Coupled oscillators move on by three seconds a step, not by a tenth: chaos, whose gradient grows by the step."""
    own.seed()
    model, loader = own.Oscillators(3.0 if sick else 0.1), own.batches(*own.wine(), size=16)
    return _arguments(model, loader, torch.optim.Adam(model.parameters(), lr=3e-3))


@pair("vanishing-gradients", "init-scale", group="backward", source="scikit-learn")
def softmax_between_hidden_layers(sick: bool) -> Arguments:
    """Softmax stands between the hidden layers where ReLU was meant: each one shrinks the gradient a hundredfold."""
    own.seed()
    model = nn.Sequential(
        nn.Flatten(), own.layers(64, 64, 64, 64, 64, 10, between=own.SoftmaxLayer if sick else nn.ReLU)
    )
    return _arguments(model, own.batches(*own.digits()), torch.optim.Adam(model.parameters(), lr=2e-3))


@pair("symmetric-init", group="init", source="scikit-learn")
def one_random_number_for_a_whole_layer(sick: bool) -> Arguments:
    """The handmade initialisation draws one number a layer and fills the weights with it: all units are one."""
    own.seed()
    model, loader = own.layers(30, 24, 2, between=nn.Tanh), own.batches(*own.cancer(), size=48)
    for layer in (model[0], model[2]):
        layer.weight.data[:] = torch.randn(() if sick else layer.weight.shape) / layer.in_features**0.5
        layer.bias.data.zero_()
    return _arguments(model, loader, torch.optim.SGD(model.parameters(), lr=0.1))
