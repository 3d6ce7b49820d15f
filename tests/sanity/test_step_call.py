from __future__ import annotations

import gc
import sys
import time
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector
from nbinspect.calling import call_arguments, entering, split_batch
from nbinspect.errors import NbinspectError
from nbinspect.sanity import step_call
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
    assert [tensor.name for tensor in forward.untouched.inputs] == ["source", "before"]
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


def taking_out(model: Any, batch: Any, optimizer: Any) -> None:
    y = batch.pop("label")
    F.cross_entropy(model(batch.pop("image").sub_(1)), y).backward()


def named(samples: Any) -> dict[str, Tensor]:
    x, y = zip(*samples, strict=True)
    return {"image": torch.stack(x), "label": torch.stack(y)}


def test_a_step_may_write_to_its_batch_and_take_things_out_of_it() -> None:
    """What a step does to the batch itself enters too, and the batch that was given is whole afterwards."""
    subject = prepared(None, step=taking_out)
    loader = DataLoader(pictures((16,)).dataset, 8, collate_fn=named)
    inspector = Inspector(
        subject.model, loader, nn.CrossEntropyLoss(), optimizer=subject.optimizer, train_step=taking_out
    )
    batch = next(iter(loader))
    image = batch["image"].clone()
    view = inspector.batch(batch)
    entered = dict(view.holding.batch) if view.holding is not None else {}
    assert torch.equal(batch["image"], image)
    assert torch.equal(entered["label"], batch["label"])
    assert NOTE in view.record.origin.notes
    assert view.record.tensors[-1].facts.name == "targets"
    found = split_batch(inspector._as_called(), batch)
    assert torch.equal(found.inputs["x"], image - 1)


@pytest.mark.parametrize("moved", [0.0, 1.0])
def test_hooks_of_the_model_change_what_enters_once(moved: float) -> None:
    """A hook of the user's that changes the inputs gets them as the step gave them, by their places."""
    subject = prepared(lambda x, y: (x + moved, y))
    subject.network.register_forward_pre_hook(lambda _, args: (args[0] / 2,))
    found = called_as_in_step(subject)
    assert (found is subject) is (moved == 0)
    view = Inspector(subject.model, subject.loader, train_step=subject.train_step, optimizer=subject.optimizer).batch()
    assert view.record.error is None
    x, _ = next(iter(subject.loader or ()))
    assert torch.equal(torch.as_tensor(entered(found)["x"]), x + moved)


class Open(Vector):
    """Takes anything, and needs to be told how."""

    def forward(self, *parts: Tensor, how: str = "", shift: Any = None, **rest: Any) -> Tensor:
        assert how == "train"
        assert rest == {"level": 2}
        return self.layers(parts[0] + parts[1] + shift)


def openly(model: Any, batch: Any, optimizer: Any) -> None:
    x, y = batch
    F.cross_entropy(model(x, x * 2, how="train", shift=x * 3, level=2), y).backward()


def test_arguments_reach_the_model_by_places_and_by_names_as_the_step_gives_them() -> None:
    """Neither options that are no tensors, nor those beside any number of arguments, are lost."""
    model = Open()
    found = called_as_in_step(Subject(model, pictures((16,)), nn.CrossEntropyLoss(), train_step=openly, optimizer=None))
    assert found.split is None  # a step that asks for an optimizer needs one
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = called_as_in_step(
        Subject(model, pictures((16,)), nn.CrossEntropyLoss(), train_step=openly, optimizer=optimizer)
    )
    batch = next(iter(pictures((16,))))
    args, kwargs = call_arguments(found, batch, split_batch(found, batch))
    assert torch.equal(args[1], batch[0] * 2)
    assert (len(args), kwargs["how"], kwargs["level"]) == (2, "train", 2)
    assert Inspector(model, pictures((16,)), train_step=openly, optimizer=optimizer).batch().record.error is None


class Twofold(Vector):
    """Has an option."""

    def forward(self, x: Tensor, times: int = 1) -> Tensor:
        return self.layers(x) * times


def test_an_option_of_the_step_alone_is_seen() -> None:
    """The same tensors with another option are another call."""
    model = Twofold()

    def doubled(model: Any, batch: Any, optimizer: Any) -> None:
        F.cross_entropy(model(batch[0], times=2), batch[1]).backward()

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = called_as_in_step(Subject(model, pictures((16,)), optimizer=optimizer, train_step=doubled))
    assert split_batch(found, next(iter(pictures((16,))))).inputs["times"] == 2


def joined(model: Any, batch: Any, optimizer: Any) -> None:
    x = batch[0].flatten(1)
    model(torch.cat([x, x + 1])).square().mean().backward()


def divided(model: Any, batch: Any, optimizer: Any) -> None:
    for x, y in zip(batch[0].flatten(1).split(4), batch[1].split(4), strict=True):
        F.cross_entropy(model(x), y).backward()


def ordered(model: Any, batch: Any, optimizer: Any) -> None:
    order = batch[0].flatten(1)[:, 0].argsort()
    F.cross_entropy(model(batch[0].flatten(1)[order]), batch[1][order], label_smoothing=0.1).backward()


def made_up(model: Any, batch: Any, optimizer: Any) -> None:
    model(torch.randn(len(batch[0]), 16)).square().mean().backward()


@pytest.mark.parametrize(("step", "size"), [(joined, 16), (divided, 4), (ordered, 8), (made_up, 8)])
def test_no_targets_stand_beside_samples_that_are_not_theirs(step: Any, size: int) -> None:
    """Where samples are joined, divided, sorted or made up, neither targets nor indices of the data set are told."""
    subject = prepared(None, (4, 4), step=step)
    inspector = Inspector(subject.model, subject.loader, train_step=step, optimizer=subject.optimizer)
    record = inspector.batch().record
    assert [tuple(tensor.facts.shape) for tensor in record.tensors] == [(size, 16)]
    assert record.indices is None
    assert record.error is None
    assert "not sample by sample" in record.origin.notes[0]
    view = inspector.forward()
    assert view.holding.indices is None
    dashboard = inspector.dashboard()
    dashboard.select(3)
    with pytest.raises(NbinspectError, match="in another order"):
        dashboard.show("batch")


def test_a_plain_call_goes_before_a_step_that_shuffles() -> None:
    """Where the model takes the batch as it is, targets and samples stay together."""

    def shuffle(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.randperm(len(x))
        return x[order], y[order]

    subject = prepared(shuffle)
    assert called_as_in_step(subject) is subject


def mixing(model: Any, batch: Any, optimizer: Any) -> None:
    x, y = batch
    order = torch.randperm(len(x))
    out = model(0.7 * x + 0.3 * x[order])
    (0.7 * F.cross_entropy(out, y) + 0.3 * F.cross_entropy(out, y[order])).backward()


def test_it_is_told_where_samples_are_mixed_and_the_loss_is_another() -> None:
    """Mixed samples stand beside the targets of their places, with a note of that, and of the loss left out."""
    subject = prepared(None, step=mixing)
    inspector = Inspector(
        subject.model, subject.loader, subject.loss_fn, train_step=mixing, optimizer=subject.optimizer
    )
    record = inspector.batch().record
    assert "each depends on others of the batch too" in record.origin.notes[0]
    assert "your loss_fn is left out" in record.origin.notes[0]
    assert record.indices == tuple(range(8))


def mixing_at_times(model: Any, batch: Any, optimizer: Any) -> None:
    x, y = batch
    share = torch.rand(()).gt(0.5) * 0.3
    order = torch.randperm(len(x))
    out = model((1 - share) * x + share * x[order])
    ((1 - share) * F.cross_entropy(out, y) + share * F.cross_entropy(out, y[order])).backward()


def test_a_step_that_mixes_samples_at_times_is_known_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draw that mixes nothing makes no plain step of it, nor the loss its own."""
    subject = prepared(None, step=mixing_at_times)
    found = [called_as_in_step(subject)]
    monkeypatch.setattr(step_call, "_DRAWS", step_call._DRAWS[::-1])
    found.append(called_as_in_step(subject))
    assert all(one.split is not None and one.loss_fn is None for one in found)
    assert all("each depends on others" in one.split.nbinspect_note for one in found)  # type: ignore[union-attr] # as above


def test_a_batch_that_the_step_refuses_is_called_as_without_it() -> None:
    """Batches of another form, of the validation data or by hand, are shown as they were before, without the note."""
    subject = prepared(lambda x, y: (x * 2, y))
    validation = DataLoader(pictures((16,)).dataset, 8, collate_fn=named)
    inspector = Inspector(
        subject.model,
        subject.loader,
        val_loader=validation,
        train_step=lambda model, batch, optimizer: subject.train_step(model, (batch[0], batch[1]), optimizer),  # type: ignore[misc] # there is one
        optimizer=subject.optimizer,
    )
    view = inspector.batch()
    assert NOTE in view.record.origin.notes
    view.switch("validation")
    assert view.record.origin.notes == ()
    assert view.record.error is None
    assert inspector.forward(torch.randn(5, 16)).untouched is not None


class TimeFirst(nn.Module):
    """Takes time first."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.head = nn.GRU(16, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.read(x)[0][-1])


def turning(model: Any, batch: Any, optimizer: Any) -> None:
    F.cross_entropy(model(batch[0].transpose(0, 1)), batch[1]).backward()


def test_samples_are_found_along_the_axis_to_which_a_step_turns_them() -> None:
    """Steps of time are not taken for samples, nor the targets of the samples for theirs."""
    model = TimeFirst()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    inspector = Inspector(model, pictures((5, 16)), nn.CrossEntropyLoss(), train_step=turning, optimizer=optimizer)
    view = inspector.batch()
    view.predict()
    assert [tuple(tensor.facts.shape) for tensor in view.record.tensors] == [(5, 8, 16), (8,)]
    assert (view.record.size, view.record.indices) == (8, tuple(range(8)))
    passed = inspector.forward().untouched
    assert passed is not None
    assert (passed.size, passed.loss is None) == (8, False)


class Field(nn.Module):
    """Differentiates by its input."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, place: Tensor) -> Tensor:
        return torch.autograd.grad(self.layers(place).sum(), place, create_graph=True)[0]


def test_an_input_that_a_step_makes_differentiable_stays_so() -> None:
    """The forward of a force field runs in both views."""
    model = Field()

    def pulled(model: Any, batch: Any, optimizer: Any) -> None:
        F.mse_loss(model(batch[0].requires_grad_()), batch[1]).backward()

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loader = DataLoader(TensorDataset(torch.randn(16, 3), torch.randn(16, 3)), 4)
    inspector = Inspector(model, loader, optimizer=optimizer, train_step=pulled)
    assert inspector.batch().record.error is None
    view = inspector.forward()
    assert view.untouched is not None
    assert view.untouched.failure is None


TEACHER: Any = None


def taught_later(model: Any, batch: Any, optimizer: Any) -> None:
    x = batch[0].flatten(1)
    F.cross_entropy(model(x if TEACHER is None else TEACHER(x)), batch[1]).backward()


def test_what_a_name_is_bound_to_later_is_copied_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that a step finds only after the view was opened is left unchanged."""
    subject = prepared(None, (4, 4), step=taught_later)
    inspector = Inspector(subject.model, subject.loader, train_step=taught_later, optimizer=subject.optimizer)
    view = inspector.batch()
    monkeypatch.setattr(sys.modules[__name__], "TEACHER", nn.BatchNorm1d(16))
    view.next()
    assert NOTE in view.record.origin.notes
    assert int(TEACHER.num_batches_tracked) == 0


def waiting(model: Any, batch: Any, optimizer: Any) -> None:
    time.sleep(20)


def ending(model: Any, batch: Any, optimizer: Any) -> None:
    raise SystemExit


@pytest.mark.parametrize("step", [waiting, ending])
def test_a_step_that_waits_or_ends_the_program_is_not_followed(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither holds the view up for long, nor takes the session with it."""
    monkeypatch.setattr(step_call, "_SECONDS", 2)
    subject = prepared(None, step=step)
    began = time.monotonic()
    assert called_as_in_step(subject) is subject
    assert time.monotonic() < began + 10


def test_a_model_that_is_inspected_no_more_is_let_go_of() -> None:
    """Neither the old model nor what was found out of it is kept."""
    subject = prepared(None, (4, 4), step=joined)
    inspector = Inspector(subject.model, subject.loader, train_step=joined, optimizer=subject.optimizer)
    inspector.batch().close()
    gone = weakref.ref(subject.model)
    del subject
    inspector.inspect(Vector())
    gc.collect()
    assert gone() is None
