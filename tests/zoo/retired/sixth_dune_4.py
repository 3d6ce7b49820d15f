"""Focal losses, noise, checkpoints and padded sentences: five programs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader
from transformers import DistilBertConfig, DistilBertForSequenceClassification, GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, seeded, sentence_batches, sentences


class FocalLoss(nn.Module):
    """Cross-entropy that looks away from samples already right."""

    def __init__(self, gamma: float = 1.0, reduction: str = "sum") -> None:
        super().__init__()
        self.gamma, self.reduction = gamma, reduction

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        logp = F.log_softmax(logits, dim=1).gather(1, targets.unsqueeze(1)).squeeze(1)
        loss = -((1 - logp.exp()) ** self.gamma) * logp
        return loss.sum() if self.reduction == "sum" else loss.mean()


@pair("loss-reduction", group="wiring", source="scikit-learn")
def focal_loss_that_sums_by_default(sick: bool) -> Arguments:
    """A focal loss copied from elsewhere sums over the batch by default, under a rate meant for the mean."""
    seeded()
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return dict(
        model=model,
        loss_fn=FocalLoss() if sick else FocalLoss(reduction="mean"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **batches(digit_images(flat=True), 64),
    )


class Noise(nn.Module):
    """Noise on the input of a denoising autoencoder, in training only."""

    def __init__(self, spread: float, own_generator: bool) -> None:
        super().__init__()
        self.spread, self.own_generator = spread, own_generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        generator = None
        if self.own_generator:
            generator = torch.Generator(device=x.device)
            generator.seed()
        return x + self.spread * torch.randn(x.shape, generator=generator, device=x.device)


@pair("nondeterminism", group="backward", source="scikit-learn")
def noise_from_a_generator_of_its_own(sick: bool) -> Arguments:
    """Every forward draws its noise from a new generator seeded by the machine, which no manual seed reaches."""
    seeded()
    (x1, _), (x2, _) = digit_images(flat=True)
    model = nn.Sequential(Noise(0.4, own_generator=sick), nn.Linear(64, 48), nn.ELU(), nn.Linear(48, 64))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **batches(((x1, x1), (x2, x2))),
    )


def chains(rows: int = 400, length: int = 16) -> list[Tensor]:
    """Sequences in which a token mostly says which one follows."""
    generator = torch.Generator().manual_seed(0)
    tokens = [torch.randint(37, (rows,), generator=generator)]
    for _ in range(length - 1):
        jump = torch.rand(rows, generator=generator) < 0.25
        following = (tokens[-1] * 3 + 1) % 37
        tokens.append(torch.where(jump, torch.randint(37, (rows,), generator=generator), following))
    return list(torch.stack(tokens, 1))


def as_text(rows: list[Tensor]) -> dict[str, Tensor]:
    ids = torch.stack(rows)
    return {"input_ids": ids, "labels": ids.clone()}


def resumed(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    """What a run that was stopped had saved of its model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "last.pt"
        torch.save(model.state_dict(), path)
        again = GPT2LMHeadModel(model.config)
        again.load_state_dict(torch.load(path))
    return again


@pair("optimizer-mismatch", group="training", source="transformers")
def model_resumed_after_its_optimizer_was_made(sick: bool) -> Arguments:
    """The optimizer is made for the fresh model, and then another object, loaded from the checkpoint, is trained."""
    seeded()
    config = GPT2Config(vocab_size=37, n_positions=16, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config)
    if sick:
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        model = resumed(model)
    else:
        model = resumed(model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rows = chains()
    return {
        "model": model,
        "loader": DataLoader(rows[:300], 16, shuffle=True, collate_fn=as_text),  # type: ignore[arg-type]
        "val_loader": DataLoader(rows[300:], 25, collate_fn=as_text),  # type: ignore[arg-type]
        "optimizer": optimizer,
    }


class Tagger(nn.Module):
    """A bidirectional LSTM over words, whose outputs at the words are averaged."""

    def __init__(self, packed: bool) -> None:
        super().__init__()
        self.packed = packed
        self.words = nn.Embedding(30, 24, padding_idx=0)
        self.lstm = nn.LSTM(24, 24, batch_first=True, bidirectional=True)
        self.head = nn.Linear(48, 2)

    def forward(self, ids: Tensor) -> Tensor:
        real = ids != 0
        x = self.words(ids)
        if self.packed:
            outputs, _ = self.lstm(pack_padded_sequence(x, real.sum(1), batch_first=True, enforce_sorted=False))
            h, _ = pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])
        else:
            h, _ = self.lstm(x)
        mean = (h * real.unsqueeze(-1)).sum(1) / real.sum(1, keepdim=True)
        out: Tensor = self.head(mean)
        return out


@pair("padding-leak", group="wiring")
def way_back_begins_in_the_padding(sick: bool) -> Arguments:
    """The backward direction of the LSTM reads the padding first, as the sentences are not packed."""
    seeded()
    model = Tagger(packed=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **sentence_batches(),
    )


def with_mask(rows: list[tuple[Tensor, int]]) -> dict[str, Tensor]:
    ids = nn.utils.rnn.pad_sequence([ids for ids, _ in rows], batch_first=True)
    labels = torch.tensor([label for _, label in rows])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


@healthy(resembles="padding-leak", source="transformers")
def encoder_that_reads_its_first_word_under_a_mask() -> Arguments:
    """Much of a batch is padding, to which the mask lets no word attend, and the class is read at the first word."""
    seeded()
    config = DistilBertConfig(vocab_size=30, max_position_embeddings=16, dim=32, hidden_dim=64, n_layers=2, n_heads=4)
    model = DistilBertForSequenceClassification(config)
    rows = sentences(700)
    return {
        "model": model,
        "loader": DataLoader(rows[:550], 32, shuffle=True, collate_fn=with_mask),  # type: ignore[arg-type]
        "val_loader": DataLoader(rows[550:], 50, collate_fn=with_mask),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
    }
