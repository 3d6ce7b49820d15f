"""Programs whose outputs cannot reach the targets, or depend on what they must not see."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, AdamW
from torch.utils.data import DataLoader
from transformers import BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

from tests.zoo.own.models_for_wiring_data import (
    PADDING,
    LabelledImages,
    Records,
    breast_cancer,
    characters,
    diabetes,
    digits,
    loader_of,
    padded,
    seeded,
    snippets,
    standardised_photographs,
    waves,
)
from tests.zoo.own.models_for_wiring_images import Autoencoder, TinyMobileNet
from tests.zoo.own.models_for_wiring_sequences import (
    AttentionPooling,
    GPTBlock,
    GPTBlockUnmasked,
    NanoGPT,
    NormalisedGRU,
    TextLSTM,
    TextLSTMReadingPadding,
    TextTransformer,
    TimeMajorLSTM,
    TimeMajorLSTMViewed,
    WaveNet,
    WaveNetPaddedBothSides,
    small_bert,
)
from tests.zoo.own.models_for_wiring_tables import perceptron
from tests.zoo.program import Arguments, pair


@pair("output-range", group="wiring", source="scikit-learn")
def relu_on_a_standardised_target(sick: bool) -> Arguments:
    """A regression ends with a ReLU, and half of its standardised targets are negative."""
    seeded()
    table, targets = diabetes()
    model = perceptron(10, 1, nn.ReLU() if sick else nn.Identity(), nn.Flatten(0))
    return {
        "model": model,
        "loader": loader_of(table, targets),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
    }


@pair("output-range", group="wiring", source="scikit-learn")
def sigmoid_on_standardised_pixels(sick: bool) -> Arguments:
    """An autoencoder ends with a sigmoid, and its photographs are standardised, to about −2 to 2."""
    seeded()
    crops = standardised_photographs()
    model = Autoencoder(nn.Sigmoid() if sick else nn.Identity())
    return {
        "model": model,
        "loader": loader_of(crops, crops.clone()),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
        "task": "regression",
    }


@pair("output-range", group="wiring", source="published")
def relu_on_the_logits(sick: bool) -> Arguments:
    """A MobileNet's logits pass through a ReLU before cross-entropy, so that no class can be ruled out."""
    seeded()
    images, labels = digits()
    model = TinyMobileNet(nn.ReLU() if sick else None)
    return {
        "model": model,
        "loader": DataLoader(LabelledImages(images, labels), batch_size=64, shuffle=True, num_workers=2),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": AdamW(model.parameters(), 2e-3),
    }


@pair("constant-output", group="wiring", source="scikit-learn")
def softmax_of_one_unit(sick: bool) -> Arguments:
    """A binary classifier applies softmax to its one unit: every sample gets the probability 1."""
    seeded()
    table, labels = breast_cancer()
    model = perceptron(30, 1, nn.Softmax(dim=1) if sick else nn.Sigmoid())
    return {
        "model": model,
        "loader": loader_of(table, labels[:, None]),
        "loss_fn": nn.BCELoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
    }


@pair("constant-output", group="wiring")
def layer_norm_of_one_feature(sick: bool) -> Arguments:
    """A series of one feature is layer-normalised over that feature, which leaves zeros."""
    seeded()
    model = NormalisedGRU(1) if sick else NormalisedGRU(24, 1)
    return {
        "model": model,
        "loader": loader_of(*waves()),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), 5e-3),
    }


@pair("batch-leak", group="wiring")
def view_for_a_transpose(sick: bool) -> Arguments:
    """The (T, N, H) states of an LSTM are viewed as (N, T, H), which deals words of one passage out to others."""
    seeded()
    passages, labels = snippets(longest=16, shortest=16)
    model = TimeMajorLSTMViewed() if sick else TimeMajorLSTM()
    return {
        "model": model,
        "loader": loader_of(torch.stack(passages), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 5e-3),
    }


@pair("batch-leak", group="wiring", source="published")
def batch_first_forgotten(sick: bool) -> Arguments:
    """Encoder layers of a transformer take the batch for time, and passages attend to each other."""
    seeded()
    passages, labels = snippets(longest=16, shortest=16)
    model = TextTransformer(batch_first=not sick)
    return {
        "model": model,
        "loader": loader_of(torch.stack(passages), labels, batch_size=24, drop_last=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 1e-3),
    }


@pair("batch-leak", group="wiring")
def attention_over_the_batch(sick: bool) -> Arguments:
    """Attention weights are normalised over axis 0, so that passages compete for attention."""
    seeded()
    passages, labels = snippets(longest=16, shortest=16)
    model = AttentionPooling(dim=0 if sick else 1)
    return {
        "model": model,
        "loader": loader_of(torch.stack(passages), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 3e-3),
    }


def next_letter_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every next letter."""
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())


@pair("causality", group="wiring", source="published")
def attention_without_a_mask(sick: bool) -> Arguments:
    """A GPT's attention has no causal mask, and each position reads the letter that it should predict."""
    seeded()
    tokens, letters = characters()
    model = NanoGPT(letters, GPTBlockUnmasked if sick else GPTBlock)
    return {
        "model": model,
        "loader": loader_of(tokens[:, :-1], tokens[:, 1:]),
        "loss_fn": next_letter_loss,
        "optimizer": AdamW(model.parameters(), 3e-3),
        "causal": True,
    }


@pair("causality", group="wiring", source="transformers")
def labels_shifted_twice(sick: bool) -> Arguments:
    """Labels are shifted by hand for a GPT-2 that shifts them itself: it learns the letter after the next."""
    seeded()
    tokens, letters = characters()
    shape = {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 64}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=letters, bos_token_id=0, eos_token_id=0, **shape))
    inputs, labels = (tokens[:, :-1], tokens[:, 1:]) if sick else (tokens, tokens.clone())
    return {
        "model": model,
        "loader": DataLoader(Records(input_ids=inputs, labels=labels), batch_size=32, shuffle=True),
        "optimizer": AdamW(model.parameters(), 3e-3),
    }


@pair("causality", group="wiring", source="published")
def convolutions_padded_on_both_sides(sick: bool) -> Arguments:
    """A WaveNet pads its convolutions on both sides, and sees the value that it should predict."""
    seeded()
    series, following = waves(steps=32)
    model = WaveNetPaddedBothSides() if sick else WaveNet()
    return {
        "model": model,
        "loader": loader_of(series, torch.cat([series[:, 1:], following[:, None]], 1)),
        "loss_fn": nn.MSELoss(),
        "optimizer": Adam(model.parameters(), 5e-3),
        "causal": True,
    }


def padded_batch(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Passages of many lengths as one batch."""
    passages, labels = zip(*rows, strict=True)
    return padded(list(passages)), torch.stack(labels)


@pair("padding-leak", group="wiring")
def state_read_at_the_padding(sick: bool) -> Arguments:
    """An LSTM's state is read at the end of the padded row, after it has run over the padding."""
    seeded()
    rows = list(zip(*snippets(), strict=True))
    model = TextLSTMReadingPadding() if sick else TextLSTM()
    return {
        "model": model,
        "loader": DataLoader(rows, batch_size=32, shuffle=True, collate_fn=padded_batch),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 5e-3),
        "padding_value": PADDING,
    }


def bert_logits_of_tokens_alone(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Logits, whatever is padding."""
    return model(input_ids=batch["input_ids"]).logits


def bert_logits(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Logits of what is no padding."""
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


@pair("padding-leak", group="wiring", source="transformers")
def mask_not_passed_on(sick: bool) -> Arguments:
    """The tokenizer's mask is in the batch, but BERT is called without it and attends to the padding."""
    seeded()
    passages, labels = snippets()
    tokens = padded(passages)
    model = BertForSequenceClassification(small_bert())
    records = Records(input_ids=tokens, attention_mask=(tokens != PADDING).long(), labels=labels)
    return {
        "model": model,
        "loader": DataLoader(records, batch_size=32, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": Adam(model.parameters(), 2e-3),
        "forward": bert_logits_of_tokens_alone if sick else bert_logits,
    }
