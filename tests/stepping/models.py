"""Models that the tests of stepping run, small, with what makes a forward hard to follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from nbinspect.subject import Subject


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    """A CNN with batch normalisation and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(8 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)))
        x = F.max_pool2d(x, 2)
        x = x.flatten(1)
        return self.fc(self.drop(x))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([Block(), Block()])

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(torch.tanh(self.layer(self.layer(x))))


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h, c = torch.zeros(len(x), 6, dtype=x.dtype), torch.zeros(len(x), 6, dtype=x.dtype)
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
        return self.head(h)


class Writes(nn.Module):
    """Writes in place, also to its input and by indexing, and returns a nested value."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> dict[str, Any]:
        x.mul_(2)
        y = self.layer(x)
        y[0] = 1
        top, where = y.topk(2)
        return {"logits": y * 1, "top": (top, where)}


class Branches(nn.Module):
    """Goes by values, through NumPy too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if y.sum() > 0:
            y = y * 2
        for _ in range(int(y.detach().float().numpy().argmax()) % 3):
            y = y + 1
        return y


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.out = nn.Linear(6, 11, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.embedding(ids))


def normed() -> nn.Module:
    return nn.Sequential(
        parametrizations.weight_norm(nn.Linear(4, 4)), nn.ReLU(), parametrizations.spectral_norm(nn.Linear(4, 3))
    )


def bert() -> nn.Module:
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return BertForSequenceClassification(BertConfig(vocab_size=50, max_position_embeddings=32, num_labels=3, **sizes))


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
    return GPT2LMHeadModel(GPT2Config(vocab_size=50, bos_token_id=0, eos_token_id=1, **sizes))


def tokens() -> dict[str, Tensor]:
    ids = torch.arange(20).view(2, 10) % 50
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    return {"input_ids": ids, "attention_mask": mask}


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "cnn": (Net, lambda: normal(4, 3, 8, 8)),
    "nested": (Nested, lambda: normal(2, 3, 6, 6)),
    "sequential": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)),
        lambda: normal(3, 4),
    ),
    "leaf": (lambda: nn.Linear(4, 2), lambda: normal(3, 4)),
    "shared": (Shared, lambda: normal(3, 4)),
    "loop": (Loop, lambda: normal(3, 5, 4)),
    "lstm": (lambda: nn.LSTM(4, 6, 2, dropout=0.5), lambda: normal(3, 5, 4)),
    "writes": (Writes, lambda: normal(3, 4)),
    "branches": (Branches, lambda: normal(3, 4)),
    "tied": (Tied, lambda: torch.arange(6).view(2, 3)),
    "normed": (normed, lambda: normal(3, 4)),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), lambda: normal(2, 5, 8)),
    "bert": (bert, tokens),
    "gpt2": (gpt2, tokens),
}


def made(name: str) -> tuple[nn.Module, Any]:
    """Return a model, made from the same seed each time, and its batch."""
    build, batch = MODELS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(), batch()


def called(model: nn.Module, batch: Any) -> Any:
    return model(**batch) if isinstance(batch, dict) else model(batch)


def subject(model: nn.Module, loss_fn: Any = None, **options: Any) -> Subject:
    return Subject(model, None, loss_fn, **options)
