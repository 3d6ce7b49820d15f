"""Healthy programs that somebody took for broken, and was told that they are right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.eighth_reef_parts import reef_digits, reef_loaders, reef_start


def walks(samples: int, length: int) -> Tensor:
    """Random walks on a ring of 20 words, with a few favourite jumps."""
    jump = torch.tensor([1, 1, 1, 4, 7])
    steps = jump[torch.randint(0, 5, (samples, length))]
    steps[:, 0] = torch.randint(0, 20, (samples,))
    return steps.cumsum(1) % 20


def words_and_labels(rows: list[tuple[Tensor]]) -> dict[str, Tensor]:
    """The words of a batch, which are also its labels."""
    words = torch.stack([row for (row,) in rows])
    return {"input_ids": words, "labels": words.clone()}


@healthy(resembles="init-scale", source="transformers")
def gpt_with_embeddings_of_a_fiftieth() -> Arguments:
    """The embeddings are drawn with a deviation of 0.02, where the original had 0.01 for the places; it is fine.

    (karpathy/build-nanogpt#18).
    """
    reef_start()
    config = GPT2Config(
        vocab_size=20,
        n_positions=24,
        n_embd=48,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.02,
    )
    model = GPT2LMHeadModel(config)
    words = walks(1000, 24)
    train, val = TensorDataset(words[:800]), TensorDataset(words[800:])
    shuffled = torch.Generator().manual_seed(7)
    return {
        "model": model,
        "loader": DataLoader(train, 16, shuffle=True, collate_fn=words_and_labels, generator=shuffled),
        "val_loader": DataLoader(val, 16, collate_fn=words_and_labels),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "causal": True,
    }


class DigitVae(nn.Module):
    """The variational autoencoder of the PyTorch examples, small."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mean = nn.Linear(64, 6)
        self.log_variance = nn.Linear(64, 6)
        self.decode = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encode(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean) if self.training else mean
        return self.decode(z), mean, log_variance


def reconstruction_and_divergence(outputs: tuple[Tensor, Tensor, Tensor], targets: Tensor) -> Tensor:
    """Binary cross-entropy of the pixels and the divergence of the codes, summed for a sample."""
    decoded, mean, log_variance = outputs
    pixels = F.binary_cross_entropy(decoded, targets, reduction="none").sum(1)
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
    return (pixels + divergence).mean()


@healthy(resembles="loss-direction", source="published")
def bound_that_is_minimised_without_another_minus() -> Arguments:
    """The loss is the cross-entropy plus the divergence, both to be minimised, and no minus is missing.

    (pytorch/examples#298).
    """
    reef_start()
    x = (reef_digits()[0].flatten(1) * 0.376 + 0.305).clamp(0, 1)
    model = DigitVae()
    return dict(
        model=model,
        loss_fn=reconstruction_and_divergence,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **reef_loaders(x, x, train=1000),
    )


class SkipGram(nn.Module):
    """The scores of a word with all contexts, and the log-likelihoods of drawn ones, whose vectors are turned round."""

    def __init__(self, words: int = 20, width: int = 12) -> None:
        super().__init__()
        self.inner = nn.Embedding(words, width)
        self.outer = nn.Embedding(words, width)
        for table in (self.inner, self.outer):
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, word: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.inner(word)
        turned = self.outer(drawn).neg()
        return inner @ self.outer.weight.t(), F.logsigmoid(torch.bmm(turned, inner[:, :, None]).squeeze(2))


def minus_of_both(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Minus the log-likelihood of the true context and the mean one of the drawn words."""
    scores, of_drawn = outputs
    of_context = F.logsigmoid(scores.gather(1, targets[:, None]).squeeze(1))
    return -(of_context + of_drawn.mean(1)).mean()


@healthy(resembles="loss-direction")
def both_likelihoods_under_one_minus() -> Arguments:
    """Both likelihoods stand under one minus, because the vectors of the negative samples were turned round.

    (theeluwin/pytorch-sgns#12).
    """
    reef_start()
    walk = walks(110, 12)
    word, context = walk[:, :-1].reshape(-1), walk[:, 1:].reshape(-1)
    drawn = torch.randint(0, 20, (len(word), 6))
    order = torch.randperm(len(word))
    model = SkipGram()
    return dict(
        model=model,
        loss_fn=minus_of_both,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        task="other",
        **reef_loaders(word[order], drawn[order], context[order], train=1000),
    )


@healthy(resembles="loss-input", source="scikit-learn")
def log_softmax_taken_twice() -> Arguments:
    """Log-probabilities go into a cross-entropy that takes the log-softmax again, which does not change them.

    (bhanML/Co-teaching#4).
    """
    reef_start()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.01),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
        nn.LogSoftmax(dim=1),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        **reef_loaders(*reef_digits(), train=1000),
    )


class Binarized(nn.Linear):
    """A linear layer of the signs of weights and inputs, which the backward takes for what they are signs of."""

    def __init__(self, inputs: int, outputs: int, first: bool = False) -> None:
        super().__init__(inputs, outputs)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        signs = x if self.first else x + (torch.where(x < 0, -1.0, 1.0) - x).detach()
        weight = self.weight + (torch.where(self.weight < 0, -1.0, 1.0) - self.weight).detach()
        return F.linear(signs, weight, self.bias)


@healthy(resembles="zero-gradient-path", source="published")
def binary_net_with_hardtanh_before_the_signs() -> Arguments:
    """The signs of BinaryNet have no gradient of their own, and it is passed on through the hardtanh before them.

    (itayhubara/BinaryNet.pytorch#9).
    """
    reef_start()
    model = nn.Sequential(
        nn.Flatten(),
        Binarized(64, 128, first=True),
        nn.BatchNorm1d(128),
        nn.Hardtanh(),
        Binarized(128, 64),
        nn.BatchNorm1d(64),
        nn.Hardtanh(),
        nn.Linear(64, 10),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **reef_loaders(*reef_digits(), train=1000),
    )


class Block(nn.Module):
    """The basic block of ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


def res_layer(inputs: int, outputs: int, stride: int, blocks: int = 2) -> nn.Sequential:
    """Blocks gathered in a Python list, which is handed on as a sequence of modules."""
    layers = [Block(inputs, outputs, stride)]
    layers += [Block(outputs, outputs, 1) for _ in range(1, blocks)]
    return nn.Sequential(*layers)


class NamedResNet(nn.Module):
    """A small ResNet whose stages are attached under names that a list remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.stages: list[str] = []
        for i, (inputs, outputs) in enumerate([(8, 8), (8, 16)]):
            self.add_module(f"layer{i + 1}", res_layer(inputs, outputs, 1 if i == 0 else 2))
            self.stages.append(f"layer{i + 1}")
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for name in self.stages:
            x = getattr(self, name)(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


@healthy(resembles="unregistered-parameters", source="published")
def stages_built_from_a_python_list() -> Arguments:
    """The layers of a stage are collected in a Python list, of which a sequence of modules is made.

    (open-mmlab/mmdetection#472).
    """
    reef_start()
    model = NamedResNet()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **reef_loaders(*reef_digits(), train=1000),
    )
