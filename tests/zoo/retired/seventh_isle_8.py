"""Six programs around phases, groups and heads that somebody reported, eighth part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    ISLE_LETTERS,
    IsleConvNet,
    isle_digits,
    isle_loaders,
    isle_passages,
    isle_perceptron,
    isle_seed,
    isle_step,
)


def made_for_both_phases(
    optimizer: torch.optim.Optimizer, *, asks: bool
) -> Callable[[nn.Module, list[Tensor], str], Tensor]:
    """The function that the loop calls for a batch of either phase."""

    def run(model: nn.Module, batch: list[Tensor], phase: str) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        if phase == "train" or not asks:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()

    return run


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def validation_phase_that_trains_as_well(sick: bool) -> Arguments:
    """The function for a batch never looks at the phase, and trains on the validation data.

    (princeton-vl/pose-ae-train#11)
    """
    isle_seed()
    model = isle_perceptron(64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    run = made_for_both_phases(optimizer, asks=not sick)

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        return made_for_both_phases(optimizer, asks=True)(model, batch, "train")

    def eval_step(model: nn.Module, batch: list[Tensor]) -> Tensor:
        return run(model, batch, "val")

    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=train_step,
        eval_step=eval_step,
        **isle_loaders(*isle_digits()),
    )


class LetterTagger(nn.Module):
    """Tags every letter of a passage: a recurrent encoder, and a head of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict(
            {"embed": nn.Embedding(27, 16), "lstm": nn.LSTM(16, 32, batch_first=True, bidirectional=True)}
        )
        self.fc = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the tags, as (N, tags, places)."""
        scores: Tensor = self.fc(self.encoder["lstm"](self.encoder["embed"](x))[0])
        return scores.transpose(1, 2)


def tags_of_letters(passages: Tensor) -> Tensor:
    """0 for a space, 1 for the first letter of a word, 2 for the others."""
    before = F.pad(passages[:, :-1], (1, 0), value=0)
    return torch.where(passages == 0, 0, torch.where(before == 0, 1, 2))


@pair("updates-not-applied", group="training")
def group_of_the_head_never_appended(sick: bool) -> Arguments:
    """The group with the parameters of the head is put together and never appended to the optimizer's list.

    (zjunlp/HVPNeT#5)
    """
    isle_seed()
    model = LetterTagger()
    groups: list[dict[str, Any]] = []
    group: dict[str, Any] = {"lr": 1e-3, "weight_decay": 1e-2}
    group["params"] = [p for name, p in model.named_parameters() if name.startswith("encoder")]
    groups.append(group)
    group = {"lr": 3e-3, "weight_decay": 1e-2}
    group["params"] = [p for name, p in model.named_parameters() if name.startswith("fc")]
    if not sick:
        groups.append(group)
    passages = isle_passages(20)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(groups),
        train_step=isle_step,
        **isle_loaders(passages, tags_of_letters(passages), batch=16),
    )


def embedding_of(model: nn.Module, x: Tensor) -> Tensor:
    """Embeddings of length one."""
    return F.normalize(model(x), dim=1)


def similarity_without_backward(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on a batch of pairs and their similarities."""
    model.train()
    a, b, wanted = batch
    optimizer.zero_grad()
    loss = F.mse_loss((embedding_of(model, a) * embedding_of(model, b)).sum(1), wanted)
    optimizer.step()
    return loss.detach()


def similarity_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on a batch of pairs and their similarities."""
    model.train()
    a, b, wanted = batch
    optimizer.zero_grad()
    loss = F.mse_loss((embedding_of(model, a) * embedding_of(model, b)).sum(1), wanted)
    loss.backward()
    optimizer.step()
    return loss.detach()


def first_of_the_pair(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Embeddings of the first images."""
    return embedding_of(model, batch[0])


@pair("updates-not-applied", group="training", source="scikit-learn")
def line_of_the_backward_lost_in_cleaning(sick: bool) -> Arguments:
    """The line that runs the loss backward was lost when the code was cleaned up for publishing.

    (aalto-intelligent-robotics/sivl#2)
    """
    isle_seed()
    images, classes = isle_digits(1000)
    partner = torch.randperm(1000)
    flip = torch.rand(1000) < 0.45
    partner[flip] = torch.stack([torch.nonzero(classes == c)[i % 60, 0] for i, c in enumerate(classes)])[flip]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    return dict(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=similarity_without_backward if sick else similarity_step,
        forward=first_of_the_pair,
        task="other",
        **isle_loaders(images, images[partner], (classes == classes[partner]).float()),
    )


class RoundedConv(nn.Conv2d):
    """A convolution whose weights are rounded to 6 bits, with gradients passed straight through."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve with rounded weights."""
        scale = self.weight.detach().abs().amax((1, 2, 3), keepdim=True) / 31
        rounded = self.weight + ((self.weight / scale).round() * scale - self.weight).detach()
        return F.conv2d(x, rounded, self.bias, self.stride, self.padding)


def replace_convs(module: nn.Module) -> None:
    """Put rounded convolutions in place of all others, with the same weights."""
    for name, child in module.named_children():
        if type(child) is nn.Conv2d:
            conv = RoundedConv(child.in_channels, child.out_channels, 3, padding=1, bias=False)
            conv.load_state_dict(child.state_dict())
            setattr(module, name, conv)
        else:
            replace_convs(child)


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def optimizer_defined_before_the_convolutions_are_replaced(sick: bool) -> Arguments:
    """The optimizer is defined before the convolutions are replaced by quantised ones. (hustzxd/EfficientPyTorch#1)."""
    isle_seed()
    model = IsleConvNet()
    if sick:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        replace_convs(model)
    else:
        replace_convs(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=isle_step,
        **isle_loaders(*isle_digits()),
    )


def passages_to_repeat() -> list[dict[str, Tensor]]:
    """Passages of eight letters, and the same in capitals, which are the next 26 tokens."""
    passages = isle_passages(8)
    passages = passages[torch.randperm(len(passages))].unique(dim=0)
    passages = passages[torch.randperm(len(passages))]
    return [{"input_ids": row + 2, "labels": row + 2 + len(ISLE_LETTERS)} for row in passages]


@pair("loss-at-init", group="init", source="transformers")
def head_of_the_decoder_from_a_unit_normal(sick: bool) -> Arguments:
    """The untied head of a T5 starts from a unit normal, which makes its logits as wide as the model.

    (huggingface/transformers#26441)
    """
    isle_seed()
    config = T5Config(  # type: ignore[call-arg]
        vocab_size=64,
        d_model=64,
        d_kv=16,
        d_ff=96,
        num_layers=1,
        num_decoder_layers=1,
        num_heads=4,
        dropout_rate=0.0,
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
    )
    model = T5ForConditionalGeneration(config)
    nn.init.normal_(model.lm_head.weight, std=1.0 if sick else 64**-0.5)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "loader": DataLoader(passages_to_repeat(), batch_size=16, shuffle=True, drop_last=True),  # type: ignore[arg-type]
    }


@healthy(resembles="init-scale", source="transformers")
def residual_stream_that_grows_before_its_last_norm() -> Arguments:
    """The residual stream of a GPT-2 of six layers grows from block to block, and is normalised before the head.

    (karpathy/minGPT#134)
    """
    isle_seed()
    config = GPT2Config(
        vocab_size=27,
        n_positions=24,
        n_embd=32,
        n_layer=6,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    rows = [{"input_ids": row, "labels": row} for row in isle_passages()]
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "loader": DataLoader(rows, batch_size=8, shuffle=True, drop_last=True),  # type: ignore[arg-type]
    }
