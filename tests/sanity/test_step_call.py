from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector
from nbinspect.calling import entering, split_batch
from nbinspect.sanity.step_call import called_as_in_step
from nbinspect.subject import Subject
from tests.sanity.states import state_of

NOTE = "the inputs are those with which your train_step calls the model"


class Decoder(nn.Module):
    """Takes what it has said before beside its source."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.read, self.head = nn.Embedding(12, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 12)

    def forward(self, source: Tensor, before: Tensor, *, scale: float = 1.0) -> Tensor:
        return self.head(self.read(self.embed(source) + self.embed(before))[0]) * scale


def sentences() -> DataLoader[Any]:
    source = torch.randint(1, 12, (48, 6), generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(source, F.pad(source.flip(1), (1, 0))), 8)


def forced(model: Any, batch: Any, optimizer: Any) -> Tensor:
    source, target = batch
    loss = F.cross_entropy(model(source, target[:, :-1], scale=0.5).flatten(0, 1), target[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def taught(**options: Any) -> Subject:
    model = Decoder()
    given = {"optimizer": torch.optim.Adam(model.parameters()), "train_step": forced, **options}
    return Subject(model, sentences(), **given)


class Vector(nn.Module):
    """Takes rows of 16 and tells three classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def pictures(shape: tuple[int, ...]) -> DataLoader[Any]:
    drawn = torch.Generator().manual_seed(0)
    x, y = torch.randn(48, *shape, generator=drawn), torch.randint(3, (48,), generator=drawn)
    return DataLoader(TensorDataset(x, y), 8)


def stepping(prepare: Any) -> Any:
    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        x, y = prepare(*batch)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def prepared(prepare: Any, shape: tuple[int, ...] = (16,), loss_fn: Any = None, step: Any = None) -> Subject:
    model = Vector()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    step = step or stepping(prepare)
    return Subject(model, pictures(shape), loss_fn or nn.CrossEntropyLoss(), optimizer=optimizer, train_step=step)


def entered(subject: Subject) -> dict[str, Tensor]:
    batch = next(iter(subject.loader or ()))
    return dict(entering(subject, batch, split_batch(subject, batch)))


def test_what_a_step_computes_for_its_model_enters_by_the_names_of_its_arguments() -> None:
    """A decoder that no plain call can run gets the very tensors and options that the step gives it."""
    subject = called_as_in_step(taught())
    source, target = next(iter(sentences()))
    found = split_batch(subject, (source, target))
    assert list(found.inputs) == ["source", "before", "scale"]
    assert torch.equal(found.inputs["source"], source)
    assert torch.equal(found.inputs["before"], target[:, :-1])
    assert found.inputs["scale"] == 0.5
    assert torch.equal(found.targets, target)


def test_both_views_show_a_model_that_only_its_step_can_call() -> None:
    """The batch is whole and the pass runs to its end, each with a note of whose call it is."""
    given = taught()
    inspector = Inspector(given.model, given.loader, optimizer=given.optimizer, train_step=forced)
    record = inspector.batch().record
    assert [tensor.facts.name for tensor in record.tensors] == ["source", "before", "targets"]
    assert record.error is None
    assert NOTE in record.origin.notes
    forward = inspector.forward()
    assert forward.untouched is not None
    assert forward.untouched.failure is None
    assert NOTE in forward.untouched.notes
    while forward.over() is not None:
        pass
    assert forward.stepper.failure is None
    assert [step.name for step in forward.untouched.steps if step.name == "GRU"] == ["GRU"]


def test_what_a_step_does_to_its_inputs_is_seen() -> None:
    """Inputs that the step normalises are those that enter, also where a plain call with the batch would run."""
    subject = prepared(lambda x, y: ((x - 3) / 2, y))
    x, _ = next(iter(subject.loader or ()))
    assert torch.equal(entered(subject)["x"], x)
    assert torch.equal(entered(called_as_in_step(subject))["x"], (x - 3) / 2)


def test_a_step_that_calls_the_model_plainly_changes_nothing() -> None:
    """Where the step's call is the plain one the subject stays what it was."""
    subject = prepared(lambda x, y: (x, y))
    assert called_as_in_step(subject) is subject


@pytest.mark.parametrize(
    ("loss_fn", "is_kept"), [(nn.CrossEntropyLoss(), True), (nn.CrossEntropyLoss(label_smoothing=0.1), False)]
)
def test_a_loss_is_kept_only_where_it_is_that_of_the_step(loss_fn: Any, is_kept: bool) -> None:
    """A loss_fn that gives another number than the step's own loss is left out."""
    subject = called_as_in_step(prepared(lambda x, y: (x.flatten(1), y), (4, 4), loss_fn))
    assert entered(subject)["x"].shape == (8, 16)
    assert (subject.loss_fn is loss_fn) is is_kept


def test_a_loss_that_takes_other_outputs_is_left_out() -> None:
    """A loss_fn that raises on the outputs of the step's call is no failure of the pass."""
    subject = called_as_in_step(taught(loss_fn=nn.CrossEntropyLoss()))
    assert subject.loss_fn is None
    assert subject.split is not None


def by_parts(model: Any, batch: Any, optimizer: Any) -> None:
    loss = F.cross_entropy(model.layers[3](model.layers[0](batch[0].flatten(1))), batch[1])
    loss.backward()


def of_its_own(model: Any, batch: Any, optimizer: Any) -> None:
    x, y = next(iter(pictures((16,))))
    F.cross_entropy(model(x), y).backward()


def in_chunks(model: Any, batch: Any, optimizer: Any) -> None:
    for x, y in zip(batch[0].split(4), batch[1].split(4), strict=True):
        F.cross_entropy(model(x), y).backward()
    optimizer.step()


def raising(model: Any, batch: Any, optimizer: Any) -> None:
    raise RuntimeError("no such thing")


@pytest.mark.parametrize("step", [by_parts, of_its_own, in_chunks, raising])
def test_steps_that_do_not_tell_how_a_batch_enters_change_nothing(step: Any) -> None:
    """A step that calls parts of the model, fetches a batch of its own, cuts it up, or raises is not followed."""
    subject = prepared(None, (4, 4) if step is by_parts else (16,), step=step)
    assert called_as_in_step(subject) is subject


def looking_ahead(model: Any, batch: Any, optimizer: Any) -> None:
    x, y = batch
    with torch.no_grad():
        model(x * 0)
    F.cross_entropy(model(x + 1), y).backward()


def test_a_call_without_gradients_is_not_the_one_that_is_trained() -> None:
    """Of several calls the first counts that builds a graph, as beside targets that the model makes itself."""
    subject = prepared(None, step=looking_ahead)
    x, _ = next(iter(subject.loader or ()))
    assert torch.equal(entered(called_as_in_step(subject))["x"], x + 1)


@pytest.mark.parametrize("option", ["forward", "split"])
def test_what_tells_how_the_model_is_called_goes_first(option: str) -> None:
    """A forward or a split of the user's own is what they say, whatever the step does."""
    subject = taught(**{option: lambda *given: given})
    assert called_as_in_step(subject) is subject


SEEN: list[int] = []


def noisy(model: Any, batch: Any, optimizer: Any) -> None:
    SEEN.append(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.clamp_(-0.01, 0.01)
        model.layers[2].eval()
    x, y = batch
    F.cross_entropy(model(x + torch.randn_like(x)), y).backward()
    optimizer.step()


def test_nothing_is_disturbed() -> None:
    """Weights, gradients, modes, hooks, random states and what a step keeps in the notebook stay bit for bit."""
    subject = prepared(None, step=noisy)
    for parameter in subject.network.parameters():
        parameter.grad = torch.ones_like(parameter)
    batch = next(iter(subject.loader or ()))
    live = (subject.network, subject.optimizer, subject.loader)
    before, seen = state_of(*live), list(SEEN)
    found = called_as_in_step(subject)
    one, other = (split_batch(found, batch).inputs["x"] for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, batch[0])
    assert state_of(*live) == before
    assert seen == SEEN


def test_a_loader_that_fails_is_told_by_the_view() -> None:
    """Finding out raises nothing; the view says what the loader raised."""

    def broken() -> Any:
        raise OSError("the disk is gone")
        yield

    given = taught()
    inspector = Inspector(given.model, broken(), optimizer=given.optimizer, train_step=forced)
    assert inspector.batch().decoded is None
