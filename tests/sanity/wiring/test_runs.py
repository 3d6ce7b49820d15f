from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect import check
from nbinspect.sanity.wiring.runs import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = torch.randn(32, 4, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 3


def asked(model: nn.Module | None = None, loader: Any = None, loss_fn: Any = None, **rest: Any) -> Any:
    loader = DataLoader(list(zip(X, Y, strict=True)), 8) if loader is None else loader
    return run_one(
        CHECK, model=model or nn.Linear(4, 3), loader=loader, loss_fn=loss_fn or nn.CrossEntropyLoss(), **rest
    )


class Misshaped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head(x.flatten(1))  # raises


def test_names_the_layer_and_the_line() -> None:
    """A layer that raises is named with its shapes and the line of the user's forward."""
    batch = (torch.randn(2, 1, 8, 8), torch.tensor([0, 1]))
    result = asked(Misshaped(), [batch])
    assert result.status == "fail"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# raises" in file.readlines()[result.place.line - 1]
    assert "144" in result.detail
    assert "100" in result.detail


def test_a_loss_that_raises_is_a_failure_too() -> None:
    """Targets of a dtype that the loss refuses are found as well."""
    assert asked(loader=[(X, Y.float())]).status == "fail"


@pytest.mark.parametrize(
    ("loss_fn", "said"),
    [
        (nn.CrossEntropyLoss(reduction="none"), "shape (8,)"),
        (lambda outputs, targets: None, "None"),
    ],
)
def test_a_loss_without_a_backward_fails(loss_fn: Any, said: str) -> None:
    """A loss of many values, or one whose return is missing, cannot be followed by a backward."""
    result = asked(loss_fn=loss_fn)
    assert result.status == "fail"
    assert said in result.summary


def test_a_loss_of_many_values_is_fine_where_the_users_own_step_reduces_it() -> None:
    """With a training step of the user's own, what the loss gives is that step's matter."""
    loss_fn = nn.CrossEntropyLoss(reduction="none")
    assert asked(loss_fn=loss_fn, train_step=lambda model, batch, optimizer: None).status == "pass"


def test_a_batch_without_targets_is_inconclusive() -> None:
    """Where there are no targets the loss was not run, and the answer says so."""
    assert asked(loader=[X]).status == "inconclusive"


@pytest.mark.parametrize("optimised", [True, False])
def test_a_model_whose_parameters_are_all_frozen_cannot_be_trained(optimised: bool) -> None:
    """With an optimizer over them frozen parameters are a defect, without one worth a look."""
    model = nn.Linear(4, 3).requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1) if optimised else None
    assert asked(model, optimizer=optimizer).status == ("fail" if optimised else "warn")


def test_an_optimizer_of_other_tensors_leaves_the_frozen_model_in_peace() -> None:
    """Whoever optimises an input through a frozen network trains no network."""
    optimizer = torch.optim.SGD([torch.zeros(3, requires_grad=True)], 0.1)
    assert asked(nn.Linear(4, 3).requires_grad_(False), optimizer=optimizer).status == "warn"


class Corrupt(Dataset):
    """Raises from one sample on."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index >= self.start:
            raise OSError("truncated file")
        return X[index], Y[index]


@pytest.mark.parametrize("start", [0, 31])
def test_a_data_set_that_raises_fails_with_its_line(start: int) -> None:
    """One corrupt file is enough, also a late one that only the look through all the data meets."""
    report = check(nn.Linear(4, 3), DataLoader(Corrupt(start), 8), nn.CrossEntropyLoss(), only=["data", "runs"])
    assert report.failed == ("runs",)
    assert "truncated file" in report["runs"].detail
    assert "test_runs.py:" in report["runs"].detail
    assert not report.errors


@pytest.mark.parametrize(
    "loader", [[], DataLoader(list(zip(X[:3], Y[:3], strict=True)), 8, drop_last=True), [["text"]]]
)
def test_a_loader_that_gives_no_batch_fails(loader: Any) -> None:
    """An empty loader, one whose last batch is dropped, and batches without tensors are no programs that run."""
    assert asked(loader=loader).status == "fail"


@pytest.mark.parametrize("split", [lambda batch: 1 / 0, lambda batch: (1, 2, 3)])
def test_a_split_that_raises_fails(split: Any) -> None:
    """The user's own way of splitting a batch is part of the step."""
    result = asked(split=split)
    assert result.status == "fail"
    assert "split" in result.summary


@pytest.mark.parametrize(
    "build",
    [
        lambda: (X[:0], Y[:0]),
        lambda: (X.to_sparse_csr(), Y),
        lambda: (X.to_sparse(), Y),
        lambda: (torch.nested.nested_tensor([X[:3], X[:5]], layout=torch.jagged), Y[:2]),
    ],
    ids=["empty", "csr", "coo", "nested"],
)
@pytest.mark.filterwarnings("ignore")
def test_unusual_tensors_are_no_error(build: Any) -> None:
    """Empty, sparse and nested batches are skipped by what cannot read them, with the reason, and never an error."""
    report = check(nn.Linear(4, 3), [build()], nn.CrossEntropyLoss())
    assert report.errors == ()
    assert report.failed == ()


def test_a_lazy_model_is_asked_to_be_called_first() -> None:
    """Layers that do not know their sizes are no error: the need is named, in full where it is named first."""
    report = check(nn.Sequential(nn.LazyLinear(3)), [(X, Y)], nn.CrossEntropyLoss())
    assert report.errors == ()
    assert "lazy layers" in report["runs"].summary
    assert any("call it once" in result.summary for result in report.results)


def test_the_callers_inference_mode_is_no_matter() -> None:
    """Called in inference mode, a program runs all the same."""
    model = nn.Linear(4, 3)
    with torch.inference_mode():
        assert asked(model).status == "pass"


class Generates(nn.Module):
    """A generator of 4 features from 16, and what tells them from real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.made = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
        self.told = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, z: Tensor) -> Tensor:
        return self.made(z)


def adversarial(model: Any, batch: Any, optimizers: Any) -> Tensor:
    real, judged = batch[0], nn.functional.softplus
    fake = model(torch.randn(len(real), 16))
    optimizers["told"].zero_grad()
    loss = (judged(-model.told(real)) + judged(model.told(fake.detach()))).mean()
    loss.backward()
    optimizers["told"].step()
    optimizers["made"].zero_grad()
    judged(-model.told(fake)).mean().backward()
    optimizers["made"].step()
    return loss.detach()


class Pairs(nn.Module):
    """Similarities of all rows of one to all of another."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 8)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.body(one) @ self.body(other).T


def contrastive(model: Any, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(*batch), torch.arange(len(batch[0])))
    loss.backward()
    optimizer.step()
    return loss.detach()


def optimised(kind: str) -> dict[str, Any]:
    if kind == "adversarial":
        model: Any = Generates()
        parts = {"told": model.told, "made": model.made}
        optimizer: Any = {name: torch.optim.Adam(part.parameters(), 1e-3) for name, part in parts.items()}
        return {
            "model": model,
            "optimizer": optimizer,
            "train_step": adversarial,
            "loader": DataLoader(list(zip(X, strict=True)), 8),
        }
    model = Pairs()
    loader = DataLoader(list(zip(X, X + 0.1, strict=True)), 8)
    return {
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), 1e-3),
        "train_step": contrastive,
        "loader": loader,
    }


def test_a_step_that_calls_the_model_in_its_own_way_is_no_failure() -> None:
    """A train_step that runs is what counts; what needs a plain call is skipped, and how to tell it is said."""
    named = optimised("adversarial")
    report = check(named.pop("model"), named.pop("loader"), None, only=["wiring", "init"], **named)
    assert report.failed == report.errors == ()
    assert report["runs"].status == "pass"
    assert "forward=" in report["runs"].detail
    assert report["constant-output"].status == "skip"
    assert "outside of your train_step" in report["constant-output"].summary


def test_a_step_of_one_loss_tells_how_the_model_is_called() -> None:
    """A train_step that runs, and calls backward once, stands in for the plain call in every check."""
    named = optimised("contrastive")
    report = check(named.pop("model"), named.pop("loader"), None, only=["wiring", "init"], **named)
    assert report.failed == report.errors == ()
    assert report["runs"].status == report["constant-output"].status == "pass"


def test_with_the_way_told_the_plain_call_counts_again() -> None:
    """Given `forward`, the contrastive program has a pass that checks can look at."""
    named = optimised("contrastive")

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs, torch.arange(len(targets)))

    result = asked(**named, loss_fn=loss_fn, forward=lambda model, batch: model(*batch))
    assert result.status == "pass"
    assert "plain" not in result.summary


def test_a_step_that_raises_fails_with_its_own_line() -> None:
    """Where neither a plain call nor the train_step runs, the line of the step that raises is named."""

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        return model(*batch).mean() + torch.zeros(len(batch)).view(7)  # raises here

    result = asked(**optimised("contrastive") | {"train_step": step})
    assert result.status == "fail"
    assert result.title == "Your train_step raises on a real batch"
    assert result.place is not None
    with open(result.place.file, encoding="utf-8") as file:  # noqa: PTH123 - reads the one line
        assert "# raises here" in file.readlines()[result.place.line - 1]


def test_a_step_that_raises_as_the_plain_call_does_is_told_with_its_shapes() -> None:
    """Where the step meets the very error of a plain call, the layer and its shapes are named."""
    model = Misshaped()
    step = lambda model, batch, optimizer: model(batch[0]).mean().backward()  # noqa: E731 - one line
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    result = asked(model, [(torch.randn(2, 1, 8, 8), torch.tensor([0, 1]))], train_step=step, optimizer=optimizer)
    assert result.status == "fail"
    assert "144" in result.detail
    assert "Linear" in result.where or "head" in result.where


def test_a_step_that_cannot_be_tried_leaves_it_open() -> None:
    """A step that draws from an iterator cannot be taken on a copy, so nothing is known of it."""
    named, batches = optimised("contrastive"), iter([1])
    step = lambda model, batch, optimizer: next(batches)  # noqa: E731 - one line
    result = asked(**named | {"train_step": step})
    assert result.status == "inconclusive"
    assert "iterator" in result.detail


@pytest.mark.parametrize("name", ["loss-input", "loss-target"])
def test_a_loss_that_the_step_calls_otherwise_is_not_judged(name: str) -> None:
    """Targets that the train_step converts itself are no misfit, though the loss refuses them as they come."""

    def step(model: Any, batch: Any, optimizer: Any, loss_fn: Any) -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(model(batch[0]), batch[1].argmax(1) % 3)
        loss.backward()
        optimizer.step()
        return loss.detach()

    model, targets = nn.Linear(4, 3), torch.ones(32, 5).cumsum(1)
    report = check(
        model,
        [(X, targets)],
        nn.CrossEntropyLoss(),
        train_step=step,
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
        only=["runs", name],
    )
    assert report.failed == report.errors == ()
    assert report[name].status == "pass"


class Remembers(nn.Module):
    """A recurrent network whose first state has as many rows as a batch is meant to have; None takes the batch's."""

    def __init__(self, size: int | None) -> None:
        super().__init__()
        self.size, self.cell, self.head = size, nn.GRUCell(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x, torch.zeros(self.size or len(x), 8)))  # the state


def of_size(size: int, **options: Any) -> Any:
    return DataLoader(list(zip(X, Y, strict=True)), size, **options)


def test_a_last_batch_that_raises_is_found() -> None:
    """A network that takes full batches alone is a warning, with both sizes and the line: a loop may skip the last."""
    result = asked(Remembers(10), of_size(10, shuffle=True))
    assert result.status == "warn"
    assert "x.shape[0]" in result.remedy
    assert "10 samples" in result.detail
    assert "an epoch has 2" in result.detail
    assert result.place is not None


def test_batchnorm_on_a_last_batch_of_one_is_found() -> None:
    """BatchNorm in train mode refuses the single sample that is left at the end of each epoch: leave it out."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    found = asked(model, of_size(31))
    assert found.status == "warn"
    assert "drop_last" in found.remedy
    assert "shape" not in found.remedy
    assert asked(model, of_size(30)).status == "pass"


@pytest.mark.parametrize(
    ("model", "loader"),
    [
        (Remembers(None), of_size(10)),
        (Remembers(10), of_size(10, drop_last=True)),
        (Remembers(8), of_size(8)),
        (Remembers(10), [(X[:10], Y[:10]), (X[:2], Y[:2])]),
    ],
)
def test_batches_that_all_run_pass(model: nn.Module, loader: Any) -> None:
    """A size read from the batch, a last batch left out, batches of one size, and a plain list of them are silent."""
    assert asked(model, loader).status == "pass"


def test_a_step_of_ones_own_that_leaves_small_batches_out_passes() -> None:
    """Where the user's step does not hand the last batch to the network, what it would do there is no fault."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Any:
        if len(batch[0]) < 10:
            return None
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    model = Remembers(10)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.1)}
    assert asked(model, of_size(10), train_step=step, **given).status == "pass"
    assert asked(model, of_size(10), **given).status == "warn"


def test_the_last_batch_is_read_without_a_trace() -> None:
    """The order that a shuffling loader gives next, and the random state, are as they would have been."""
    generator = torch.Generator().manual_seed(4)
    model, loader = Remembers(10), of_size(10, shuffle=True, generator=generator)
    before = generator.get_state(), torch.get_rng_state()
    asked(model, loader)
    assert torch.equal(generator.get_state(), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


class Joined(nn.Module):
    """Takes two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.layer(torch.cat([one, other], 1))


ROWS, CLASSES = torch.randn(8, 3), torch.arange(8) % 3


@pytest.mark.parametrize(
    ("model", "batch", "status"),
    [
        (nn.Linear(3, 3), (ROWS, CLASSES, torch.arange(8)), "pass"),
        (nn.Linear(3, 3), (ROWS, CLASSES, [f"{at}.png" for at in range(8)]), "pass"),
        (nn.Linear(3, 3), (ROWS, ROWS, CLASSES), "inconclusive"),
        (Joined(), (ROWS, CLASSES), "inconclusive"),
        (Joined(), (ROWS, ROWS, CLASSES), "pass"),
        (nn.Linear(4, 3), (ROWS, CLASSES, torch.arange(8)), "fail"),
    ],
    ids=["numbered", "with paths", "a tuple", "too few", "as many", "another width"],
)
def test_what_nobody_told_is_no_defect(model: nn.Module, batch: Any, status: str) -> None:
    """A forward that takes other arguments than a batch of usual form has is asked about; another width fails."""
    result = run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss())
    assert result.status == status
    if status == "inconclusive":
        assert "forward=lambda model, batch" in result.detail


def trained_by(step: Any, model: nn.Module | None = None, **rest: Any) -> Any:
    model = nn.Linear(4, 3) if model is None else model
    return asked(model, optimizer=torch.optim.SGD(model.parameters(), 0.1), train_step=step, **rest)


def plain_step(model: Any, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def step_of_a_number(model: Any, batch: Any, optimizer: Any) -> Any:
    loss: Any = nn.functional.cross_entropy(model(batch[0]), batch[1]).item()
    loss.backward()


class Carries(nn.Module):
    def __init__(self, *, detached: bool) -> None:
        super().__init__()
        self.cell, self.head, self.detached = nn.GRUCell(4, 8), nn.Linear(8, 3), detached
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        state = self.cell(x, x.new_zeros(len(x), 8) if self.state is None else self.state)
        self.state = state.detach() if self.detached else state
        return self.head(state)


def test_a_step_that_raises_fails_though_a_plain_call_runs() -> None:
    """A step of one's own counts where the plain call runs too: at its first call, and at its second."""
    assert trained_by(step_of_a_number).title == "Your train_step raises on a real batch"
    assert "a second time" in trained_by(plain_step, Carries(detached=False)).title


@pytest.mark.parametrize("model", [nn.Linear(4, 3), Carries(detached=True)], ids=["plain", "carried"])
def test_a_step_that_runs_again_and_again_passes(model: nn.Module) -> None:
    """A plain step, and one whose state goes on without its graph, pass."""
    assert trained_by(plain_step, model).status == "pass"


class WritesOver(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.body(x).sigmoid()
        hidden += 1  # of which the backward pass needs what it was
        return self.head(hidden)


def test_a_backward_pass_that_raises_is_a_failure() -> None:
    """Where forward and loss run and the backward pass raises, it fails with what it says."""
    found = asked(WritesOver())
    assert found.status == "fail"
    assert "inplace" in found.detail


class Again(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.utils.checkpoint.checkpoint(self.body, self.stem(x), use_reentrant=True))


def test_a_checkpoint_that_wants_a_true_backward_pass_runs() -> None:
    """What refuses to be differentiated but by backward() is no failure."""
    assert asked(Again()).status == "pass"


def evaluated(model: Any, batch: Any) -> float:
    return float((model(batch["x"]).argmax(1) == batch["y"]).float().mean())


@pytest.mark.parametrize(("key", "status"), [("y", "pass"), ("label", "fail")])
def test_an_evaluation_that_raises_fails(key: str, status: str) -> None:
    """An eval_step that raises on a batch of the validation loader fails; one that takes its batches passes."""
    val_loader = DataLoader([{"x": x, key: y} for x, y in zip(X, Y, strict=True)], 8)
    assert asked(val_loader=val_loader, eval_step=evaluated).status == status


class EnoughError(Exception):
    """Ends a run early."""


def ends_with(error: BaseException) -> Any:
    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StopIteration(), "pass"),
        (ValueError("I/O operation on closed file."), "pass"),
        (EnoughError(), "warn"),
        (AssertionError(), "warn"),
        (TypeError("no"), "fail"),
    ],
)
def test_a_run_that_is_over_is_no_mistake(error: BaseException, status: str) -> None:
    """What ends a run, as an iterator or a file that is closed, passes; what the user asserts or names is a warning."""
    assert trained_by(ends_with(error)).status == status


def test_a_schedule_that_has_ended_is_no_mistake() -> None:
    """After the last step of its run, a schedule raises in a further one."""
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        loss = plain_step(model, batch, optimizer)
        schedule.step()
        return loss

    for _ in range(2):
        step(model, (X, Y), optimizer)
    assert asked(model, train_step=step, optimizer=optimizer).status == "pass"


def test_a_table_by_the_ids_of_parameters_has_none_for_those_of_a_copy() -> None:
    """Momentum of the user's own, kept by `id`, is not found for the parameters of a copy."""
    model = nn.Linear(4, 3)
    kept = {id(parameter): torch.zeros_like(parameter) for parameter in model.parameters()}

    def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
        loss = plain_step(model, batch, optimizer)
        for parameter in model.parameters():
            kept[id(parameter)].add_(parameter.grad)
        return loss

    assert asked(model, train_step=step, optimizer=torch.optim.SGD(model.parameters(), 0.1)).status == "pass"


def test_an_evaluation_that_asks_for_a_loader_is_a_warning() -> None:
    """A function of a loader, called with a batch, may raise."""

    def evaluate(model: Any, val_loader: Any) -> float:
        return sum(float(nn.functional.cross_entropy(model(x), y)) for x, y in val_loader)

    found = asked(eval_step=evaluate, val_loader=[(X, Y, Y)])
    assert found.status == "warn"


def step_of_arrays(model: Any, batch: Any, optimizer: Any) -> Tensor:
    x, y = batch
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    return plain_step(model, (torch.from_numpy(x).float(), torch.tensor(y)), optimizer)


def step_of_samples(model: Any, batch: Any, optimizer: Any) -> Tensor:
    rows, labels = zip(*batch, strict=True)
    return plain_step(model, (torch.tensor(np.stack(rows)), torch.tensor(labels)), optimizer)


def test_batches_of_arrays_run() -> None:
    """A step that makes tensors of NumPy arrays runs, as does a forward, and all checks that a table has."""
    loader = [(X.double().numpy(), Y.numpy())]
    assert trained_by(step_of_arrays, loader=loader).status == "pass"
    model = nn.Linear(4, 3)
    report = check(
        model, loader, nn.CrossEntropyLoss(), optimizer=torch.optim.SGD(model.parameters(), 0.1),
        train_step=step_of_arrays, forward=lambda m, b: m(torch.from_numpy(b[0]).float()),
        only=["runs", "unused-input", "batch-leak", "updates-not-applied", "label-range"],
    )  # fmt: skip
    assert {one.status for one in report.results} == {"pass"}


@pytest.mark.parametrize(("step", "status"), [(step_of_samples, "inconclusive"), (None, "fail")])
def test_lists_of_samples_are_a_matter_of_the_users_own_step(step: Any, status: str) -> None:
    """What a step of the user's own makes of lists is left open; without one no model takes them."""
    loader = [[(row.numpy(), int(label)) for row, label in zip(X, Y, strict=True)]]
    assert trained_by(step, loader=loader).status == status


def test_what_a_loss_makes_of_arrays_is_left_open() -> None:
    """A loss that takes arrays, and gets tensors here, is no step that raises: how it is called is not known."""
    found = asked(
        loader=[(X.numpy(), Y.numpy())], loss_fn=lambda out, y: nn.functional.cross_entropy(out, torch.from_numpy(y)),
        forward=lambda model, batch: model(torch.from_numpy(batch[0])),
    )  # fmt: skip
    assert found.status == "inconclusive"


class Mixing(nn.Module):
    """Adds up neighbours, by a plain attribute that is as large as the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.neighbours = nn.Linear(32, 3), torch.eye(32).to_sparse()

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.vmap(lambda row: row * 2)(torch.sparse.mm(self.neighbours, x))
        return self.head(torch.cat([rows, rows[:, :0]], 1))


def test_sparse_tensors_beside_arrays_of_their_shape_run() -> None:
    """What cannot be compared with the arrays of the batch, as sparse, mapped and empty tensors, is none of them."""
    square = torch.randn(32, 32).numpy()
    found = asked(
        Mixing(), [(square, square[:, :0], Y.numpy())], forward=lambda model, batch: model(torch.from_numpy(batch[0])),
        split=lambda batch: (torch.from_numpy(batch[0]), torch.from_numpy(batch[2])),
    )  # fmt: skip
    assert found.status == "pass"
