from __future__ import annotations

import gc
import weakref

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, check

DATA = TensorDataset(torch.rand(12, 3), torch.arange(12) % 2)


def inspector(model: nn.Module | None = None, **options) -> Inspector:
    return Inspector(model or nn.Linear(3, 2), DataLoader(DATA, batch_size=4), nn.CrossEntropyLoss(), **options)


def test_views_are_not_held() -> None:
    """A view that is closed and dropped is collected, and what it found is still known."""
    own = inspector()
    view = own.batch()
    gone = weakref.ref(view)
    view.close()
    del view
    gc.collect()
    assert gone() is None
    assert own.witness.evidence.batch.size == 4


def test_later_findings_take_the_place_of_earlier_ones() -> None:
    """A check that is run again after the defect was mended no longer speaks against the program."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Softmax(1))
    own = inspector(model)
    view = own.sanity()
    view.run(only="loss-input")
    assert own.witness.evidence.verdicts["loss-input"].status == "fail"
    del model[1]
    view.run(only="loss-input")
    assert own.witness.evidence.verdicts["loss-input"].status == "pass"


def test_plain_runs_do_not_speak_for_the_program() -> None:
    """What was found without augmentation and regularisation ticks nothing."""
    own = inspector()
    own.sanity().run(only="loss-input", plain=True)
    assert own.witness.evidence.verdicts == {}


def test_checks_without_a_view_tick_the_recipe() -> None:
    """`check(inspector)` is evidence as a view is, and later than what an open view has; plain runs are not."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Softmax(1))
    own = inspector(model)
    check(own, only="loss-input", plain=True)
    assert own.witness.evidence.verdicts == {}
    dashboard, view = own.dashboard(), own.sanity()
    view.run(only="loss-input")
    del model[1]
    check(own, only=["loss-input", "label-range"])
    assert {name: found.status for name, found in own.witness.evidence.verdicts.items()} == {
        "loss-input": "pass",
        "label-range": "pass",
    }
    assert dashboard.recipe == own.recipe().record


def test_another_model_brings_or_keeps_the_optimizer_that_trains_it() -> None:
    """An optimizer of the old model is dropped with its scheduler; one that is given, or a factory, stays."""
    old, new = nn.Linear(3, 2), nn.Linear(3, 2)
    first = torch.optim.SGD(old.parameters(), lr=1)
    own = inspector(old, optimizer=first, scheduler=torch.optim.lr_scheduler.StepLR(first, 1))
    own.inspect(new)
    assert (own.subject.model, own.subject.optimizer, own.subject.scheduler) == (new, None, None)
    second = torch.optim.SGD(new.parameters(), lr=1)
    own.inspect(new, optimizer=second)
    assert own.subject.optimizer is second
    own.inspect(nn.Sequential(new))
    assert own.subject.optimizer is second

    def factory(parameters):
        return torch.optim.SGD(parameters, lr=1)

    own = inspector(old, optimizer=factory)
    own.inspect(new)
    assert own.subject.optimizer is factory
