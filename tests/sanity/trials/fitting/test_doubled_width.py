from __future__ import annotations

import torch
from torch import nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.doubled_width import doubled
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.subject import make_subject


def test_the_wider_network_trains_both_halves_and_leaves_the_original() -> None:
    """Its optimizer holds twice the parameters, its outputs differ from one half's, and a step moves both halves."""
    x, y = torch.randn(8, 4), torch.arange(8) % 3
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    subject = make_subject(model, [(x, y)], nn.CrossEntropyLoss())
    batch, way = make_batch(subject, (x, y)), doubled(0.01)
    with trained(Program(subject, Limits(60)), own=False, optimizer=way.optimizer, changed=way.changed) as trainee:
        held = trainee.optimizers["optimizer"].param_groups[0]["params"]
        assert len(held) == 2 * len(before)
        assert sorted(held[0].flatten().tolist()) == sorted(held[4].flatten().tolist())
        assert not torch.equal(trainee.outputs(batch), model(x).detach())
        was = [parameter.detach().clone() for parameter in held]
        trainee.step(batch)
        assert all(not torch.equal(now, then) for now, then in zip(held, was, strict=True))
    assert all(torch.equal(now, then) for now, then in zip(model.parameters(), before, strict=True))
