from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from nbinspect.records import CheckResult
from nbinspect.sanity.data.not_shuffled import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def on(loader: Any, **more: Any) -> CheckResult:
    return run_one(CHECK, loader=loader, **{"model": nn.Linear(4, 4), "loss_fn": nn.CrossEntropyLoss(), **more})


def data(y: Tensor) -> TensorDataset:
    return TensorDataset(torch.randn(len(y), 4), y)


class Batched(Sampler[list[int]]):
    """Twenty batches of ten; a function makes them anew for each epoch."""

    def __init__(self, make: Callable[[], Tensor]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.make().view(20, 10).tolist()

    def __len__(self) -> int:
        return 20


def chunks() -> Tensor:
    """Neighbours in the order of the data, the chunks in a random one."""
    return torch.arange(200).view(20, 10)[torch.randperm(20)]


def inside_classes() -> Tensor:
    """A random order inside of each class of fifty, one class after the other."""
    return torch.cat([start + torch.randperm(50) for start in range(0, 200, 50)])


def little_buffer() -> Tensor:
    """What a shuffle buffer of five samples makes of the order of the data."""
    return (torch.arange(200) + 5 * torch.rand(200)).argsort()


def half_a_class() -> Tensor:
    """What a shuffle buffer of half a class makes of it."""
    return (torch.arange(200) + 25 * torch.rand(200)).argsort()


def one_class_each() -> Tensor:
    """Batches of one class each, all drawn anew."""
    return inside_classes().view(20, 10)[torch.randperm(20)]


def two_classes_each() -> Tensor:
    """Five of each of two classes, one after the other, as metric learning has them."""
    classes = [torch.randperm(4)[:2] for _ in range(20)]
    return torch.cat([50 * kind + torch.randperm(50)[:5] for pair in classes for kind in pair])


def mixed_chunks() -> Tensor:
    """Always the same batches, of all classes, in a random order."""
    return torch.arange(200).view(10, 20).T.reshape(20, 10)[torch.randperm(20)]


def test_sorted_classes_fail() -> None:
    """Classes one after the other fail with the number of changes and what chance gives."""
    y = torch.arange(400) // 100
    result = on(DataLoader(data(y), batch_size=20))
    assert result.status == "fail"
    assert result.measurements[0].measured == "3"
    torch.manual_seed(0)
    shuffled = [y[torch.randperm(400)] for _ in range(200)]
    chance = sum(int((one[1:] != one[:-1]).sum()) for one in shuffled) / 200
    assert abs(float(result.measurements[0].expected.removeprefix("about ")) - chance) < 3


def test_sorted_classes_of_a_long_set_fail() -> None:
    """Where only a part is read, it is not the first class alone."""
    assert on(DataLoader(data(torch.arange(6000) // 1500), batch_size=50)).status == "fail"


def test_a_list_of_sorted_batches_fails() -> None:
    """A list never changes its order."""
    assert on([(torch.randn(20, 4), torch.full((20,), k)) for k in range(4)]).status == "fail"


def test_a_fixed_order_is_a_warning() -> None:
    """Mixed classes in the same order in each epoch, also by a sampler that forgets its epoch, are a warning."""
    mixed = data(torch.randint(4, (400,)))
    assert on(DataLoader(mixed, batch_size=20)).status == "warn"
    sampler = DistributedSampler(mixed, num_replicas=1, rank=0, shuffle=True)
    assert on(DataLoader(mixed, batch_size=20, sampler=sampler)).status == "warn"


class Anew(Dataset[Any]):
    """Vectors and their parity, drawn at each reading, from nowhere or from those that it holds."""

    def __init__(self, held: bool) -> None:
        self.rows = torch.randint(0, 2, (400, 12)).float() if held else None

    def __len__(self) -> int:
        return 400

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = torch.randint(0, 2, (12,)).float() if self.rows is None else self.rows[int(torch.randint(400, ()))]
        return x, (x.sum() % 2).long()


@pytest.mark.parametrize("held", [False, True])
def test_samples_that_are_drawn_anew_have_no_order(held: bool) -> None:
    """The order of indices that choose no sample is no fixed order."""
    result = on(DataLoader(Anew(held), batch_size=20), model=nn.Linear(12, 2))
    assert (result.status, result.summary) == ("pass", "samples are drawn anew at each reading")


def test_shuffled_orders_pass() -> None:
    """A shuffled loader passes on sorted classes, with a generator of its own too, which stays as it was."""
    y = torch.arange(400) // 100
    assert on(DataLoader(data(y), batch_size=20, shuffle=True)).status == "pass"
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    assert on(DataLoader(data(y), batch_size=20, shuffle=True, generator=generator)).status == "pass"
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("make", [chunks, inside_classes, little_buffer])
def test_a_sampler_that_shuffles_near_by_only_fails(make: Callable[[], Tensor]) -> None:
    """Sorted classes whose chunks, or samples near each other, change places come in batches of one class still."""
    result = on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(make)))
    assert (result.status, result.title) == ("fail", "The batches do not mix the classes")


def test_classes_one_after_the_other_fail_wherever_the_batches_are_cut() -> None:
    """Samples drawn anew inside of sorted classes fail too where many batches hold the end of one class and more."""
    y = torch.arange(208) // 26
    make = lambda: torch.cat([start + torch.randperm(26)[:25] for start in range(0, 208, 26)])  # noqa: E731 - short
    result = on(DataLoader(data(y), batch_sampler=Batched(make)), model=nn.Linear(4, 8))
    assert result.status == "fail"
    assert int(result.measurements[0].measured) > 0.1 * 200 * 9 / 2 * 7 / 8


def test_blocks_that_fit_no_class_fail() -> None:
    """Blocks of a sorted file, many of which hold the end of one class and more, are no mixture in any order."""
    y = torch.arange(200) // 26
    found = on(DataLoader(data(y), batch_sampler=Batched(chunks)), model=nn.Linear(4, 8))
    assert (found.status, found.title) == ("fail", "The batches do not mix the classes")
    assert int(found.measurements[0].measured) > 0.1 * float(found.measurements[0].expected.removeprefix("about "))


def halves() -> Tensor:
    """Always the same batches, half of each of two classes, one after the other, in a random order."""
    classes = torch.arange(200).view(4, 10, 5)
    return torch.cat([torch.cat([classes[at], classes[at + 1]], 1) for at in (0, 2)])[torch.randperm(20)]


def test_lasting_batches_of_two_classes_pass() -> None:
    """Whose batches stay and list two classes each mixes as many as two can."""
    assert on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(halves))).status == "pass"


class OverTime(nn.Module):
    """Takes a batch for a sequence, and looks at the samples before and after each."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(4, 8, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.T[None])[0].T


def test_blocks_that_the_model_reads_as_one_are_a_warning() -> None:
    """A model that takes the frames of a batch for a sequence needs what belongs together in one batch."""
    for y in (torch.arange(200) // 26, torch.arange(200) // 50):
        found = on(DataLoader(data(y), batch_sampler=Batched(chunks)), model=OverTime())
        assert (found.status, found.title) == ("warn", "The batches do not mix the classes")


def test_a_buffer_of_half_a_class_is_a_warning() -> None:
    """Some batches then mix two classes, and the order carries the label still."""
    assert on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(half_a_class))).status == "warn"


def test_the_expected_pairs_are_those_of_a_random_order() -> None:
    """Two random samples of 200 in four classes differ in the label by 150 to 199."""
    result = on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(chunks)))
    assert result.measurements[0].measured == "0"
    expected = float(result.measurements[0].expected.removeprefix("about "))
    assert abs(expected / (20 * 45 * 150 / 199) - 1) < 0.02


@pytest.mark.parametrize("make", [two_classes_each, mixed_chunks])
def test_batches_that_mix_classes_pass(make: Callable[[], Tensor]) -> None:
    """A sampler that lists the classes of a batch one after the other is no mistake."""
    assert on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(make))).status == "pass"


def test_a_sampler_that_draws_one_class_for_each_batch_is_a_warning() -> None:
    """Who draws classes and their samples anew does so on purpose, whatever comes of it."""
    loader = DataLoader(data(torch.arange(200) // 50), batch_sampler=Batched(one_class_each))
    assert on(loader).status == "warn"
    assert on(loader, task="other").status == "pass"


def test_chunks_of_data_in_a_random_order_pass() -> None:
    """Where classes are mixed in the data, chunks of it are as good as samples."""
    assert on(DataLoader(data(torch.randint(4, (200,))), batch_sampler=Batched(chunks))).status == "pass"


def test_time_order_can_be_intended() -> None:
    """What the user means to do is waived, with the reason."""
    loader = DataLoader(data(torch.arange(400) // 100), batch_size=20)
    result = on(loader, intended={"not-shuffled": "time order"})
    assert result.status == "waived"
    assert "time order" in result.detail


def test_a_smooth_target_is_a_warning_at_most() -> None:
    """A series in its own order has like neighbours."""
    y = torch.sin(torch.arange(400) / 30)[:, None]
    given = {"model": nn.Linear(4, 1), "loss_fn": nn.MSELoss()}
    result = on(DataLoader(data(y), batch_size=20), **given)
    assert result.status == "warn"
    assert "target" in result.title
    assert on(DataLoader(data(y), batch_size=20, shuffle=True), **given).status == "pass"


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """Samples in an order that a function makes anew for each epoch."""

    def __init__(self, y: Tensor, order: Callable[[], Tensor] | None = None) -> None:
        self.x, self.y, self.order = torch.randn(len(y), 4), y, order

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rows = torch.arange(len(self.y)) if self.order is None else self.order().flatten()
        return ((self.x[row], self.y[row]) for row in rows)


def listed() -> Tensor:
    """Batches of sixteen of each of two classes drawn at random, one class after the other."""
    classes = [torch.randperm(4)[:2] for _ in range(40)]
    return torch.cat([500 * kind + torch.randperm(500)[:16] for pair in classes for kind in pair])


def test_a_stream_may_list_the_classes_of_a_batch() -> None:
    """Inside of a batch the order of its classes says nothing; a stream of sorted classes fails."""
    y = torch.arange(2000) // 500
    assert on(DataLoader(Stream(y, listed), batch_size=32)).status == "pass"
    assert on(DataLoader(Stream(y), batch_size=32)).status == "fail"
    assert on(DataLoader(Stream(torch.arange(400) // 20), batch_size=50), model=nn.Linear(4, 20)).status == "fail"


class Episodes(IterableDataset[tuple[Tensor, Tensor]]):
    """Batches of five classes each, which no other batch has: in the order of classes, or in one drawn anew."""

    def __init__(self, *, in_order: bool) -> None:
        self.in_order = in_order

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        classes = torch.arange(100) if self.in_order else torch.randperm(100)
        for five in classes.view(20, 5):
            yield torch.randn(50, 4), five.repeat_interleave(10)


@pytest.mark.parametrize(("in_order", "status"), [(False, "pass"), (True, "fail")])
def test_episodes_of_several_classes_pass(in_order: bool, status: str) -> None:
    """Episodes of a few classes each, as few-shot learners take them, are no sorted stream; but in their order."""
    loader = DataLoader(Episodes(in_order=in_order), batch_size=None)
    made = {"model": nn.Linear(4, 100), "loader": loader, "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, **made).status == status


def test_a_stream_whose_first_class_is_long_fails() -> None:
    """Where thousands of samples have one label the stream is read on, until another comes."""
    y = torch.arange(8000) // 3000
    assert on(DataLoader(Stream(y), batch_size=100)).status == "fail"


def buffered(size: int, fresh: bool = True) -> Callable[[], Tensor]:
    """What a buffer makes of the order of the data, a sample of which is drawn when it is full."""
    dice = random.Random(0)

    def order() -> Tensor:
        waiting: list[int] = []
        found: list[int] = []
        draws = dice if fresh else random.Random(0)
        for row in range(600):
            waiting.append(row)
            if len(waiting) == size:
                found.append(waiting.pop(draws.randrange(size)))
        draws.shuffle(waiting)
        return torch.tensor(found + waiting)

    return order


@pytest.mark.parametrize(("size", "status"), [(16, "fail"), (24, "fail"), (44, "warn"), (400, "pass")])
def test_a_stream_whose_buffer_is_far_smaller_than_a_class_fails(size: int, status: str) -> None:
    """A buffer over one folder after the other mixes the end of one class with the next; a large one mixes all."""
    stream = Stream(torch.arange(600) // 100, buffered(size))
    found = on(DataLoader(stream, batch_size=32), model=nn.Linear(4, 6))
    assert found.status == status, found
    if status == "fail":
        assert int(found.measurements[0].measured) > 50
        assert 1 <= float(found.measurements[1].measured) < 1.5
        assert found.measurements[1].expected == "about 6"


def test_a_stream_with_an_order_of_its_own_is_a_warning() -> None:
    """What drifts through its classes in the same order in each epoch may well be a series."""
    stream = Stream(torch.arange(600) // 100, buffered(16, fresh=False))
    assert on(DataLoader(stream, batch_size=32), model=nn.Linear(4, 6)).status == "warn"


def test_a_stream_whose_classes_come_back_is_a_warning() -> None:
    """Recordings that go through the same few states again and again are mixed over the epoch."""
    stream = Stream(torch.arange(600) // 50 % 6, buffered(10))
    assert on(DataLoader(stream, batch_size=32), model=nn.Linear(4, 6)).status == "warn"


@pytest.mark.parametrize("kind", ["windows", "curriculum"])
def test_a_stream_whose_samples_are_made_anew_is_a_warning(kind: str) -> None:
    """Windows of a series that begin elsewhere in each epoch, and a curriculum of new draws, are no small buffer."""
    generator, dice = torch.Generator().manual_seed(0), random.Random(0)
    y = (torch.linspace(0, 5, 2400) + 0.25 * torch.randn(2400, generator=generator)).long().clamp(0, 4)

    class Anew(IterableDataset[tuple[Tensor, Tensor]]):
        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            first = dice.randrange(4)
            for at in range(0, 2400, 4):
                label = max(0.0, min(4.0, at / 480 + dice.gauss(0, 0.25)))
                yield torch.randn(4), y[first + at] if kind == "windows" else torch.tensor(int(label))

    assert on(DataLoader(Anew(), batch_size=32), model=nn.Linear(4, 5)).status == "warn"


def test_one_batch_has_no_order() -> None:
    """Tiny sets of one batch pass."""
    assert on(DataLoader(data(torch.arange(40) // 10), batch_size=40)).status == "pass"


def sorted_rows(count: int = 240, classes: int = 3) -> Tensor:
    return torch.arange(count) * classes // count


@pytest.mark.parametrize("loss_fn", [nn.CrossEntropyLoss(), nn.MSELoss()])
def test_sorted_one_hot_targets_fail(loss_fn: Any) -> None:
    """Rows of zeros with a single one are classes, whatever the loss, and fail where they are sorted; shuffled not."""
    hot = nn.functional.one_hot(sorted_rows()).float()
    samples = TensorDataset(torch.randn(240, 4), hot)
    for shuffle, status in ((False, "fail"), (True, "pass")):
        loader = DataLoader(samples, batch_size=16, shuffle=shuffle)
        assert run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=loss_fn).status == status
    several = TensorDataset(torch.randn(240, 4), (torch.rand(240, 3) > 0.5).float())
    loader = DataLoader(several, batch_size=16)
    assert run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=nn.BCEWithLogitsLoss()).status == "warn"


def own_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch["rows"]), batch["kind"])
    loss.backward()
    optimizer.step()
    return loss


def test_sorted_labels_that_only_the_training_step_knows_fail() -> None:
    """What a step compares the outputs with is the label, by whatever name; a number beside it may be sorted."""
    kinds = sorted_rows()
    for labels, status in ((kinds, "fail"), (kinds[torch.randperm(240)], "warn")):
        samples = [{"rows": torch.randn(4), "kind": label, "day": torch.tensor(i)} for i, label in enumerate(labels)]
        model = nn.Linear(4, 3)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        given: dict[str, Any] = {"model": model, "loader": DataLoader(samples, batch_size=16), "optimizer": optimizer}
        found = run_one(CHECK, train_step=own_step, forward=lambda m, b: m(b["rows"]), **given)
        assert found.status == status, found


def test_a_fixed_order_of_batches_of_one_class_fails() -> None:
    """Blocks as long as a batch change the label often enough, and still no batch has two classes; shorter ones mix."""
    blocks = torch.arange(240) // 8 % 2
    assert on(DataLoader(data(blocks), batch_size=8)).status == "fail"
    assert on(DataLoader(data(blocks), batch_size=48)).status == "warn"


def folders(*parts: tuple[int, ...], each: int = 120) -> Tensor:
    """Labels of folders, of the classes of each in a random order, one folder after the other."""
    return torch.cat([torch.tensor(part)[torch.randint(len(part), (each,))] for part in parts])


def test_folders_with_classes_of_their_own_fail_one_after_the_other() -> None:
    """Classes that come in the first third alone fail; shuffled, with a class in common, or read together, not."""
    torch.manual_seed(0)
    apart, shared = folders((0, 1), (2, 3)), folders((0, 1, 2), (2, 3, 0))
    thirds = folders((0, 1, 2), (3, 4, 5, 6), (7, 8, 9))
    assert on(DataLoader(data(apart), batch_size=20)).status == "fail"
    found = on(DataLoader(data(thirds), batch_size=20), model=nn.Linear(4, 10))
    assert (found.status, found.summary) == ("fail", "3 parts without a class in common")
    assert "first 120 of 360 samples have 3 of 10 classes" in found.detail
    assert on(DataLoader(data(thirds), batch_size=20, shuffle=True), model=nn.Linear(4, 10)).status == "pass"
    assert on(DataLoader(data(shared), batch_size=20)).status == "warn"
    assert on(DataLoader(data(folders((0,), (0, 1, 2), each=30)), batch_size=10)).status == "warn"
    assert on(DataLoader(data(folders((0, 1, 2), (3, 4, 5, 6))), batch_size=20), model=OverTime()).status == "warn"


class Lasting(nn.Module):
    """Goes on from the state that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 4)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, state = self.cell(x, state)
        return self.head(outputs[:, -1]), state


def test_a_state_that_goes_on_from_step_to_step_has_an_order_of_its_own() -> None:
    """Where a step hands the state of a recurrent layer on, without its gradient, a shuffle would break it."""
    state: dict[str, Tensor] = {}

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        outputs, last = model(batch[0], state.get("last"))
        state["last"] = last.detach()
        loss = nn.functional.cross_entropy(outputs, batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    loader = DataLoader(TensorDataset(torch.randn(200, 5, 4), torch.arange(200) // 50), batch_size=10)
    model = Lasting()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert run_one(CHECK, model=model, loader=loader, train_step=train_step, optimizer=optimizer).status == "pass"
