"""Networks of the programs about training steps: published ones, small, and transformers of random weights."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class LeNet(nn.Module):
    """LeNet-5, cut down to digits of 8 × 8."""

    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU()
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(24 * 16, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, x):
        return self.classifier(self.features(x))


class BasicBlock(nn.Module):
    """Two convolutions with batch norm around a skip connection."""

    def __init__(self, inside, outside, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.short = nn.Sequential()
        if stride != 1 or inside != outside:
            self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNet(nn.Module):
    """A ResNet of three blocks for small pictures."""

    def __init__(self, classes=10, channels=1, width=12):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.layers = nn.Sequential(
            BasicBlock(width, width), BasicBlock(width, 2 * width, 2), BasicBlock(2 * width, 2 * width)
        )
        self.fc = nn.Linear(2 * width, classes)

    def forward(self, x):
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


def mlp(*sizes, activation=nn.ReLU):
    """Linear layers of these sizes with an activation between them."""
    layers = []
    for inside, outside in pairwise(sizes):
        layers += [nn.Linear(inside, outside), activation()]
    return nn.Sequential(*layers[:-1])


def gpt2(vocabulary, positions=64, width=48):
    """GPT-2 of two layers without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary, n_positions=positions, n_embd=width, n_layer=2, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def distilbert(vocabulary, labels=4, width=48):
    """DistilBERT of two layers for classification."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=vocabulary, max_position_embeddings=48, dim=width, n_layers=2, n_heads=4, hidden_dim=2 * width,
        num_labels=labels, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0,
    )  # fmt: skip
    return DistilBertForSequenceClassification(config)


def bert(vocabulary, labels=4, width=48, layers=2):
    """BERT for classification, its padding id unused by the data."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=2 * width, max_position_embeddings=48, num_labels=labels,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=None, type_vocab_size=1,
    )  # fmt: skip
    return BertForSequenceClassification(config)


def vit(classes=10, width=48, layers=2, spread=0.02):
    """A ViT over patches of 2 × 2 of the digits."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=8, patch_size=2, num_channels=1, hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=4, intermediate_size=2 * width, num_labels=classes,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=spread,
    )  # fmt: skip
    return ViTForImageClassification(config)


class WordLSTM(nn.Module):
    """Words, an LSTM, the mean of its states, a class."""

    def __init__(self, vocabulary, classes=4, width=48):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32)
        self.lstm = nn.LSTM(32, width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0].mean(1))


class CharGRU(nn.Module):
    """Characters in, the next character out."""

    def __init__(self, vocabulary, width=64):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 32)
        self.gru = nn.GRU(32, width, batch_first=True)
        self.out = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.out(self.gru(self.embedding(ids))[0])
