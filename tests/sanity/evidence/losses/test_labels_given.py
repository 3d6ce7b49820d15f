from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect import check

DRAWN = torch.Generator().manual_seed(0)
X, Y, Z = torch.randn(400, 6, generator=DRAWN), torch.arange(400) // 100, torch.randn(400, 1, generator=DRAWN)

Loss = Callable[[Any, Any], Any]


def by_its_turn(model: Any, batch: Any) -> Tensor:
    """Rows are turned, and by how much is to be told; labels are left alone."""
    turns = torch.randint(4, (len(batch[0]),))
    rows = torch.stack([row.roll(int(turn)) for row, turn in zip(batch[0], turns, strict=True)])
    return F.cross_entropy(model(rows)[:, :4], turns)


def by_what_comes(model: Any, batch: Any) -> Tensor:
    rows, ends, gains = batch
    return F.mse_loss(
        model(rows)[:, :1], gains + 0.9 * (1 - ends[:, None]) * model(rows.flip(0)).detach().amax(1, True)
    )


def by_labels(model: Any, batch: Any) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1])


def by_shares(model: Any, batch: Any) -> Tensor:
    return F.cross_entropy(model(batch[0]), F.one_hot(batch[1], 6).float() * 0.9 + 0.1 / 6)


@pytest.mark.parametrize(
    ("loss_of", "data", "judged"),
    [
        (by_its_turn, (X, Y), False),
        (by_what_comes, (X, (Y == 3).float(), Z), False),
        (by_labels, (X, Y), True),
        (by_shares, (X, Y), True),
    ],
)
def test_labels_are_judged_where_the_losses_of_the_step_are_given_them(loss_of: Loss, data: Any, judged: bool) -> None:
    """What no loss reads is no target: it need not follow from the inputs, nor come in a mixed order."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def train_step(batch: Any) -> None:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        optimizer.step()

    loader = list(zip(*(part.split(20) for part in data), strict=True))
    asked = ["not-shuffled", "nothing-to-learn", "label-noise", "class-imbalance"]
    report = check(model, loader, optimizer=optimizer, train_step=train_step, only=asked)
    told = {one.check: one.status for one in report.record.results}
    assert "train_step" in " ".join(report.record.notes)
    assert told["not-shuffled"] == ("fail" if judged else "warn")
    assert [told[name] for name in asked[1:]].count("skip") == (0 if judged else 3)
