"""Broken programs as they were reported, each with its mended twin: overlap, a new net, dropout, codes and segments."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_reef_parts import reef_blobs, reef_digits, reef_loader, reef_loaders, reef_start


class SegmenterThatReconstructs(nn.Module):
    """One encoder, a decoder for the mask and one for the image, joined as two channels."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
        )
        self.mask = nn.Conv2d(width, 1, 3, padding=1)
        self.image = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        return torch.cat([torch.sigmoid(self.mask(features)), self.image(features)], dim=1)


class OverlapAndReconstruction(nn.Module):
    """The overlap of the masks, with a sign, and a little of the error of the image."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = sign

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        predicted, true = outputs[:, 0].flatten(1), targets[:, 0].flatten(1)
        overlap = 2 * (predicted * true).sum(1) / (predicted.square().sum(1) + true.square().sum(1) + 1e-6)
        return self.sign * overlap.mean() + 0.1 * F.mse_loss(outputs[:, 1], targets[:, 1])


@pair("loss-direction", group="wiring")
def overlap_added_without_its_minus(sick: bool) -> Arguments:
    """The dice overlap, which should grow, is added to the loss without a minus.

    (IAmSuyogJadhav/3d-mri-brain-tumor-segmentation-using-autoencoder-regularization#7).
    """
    reef_start()
    x, mask = reef_blobs(500)
    model = SegmenterThatReconstructs()
    return dict(
        model=model,
        loss_fn=OverlapAndReconstruction(1.0 if sick else -1.0),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="other",
        **reef_loaders(x, torch.cat([mask, x], dim=1), train=400, batch=16),
    )


def digit_net(width: int) -> nn.Sequential:
    """A perceptron on digits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


@pair("optimizer-mismatch", group="training", source="scikit-learn")
def another_net_with_the_optimizer_of_the_first(sick: bool) -> Arguments:
    """The network is replaced by another one during the project, and the optimizer of the first is kept.

    (pytorch/pytorch#54765).
    """
    reef_start()
    net = digit_net(32)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    net = digit_net(96)
    if not sick:
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    return dict(
        model=net,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        **reef_loaders(*reef_digits(), train=1000),
    )


class SmallDeepLab(nn.Module):
    """Convolutions of several dilations, their projection, dropout and the classes of the pixels."""

    def __init__(self, dropout: float, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=rate, dilation=rate, bias=False), nn.BatchNorm2d(width), nn.ReLU()
            )
            for rate in (1, 2, 4)
        )
        self.projection = nn.Sequential(
            nn.Conv2d(3 * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.classes = nn.Conv2d(width, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.projection(torch.cat([branch(x) for branch in self.branches], dim=1))
        classes: Tensor = self.classes(x)
        return classes


@pair("regularised-debug-run", group="training")
def projection_that_drops_what_it_should_keep(sick: bool) -> Arguments:
    """The dropout of the projection is 0.9, which was the probability to keep, instead of 0.1.

    (bonlime/keras-deeplab-v3-plus#4).
    """
    reef_start()
    x, mask = reef_blobs(500)
    inner = -F.max_pool2d(-mask, 3, stride=1, padding=1)
    model = SmallDeepLab(dropout=0.9 if sick else 0.1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        task="segmentation",
        **reef_loaders(x, (mask + inner)[:, 0].long(), train=400, batch=16),
    )


class Compressor(nn.Module):
    """An autoencoder whose code takes one of five values, with the gradient of the soft choice."""

    centres: Tensor

    def __init__(self, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 12))
        self.decoder = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64))
        self.register_buffer("centres", torch.arange(-2.0, 3.0))

    def forward(self, x: Tensor) -> Tensor:
        distances = (self.encoder(x).unsqueeze(2) - self.centres).abs()
        soft = (F.softmax(-distances, dim=2) * self.centres).sum(2)
        hard = self.centres[distances.argmin(2)]
        code = (hard - soft).detach() + soft
        decoded: Tensor = self.decoder(torch.round(code) if self.rounded else code)
        return decoded


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def code_rounded_after_the_soft_choice(sick: bool) -> Arguments:
    """The hard code, which passes the gradient of the soft one, is rounded once more and passes none.

    (Justin-Tan/generative-compression#51).
    """
    reef_start()
    x = reef_digits()[0].flatten(1)
    model = Compressor(rounded=sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **reef_loaders(x, x, train=1000),
    )


class PairClassifier(nn.Module):
    """A small BERT over two sentences, and two classes from its first place."""

    def __init__(self, with_types: bool) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=24,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=24,
        )
        self.with_types = with_types
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classes = nn.Linear(32, 2)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor) -> Tensor:
        types = token_type_ids if self.with_types else None
        hidden = self.bert(input_ids, token_type_ids=types, attention_mask=attention_mask).last_hidden_state
        classes: Tensor = self.classes(hidden[:, 0])
        return classes


def pairs_of_sentences(samples: int) -> tuple[Tensor, ...]:
    """Two sentences, [CLS] a [SEP] b [SEP], and whether the word 5 stands in the second; 0 pads."""
    ids = torch.zeros(samples, 20, dtype=torch.long)
    types = torch.zeros(samples, 20, dtype=torch.long)
    y = torch.arange(samples) % 2
    for i in range(samples):
        first, second = (torch.randint(6, 24, (int(n),)) for n in torch.randint(4, 9, (2,)))
        chosen = second if y[i] else first
        chosen[int(torch.randint(len(chosen), (1,)))] = 5
        row = torch.cat([torch.tensor([1]), first, torch.tensor([2]), second, torch.tensor([2])])
        ids[i, : len(row)] = row
        types[i, len(first) + 2 : len(row)] = 1
    return ids, types, (ids != 0).long(), y


@pair("unused-input", group="wiring", source="transformers")
def both_sentences_as_the_first_one(sick: bool) -> Arguments:
    """The types of the tokens are not handed to BERT, which takes both sentences of a pair for the first one.

    (huggingface/transformers#263).
    """
    reef_start()
    tensors = pairs_of_sentences(1200)
    order = torch.randperm(1200)
    rows = [t[order] for t in tensors]
    model = PairClassifier(with_types=not sick)
    return {
        "model": model,
        "loader": reef_loader(TensorDataset(*(t[:1000] for t in rows))),
        "val_loader": reef_loader(TensorDataset(*(t[1000:] for t in rows)), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "padding_value": 0,
    }
