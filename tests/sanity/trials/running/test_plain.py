from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor, nn

from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.plain import plain, without_decay
from nbinspect.subject import make_subject


class DropPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop_prob = 0.2


class GaussianNoise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.std = 0.5


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(
            hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, resid_pdrop=0.3, eps=0.5
        )
        self.parts = nn.ModuleList(
            [
                nn.Dropout(0.4),
                nn.Dropout2d(0.4),
                nn.AlphaDropout(0.4),
                nn.LSTM(4, 4, num_layers=2, dropout=0.4),
                nn.MultiheadAttention(4, 2, dropout=0.4),
                DropPath(),
                GaussianNoise(),
            ]
        )
        self.layerdrop = 0.1
        self.momentum = 0.9
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts[:2]:
            x = part(x)
        return self.head(x)


def test_every_kind_of_dropout_and_noise_is_switched_off_and_named() -> None:
    """Modules, attributes of recurrent and attention layers, drop paths, noise and configurations are found."""
    model = Everything()
    found = plain(Program(make_subject(model), Limits(60)))
    assert model.layerdrop == 0
    assert [model.parts[at].p for at in range(3)] == [0, 0, 0]
    assert [model.parts[3].dropout, model.parts[4].dropout, model.parts[5].drop_prob, model.parts[6].std] == [0] * 4
    config = model.config
    assert [config.hidden_dropout_prob, config.attention_probs_dropout_prob, config.resid_pdrop] == [0, 0, 0]
    assert (config.eps, model.momentum) == (0.5, 0.9)
    assert {"parts.0.p 0.4", "parts.3.dropout 0.4", "config.resid_pdrop 0.3", "layerdrop 0.1"} <= set(found)
    assert plain(Program(make_subject(model), Limits(60))) == ()


def test_weight_decay_of_every_group_is_switched_off() -> None:
    """Each decay is named once, and the rates stay."""
    weights = [nn.Parameter(torch.ones(1)) for _ in range(3)]
    groups = [{"params": weights[:1], "weight_decay": 0.1}, {"params": weights[1:2], "weight_decay": 0.1}]
    optimizer = torch.optim.AdamW([*groups, {"params": weights[2:], "weight_decay": 0.0}], 0.01)
    assert without_decay([optimizer]) == ("weight decay 0.1",)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0, 0, 0]
    assert [group["lr"] for group in optimizer.param_groups] == [0.01] * 3
