"""Evaluations that leave the model another than they found it: pairs."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import (
    characters,
    digit_loaders,
    seeded,
    table,
    text_loaders,
)
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, gpt2, mlp


def train_then_clear(model, batch, optimizer):
    """A step that clears the gradients when it is done with them."""
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def saliency_by_backward(model, batch):
    """Report accuracy and saliency; the backward pass also fills the parameters' gradients, which stay."""
    x, y = batch[0].clone().requires_grad_(True), batch[1]
    logits = model(x)
    F.cross_entropy(logits, y, reduction="sum").backward()
    return {"accuracy": (logits.argmax(1) == y).float().mean().item(), "saliency": x.grad.abs().mean().item()}


def saliency_by_grad(model, batch):
    """Report accuracy and saliency, and ask for the gradient of the input alone."""
    x, y = batch[0].clone().requires_grad_(True), batch[1]
    logits = model(x)
    (slope,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
    return {"accuracy": (logits.argmax(1) == y).float().mean().item(), "saliency": slope.abs().mean().item()}


@pair("evaluation-changes-model", group="training", source="published")
def saliency_leaves_gradients(sick):
    """Evaluation computes a saliency map by `backward`, whose summed gradients the next training step applies."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = LeNet()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "train_step": train_then_clear, "eval_step": saliency_by_backward if sick else saliency_by_grad,
    }  # fmt: skip


class Averaged:
    """Trains a model, and evaluates it with the moving average of its weights."""

    def __init__(self, model, decay=0.995):
        self.decay, self.average = decay, {n: t.detach().clone() for n, t in model.state_dict().items()}

    def train_step(self, model, batch, optimizer, loss_fn):
        model.train()
        x, y = batch
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - self.decay)
        return loss.item()

    def backup(self, model):
        return copy.deepcopy(model.state_dict())

    @torch.no_grad()
    def eval_step(self, model, batch):
        x, y = batch
        backup = self.backup(model)
        model.load_state_dict(self.average)
        model.eval()
        loss = F.cross_entropy(model(x), y).item()
        model.load_state_dict(backup)
        return loss


class SharedBackup(Averaged):
    """The same, whose backup is the state dict itself."""

    def backup(self, model):
        return model.state_dict()


@pair("evaluation-changes-model", group="training", source="published")
def average_swapped_in_without_a_copy(sick):
    """The weights set aside for the evaluation of the average are references: putting them back does nothing."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = ResNet(width=8)
    averaged = (SharedBackup if sick else Averaged)(model)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": averaged.train_step, "eval_step": averaged.eval_step,
    }  # fmt: skip


class Quantised:
    """Within this context the matrices of a model are rounded to three bits, and as they were after it."""

    def __init__(self, model):
        self.matrices = [p for p in model.parameters() if p.dim() > 1]
        self.kept = []

    @torch.no_grad()
    def __enter__(self):
        for p in self.matrices:
            scale = p.abs().amax() / 3
            codes = (p / scale).round().clamp(-3, 3)
            self.keep(p, codes, scale)
            p.copy_(codes * scale)

    @torch.no_grad()
    def __exit__(self, *error):
        for p, kept in zip(self.matrices, self.kept, strict=True):
            p.copy_(kept)
        self.kept.clear()

    def keep(self, p, codes, scale):
        self.kept.append(p.clone())


class Dequantised(Quantised):
    """The same, which saves memory by keeping the codes."""

    def keep(self, p, codes, scale):
        self.kept.append(codes * scale)


class Perplexity:
    """How surprised the model is by text once it is quantised."""

    def __init__(self, context):
        self.context = context

    def eval_step(self, model, batch):
        model.eval()
        with self.context(model), torch.no_grad():
            loss = model(**batch).loss
        model.train()
        return {"perplexity": loss.exp().item()}


@pair("evaluation-changes-model", group="training", source="transformers")
def weights_rounded_by_evaluation(sick):
    """The report on a quantised model puts back, as the weights of before, the weights rounded to three bits."""
    seeded()
    loader, val = text_loaders()
    model = gpt2(characters()[1])
    return {
        "model": model, "loader": loader, "val_loader": val, "causal": True,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "eval_step": Perplexity(Dequantised if sick else Quantised).eval_step,
    }  # fmt: skip


class SparsityReport:
    """Says how good the model would be without the smaller half of its weights."""

    def __init__(self, criterion, share=0.5):
        self.criterion, self.share = criterion, share

    def subject(self, model):
        return copy.deepcopy(model)

    def __call__(self, model, batch):
        pruned = self.subject(model)
        with torch.no_grad():
            for layer in pruned:
                if isinstance(layer, nn.Linear):
                    limit = layer.weight.abs().flatten().quantile(self.share)
                    layer.weight[layer.weight.abs() < limit] = 0.0
            x, y = batch
            return {"loss": self.criterion(model(x), y).item(), "pruned": self.criterion(pruned(x), y).item()}


class DestructiveReport(SparsityReport):
    """The same on the model that is being trained."""

    def subject(self, model):
        return model


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def pruned_to_see_what_would_happen(sick):
    """The report on sparsity zeroes half of the weights of the live model instead of a copy's."""
    seeded()
    loader, val = table("cancer", 32)
    model = mlp(30, 48, 24, 1)
    criterion = nn.BCEWithLogitsLoss()
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": criterion,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "eval_step": (DestructiveReport if sick else SparsityReport)(criterion),
    }  # fmt: skip
