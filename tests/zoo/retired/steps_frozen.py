"""Frozen parameters and statistics that change all the same: pairs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import pair
from tests.zoo.retired.models_of_steps_data import digit_loaders, digits, seeded, shuffled, topic_loaders, topic_words
from tests.zoo.retired.models_of_steps_nets import LeNet, ResNet, WordLSTM, bert


def trained_a_little(model, batches, optimizer):
    """Take a few ordinary steps of training."""
    model.train()
    for x, y in batches:
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def some_batches(count, size=32):
    """Batches of the digits in their order."""
    x, y, _, _ = digits(unit=False)
    return [(x[i * size : (i + 1) * size], y[i * size : (i + 1) * size]) for i in range(count)]


class DecayByHand:
    """Trains with a weight decay written apart from the optimizer."""

    decay = 0.01

    def shrink(self, model):
        with torch.no_grad():
            for p in model.parameters():
                if p.requires_grad and p.dim() > 1:
                    p.mul_(1 - self.decay)

    def train_step(self, model, batch, optimizer):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch["words"]), batch["label"])
        loss.backward()
        optimizer.step()
        self.shrink(model)
        return loss.item()


class DecayOfEverything(DecayByHand):
    """The same over everything that has a matrix's shape."""

    def shrink(self, model):
        with torch.no_grad():
            for p in model.parameters():
                if p.dim() > 1:
                    p.mul_(1 - self.decay)


@pair("frozen-parameters-change", group="training", source="own")
def decay_reaches_the_frozen_vectors(sick):
    """A hand-written weight decay shrinks the frozen word vectors too: a twentieth of them is left after 300 steps."""
    seeded()
    loader, val = topic_loaders(names=("words", "label"))
    model = WordLSTM(topic_words()[2])
    model.embedding.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(trained, lr=5e-3),
        "train_step": (DecayOfEverything if sick else DecayByHand)().train_step,
    }  # fmt: skip


def keep_going(model, batch, optimizer, loss_fn):
    """An ordinary step that leaves zeros, not None, for gradients."""
    x, y = batch
    loss = loss_fn(model(x), y)
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    return loss.item()


@pair("frozen-parameters-change", group="training", source="published")
def frozen_with_gradients_left(sick):
    """Layers are frozen in mid-training with their old gradients in place: momentum and weight decay drive them on."""
    seeded()
    loader, val = digit_loaders(batch=32, unit=False)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.05)
    trained_a_little(model, some_batches(12), optimizer)
    for p in model.features.parameters():
        p.requires_grad_(False)
        if not sick:
            p.grad = None
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer,
        "train_step": keep_going,
    }  # fmt: skip


class Finetuner:
    """Adds a task on brighter pictures to a backbone, whose former task is to stay as good as it was."""

    def __init__(self, model, rate, former_batch):
        self.model, self.former_batch = model, former_batch
        for part in (model.stem, model.layers, model.former):
            part.requires_grad_(False)
        self.optimizer = torch.optim.Adam(model.fc.parameters(), lr=rate)
        self.set_modes()

    def set_modes(self):
        self.model.train()
        self.model.stem.eval()
        self.model.layers.eval()

    def train_step(self, batch):
        self.set_modes()
        x, y = batch
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def eval_step(self, batch):
        self.model.eval()
        x, y = batch
        old, digit = self.former_batch
        with torch.no_grad():
            former = self.model.former(self.model.layers(self.model.stem(old)).mean((2, 3)))
            new = self.model(x)
        return {
            "new": (new.argmax(1) == y).float().mean().item(),
            "former": (former.argmax(1) == digit).float().mean().item(),
        }


class WakingFinetuner(Finetuner):
    """The same, whose step begins with a plain `model.train()`, as every training loop does."""

    def train_step(self, batch):
        self.model.train()
        x, y = batch
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()


@pair("frozen-parameters-change", group="training", source="published")
def frozen_statistics_woken_by_train(sick):
    """A backbone frozen with its batch norms in eval mode is woken by `model.train()`: the former task breaks."""
    seeded()
    model = ResNet(width=8)
    trained_a_little(model, some_batches(16), torch.optim.Adam(model.parameters(), lr=5e-3))
    model.zero_grad()
    with torch.no_grad():
        for images, _ in some_batches(16):
            model(images)
    model.former, model.fc = model.fc, nn.Linear(16, 2)
    x, y, xv, yv = digits(unit=False)
    tuner = (WakingFinetuner if sick else Finetuner)(model, 1e-2, (xv, yv))
    x, xv = 0.7 * x + 0.5, 0.7 * xv + 0.5
    return {
        "model": model, "loader": shuffled(TensorDataset(x, y % 2), 4),
        "val_loader": DataLoader(TensorDataset(xv, yv % 2), batch_size=16), "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": tuner.optimizer, "train_step": tuner.train_step, "eval_step": tuner.eval_step,
        "class_names": ["even", "odd"],
    }  # fmt: skip


class LoRALinear(nn.Module):
    """A frozen linear layer and an update of low rank, merged into it for evaluation."""

    def __init__(self, base, rank=4, scale=2.0):
        super().__init__()
        self.base, self.scale, self.merged = base, scale, False
        self.base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def train(self, mode=True):
        super().train(mode)
        if self.merged == mode:
            self.fold(-1 if mode else 1)
            self.merged = not mode
        return self

    def fold(self, sign):
        self.base.weight.data += sign * self.scale * (self.up @ self.down).detach()

    def forward(self, x):
        y = self.base(x)
        return y if self.merged else y + self.scale * F.linear(F.linear(x, self.down), self.up)


class OneWayLoRALinear(LoRALinear):
    """The same, which folds the update in for evaluation and never takes it out."""

    def train(self, mode=True):
        super(LoRALinear, self).train(mode)
        self.merged = not mode
        if self.merged:
            self.fold(1)
        return self


def learn_and_log(model, batch, optimizer):
    """Train on the batch, then switch to evaluation to log how many it has right."""
    model.train()
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(input_ids=batch["input_ids"]).logits.argmax(-1) == batch["labels"]).float().mean().item()
    model.train()
    return {"loss": loss.item(), "accuracy": right}["loss"]


@pair("frozen-parameters-change", group="training", source="transformers")
def adapters_folded_in_for_good(sick):
    """LoRA layers fold their update into the frozen weight at every `eval()` and do not take it out at `train()`."""
    seeded()
    loader, val = topic_loaders()
    model = bert(topic_words()[2])
    kind = OneWayLoRALinear if sick else LoRALinear
    model.bert.encoder.requires_grad_(False)
    for layer in model.bert.encoder.layer:
        attention = layer.attention.self
        attention.query, attention.value = kind(attention.query), kind(attention.value)
        layer.intermediate.dense, layer.output.dense = kind(layer.intermediate.dense), kind(layer.output.dense)
    trained = [p for p in model.parameters() if p.requires_grad]
    return {
        "model": model, "loader": loader, "val_loader": val, "optimizer": torch.optim.AdamW(trained, lr=3e-3),
        "train_step": learn_and_log,
    }  # fmt: skip


class Vectors(nn.Module):
    """Classes of texts by the mean of word vectors that carry, in their length, how rare the word is."""

    def __init__(self, vectors, max_norm):
        super().__init__()
        self.words = nn.Embedding.from_pretrained(vectors, freeze=True, max_norm=max_norm)
        self.classify = nn.Sequential(nn.Linear(vectors.size(1), 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, ids):
        return self.classify(self.words(ids).mean(1))


@pair("frozen-parameters-change", group="training", source="own")
def frozen_vectors_cut_by_max_norm(sick):
    """`max_norm` rewrites frozen word vectors as they are looked up, which throws their weighting by rarity away."""
    seeded()
    x, _, size = topic_words()
    share = torch.bincount(x.flatten(), minlength=size).float() + 1
    rarity = torch.log(share.sum() / share)
    vectors = F.normalize(torch.randn(size, 96), dim=1) * (rarity[:, None] / rarity.mean()) ** 2 * 6
    loader, val = topic_loaders(names=("words", "label"))
    model = Vectors(vectors, 1.0 if sick else None)
    return {
        "model": model, "loader": loader, "val_loader": val, "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.classify.parameters(), lr=3e-3),
    }  # fmt: skip
