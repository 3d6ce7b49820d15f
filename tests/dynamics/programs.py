"""Small programs of every task, on real data or on random tokens, that the tests of the dynamics share."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nbinspect.subject import Subject, make_subject

_DIGITS = load_digits()
PIXELS = torch.tensor(_DIGITS.data, dtype=torch.float32) / 16
CLASSES = torch.tensor(_DIGITS.target)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 10))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(384, 10),
    )


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 12, batch_first=True), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x.unflatten(1, (8, 8)))[0][:, -1])


class Tokens(nn.Module):
    """Outputs (N, T, V); with `across`, (N, V, T)."""

    def __init__(self, across: bool = False) -> None:
        super().__init__()
        self.embedding, self.head, self.across = nn.Embedding(20, 8), nn.Linear(8, 20), across

    def forward(self, ids: Tensor) -> Tensor:
        out = self.head(self.embedding(ids))
        return out.transpose(1, 2) if self.across else out


class Down(nn.Module):
    """A small network for masks: down, up, and a skip across."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first, self.deep = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.last = nn.Conv2d(12, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.first(x).relu()
        deep = F.interpolate(self.deep(wide).relu(), scale_factor=2)
        return self.last(torch.cat([wide, deep], 1))


class Named(Dataset):
    """Samples as dicts, as tokenised data sets have them."""

    def __init__(self, **columns: Tensor) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self.columns.items()}


def digits(model: nn.Module | None = None, *, workers: int = 0, loss_fn=None, **options) -> Subject:
    loader = DataLoader(TensorDataset(PIXELS[:600], CLASSES[:600]), 64, shuffle=True, num_workers=workers)
    validation = DataLoader(TensorDataset(PIXELS[600:1000], CLASSES[600:1000]), 64)
    given = {"val_loader": validation, **options}
    return make_subject(model or mlp(), loader, loss_fn or nn.CrossEntropyLoss(), **given)


def ids(count: int = 12, length: int = 9, vocabulary: int = 20) -> Tensor:
    return torch.randint(0, vocabulary, (count, length), generator=torch.Generator().manual_seed(3))


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=20, n_positions=16, bos_token_id=1, eos_token_id=1)
    return GPT2LMHeadModel(config)


def bert(kind: str) -> nn.Module:
    import transformers

    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    return getattr(transformers, kind)(config)


def everything(model: nn.Module) -> dict[str, object]:
    """What a reading must leave as it was: bytes, versions, gradients, modes, and random states."""
    import random

    import numpy as np

    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    found: dict[str, object] = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    found |= {f"version of {name}": tensor._version for name, tensor in tensors.items()}
    found |= {f"identity of {name}": id(tensor) for name, tensor in tensors.items()}
    found |= {f"grad of {name}": None if t.grad is None else t.grad.clone() for name, t in model.named_parameters()}
    found |= {f"mode of {name}": module.training for name, module in model.named_modules()}
    found |= {f"hooks of {name}": len(module._forward_hooks) for name, module in model.named_modules()}
    return found | {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": torch.tensor(np.random.get_state()[1].astype("int64")),
    }


def same(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """The names of what differs."""
    assert one.keys() == other.keys()
    return [
        name
        for name, value in one.items()
        if not (torch.equal(value, other[name]) if isinstance(value, Tensor) else value == other[name])
    ]
