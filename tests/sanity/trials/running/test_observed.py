from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.sanity.trials.running.observed import observe
from tests.sanity.states import state_of
from tests.sanity.trials.ways import parts, program_of, work


def test_six_updates_are_observed() -> None:
    """A usual step updates every parameter from the first call on, and the originals stay."""
    model, optimizer, loader = parts()
    program, batches = program_of(model, loader, optimizer=optimizer, train_step=work)
    before = state_of(model, optimizer)
    observed = observe(program, batches)
    names = frozenset(dict(model.named_parameters()))
    assert len(observed.updating) == len(observed.steps) == 6
    assert observed.rewritten == observed.arrived == observed.trainable == names
    assert observed.held == {"optimizer": names}
    assert observed.is_own
    assert state_of(model, optimizer) == before


@pytest.mark.parametrize("every", [2, 4])
def test_accumulation_is_waited_for(every: int) -> None:
    """Where each k-th call updates, six updates take 6k calls, but never more than 24."""
    model, optimizer, loader = parts()
    calls = [0]

    def step(model: Any, batch: Any, optimizer: Any) -> None:
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        calls[0] += 1
        if calls[0] % every == 0:
            optimizer.step()
            optimizer.zero_grad()

    program, batches = program_of(model, loader, optimizer=optimizer, train_step=step)
    observed = observe(program, batches)
    assert len(observed.updating) == 6
    assert len(observed.steps) == 6 * every
    assert calls == [0]


def test_warm_up_from_zero_is_no_update() -> None:
    """The first step at a rate of 0 changes nothing and is not judged."""
    model, optimizer, loader = parts()
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: at / 4)
    program, batches = program_of(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler)
    observed = observe(program, batches)
    assert len(observed.steps) == len(observed.updating) + 1
    assert observed.scheduled == {"scheduler": len(observed.steps)}


def test_an_optimizer_that_has_its_turn_now_and_then_is_waited_for() -> None:
    """Steps go on until every optimizer has stepped."""
    model, _, loader = parts()
    body = torch.optim.SGD(model.body.parameters(), 0.1)
    head = torch.optim.SGD(model.head.parameters(), 0.1)
    calls = [0]

    def step(batch: Any) -> None:
        calls[0] += 1
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        body.step()
        if calls[0] % 10 == 0:
            head.step()
        model.zero_grad()

    program, batches = program_of(model, loader, train_step=step)
    observed = observe(program, batches)
    assert len(observed.steps) == 10
    assert "head.weight" in observed.rewritten
