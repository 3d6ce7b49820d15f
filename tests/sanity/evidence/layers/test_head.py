from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.evidence.layers.head import bias_of, head_before, oversize
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.sanity.task import loss_call
from nbinspect.subject import make_subject


def test_the_last_layer_before_the_loss_is_found_with_its_bias_and_size() -> None:
    """The head is told from the layers before it, its bias by its length, its weights beside one over √inputs."""
    model = nn.Sequential(nn.Linear(4, 25), nn.ReLU(), nn.Linear(25, 3), nn.Softplus())
    batch = (torch.randn(6, 4), torch.randn(6, 3))
    subject = make_subject(model, [batch], nn.MSELoss())
    recorded = record(Program(subject, Limits(60)), make_batch(subject, batch))
    call = loss_call(recorded)
    assert call is not None
    head = head_before(recorded, call.operation)
    assert head is not None
    assert (head.name, bias_of(recorded, head, 3), bias_of(recorded, head, 2)) == ("2.weight", "2.bias", "")
    assert oversize(head) == pytest.approx(5 * float(head.weight.detach().square().mean().sqrt()), rel=1e-6)


def test_without_a_layer_nothing_is_told() -> None:
    """Where no layer weighs there is neither bias nor size."""
    assert bias_of(None, None, 3) == ""  # type: ignore[arg-type] # no layer needs no record
    assert oversize(None) == 0
