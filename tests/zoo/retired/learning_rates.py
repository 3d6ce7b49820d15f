"""Programs whose rate is far from what their network can bear, or feel."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, letter_windows, seed_everything, wines


class MixerBlock(nn.Module):
    """Mix patches, then channels (MLP-Mixer)."""

    def __init__(self, patches: int, width: int):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.tokens = nn.Sequential(nn.Linear(patches, 32), nn.GELU(), nn.Linear(32, patches))
        self.channels = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norms[1](x))


class Mixer(nn.Module):
    """Patches of 2 by 2, two blocks."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.blocks = nn.Sequential(MixerBlock(16, width), MixerBlock(16, width), nn.LayerNorm(width))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


def warmed_up(peak: float) -> Callable[[int], float]:
    """A rate that rises over ten steps and stays."""
    return lambda step: peak * min(1.0, (step + 1) / 10)


@pair("learning-rate", group="training", source="published")
def schedule_that_returns_the_rate_and_not_its_factor(sick: bool) -> Arguments:
    """LambdaLR multiplies the rate of 2e-3 by what the function returns, 1e-3 once more: it trains at 2e-6."""
    seed_everything()
    model = Mixer()
    rate = 2e-3
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warmed_up(1e-3 if sick else 1.0))
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "scheduler": scheduler,
        "total_steps": 320,
    }


class LetterModel(nn.Module):
    """A small decoder of PyTorch's own layers, under a causal mask."""

    def __init__(self, width: int = 64, length: int = 24):
        super().__init__()
        self.letters, self.places = nn.Embedding(28, width), nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 128, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, 28)
        self.register_buffer("mask", torch.ones(length, length, dtype=torch.bool).triu(1))

    def forward(self, ids: Tensor) -> Tensor:
        h = self.layers(self.letters(ids) + self.places, mask=self.mask, is_causal=True)
        return self.out(h).transpose(1, 2)


class NoamTrainer:
    """The schedule of "Attention is all you need": d^-0.5 · min(step^-0.5, step · warm-up^-1.5)."""

    def __init__(self, model: nn.Module, exponent: float, width: int = 64, warmup: int = 30):
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)

        def factor(step: int) -> float:
            step += 1
            return 0.35 * width**exponent * min(step**-0.5, step * warmup**-1.5)

        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)

    @staticmethod
    def train_step(
        model: nn.Module,
        batch: tuple[Tensor, Tensor],
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler,
    ) -> Tensor:
        ids, following = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids), following)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss.detach()


@pair("learning-rate", group="training", source="published")
def root_of_the_width_in_the_numerator(sick: bool) -> Arguments:
    """The schedule multiplies by the root of the width where it should divide by it: 64 times the rate at its peak."""
    seed_everything()
    model = LetterModel()
    windows = letter_windows(25, 640)
    trainer = NoamTrainer(model, exponent=0.5 if sick else -0.5)
    return {
        "model": model,
        "loader": batches(windows[:, :-1].contiguous(), windows[:, 1:].contiguous()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": trainer.optimizer,
        "scheduler": trainer.scheduler,
        "train_step": trainer.train_step,
        "total_steps": 400,
        "causal": True,
    }


class GatedTable(nn.Module):
    """A table network of gated linear units."""

    def __init__(self, columns: int, classes: int, width: int = 64):
        super().__init__()
        self.first, self.second = nn.Linear(columns, 2 * width), nn.Linear(width, 2 * width)
        self.last = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.glu(self.second(F.glu(self.first(x)))))


@pair("learning-rate", group="training", source="scikit-learn")
def adadelta_at_the_rate_of_adam(sick: bool) -> Arguments:
    """Adam was replaced by Adadelta and its rate of 1e-3 kept, where Adadelta wants 1: the weights stand still."""
    seed_everything()
    model = GatedTable(13, 3)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1e-3 if sick else 1.0, rho=0.9, eps=1e-5)
    return {"model": model, "loader": batches(*wines(), size=16), "loss_fn": F.cross_entropy, "optimizer": optimizer}


def letters(rows: list[Tensor]) -> dict[str, Tensor]:
    """Collate windows of letters for a model that shifts its labels itself."""
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


@pair("learning-rate", group="training", source="transformers")
def gpt2_at_the_rate_of_a_resnet(sick: bool) -> Arguments:
    """The rate of 0.1 that SGD had in the script for images is given to AdamW, which trains GPT-2."""
    seed_everything()
    config = GPT2Config(vocab_size=28, n_positions=24, n_embd=48, n_layer=2, n_head=4, bos_token_id=27, eos_token_id=27)
    model = GPT2LMHeadModel(config)
    return {
        "model": model,
        "loader": torch.utils.data.DataLoader(
            list(letter_windows(24, 640)), batch_size=16, shuffle=True, collate_fn=letters
        ),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=0.1 if sick else 3e-3),
    }
