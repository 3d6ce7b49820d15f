from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from nbinspect.capture.alone import alone
from nbinspect.errors import CaptureError


@pytest.fixture
def two_ranks(tmp_path, monkeypatch):
    """A group that believes in a second rank, which there is not: whatever waits for it would wait for ever."""
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    monkeypatch.setattr(dist, "get_world_size", lambda *_: 2)
    yield
    dist.destroy_process_group()


CALLS = {
    "all_reduce": dist.all_reduce,
    "all_gather": lambda x: dist.all_gather([x, x.clone()], x),
    "broadcast": lambda x: dist.broadcast(x, 0),
    "barrier": lambda x: dist.barrier(),
    "objects": lambda x: dist.all_gather_object([None, None], "x"),
    "reduce": lambda x: dist.reduce(x, 0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_collective_raises_where_it_would_wait(two_ranks, call):
    """Each collective raises with its name and what to do, and the tensor is left unchanged."""
    x = torch.ones(3)
    with alone(), pytest.raises(CaptureError, match="waits for the other ranks"):
        call(x)
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_all_else_runs_as_ever(two_ranks):
    """A forward and a backward give the same numbers inside the block as outside it."""
    model, x = torch.nn.Linear(3, 2), torch.randn(4, 3)
    with alone():
        inside = model(x).sum()
        inside.backward()
    assert inside.item() == model(x).sum().item()


def test_without_other_ranks_nothing_is_refused(tmp_path):
    """In a group of one, and without any, collectives are left alone."""
    with alone():
        pass
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    with alone():
        dist.all_reduce(torch.ones(1))
    dist.destroy_process_group()
