"""Programs that hold on to the graphs of steps long past."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, seed_everything, tumours
from tests.zoo.retired.models_of_learning_nets import DepthwiseNet, marked_sentences


class FeatureTap:
    """Keeps what the named layers gave, for a picture at the end of the epoch."""

    def __init__(self, model: nn.Module, names: list[str], detach: bool):
        self.kept: dict[str, list[Any]] = {name: [] for name in names}
        self.detach = detach
        for name in names:
            model.get_submodule(name).register_forward_hook(self.keep_under(name))

    def keep_under(self, name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            strength = output.abs().mean((0, 2, 3))
            self.kept[name].append(strength.tolist() if self.detach else strength)

        return hook


class ImageTrainer:
    """The step of a small trainer class, with a tap on two layers."""

    def __init__(self, model: nn.Module, detach: bool):
        self.tap = FeatureTap(model, ["stem", "blocks.1"], detach)

    def train_step(self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> float:
        images, labels = batch
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()


@pair("memory-growth", group="training", source="published")
def strengths_of_channels_kept_by_a_hook(sick: bool) -> Arguments:
    """A forward hook appends the mean strength of each channel to a list, with the graph of the step that made it."""
    seed_everything()
    model = DepthwiseNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "train_step": ImageTrainer(model, detach=not sick).train_step,
    }


class TemporalEnsemble:
    """A running mean of what the model said of every sample (Laine and Aila), which it is asked to stay near."""

    def __init__(self, samples: int, classes: int, detach: bool, momentum: float = 0.6):
        self.said = torch.zeros(samples, classes)
        self.detach, self.momentum = detach, momentum

    def train_step(self, model: nn.Module, batch: tuple[Tensor, ...], optimizer: torch.optim.Optimizer) -> Tensor:
        x, index, y = batch
        logits = model(x)
        probabilities = logits.softmax(1)
        before = self.said[index].detach()
        loss = F.cross_entropy(logits, y) + 0.1 * F.mse_loss(probabilities, before)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after = self.momentum * before + (1 - self.momentum) * probabilities
        self.said = self.said.index_copy(0, index, after.detach() if self.detach else after)
        return loss.detach()


def without_numbers(batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """The number of each row is there for the trainer alone."""
    return batch[0], batch[2]


@pair("memory-growth", group="training", source="scikit-learn")
def ensemble_of_predictions_with_all_their_graphs(sick: bool) -> Arguments:
    """The running mean of predictions is not detached: each step's table hangs on the table of the step before."""
    seed_everything()
    x, y = tumours()
    model = nn.Sequential(nn.Linear(30, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 2))
    return {
        "model": model,
        "loader": batches(x, torch.arange(len(x)), y),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "split": without_numbers,
        "train_step": TemporalEnsemble(len(x), 2, detach=not sick).train_step,
    }


class AttentionDiary:
    """Writes down how concentrated each head is, layer by layer."""

    def __init__(self, plain_numbers: bool):
        self.plain_numbers = plain_numbers
        self.entropies: list[Any] = []

    def train_step(self, model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        outputs = model(**batch, output_attentions=True)
        for attention in outputs.attentions:
            entropy = -(attention * (attention + 1e-9).log()).sum(-1).mean((0, 2))
            self.entropies.append(entropy.tolist() if self.plain_numbers else entropy)
        outputs.loss.backward()
        optimizer.step()
        return outputs.loss.detach()


@pair("memory-growth", group="training", source="transformers")
def entropy_of_heads_written_down_as_tensors(sick: bool) -> Arguments:
    """A diary keeps the entropy of every attention head as a tensor with its graph, two more in every step."""
    seed_everything()
    config = BertConfig(
        vocab_size=64,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        num_labels=4,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = BertForSequenceClassification(config)
    return {
        "model": model,
        "loader": marked_sentences(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "train_step": AttentionDiary(plain_numbers=not sick).train_step,
    }
