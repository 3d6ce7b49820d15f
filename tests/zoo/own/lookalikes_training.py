"""Healthy programs that a careless check of the training step would take for broken."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

from tests.zoo.own.data_for_lookalikes import loaders, passages_for_transformers, standard_digits
from tests.zoo.own.models_for_lookalikes import LeNet, ResNet
from tests.zoo.own.models_for_lookalikes_kept import Averaged, CachedPositions
from tests.zoo.program import Arguments, healthy


def clipped_step(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer, scheduler) -> Tensor:
    """A step as transformers' trainer makes it: gradient norm cut to 1, then update, then schedule."""
    loss = model(**batch).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="transformers")
def clipped_at_one_during_warm_up() -> Arguments:
    """Gradients are clipped at a norm of 1 while the rate warms up from zero, and decays linearly to the end."""
    torch.manual_seed(0)
    rows, vocabulary = passages_for_transformers()
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=32,
        num_labels=4,
    )
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": DataLoader(rows[:416], batch_size=32, shuffle=True),
        "val_loader": DataLoader(rows[416:], batch_size=32),
        "optimizer": optimizer,
        "scheduler": get_linear_schedule_with_warmup(optimizer, 20, 260),
        "total_steps": 260,
        "train_step": clipped_step,
    }


@healthy(resembles="learning-rate", source="published")
def tuned_at_a_low_rate() -> Arguments:
    """A trained network is tuned on shifted images at a sixteenth of its rate, at which its loss still falls."""
    torch.manual_seed(0)
    parts = standard_digits()
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(2):
        for x, y in DataLoader(TensorDataset(parts.x, parts.y), batch_size=32, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    parts = parts._replace(x=torch.roll(parts.x, 1, dims=2), x_val=torch.roll(parts.x_val, 1, dims=2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders(parts))


def one_cycle_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler) -> Tensor:
    """A step after which the schedule moves on."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@healthy(resembles="lr-schedule", source="published")
def one_cycle_to_nothing() -> Arguments:
    """The rate rises from a twenty-fifth of its peak and falls along a cosine to nothing at the very last step."""
    torch.manual_seed(0)
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=231),
        total_steps=230,
        train_step=one_cycle_step,
        **loaders(standard_digits(1000)),
    )


@healthy(resembles="memory-growth", source="scikit-learn")
def positions_cached_by_length() -> Arguments:
    """Positions are computed once a length and kept: the cache fills with three lengths, and stops."""
    torch.manual_seed(0)
    parts = standard_digits(1000)
    model = CachedPositions()
    loader = DataLoader(
        TensorDataset(parts.x.squeeze(1), parts.y),
        batch_size=32,
        shuffle=True,
        drop_last=True,
        collate_fn=cut_to_a_length,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def cut_to_a_length(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Images cut to their first six, seven or eight rows, one length a batch."""
    length = int(torch.randint(6, 9, ()))
    return torch.stack([x[:length] for x, _ in rows]), torch.stack([y for _, y in rows])


def teacher_step(model: Averaged, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of the student, pulled towards the teacher's opinion, after which the teacher follows."""
    x, y = batch
    optimizer.zero_grad()
    logits = model(x)
    with torch.no_grad():
        opinion = model.average(x + 0.1 * torch.randn_like(x)).softmax(1)
    loss = F.cross_entropy(logits, y) + 0.3 * F.mse_loss(logits.softmax(1), opinion)
    loss.backward()
    optimizer.step()
    model.follow()
    return loss.detach()


@healthy(resembles="frozen-parameters-change", source="published")
def teacher_that_follows_its_student() -> Arguments:
    """Mean teacher (Tarvainen 2017): the teacher is not trained and moves all the same, as the student's average."""
    torch.manual_seed(0)
    model = Averaged(LeNet())
    optimizer = torch.optim.Adam(model.net.parameters(), lr=3e-3)
    data = loaders(standard_digits(1000))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, train_step=teacher_step, **data)
