from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.sanity.init.loss_at_init import CHECK
from tests.sanity.running import run_one

X, Y = torch.randn(64, 16, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3


def judged(model: nn.Module, **options: object) -> str:
    result = run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), **options)
    return f"{result.status}: {result.summary}"


def test_a_fresh_network_is_untrained() -> None:
    """A fresh optimizer, as an object, in a mapping or as a factory, is no evidence of training."""
    model = nn.Linear(16, 3)
    one = torch.optim.SGD(model.parameters())
    for optimizer in (one, {"all": one}, partial(torch.optim.Adam, lr=1e-3)):
        assert judged(model, optimizer=optimizer).startswith("pass")


def test_state_of_the_optimizer_tells_the_steps() -> None:
    """Thirty steps of Adam are counted; momentum alone has no count."""
    model = nn.Linear(16, 3)
    for optimizer in (torch.optim.Adam(model.parameters()), torch.optim.SGD(model.parameters(), momentum=0.9)):
        for _ in range(30):
            optimizer.zero_grad()
            (0 * F.cross_entropy(model(X), Y)).backward()
            optimizer.step()
        optimizer.zero_grad()
        said = judged(model, optimizer=optimizer)
        assert said.startswith("skip")
        assert ("30 steps" in said) == isinstance(optimizer, torch.optim.Adam)


def test_batch_norm_that_has_seen_batches_tells() -> None:
    """One pass in train mode outside of the check is enough, and the check's own leaves no count."""
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert judged(model).startswith("pass")
    assert judged(model).startswith("pass")
    model(X)
    assert "1 has seen 1 batches" in judged(model)


def test_a_loss_clearly_below_chance_tells() -> None:
    """A network that knows the targets is trained, though nothing else says so."""
    model = nn.Linear(16, 3)
    x = F.one_hot(Y, 16).float()
    with torch.no_grad():
        model.weight.copy_(6 * torch.eye(3, 16))
    result = run_one(CHECK, model=model, loader=[(x, Y)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == "skip"
    assert "below" in result.summary


def test_a_norm_whose_scales_and_shifts_have_moved_tells() -> None:
    """What was trained on other targets is known by its norm, though a new optimizer and the loss say nothing."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 3))
    assert judged(model).startswith("pass")
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(model(X), (X[:, 0] > 0).long()).backward()
        optimizer.step()
    optimizer.zero_grad()
    assert judged(model).startswith("skip: needs an untrained network: the scales and shifts of 0 have moved")


def test_norms_that_are_drawn_at_random_are_no_evidence() -> None:
    """Scales drawn around one beside shifts of zero are an initialisation, and so is all drawn from one normal."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 3))
    nn.init.normal_(model[0].weight, 1.0, 0.02)
    assert judged(model).startswith("pass")
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    assert not judged(model).startswith("skip")
