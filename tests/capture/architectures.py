"""Models of many makes, each with a batch that it takes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

Made = tuple[nn.Module, Any]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x
        return F.relu(y)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 16, 3, 1, 1)
        self.up, self.last = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = torch.relu(self.down1(x))
        two = torch.relu(self.down2(F.max_pool2d(one, 2)))
        return self.last(torch.cat([one, self.up(two)], dim=1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(6, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 12)
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state)


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.drop = nn.Linear(10, 10), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> dict[str, Any]:
        once = self.shared(x).tanh()
        return {"once": once, "more": (self.drop(self.shared(once)), [self.shared(x) @ x.T, None])}


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant
        self.first, self.body, self.last = (
            nn.Linear(10, 10),
            nn.Sequential(nn.Linear(10, 10), nn.ReLU()),
            nn.Linear(10, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last(checkpoint(self.body, self.first(x), use_reentrant=self.reentrant))


class Roundabout(nn.Module):
    """Goes through NumPy, decides on values, and calls a function transform."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        scale = float(x.detach().numpy().std())
        y = self.fc(x) * scale
        if y.mean().item() > 0 or bool((y > 100).any()):
            y = y * 2
        weights = torch.func.vmap(lambda row: torch.softmax(row, 0) * row.sum())(y)
        slopes = torch.func.grad(lambda z: (z**2).sum())(y.detach())
        return weights + slopes + torch.from_numpy(y.detach().numpy().copy())


class Windowed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv1d(4, 8, 3, padding=1), nn.BatchNorm1d(8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))
        x = x.transpose(1, 2)
        return F.relu(self.fc(x))


class Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(10, 10))
        self.fc.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
        self.fc.register_forward_hook(lambda module, args, output: output + 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def _scripted() -> Made:
    model = nn.Sequential(nn.Linear(10, 10), torch.jit.script(nn.Sequential(nn.Linear(10, 4), nn.ReLU())), nn.ReLU())
    return model, torch.randn(3, 10)


def _cnn() -> Made:
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 49, 5)]
    return nn.Sequential(*layers), torch.randn(4, 3, 16, 16)


def _lstm() -> Made:
    return nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True, dropout=0.2), torch.randn(5, 7, 6)


def _encoder() -> Made:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 2).eval(), torch.randn(3, 6, 16)


def _frozen() -> Made:
    model = nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 2))
    model[0].requires_grad_(False)
    return model, torch.randn(4, 10)


def _transformers(name: str, config: str, batch: Any, **options: Any) -> Made:
    transformers = importlib.import_module("transformers")
    return getattr(transformers, name)(getattr(transformers, config)(**options)), batch


def _tokens() -> dict[str, Tensor]:
    mask = torch.ones(3, 12, dtype=torch.long)
    mask[1, 8:] = 0
    return {"input_ids": torch.randint(0, 99, (3, 12)), "attention_mask": mask}


_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}

ARCHITECTURES: dict[str, Callable[[], Made]] = {
    "mlp": lambda: (nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3)), torch.randn(6, 10)),
    "cnn": _cnn,
    "resnet": lambda: (nn.Sequential(nn.Conv2d(3, 8, 3), Residual(8), Residual(8)), torch.randn(4, 3, 10, 10)),
    "unet": lambda: (UNet(), torch.randn(2, 3, 8, 8)),
    "lstm": _lstm,
    "gru cell": lambda: (Recurrent(), torch.randn(4, 5, 6)),
    "dict output, shared module, dropout": lambda: (Named(), torch.randn(5, 10)),
    "checkpoint": lambda: (Checkpointed(False), torch.randn(4, 10)),
    "reentrant checkpoint": lambda: (Checkpointed(True), torch.randn(4, 10, requires_grad=True)),
    "encoder": _encoder,
    "numpy, control flow, vmap": lambda: (Roundabout(), torch.randn(6, 10)),
    "conv1d": lambda: (Windowed(), torch.randn(4, 4, 12)),
    "own hooks": lambda: (Hooked(), torch.randn(4, 10)),
    "scripted": _scripted,
    "frozen": _frozen,
    "bert": lambda: _transformers("BertModel", "BertConfig", _tokens(), vocab_size=99, **_SMALL),
    "gpt2": lambda: _transformers(
        "GPT2LMHeadModel",
        "GPT2Config",
        _tokens(),
        vocab_size=99,
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=16,
        bos_token_id=0,
        eos_token_id=0,
    ),
    "gpt2, eager attention": lambda: _transformers(
        "GPT2LMHeadModel",
        "GPT2Config",
        _tokens(),
        vocab_size=99,
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=16,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="eager",
    ),
    "bert, eager attention": lambda: _transformers(
        "BertModel", "BertConfig", _tokens(), vocab_size=99, attn_implementation="eager", **_SMALL
    ),
    "vit": lambda: _transformers(
        "ViTForImageClassification", "ViTConfig", torch.randn(2, 3, 16, 16), image_size=16, patch_size=4, **_SMALL
    ),
}
