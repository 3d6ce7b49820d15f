from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from nbinspect.capture.batch import capture_batch
from nbinspect.capture.door import Door, refuse_beside_training
from nbinspect.errors import CaptureError
from nbinspect.subject import make_subject


def test_a_model_that_another_thread_trains_is_not_probed():
    """While a thread is at work on the model a probe is refused with that thread's name; afterwards it runs."""
    model, started, ended = nn.Linear(3, 2), threading.Event(), threading.Event()

    def train(network):
        started.set()
        ended.wait()
        network.weight.data.add_(1)

    thread = threading.Thread(target=train, args=(model,), name="training")
    thread.start()
    started.wait()
    subject, before = make_subject(model, [1]), model.weight.detach().clone()
    try:
        with pytest.raises(CaptureError, match="in use in thread 'training'"):
            capture_batch(subject, (torch.zeros(2, 3), torch.tensor([0, 1])))
    finally:
        ended.set()
        thread.join()
    assert torch.equal(model.weight, before + 1)
    assert capture_batch(subject, (torch.zeros(2, 3), torch.tensor([0, 1]))).record.error is None


def test_threads_that_do_something_else_are_no_obstacle():
    """A thread that works on another model does not keep this one from being probed."""
    other, ended = nn.Linear(3, 2), threading.Event()
    thread = threading.Thread(target=lambda network: ended.wait(), args=(other,))
    thread.start()
    refuse_beside_training(nn.Linear(3, 2))
    ended.set()
    thread.join()


def test_nested_and_repeated_calls_are_noted_once_each():
    """Of nested calls the outermost is noted, repeated ones each, and a call that raises does not confuse the depth."""
    inner = nn.Linear(3, 3)
    outer = nn.Sequential(inner, nn.ReLU())
    with Door(dict(outer.named_modules())) as door:
        outer(torch.zeros(1, 3))
        with pytest.raises(RuntimeError):
            outer(torch.zeros(1, 7))
        inner(torch.zeros(1, 3))
    assert [visit.path for visit in door.visits] == ["", "", "0"]
    assert not inner._forward_pre_hooks
    assert not inner._forward_hooks
