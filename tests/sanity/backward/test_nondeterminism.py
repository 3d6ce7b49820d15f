from __future__ import annotations

import itertools
import random
import secrets
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.records import CheckResult
from nbinspect.sanity.backward.nondeterminism import CHECK, bad
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

X, Y = torch.randn(8, 4, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3
OWN = np.random.default_rng(0)
COUNTED = itertools.count()


class Noisy(nn.Module):
    """A linear layer on inputs with something added."""

    def __init__(self, noise: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.head, self.noise = nn.Linear(4, 3), noise
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.head(x + self.noise(x) * self.calls)


def judged(noise: Callable[[Tensor], Tensor]) -> str:
    return run_one(CHECK, model=Noisy(noise), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss()).status


def test_noise_that_nobody_seeds_fails_with_both_losses() -> None:
    """A generator made anew by the operating system gives two losses, which are both told."""
    result = run_one(CHECK, **bad())
    assert result.status == "fail"
    assert float(result.measurements[0].measured) > 1e-4
    assert " and " in result.summary


def test_an_operating_systems_randomness_fails() -> None:
    """Python's SystemRandom cannot be seeded."""
    assert judged(lambda x: torch.full_like(x, random.SystemRandom().uniform(0, 1e6))) == "fail"


@pytest.mark.parametrize(
    "noise",
    [
        nn.Dropout(0.5),
        torch.randn_like,
        lambda x: torch.full_like(x, random.random()),
        lambda x: torch.full_like(x, float(np.random.normal())),
        lambda x: torch.full_like(x, float(OWN.normal())),
    ],
)
def test_seeded_noise_passes(noise: Callable[[Tensor], Tensor]) -> None:
    """Noise of torch's, Python's and NumPy's generators, and of one that the user's file holds, repeats."""
    assert judged(noise) == "pass"


def test_rounding_is_a_warning() -> None:
    """A difference of the size that sums in another order make is worth a look alone."""
    tiny = itertools.cycle([0.0, 2e-5])
    assert judged(lambda x: torch.full_like(x, next(tiny))) == "warn"


def test_models_without_loss_and_broken_ones_are_handled() -> None:
    """Outputs are compared where there is no loss; NaN cannot be judged."""
    assert run_one(CHECK, model=nn.Linear(4, 3), loader=[X]).status == "pass"
    assert run_one(
        CHECK, model=nn.Linear(4, 3), loader=[(X * float("nan"), Y)], loss_fn=nn.CrossEntropyLoss()
    ).status == ("inconclusive")


def test_a_model_that_differentiates_on_its_own_passes() -> None:
    """A forward that asks autograd for a slope, as of a force field, runs as it does in training."""

    class Force(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.energy = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

        def forward(self, x: Tensor) -> Tensor:
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)[0]

    result = run_one(CHECK, model=Force(), loader=[(X, X)], loss_fn=nn.MSELoss())
    assert result.status == "pass"


class Mixing:
    """Trains on each image mixed with another, by shares that it is given."""

    def __init__(self, share: Callable[[], float]) -> None:
        self.share, self.seen = share, 0

    def train_step(self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        x, y = batch
        share = self.share()
        loss = nn.functional.cross_entropy(model(share * x + (1 - share) * x.flip(0)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()


def counted_beside(drawn: Callable[[], Any]) -> float:
    """Return a share that a function's own attribute counts, and draw something else."""
    drawn()
    counted_beside.count = getattr(counted_beside, "count", 0) + 1  # type: ignore[attr-defined]
    return 1 / (2 + counted_beside.count)  # type: ignore[attr-defined]


def of_steps(share: Callable[[], float]) -> CheckResult:
    model = nn.Linear(4, 3)
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), "train_step": Mixing(share).train_step}
    return run_one(CHECK, model=model, loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss(), **given)


def from_a_fresh_seed() -> float:
    torch.seed()
    return float(torch.rand(()))


@pytest.mark.parametrize(
    "share",
    [
        lambda: random.SystemRandom().random(),
        lambda: random.Random().random(),
        lambda: float(np.random.default_rng().random()),
        lambda: float(np.random.RandomState().rand()),
        from_a_fresh_seed,
        lambda: float(torch.rand((), generator=(made := torch.Generator(), made.seed())[0])),
    ],
)
def test_a_step_that_draws_from_outside_the_seeds_fails_at_its_line(share: Callable[[], float]) -> None:
    """A step that draws from the operating system, or from a seed made anew, gives two losses; the line is told."""
    result = of_steps(share)
    assert result.status == "fail"
    assert result.place is not None
    assert "test_nondeterminism" in result.place.file


@pytest.mark.parametrize(
    "share",
    [
        random.random,
        lambda: float(np.random.beta(0.4, 0.4)),
        lambda: float(torch.rand(())),
        lambda: random.Random(3).random(),
        lambda: float(np.random.default_rng(3).random()),
        lambda: 1 / (2 + next(COUNTED)),  # kept from call to call, but not drawn
        lambda: bool(uuid.uuid4()) * 0.5,  # drawn, but without a trace in the loss
        lambda: counted_beside(uuid.uuid4),  # drawn by a library for a name, beside what is counted
        lambda: counted_beside(secrets.token_hex),
        lambda: counted_beside(tempfile.TemporaryFile),
        lambda: 0.5 + 1e-7 * random.SystemRandom().random(),  # no more than rounding
        lambda: float("nan") * random.SystemRandom().random(),
    ],
)
def test_a_step_that_repeats_passes(share: Callable[[], float]) -> None:
    """Seeded shares, those that are counted, and names drawn for something else than the loss are no defect."""
    assert of_steps(share).status == "pass"


class Jittered(Dataset[tuple[Tensor, Tensor]]):
    """Rows, each multiplied by a factor that is drawn when it is read."""

    def __init__(self, factor: Callable[[int], float]) -> None:
        self.factor = factor

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return X[index] * self.factor(index), Y[index]


def of_data(factor: Callable[[int], float]) -> CheckResult:
    loader = DataLoader(Jittered(factor), batch_size=4, shuffle=True)
    return run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=nn.CrossEntropyLoss())


def in_a_fork_seeded_anew(index: int) -> float:
    with torch.random.fork_rng():
        torch.seed()
        return float(torch.rand(()))


@pytest.mark.parametrize("factor", [lambda index: float(np.random.default_rng().random()), in_a_fork_seeded_anew])
def test_samples_drawn_from_outside_a_seed_that_is_set_fail_at_their_line(factor: Callable[[int], float]) -> None:
    """Samples that come out otherwise from the same seed break a seed that was set; without one they are a warning."""
    torch.manual_seed(3)
    result = of_data(factor)
    assert result.status == "fail"
    assert result.place is not None
    assert "test_nondeterminism" in result.place.file
    torch.seed()
    assert of_data(factor).status == "warn"


@pytest.mark.parametrize(
    "factor",
    [
        lambda index: random.random(),
        lambda index: float(np.random.rand() + torch.rand(())),
        lambda index: float(np.random.default_rng((1, index)).random()),
        lambda index: float(OWN.random()),  # goes on from sample to sample
        lambda index: 1.0 + next(COUNTED),  # kept from call to call, but not drawn
        lambda index: counted_beside(uuid.uuid4),
    ],
)
def test_samples_that_the_seeds_repeat_pass(factor: Callable[[int], float]) -> None:
    """Augmentation from seeded generators, and what is counted or kept, are no defect."""
    torch.manual_seed(3)
    assert of_data(factor).status == "pass"


class Stored(Jittered):
    """Rows of a file of its own, which it removes when it is thrown away, and which can be read so many times."""

    def __init__(self, path: Path, most: int = 1000) -> None:
        super().__init__(lambda index: float(np.random.default_rng().random()))
        self.path, self.reads, self.most = path, path.with_suffix(".reads"), most
        torch.save(X, path)
        self.reads.write_bytes(b"")

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with self.reads.open("ab") as file:
            if file.tell() >= self.most:
                raise RuntimeError("no more reads today")
            file.write(b".")
        return torch.load(self.path)[index] * self.factor(index), Y[index]

    def __del__(self) -> None:
        self.path.unlink(missing_ok=True)


def test_no_copy_of_a_data_set_is_thrown_away_in_the_users_program(tmp_path: Path) -> None:
    """A data set that removes its files with itself keeps them; one that is not to be read again is no matter here."""
    torch.manual_seed(3)
    data = Stored(tmp_path / "rows")
    given: dict[str, Any] = {"model": nn.Linear(4, 3), "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, loader=DataLoader(data, batch_size=len(X)), **given).status == "fail"
    assert data.path.exists()
    needed = data.reads.stat().st_size
    for back in range(1, 5):
        few = Stored(tmp_path / f"rows but {back}", needed - back * len(X))
        assert run_one(CHECK, loader=DataLoader(few, batch_size=len(X)), **given).status == "pass"


def in_a_seeded_program(**given: Any) -> CheckResult:
    torch.manual_seed(3)
    return run_one(CHECK, **({"model": nn.Linear(4, 3), "loader": [(X, Y)], "loss_fn": nn.CrossEntropyLoss()} | given))


class Holding(nn.Module):
    """Draws its noise, or which way it takes, from a generator that it holds."""

    def __init__(self, generator: np.random.Generator | np.random.RandomState) -> None:
        super().__init__()
        self.head, self.generator = nn.Linear(4, 3), generator

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x + torch.as_tensor(self.generator.normal(size=x.shape), dtype=x.dtype))


LONG = 253764716534117393818169862434857713484


def resumed() -> np.random.Generator:
    generator = np.random.default_rng()
    generator.bit_generator.state = np.random.default_rng(8).bit_generator.state
    return generator


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_that_is_held_and_was_made_without_a_seed_fails_by_its_name(make: Callable[[], Any]) -> None:
    """Both passes begin in its one state, but another run of the program would begin in another."""
    result = in_a_seeded_program(model=Holding(make()))
    assert result.status == "fail"
    assert result.where == "generator"
    assert in_a_seeded_program(loader=DataLoader(Held(make()), batch_size=4)).status == "fail"
    torch.seed()
    assert run_one(CHECK, model=Holding(make()), loader=[(X, Y)], loss_fn=nn.CrossEntropyLoss()).status == "warn"


@pytest.mark.parametrize(
    "generator",
    [
        np.random.default_rng(5),
        np.random.default_rng(LONG),  # a long seed that is written down
        np.random.RandomState(5),
        np.random.default_rng(np.random.SeedSequence(5).spawn(1)[0]),
        resumed(),
        np.random.mtrand._rand,
    ],
)
def test_a_generator_that_is_held_and_was_given_a_seed_passes(generator: Any) -> None:
    """Generators with a seed of the program's, or a state that was set, repeat from run to run."""
    assert in_a_seeded_program(model=Holding(generator)).status == "pass"


def test_an_unseeded_generator_that_is_not_drawn_from_passes() -> None:
    """What is held but changes nothing is no defect."""
    model = Noisy(torch.zeros_like)
    model.generator = np.random.default_rng()  # type: ignore[assignment]
    assert in_a_seeded_program(model=model).status == "pass"


class Held(Dataset[tuple[Tensor, Tensor]]):
    """Rows with noise of a generator that the data set holds."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return X[index] + float(self.generator.normal()), Y[index]


class Order(torch.utils.data.Sampler[int]):
    """Gives the samples in an order that a function makes."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __len__(self) -> int:
        return len(X)

    def __iter__(self) -> Any:
        return iter([int(at) for at in self.make()])


def by_the_system() -> list[int]:
    order = list(range(len(X)))
    random.SystemRandom().shuffle(order)
    return order


class Streamed(torch.utils.data.IterableDataset[tuple[Tensor, Tensor]]):
    """Rows one after the other, in an order that a function makes."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __iter__(self) -> Any:
        return iter([(X[int(at)], Y[int(at)]) for at in self.make()])


def test_an_order_of_samples_from_outside_the_seeds_fails() -> None:
    """A sampler or a stream that asks the operating system gives other batches from the same seed; a seeded one not."""
    rows = torch.utils.data.TensorDataset(X, Y)
    for make, status in (
        (by_the_system, "fail"),
        (lambda: np.random.permutation(len(X)), "pass"),
        (lambda: torch.randperm(len(X)), "pass"),
    ):
        assert in_a_seeded_program(loader=DataLoader(rows, batch_size=4, sampler=Order(make))).status == status
    assert in_a_seeded_program(loader=DataLoader(Streamed(by_the_system), batch_size=4)).status == "fail"


def seeded_by_the_clock() -> float:
    torch.manual_seed(time.time_ns() % 2**32)
    return float(torch.rand(()))


def timed_with_a_seed_of_its_own() -> float:
    began = time.perf_counter()
    np.random.seed(7)
    return float(np.random.rand()) * (time.perf_counter() >= began)


def test_a_seed_of_the_clock_fails_and_a_step_that_is_timed_passes() -> None:
    """What seeds a generator by the clock does not repeat; a clock that is read for a log changes nothing."""
    torch.manual_seed(3)
    assert of_steps(seeded_by_the_clock).status == "fail"
    assert of_steps(timed_with_a_seed_of_its_own).status == "pass"


class Pairs(nn.Module):
    """Scores of users and items, which takes two arguments that a batch does not give it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(8, 4)

    def forward(self, user: Tensor, item: Tensor, sign: Tensor) -> Tensor:
        return (self.table(user) * self.table(item)).sum(1) * sign


@pytest.mark.parametrize(("make", "status"), [(np.random.default_rng, "fail"), (lambda: np.random, "pass")])
def test_a_model_that_runs_in_its_step_alone_is_judged_by_its_step(make: Callable[[], Any], status: str) -> None:
    """Negatives that a step draws without a seed are found where no pass runs outside of it."""

    def train_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        users, items = batch
        others = torch.as_tensor(make().permutation(8))
        loss = nn.functional.softplus(model(users, others, -torch.ones(8)) + model(users, items, torch.ones(8))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    model = Pairs()
    given = {"optimizer": torch.optim.SGD(model.parameters(), 0.1), "train_step": train_step, "task": "other"}
    loader = [(torch.arange(8), torch.arange(8).flip(0))]
    assert in_a_seeded_program(model=model, loader=loader, loss_fn=None, **given).status == status


def test_noise_of_the_size_of_rounding_fails_where_its_draw_is_seen() -> None:
    """A tiny difference is that of sums in another order only where nobody asks the operating system."""
    calls = itertools.count()

    def noise(x: Tensor) -> Tensor:
        drawn = 0 * random.SystemRandom().random()
        return torch.full_like(x, 5e-5 * (1 + drawn + next(calls) * 0.618 % 1))  # never the same by chance

    assert judged(noise) == "fail"


@pytest.mark.parametrize(
    ("fill", "status"),
    [
        (lambda rows, x: rows[:, :2].copy_(x[:, :2]), "fail"),
        (lambda rows, x: rows.copy_(x), "pass"),
        (lambda rows, x: rows.zero_()[:, :2].copy_(x[:, :2]), "pass"),
        (lambda rows, x: rows.normal_(), "pass"),
        (lambda rows, x: torch.mul(x, 2, out=rows), "pass"),
    ],
)
def test_memory_that_is_read_before_it_is_written_fails(fill: Callable[[Tensor, Tensor], Any], status: str) -> None:
    """What `torch.empty` gives and nobody writes holds what was left there; one that is filled is no matter."""

    class Buffered(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            rows = torch.empty_like(x)
            fill(rows, x)
            return super().forward(rows.clamp(-3, 3))

    assert in_a_seeded_program(model=Buffered(4, 3)).status == status


def test_memory_that_a_mask_leaves_out_passes() -> None:
    """A cache with room to grow is read whole, but what lies past its end has no weight."""

    class Cached(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            cache = torch.empty(len(x), 6)
            cache[:, :4] = x
            kept = torch.where(torch.arange(6) < 4, cache, torch.zeros(()))
            return super().forward(kept[:, :4]) + (cache * torch.tensor([0.0] * 6)).sum()

    assert in_a_seeded_program(model=Cached(4, 3)).status == "pass"


class Answering:
    """Has no attribute, and raises something of its own when asked for one."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_what_a_model_holds_may_raise_when_asked() -> None:
    """An object that raises for unknown names, as some namespaces of PyTorch do, is no error."""
    model = nn.Sequential(nn.Linear(4, 3))
    model.tool = Answering()  # type: ignore[assignment] # any object
    loader = [(torch.randn(8, 4), torch.randint(3, (8,)))]
    assert run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss()).status == "pass"
