"""Reported bugs of shifts, masks and last layers, each beside the program as it was mended."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import (
    LlamaConfig,
    LlamaModel,
    MBartConfig,
    MBartForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)
from transformers.loss.loss_utils import ForCausalLMLoss
from transformers.modeling_outputs import CausalLMOutput

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.ninth_cove_parts import cross_entropy_of_tokens, dealt, markov_text, sow_seeds


class DecoderWithLoss(nn.Module):
    """A small decoder that takes labels and gives their loss, like the models of transformers."""

    def __init__(self, letters: int, shifted_before: bool) -> None:
        super().__init__()
        self.letters, self.shifted_before = letters, shifted_before
        self.decoder = LlamaModel(
            LlamaConfig(
                vocab_size=letters,
                hidden_size=48,
                intermediate_size=96,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=4,
                max_position_embeddings=32,
                use_cache=False,
            )
        )
        self.lm_head = nn.Linear(48, letters, bias=False)

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> CausalLMOutput:
        logits = self.lm_head(self.decoder(input_ids=input_ids).last_hidden_state)
        loss = None
        if labels is not None:
            if self.shifted_before:
                shift_logits = logits[:, :-1].contiguous()
                shift_labels = labels[:, 1:].contiguous()
                loss = ForCausalLMLoss(shift_logits, shift_labels, self.letters)
            else:
                loss = ForCausalLMLoss(logits, labels, self.letters)
        return CausalLMOutput(loss=loss, logits=logits)


def own_labels(text: Tensor) -> list[dict[str, Tensor]]:
    """Sequences that are their own labels."""
    return [{"input_ids": ids, "labels": ids.clone()} for ids in text]


@pair("causality", group="wiring", source="transformers")
def labels_shifted_before_a_loss_that_shifts(sick: bool) -> Arguments:
    """Logits and labels are shifted in the model and again in its loss function (huggingface/transformers#37830)."""
    sow_seeds()
    text = markov_text(800, 16, 24, seed=3)
    model = DecoderWithLoss(24, shifted_before=sick)
    return {
        "model": model,
        "loader": DataLoader(own_labels(text[:640]), batch_size=16, shuffle=True),  # type: ignore[arg-type]
        "val_loader": DataLoader(own_labels(text[640:]), batch_size=16),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


@pair("causality", group="wiring", source="transformers")
def copied_labels_for_a_decoder_that_does_not_shift(sick: bool) -> Arguments:
    """The labels copy the inputs, which this decoder compares place by place (huggingface/transformers#27517)."""
    sow_seeds()
    config = MBartConfig(
        vocab_size=24,
        d_model=48,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=96,
        max_position_embeddings=32,
        is_decoder=True,
        is_encoder_decoder=False,
        use_cache=False,
    )
    model = MBartForCausalLM(config)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("encoder_attn" not in name)
    text = markov_text(800, 16, 20, seed=4) + 4
    samples = own_labels(text)
    if not sick:
        for sample in samples:
            sample["labels"] = torch.cat([sample["labels"][1:], torch.tensor([-100])])
    return {
        "model": model,
        "loader": DataLoader(samples[:640], batch_size=16, shuffle=True),  # type: ignore[arg-type]
        "val_loader": DataLoader(samples[640:], batch_size=16),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


PAD_TOKEN = 1


class FillUp:
    """Fills the notes of a batch up to the longest one."""

    def __init__(self, mask_with: int) -> None:
        self.mask_with = mask_with

    def __call__(self, notes: list[dict[str, Any]]) -> dict[str, Tensor]:
        ids = [note["input_ids"] for note in notes]
        masks = [torch.ones_like(each) for each in ids]
        return {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=PAD_TOKEN),
            "attention_mask": pad_sequence(masks, batch_first=True, padding_value=self.mask_with),
            "labels": torch.stack([note["labels"] for note in notes]),
        }


def coded_notes(count: int) -> list[dict[str, Tensor]]:
    """Notes of many lengths with a few words that belong to their code."""
    notes = []
    for _ in range(count):
        code = int(torch.randint(4, (1,)))
        words = torch.randint(20, 50, (int(torch.randint(4, 21, (1,))),))
        at = torch.randperm(len(words))[: 1 + len(words) // 6]
        words[at] = 4 + 4 * code + torch.randint(0, 4, (len(at),))
        notes.append({"input_ids": words, "labels": torch.tensor(code)})
    return notes


@pair("padding-leak", group="wiring", source="transformers")
def attention_mask_filled_up_with_the_padding_token(sick: bool) -> Arguments:
    """The attention mask is filled up by the padding token, a 1 (JoakimEdin/medical-coding-reproducibility#13)."""
    sow_seeds()
    config = RobertaConfig(  # type: ignore[call-arg]
        vocab_size=50,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        num_labels=4,
        pad_token_id=PAD_TOKEN,
        type_vocab_size=1,
    )
    model = RobertaForSequenceClassification(config)
    notes, fill = coded_notes(800), FillUp(PAD_TOKEN if sick else 0)
    return {
        "model": model,
        "loader": DataLoader(notes[:640], batch_size=16, shuffle=True, collate_fn=fill),  # type: ignore[arg-type]
        "val_loader": DataLoader(notes[640:], batch_size=16, collate_fn=fill),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": PAD_TOKEN,
    }


class Recommender(nn.Module):
    """A deep autoencoder of the ratings of a user, with an activation after every layer but the last."""

    def __init__(self, sizes: tuple[int, ...], last: int) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        back = sizes[::-1]
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(back))
        self.last = last

    def forward(self, ratings: Tensor) -> Tensor:
        for layer in self.encoder:
            ratings = torch.tanh(layer(ratings))
        for index, layer in enumerate(self.decoder):
            ratings = layer(ratings)
            if index != self.last:
                ratings = torch.tanh(ratings)
        return ratings


def error_of_known_ratings(found: Tensor, ratings: Tensor) -> Tensor:
    """Mean squared error of the ratings that were given."""
    known = ratings != 0
    return F.mse_loss(found[known], ratings[known])


@pair("output-range", group="wiring")
def activation_left_on_the_last_decoding_layer(sick: bool) -> Arguments:
    """The last decoding layer, counted off by one, has an activation over ratings (NVIDIA/DeepRecommender#4)."""
    sow_seeds()
    taste, films = torch.randn(640, 4), torch.randn(4, 40)
    ratings = (taste @ films / 2 + 0.1 * torch.randn(640, 40)) * 1.2
    ratings = ratings * (torch.rand_like(ratings) < 0.6)
    sizes = (40, 32, 16)
    model = Recommender(sizes, last=len(sizes) - 1 if sick else len(sizes) - 2)
    return dict(
        model=model,
        loss_fn=error_of_known_ratings,
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        task="regression",
        **dealt(ratings, ratings),
    )


class FlashAttention(nn.Module):
    """Causal self-attention by the fused kernel."""

    def __init__(self, width: int, heads: int, dropout: float, only_in_training: bool) -> None:
        super().__init__()
        self.heads, self.dropout, self.only_in_training = heads, dropout, only_in_training
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.c_attn(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training or not self.only_in_training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, length, width))  # type: ignore[no-any-return]


class NanoGPT(nn.Module):
    """One block over letters and their places."""

    def __init__(self, letters: int, length: int, only_in_training: bool, width: int = 48) -> None:
        super().__init__()
        self.wte = nn.Embedding(letters, width)
        self.wpe = nn.Embedding(length, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attention = FlashAttention(width, 4, 0.2, only_in_training)
        self.mlp = nn.Sequential(nn.Linear(width, 128), nn.GELU(), nn.Linear(128, width), nn.Dropout(0.2))
        self.lm_head = nn.Linear(width, letters, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        x = x + self.attention(self.norms[0](x))
        x = x + self.mlp(self.norms[1](x))
        return self.lm_head(self.norms[2](x))  # type: ignore[no-any-return]


@torch.no_grad()
def estimated_loss(model: nn.Module, batch: list[Tensor]) -> float:
    """The loss of a batch in evaluation."""
    model.eval()
    return cross_entropy_of_tokens(model(batch[0]), batch[1]).item()


@pair("train-eval-mode", group="wiring", source="published")
def dropout_rate_of_the_nano_attention_kept_in_evaluation(sick: bool) -> Arguments:
    """The fused attention gets its dropout rate in evaluation as well (karpathy/nanoGPT#240)."""
    sow_seeds()
    text = markov_text(640, 17, 20, seed=6)
    model = NanoGPT(20, 16, only_in_training=not sick)
    return dict(
        model=model,
        loss_fn=cross_entropy_of_tokens,
        optimizer=torch.optim.AdamW(model.parameters(), lr=3e-3),
        eval_step=estimated_loss,
        task="language-model",
        causal=True,
        **dealt(text[:, :-1].contiguous(), text[:, 1:].contiguous()),
    )
