from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, check
from nbinspect.recipe.catalogue import CHAPTERS

pytestmark = pytest.mark.slow

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


def step_of(own: Inspector, name: str) -> tuple[str, str]:
    found = own.recipe().record.step(name)
    return found.state, found.text


class Broken(TensorDataset):
    """Samples whose number is a multiple of four raise."""

    def __getitem__(self, index):
        if index % 4 == 0:
            raise ValueError(f"sample {index} is broken")
        return super().__getitem__(index)


def trained(own: Inspector, steps: int, *, scale: float = 1.0, ended_by: Exception | None = None) -> None:
    model = own.subject.model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (own.subject.loss_fn(model(DATA.tensors[0]), DATA.tensors[1]) * scale).backward()
        optimizer.step()
    if ended_by is not None:
        raise ended_by


def test_a_loader_that_raises_at_once_is_what_to_mend_first() -> None:
    """Where no batch came the recipe has the error, and it comes before all that is to do."""
    own = Inspector(nn.Linear(3, 2), DataLoader(Broken(*DATA.tensors), batch_size=4), nn.CrossEntropyLoss())
    failed = own.batch()
    state, text = step_of(own, "exact-batch")
    assert state == "attention"
    assert "sample 0 is broken" in text
    assert own.recipe().next.id == "exact-batch"
    assert own.recipe().record.next_text == f"Mend first: {text}"
    own.subject.loader.dataset.__class__ = TensorDataset
    mended = own.batch()
    assert step_of(own, "exact-batch")[0] == "done"
    assert failed.decoded is None
    assert mended.decoded is not None


def test_samples_that_raise_are_what_to_mend_first() -> None:
    """A scan in which samples could not be read is a defect of the data, with its count."""
    own = Inspector(nn.Linear(3, 2), DataLoader(Broken(*DATA.tensors), batch_size=4), nn.CrossEntropyLoss())
    own.data().scan()
    assert step_of(own, "look-at-data") == ("attention", "3 of 12 samples could not be read")
    assert own.recipe().record.next_text == "Mend first: 3 of 12 samples could not be read"


def test_training_data_in_the_validation_data_is_told_in_counts() -> None:
    """Samples in both splits are certain where they are many, and the text counts them without listing any."""
    rows, labels = torch.rand(60, 8, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    train = DataLoader(TensorDataset(rows, labels), batch_size=20)
    own = Inspector(nn.Linear(8, 2), train, nn.CrossEntropyLoss(), val_loader=train)
    own.data().scan()
    assert step_of(own, "splits") == ("attention", "60 of 60 train samples are in the validation data too")
    assert own.recipe().next.id == "splits"
    others = torch.rand(400, 8, generator=torch.Generator().manual_seed(1))
    others[:2] = rows[:2]
    apart = DataLoader(TensorDataset(others, torch.arange(400) % 2), batch_size=50)
    few = Inspector(nn.Linear(8, 2), train, nn.CrossEntropyLoss(), val_loader=apart)
    few.data().scan()
    assert step_of(few, "splits") == ("attention", "2 of 60 train samples are in the validation data too")
    assert few.recipe().next.id != "splits"


def test_a_part_of_the_data_says_how_much_was_scanned() -> None:
    """A scan with a limit is no look at every sample."""
    own = inspector()
    own.data(limit=8).scan()
    assert step_of(own, "look-at-data") == ("todo", "8 of 12 samples scanned")


def test_a_run_with_a_loss_that_is_not_a_number_is_what_to_mend_first() -> None:
    """NaN in a run that was watched comes before all that is to do."""
    own = inspector()
    own.subject.model.weight.data[0, 0] = torch.nan
    with own.dynamics():
        trained(own, 3)
    assert own.recipe().next.id == "dynamics"
    assert own.recipe().record.next_text == "Mend first: the loss is NaN at step 1"


def test_a_run_counts_as_watched_where_it_ended_well() -> None:
    """A run that raised is told with its error, also when it is asked for later; another that ends well counts."""
    own = inspector()
    view = own.dynamics()
    with pytest.raises(KeyError), view:
        trained(own, 3, ended_by=KeyError("config"))
    assert step_of(own, "dynamics") == ("attention", "training raised KeyError: 'config'")
    assert step_of(own, "dynamics")[0] == "attention"
    with view:
        trained(own, 2)
    assert step_of(own, "dynamics")[0] == "done"
    unseen = inspector()
    with unseen.dynamics(probe=None):
        trained(unseen, 3)
    assert step_of(unseen, "dynamics")[0] == "todo"


def test_a_pass_counts_when_a_step_of_it_was_made() -> None:
    """An open forward view ticks nothing, nor does a random batch that is stepped through; a step does."""
    own = inspector()
    random = own.forward(input_shape=(2, 3))
    random.run()
    assert step_of(own, "forward-pass")[0] == "todo"
    view = own.forward()
    assert step_of(own, "forward-pass") == ("todo", "2 steps recorded, no step made yet")
    view.over()
    assert step_of(own, "forward-pass")[0] == "done"
    view.close()
    random.close()
    assert step_of(own, "forward-pass")[0] == "done"


def test_a_batch_made_by_hand_is_not_what_enters_the_network() -> None:
    """Only a batch of the loader ticks its step, and stays ticked when one by hand is shown after it."""
    own = inspector()
    by_hand = own.batch((torch.rand(2, 3), torch.zeros(2, dtype=torch.int64)))
    assert step_of(own, "exact-batch")[0] == "todo"
    of_loader = own.batch()
    own.batch((torch.rand(2, 3), torch.zeros(2, dtype=torch.int64)))
    assert own.witness.evidence.batch.from_loader
    assert by_hand is not of_loader


def test_checks_that_had_no_time_tick_nothing() -> None:
    """What was skipped for lack of time is to do, and neither done nor off."""
    own = inspector()
    check(own, only=["unused-parameters", "detached-graph"], time_budget=1e-9)
    assert {found.hindrance for found in own.witness.evidence.verdicts.values()} == {"time"}
    assert step_of(own, "all-connected") == ("todo", "2 of 7 checks not run: no time was left")


def test_checks_against_which_the_program_raises_are_not_off() -> None:
    """Where the step raises that is the thing to mend, and what could not be checked for it says so."""
    own = inspector(nn.Linear(4, 2))
    check(own, only=["runs", "dtype", "silent-broadcast", "batch-leak", "constant-output", "causality", "padding-leak"])
    assert own.recipe().next.id == "step-runs"
    state, text = step_of(own, "dependencies")
    assert state == "attention"
    assert text.startswith("could not be checked: needs a forward pass and a loss that run")
    frozen = inspector(nn.Linear(3, 2).requires_grad_(False))
    once = Inspector(nn.Linear(3, 2), iter([tuple(DATA.tensors)]), nn.CrossEntropyLoss())
    check(once, only=["batch-leak", "constant-output", "causality", "padding-leak"])
    assert step_of(once, "dependencies")[0] == "off"
    names = next(advice.checks for _, steps in CHAPTERS for advice in steps if advice.id == "all-connected")
    check(frozen, only=names)
    assert step_of(frozen, "all-connected")[0] == "off"


def test_a_person_is_not_asked_what_numbers_mean() -> None:
    """Labelling by hand is off for a table, and to do, after all else, for pictures."""
    own = inspector()
    own.data().scan()
    assert step_of(own, "human") == ("off", "a person cannot tell these numbers")
    pictures = DataLoader(TensorDataset(torch.rand(12, 1, 8, 8), torch.arange(12) % 2), batch_size=4)
    seen = Inspector(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), pictures, nn.CrossEntropyLoss())
    seen.data().scan()
    assert step_of(seen, "human")[0] == "todo"
    tokens = DataLoader(TensorDataset(torch.randint(20, (12, 9)), torch.arange(12) % 2), batch_size=4)
    unread = Inspector(nn.Sequential(nn.Embedding(20, 2), nn.Flatten(), nn.Linear(18, 2)), tokens)
    unread.data().scan()
    assert step_of(unread, "human")[0] == "off"
    both = {"size": torch.arange(12) % 2, "shape": torch.arange(12) % 3}
    told = DataLoader([(torch.rand(1, 8, 8), {name: kind[n] for name, kind in both.items()}) for n in range(12)])
    several = Inspector(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), told)
    several.data().scan()
    assert step_of(several, "human") == ("off", "several targets: which a person is to tell is not known")


@pytest.mark.parametrize("first", ["models", "run"])
def test_a_network_below_simple_models_is_odd_once_it_was_trained(first: str) -> None:
    """The same table is no alarm for a network as it was made, and needs attention after a run that was watched."""
    x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0.5).long()), batch_size=50)
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)
    own = Inspector(model, loader, nn.CrossEntropyLoss())
    if first == "run":
        with own.dynamics():
            trained(own, 1, scale=0.0)
    view = own.data()
    view.scan()
    view.predict()
    view.baselines()
    assert view.desk.baseline.verdict.startswith("network below")
    if first == "models":
        with own.dynamics():
            trained(own, 1, scale=0.0)
    assert step_of(own, "simple-models")[0] == ("attention" if first == "run" else "done")
