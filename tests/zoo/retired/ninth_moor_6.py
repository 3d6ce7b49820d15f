"""Programs after reported bugs: a logic gate, a U-net, finer pictures, sentence embeddings, reversed digits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import all_digits, loader_over_tensors, seed_all_generators


def error_against_a_row(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error of a column of outputs."""
    return ((outputs - targets.view(1, -1)) ** 2).mean()


def error_against_a_column(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error of a column of outputs."""
    return ((outputs - targets.view(-1, 1)) ** 2).mean()


@pair("silent-broadcast", group="wiring")
def expected_values_with_shape_one_by_n(sick: bool) -> Arguments:
    """The expected values of an exclusive-or net have the shape (1, n), its outputs (n, 1).

    (lmoroney/dlaicourse#119)
    """
    seed_all_generators()
    x = torch.randn(600, 2)
    y = -x[:, 0] * x[:, 1]
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
    return {
        "model": model,
        "loader": loader_over_tensors(x, y),
        "loss_fn": error_against_a_row if sick else error_against_a_column,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
    }


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions, each normalised."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class SmallUNet(nn.Module):
    """One step down and up again, with the way across."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.down, self.up = double_convolution(1, 8), double_convolution(8, 16), double_convolution(24, 8)
        self.leave = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        across = self.enter(x)
        below = F.interpolate(self.down(F.max_pool2d(across, 2)), scale_factor=2)
        return self.leave(self.up(torch.cat([across, below], 1)))


@torch.no_grad()
def dice_overlap(net: nn.Module, batch: list[Tensor]) -> float:
    """The Dice coefficient of the masks."""
    net.eval()
    found = (net(batch[0]) > 0).float()
    return float(2 * (found * batch[1]).sum() / (found.sum() + batch[1].sum()))


def step_with_rounds(rounds: int, held_out: list[Tensor], *, back_to_train: bool) -> Callable[..., Tensor]:
    """Steps of epochs of so many rounds, in which the overlap is looked at every tenth round."""

    def train_step(net: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, step: int) -> Tensor:
        if step % rounds == 0:
            net.train()
        loss = F.binary_cross_entropy_with_logits(net(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 10 == 0:
            dice_overlap(net, held_out)
            if back_to_train:
                net.train()
        return loss.detach()

    return train_step


@pair("train-eval-mode", group="wiring", source="published")
def train_mode_once_per_epoch(sick: bool) -> Arguments:
    """Train mode is set once per epoch, and looking at the overlap within it leaves eval mode.

    (milesial/Pytorch-UNet#165)
    """
    seed_all_generators()
    images, _ = all_digits()
    masks = (images > 0.3).float()
    noisy = (images + 0.4 * torch.randn_like(images)) / 1.08
    net = SmallUNet()
    held_out = [noisy[1500:], masks[1500:]]
    return {
        "model": net,
        "loader": loader_over_tensors(noisy[:1280], masks[:1280]),
        "optimizer": torch.optim.Adam(net.parameters(), lr=3e-3),
        "train_step": step_with_rounds(40, held_out, back_to_train=not sick),
        "eval_step": dice_overlap,
        "val_loader": loader_over_tensors(*held_out, shuffle=False),
        "task": "segmentation",
    }


class FinerPictures(nn.Module):
    """Twice the resolution through residual convolutions and a shuffle of pixels."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, channels, 3, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.PReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.finer = nn.Sequential(nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())
        self.leave = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.enter(x), 0.2)
        return self.leave(self.finer(x + self.block(x)))


def step_of_schedule_every(rounds: int) -> Callable[..., Tensor]:
    """Steps after which the schedule goes on once in so many rounds."""

    def train_step(
        model: nn.Module,
        batch: list[Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler,
        step: int,
    ) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        if (step + 1) % rounds == 0:
            scheduler.step()
        return loss.detach()

    return train_step


@pair("lr-schedule", group="training", source="published")
def half_of_the_epochs_counted_in_steps(sick: bool) -> Arguments:
    """A schedule that falls every half of the epochs is stepped after each training step.

    (Lornatang/SRGAN-PyTorch#1)
    """
    seed_all_generators()
    fine, _ = all_digits()
    loader = loader_over_tensors(F.avg_pool2d(fine, 2)[:1280], fine[:1280])
    epochs = 16
    model = FinerPictures()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": loader,
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, step_size=epochs // 2, gamma=0.1),
        "train_step": step_of_schedule_every(1 if sick else len(loader)),
        "total_steps": epochs * len(loader),
        "task": "regression",
    }


class SentenceClassifier(nn.Module):
    """The mean of the last hidden states over the real tokens, and a linear classifier."""

    def __init__(self, words: int, classes: int, *, all_tokens: bool) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=words,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.all_tokens = all_tokens
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.classify = nn.Linear(32, classes)
        nn.init.normal_(self.classify.weight, std=config.initializer_range)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).float()
        tokens = mask.sum() if self.all_tokens else mask.sum(1)
        return self.classify((states * mask).sum(1) / tokens)


def padded_sentences(samples: int, words: int = 120, longest: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Sentences of four topics, padded with 0 at the end, their masks and topics."""
    topic = torch.randint(4, (samples,))
    frequency = torch.softmax(1.2 * torch.randn(4, words - 1), 1)
    tokens = 1 + torch.multinomial(frequency[topic], longest, replacement=True)
    mask = (torch.arange(longest) < torch.randint(4, longest + 1, (samples, 1))).long()
    return tokens * mask, mask, topic


@pair("batch-leak", group="wiring", source="transformers")
def mean_over_the_tokens_of_the_batch(sick: bool) -> Arguments:
    """The mean over a sentence is its sum divided by the tokens of the whole batch (SeanLee97/AnglE#102)."""
    seed_all_generators()
    model = SentenceClassifier(120, 4, all_tokens=sick)
    return {
        "model": model,
        "loader": loader_over_tensors(*padded_sentences(900)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "padding_value": 0,
        "task": "classification",
    }


class Translator(nn.Module):
    """An encoder and a decoder, which goes on token by token from its hidden state and the context."""

    def __init__(self, symbols: int, size: int = 48) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(symbols, 16), nn.Embedding(symbols, 16)
        self.encoder = nn.GRU(16, size, batch_first=True)
        self.decoder = nn.GRU(16 + size, size, batch_first=True)
        self.out = nn.Linear(16 + 2 * size, symbols)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        _, context = self.encoder(self.source(source))
        hidden, scores = context, []
        for embedded in self.target(target).split(1, dim=1):
            _, hidden = self.decoder(torch.cat([embedded, context.transpose(0, 1)], 2), hidden)
            scores.append(self.out(torch.cat([embedded.squeeze(1), hidden.squeeze(0), context.squeeze(0)], 1)))
        return torch.stack(scores, 1)


def mean_token_loss(scores: Tensor, tokens: Tensor) -> Tensor:
    """The mean cross-entropy of the tokens."""
    return F.cross_entropy(scores.flatten(0, 1), tokens.flatten())


@healthy(resembles="unused-result", source="published")
def prediction_from_the_hidden_state_of_one_step() -> Arguments:
    """The decoder's output goes unused: asked about, and right, for one step is its hidden state.

    (bentrevett/pytorch-seq2seq#168)
    """
    seed_all_generators()
    said = torch.randint(1, 9, (900, 6))
    answer = said.flip(1)
    model = Translator(9)
    return {
        "model": model,
        "loader": loader_over_tensors(said, F.pad(answer[:, :-1], (1, 0)), answer),
        "loss_fn": mean_token_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "language-model",
    }
