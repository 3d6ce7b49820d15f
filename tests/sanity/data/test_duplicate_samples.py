from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from nbinspect.records import CheckResult
from nbinspect.sanity.data.duplicate_samples import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def on(loader: Any, features: int = 8) -> CheckResult:
    model = nn.Sequential(nn.Flatten(), nn.Linear(features, 3))
    return run_one(CHECK, model=model, loader=loader, loss_fn=nn.CrossEntropyLoss())


def rows(count: int, copies: int = 0) -> TensorDataset:
    torch.manual_seed(0)
    x, y = torch.randn(count, 8), torch.randint(3, (count,))
    return TensorDataset(torch.cat([x, x[:copies]]), torch.cat([y, y[:copies]]))


class Jittered(Dataset[Any]):
    def __init__(self, data: TensorDataset, *, inline: bool) -> None:
        self.x, self.y = data.tensors
        self.inline = inline
        self.transform = lambda x: x + 0.1 * torch.randn(8)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x = self.x[index]
        return (x + 0.1 * torch.randn(8) if self.inline else self.transform(x)), self.y[index]


class Hidden(Dataset[Any]):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.randn(8), index % 3


class Streamed(IterableDataset[Any]):
    def __init__(self, data: TensorDataset) -> None:
        self.data = data

    def __iter__(self) -> Any:
        return iter([self.data[i] for i in range(len(self.data))])


def test_copies_are_counted() -> None:
    """Twenty copies among 220 samples fail with that share."""
    result = on(DataLoader(rows(200, 20), batch_size=32, shuffle=True))
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{20 / 220:.2%}"


def test_copies_are_found_behind_random_transforms() -> None:
    """Samples are compared before the data set's transform, or as its arrays hold them."""
    for inline in (False, True):
        assert on(DataLoader(Jittered(rows(200, 20), inline=inline), batch_size=32, shuffle=True)).status == "fail"
        assert on(DataLoader(Jittered(rows(200), inline=inline), batch_size=32, shuffle=True)).status == "pass"


def test_the_users_data_set_keeps_its_transform() -> None:
    """What is left out for reading is left out in a copy."""
    data = Jittered(rows(40), inline=False)
    before = data.transform
    on(DataLoader(data, batch_size=8))
    assert data.transform is before


def test_a_stray_copy_is_a_warning() -> None:
    """One copy in 200 is worth a look."""
    assert on(DataLoader(rows(200, 1), batch_size=32)).status == "warn"


def test_repeats_of_a_sampler_are_fine() -> None:
    """A sampler that draws rows again, and a list that holds a batch again, are meant."""
    data = rows(200)
    sampler = WeightedRandomSampler(torch.rand(200) ** 4, 400)
    assert on(DataLoader(data, batch_size=32, sampler=sampler)).status == "pass"
    assert on([data.tensors] * 5).status == "pass"


def test_a_subset_that_lists_indices_again_is_a_warning() -> None:
    """Samples drawn with replacement, as for each of several models, may be meant; copies in the data set are none."""
    drawn_again = torch.randint(200, (200,), generator=torch.Generator().manual_seed(0)).tolist()
    result = on(DataLoader(Subset(rows(200), drawn_again), batch_size=32, shuffle=True))
    assert (result.status, "lists their indices again" in result.detail) == ("warn", True)
    assert on(DataLoader(Subset(rows(200, 20), list(range(220))), batch_size=32, shuffle=True)).status == "fail"


def test_a_stream_may_repeat_on_purpose() -> None:
    """A stream that tells no indices is at most a warning."""
    assert on(DataLoader(Streamed(rows(200, 40)), batch_size=32)).status == "warn"


class Shards(IterableDataset[Any]):
    """Reads its rows in each worker: all of them, or those of the worker's own."""

    def __init__(self, data: TensorDataset, *, shared: bool, shuffled: bool = False, endless: bool = False) -> None:
        self.data, self.shared, self.shuffled, self.endless = data, shared, shuffled, endless

    def __iter__(self) -> Any:
        worker = get_worker_info()
        mine = torch.arange(len(self.data))
        if self.shared and worker is not None:
            mine = mine[worker.id :: worker.num_workers]
        while True:
            for index in mine[torch.randperm(len(mine))] if self.shuffled else mine:
                yield self.data[int(index)]
            if not self.endless:
                return


@pytest.mark.parametrize(("shuffled", "endless"), [(False, False), (True, False), (False, True)])
def test_a_stream_that_every_worker_reads_whole_fails(shuffled: bool, endless: bool) -> None:
    """Rows that each of two workers gives are told with the workers' number, in any order; shared rows pass."""
    sick, healthy = (Shards(rows(200), shared=shared, shuffled=shuffled, endless=endless) for shared in (False, True))
    result = on(DataLoader(sick, batch_size=16, num_workers=2, drop_last=True))
    assert (result.status, result.where) == ("fail", "Shards")
    assert "2 workers" in result.summary
    assert "get_worker_info" in result.remedy
    assert on(DataLoader(healthy, batch_size=16, num_workers=2)).status != "fail"
    assert on(DataLoader(sick, batch_size=16, num_workers=1)).status != "fail"


def test_workers_that_each_shuffle_an_endless_stream_are_no_finding() -> None:
    """Drawing from all rows for ever, each worker in its own order, is a way to sample."""
    sampled = Shards(rows(200), shared=False, shuffled=True, endless=True)
    assert on(DataLoader(sampled, batch_size=16, num_workers=2)).status != "fail"


def test_rows_of_few_values_are_equal_by_chance() -> None:
    """Tables of categories, bits, a grid, blank pictures and short words repeat by nature."""
    torch.manual_seed(0)
    for x in (
        torch.randint(3, (400, 8)).clamp(max=1).float() * torch.tensor([1.0] * 5 + [0.0] * 3),
        torch.randint(4, (400, 4)).float().repeat_interleave(2, 1),
        torch.linspace(0, 1, 100).repeat(4)[:, None].expand(-1, 8).contiguous(),
        torch.zeros(400, 8),
    ):
        assert on(DataLoader(TensorDataset(x, torch.zeros(400).long()), batch_size=32)).status == "pass"


def test_a_text_that_repeats_itself_does_not_fail() -> None:
    """Windows over a short text that goes round and round are its nature."""
    text = torch.tensor([ord(c) for c in "to be or not to be that is the question " * 40])
    windows = text.unfold(0, 8, 1).contiguous().float()
    assert on(DataLoader(TensorDataset(windows, windows[:, 0].long() % 3), batch_size=32)).status != "fail"


def test_random_samples_are_inconclusive() -> None:
    """Samples that are made anew at each reading cannot be compared."""
    assert on(DataLoader(Hidden(), batch_size=8)).status == "inconclusive"


class Replaced(Dataset[Any]):
    """Rows; the first `own` come for their index, and for the others one of those behind is drawn, or made."""

    def __init__(self, own: int, *, made: bool = False) -> None:
        self.data, self.own, self.made = rows(200), own, made

    def __len__(self) -> int:
        return 200

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index < self.own:
            return self.data[index]
        x, y = self.data[int(torch.randint(self.own, 200, (1,)))]
        return (torch.randn(8), y) if self.made else (x, y)


def test_indices_that_draw_the_samples_of_others_are_a_warning() -> None:
    """Some indices that draw are told beside those that do not; samples made anew, or all of them drawn, are not."""
    result = on(DataLoader(Replaced(120), batch_size=8, shuffle=True))
    assert (result.status, result.title) == ("warn", "Indices that draw a sample in place of their own")
    assert result.summary.split(" of ")[1] == "200 indices draw the samples"
    assert 70 <= int(result.summary.split()[0]) <= 80
    assert on(DataLoader(Replaced(0), batch_size=8)).status == "inconclusive"
    assert on(DataLoader(Replaced(120, made=True), batch_size=8)).status == "inconclusive"


def test_a_part_without_copies_is_inconclusive_with_its_share() -> None:
    """Of 40,000 samples half are read, and the share is said."""
    result = on(DataLoader(TensorDataset(torch.randn(40_000, 8), torch.zeros(40_000).long()), batch_size=500))
    assert result.status == "inconclusive"
    assert "% of all" in result.summary


def test_a_set_put_together_of_many_copies_fails() -> None:
    """Two copies of all or ten: each sample is there equally often."""
    for copies in (2, 3, 10):
        data = ConcatDataset([rows(60)] * copies)
        result = on(DataLoader(data, batch_size=32, shuffle=True))
        assert result.status == "fail"
        assert result.measurements[0].measured == f"{1 - 1 / copies:.2%}"


def test_few_prototypes_do_not_fail() -> None:
    """A toy set of ten points, each drawn many times, is the nature of the data."""
    torch.manual_seed(0)
    points = torch.randn(10, 8)
    labels = torch.arange(10) % 3
    assert on(DataLoader(TensorDataset(points.repeat(40, 1), labels.repeat(40)), batch_size=32)).status != "fail"


def drawn(count: int, size: int) -> Tensor:
    """Pictures in two colours of a bar of some length, somewhere, with a few dots."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.zeros(count, size, size)
    for picture in pictures:
        row, start, length, dot = torch.randint(size, (4,), generator=generator).tolist()
        picture[row, start : start + length + 1] = 1.0
        picture[dot, (dot * 3 + row) % size] = 1.0
        picture[:, dot] = torch.maximum(picture[:, dot], (picture.sum(1) > 1).float())
    return pictures


def test_small_pictures_in_two_colours_may_be_equal() -> None:
    """Bars of 64 pixels repeat by nature, which is worth a look at most; what fills more pixels is a copy."""
    x = drawn(2000, 8)
    assert 0.03 < 1 - len(torch.unique(x, dim=0)) / len(x) < 2 / 3
    x = torch.cat([x, torch.rand(400, 8, 8, generator=torch.Generator().manual_seed(0)).round()])
    y = x.sum((1, 2)).long() % 3
    assert on(DataLoader(TensorDataset(x, y), batch_size=32)).status == "warn"
    large = torch.rand(200, 16, 16, generator=torch.Generator().manual_seed(0)).round()
    large = torch.cat([large, large[:20]])
    assert on(DataLoader(TensorDataset(large, torch.zeros(220).long()), batch_size=32)).status == "fail"


def test_copies_of_rounded_rows_are_found() -> None:
    """Five independent numbers below 100 tell a row."""
    x = torch.randint(0, 100, (200, 5), generator=torch.Generator().manual_seed(0)).float()
    y = torch.arange(200) % 3
    twice = TensorDataset(torch.cat([x, x[:40]]), torch.cat([y, y[:40]]))
    assert on(DataLoader(twice, batch_size=32), 5).status == "fail"


def progressions(count: int, levels: int, paces: int, width: int, seed: int = 0) -> Tensor:
    """Sequences that count in equal steps and go round."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(levels, (count, 1), generator=generator)
    pace = torch.randint(1, paces + 1, (count, 1), generator=generator)
    return (first + pace * torch.arange(width)) % levels


def test_sequences_of_few_tokens_are_equal_by_chance() -> None:
    """Counting sequences with some tokens hidden, whichever, come twice or nearly so; so do those counting alone."""
    generator = torch.Generator().manual_seed(1)
    for levels, paces, width, share in ((20, 2, 14, 0.2), (40, 2, 10, 0.15), (100, 4, 14, 0.0), (200, 3, 24, 0.0)):
        x = progressions(600, levels, paces, width)
        x = x.masked_fill(torch.rand(x.shape, generator=generator) < share, levels).float()
        assert len(torch.unique(x, dim=0)) < 590
        result = on(DataLoader(TensorDataset(x, torch.zeros(600).long()), batch_size=32), width)
        assert result.status in ("pass", "warn")


def test_copies_of_sequences_of_few_tokens_fail() -> None:
    """Of sequences of twenty tokens that are drawn freely, a tenth copied are no chance."""
    x = torch.randint(0, 12, (600, 20), generator=torch.Generator().manual_seed(1)).float()
    data = TensorDataset(torch.cat([x, x[:60]]), torch.zeros(660).long())
    assert on(DataLoader(data, batch_size=32), 20).status == "fail"


def test_measurements_that_are_there_two_to_four_times_fail() -> None:
    """Rows of numbers that were joined on a key that repeats are copies, in twos, threes and fours."""
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(1))
    x = x.repeat_interleave(torch.arange(300) % 4 + 1, 0)
    assert on(DataLoader(TensorDataset(x, torch.zeros(len(x)).long()), batch_size=32)).status == "fail"


class Whole(IterableDataset[Any]):
    """Streams all rows that it holds, in a new order; some again where `again` says so."""

    def __init__(self, data: TensorDataset, again: int = 0) -> None:
        self.x, self.y = data.tensors
        self.again = again

    def __iter__(self) -> Any:
        for place in [*torch.randperm(len(self.x)).tolist(), *range(self.again)]:
            yield self.x[place], self.y[place]


def test_a_stream_that_holds_copies_fails() -> None:
    """Rows that the data set itself holds twice are no repeats on purpose; those that it gives twice may be."""
    assert on(DataLoader(Whole(rows(200, 40)), batch_size=32)).status == "fail"
    assert on(DataLoader(Whole(rows(200), again=40), batch_size=32)).status == "warn"


def test_parts_that_were_read_again_fail_in_spite_of_rows_that_could_meet_by_chance() -> None:
    """Copies that come in the order of what they repeat were read again; those drawn at random may be chance."""
    torch.manual_seed(0)
    x, y = torch.randint(6, (800, 14)).float(), torch.randint(3, (800,))
    listed = [row for first in range(0, 300, 5) for end in range(1, 6) for row in range(first, first + end)]
    again = torch.tensor([*range(700), *range(600, 800), *range(600, 700)])
    for order, status in ((again, "fail"), (torch.tensor(listed), "fail"), (torch.randint(300, (900,)), "warn")):
        loader = DataLoader(TensorDataset(x[order], y[order]), batch_size=32, shuffle=True)
        assert on(loader, 14).status == status, (order, status)


def test_short_sequences_that_were_written_again_in_their_order_fail() -> None:
    """Copies of rows that could nearly be equal by chance are told by their order; those drawn in any order are not."""
    x = progressions(320, 24, 3, 16)
    generator = torch.Generator().manual_seed(3)
    x = torch.where(torch.rand(x.shape, generator=generator) < 0.1, torch.randint(24, x.shape, generator=generator), x)
    rounds = torch.cat([torch.arange(40 * done) for done in range(1, 9)])
    for order, is_copied in ((rounds, True), (torch.randint(320, (1440,), generator=generator), False)):
        loader = DataLoader(TensorDataset(x[order].float(), torch.zeros(1440).long()), batch_size=32, shuffle=True)
        assert (on(loader, 16).status == "fail") is is_copied


def test_states_of_a_system_that_meet_and_go_on_alike_do_not_fail() -> None:
    """Episodes of a network of switches run into each other, and are the same from there on: nothing is copied."""
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        read = torch.stack([torch.randperm(26, generator=generator)[:3] for _ in range(26)])
        table = torch.randint(2, (26, 8), generator=generator)
        state, steps = torch.randint(2, (60, 26), generator=generator), []
        for _ in range(15):
            steps.append(state)
            state = table[torch.arange(26), state[:, read] @ torch.tensor([1, 2, 4])]
        x = torch.stack(steps, 1).flatten(0, 1)
        loader = DataLoader(TensorDataset(x.float(), x.sum(1) % 3), batch_size=32, shuffle=True)
        assert on(loader, 26).status != "fail"


def test_what_goes_round_or_stays_does_not_fail() -> None:
    """A timetable comes again after a week, and readings that do not change at once: neither was read twice."""
    torch.manual_seed(0)
    x, y = torch.randint(6, (168, 14)).float(), torch.randint(3, (168,))
    for order in (torch.arange(900) % 168, torch.arange(168).repeat_interleave(torch.randint(1, 7, (168,)))):
        loader = DataLoader(TensorDataset(x[order], y[order]), batch_size=32, shuffle=True)
        assert on(loader, 14).status == "warn"


def test_copies_that_make_the_classes_even_are_a_warning() -> None:
    """Rare classes whose samples were copied until all come as often as the common one may be meant so."""
    torch.manual_seed(0)
    x, y = torch.randn(300, 8), (torch.arange(300) % 4 == 0).long()
    rare = torch.nonzero(y)[:, 0]
    more = torch.cat([torch.arange(300), rare[torch.randint(len(rare), (150,))]])
    assert on(DataLoader(TensorDataset(x[more], y[more]), batch_size=32, shuffle=True)).status == "warn"
    any_of_them = torch.cat([torch.arange(300), torch.randint(300, (150,))])
    loader = DataLoader(TensorDataset(x[any_of_them], y[any_of_them]), batch_size=32, shuffle=True)
    assert on(loader).status == "fail"


def test_what_games_begin_with_is_no_copy() -> None:
    """Boards after each move, of which most games have the first in common, come in one order, and do not fail."""
    draw = torch.Generator().manual_seed(0)
    openings, boards, moves = torch.randint(64, (3, 6), generator=draw), [], []
    for game in range(60):
        board = torch.zeros(64)
        for turn, move in enumerate([*openings[game % 7 % 3], *torch.randint(64, (14,), generator=draw)]):
            boards.append(board.clone())
            moves.append(int(move) % 3)
            board[move] = 1 + turn % 2
    loader = DataLoader(TensorDataset(torch.stack(boards), torch.tensor(moves)), batch_size=32, shuffle=True)
    assert on(loader, 64).status == "warn"


class Listed(IterableDataset[Any]):
    """Streams a list of samples."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples

    def __iter__(self) -> Any:
        return iter(self.samples)


def test_a_stream_of_all_samples_several_times_may_be_as_many_epochs() -> None:
    """A list of samples times three is an epoch of three, and worth a look at most."""
    samples = list(rows(60))
    assert on(DataLoader(Listed(samples * 3), batch_size=32)).status == "warn"


def test_a_rare_class_of_which_each_sample_comes_several_times_is_a_warning() -> None:
    """Rare samples may be copied on purpose without making classes even; once again each, they may be read twice."""
    torch.manual_seed(0)
    x, y = torch.randn(300, 8), (torch.arange(300) % 12 == 0).long()
    for again, status in ((4, "warn"), (1, "fail")):
        more = torch.cat([torch.arange(300), torch.nonzero(y)[:, 0].repeat(again)])
        assert on(DataLoader(TensorDataset(x[more], y[more]), batch_size=32, shuffle=True)).status == status


@pytest.mark.parametrize(("count", "kept", "status"), [(200, 24, "fail"), (40, 24, "warn"), (200, 1, "warn")])
def test_one_sample_that_is_a_fifth_of_all_fails(count: int, kept: int, status: str) -> None:
    """One pair of rows hundreds of times is a defect; a rarer one warns, and one with a class, as a first state has."""
    torch.manual_seed(0)
    x, y = torch.randn(500, 8), torch.randn(500, 24)[:, :kept]
    x, y = torch.cat([x, x[7].expand(count, 8)]), torch.cat([y, y[7].expand(count, kept)])
    assert rebuilt(x, y).status == status


def rebuilt(x: Tensor, y: Tensor) -> CheckResult:
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    return run_one(CHECK, model=nn.Linear(x.shape[1], y.shape[1]), loader=loader, loss_fn=nn.MSELoss())


@pytest.mark.parametrize("way", ["nothing", "most", "mean", "middle"])
def test_a_sample_that_stands_for_nothing_known_may_come_often(way: str) -> None:
    """Rows without any activity have the least value of each column, filled ones its mean or middle, scaled alike."""
    torch.manual_seed(0)
    x = torch.randn(500, 12).exp()
    if way == "most":
        x = -x
    row = {"nothing": 0 * x[0], "most": 0 * x[0], "mean": x.mean(0), "middle": x.median(0).values}[way]
    x = torch.cat([x, row.expand(200, 12)])
    x = (x - x.mean(0)) / x.std(0)
    assert rebuilt(x, x.repeat(1, 2)).status == "warn"


@pytest.mark.parametrize("whole", [1, 2])
def test_samples_that_several_people_judged_agree_now_and_then(whole: int) -> None:
    """Four ratings of each of 250 rows are often equal, and no copies; all of them twice are."""
    torch.manual_seed(0)
    x = torch.randn(250, 8)
    stars = (6 + 2 * x[:, :1].repeat_interleave(4, 0) + 1.4 * torch.randn(1000, 1)).round().clamp(1, 10)
    result = rebuilt(x.repeat_interleave(4, 0).repeat(whole, 1), stars.repeat(whole, 1))
    assert result.status == ("warn" if whole == 1 else "fail")
    assert ("several targets" in result.detail) == (whole == 1)


def test_a_part_of_a_set_that_was_put_together_of_four_copies_fails() -> None:
    """Rows come up to four times, and too few come three times for rows that are drawn; drawn ones are worth a look."""
    torch.manual_seed(0)
    x, y = torch.randint(17, (300, 24)).float(), torch.randint(3, (300,))
    part, again = torch.randperm(1200)[:750] % 300, torch.randint(300, (750,))
    for order, status in ((part, "fail"), (again, "warn")):
        loader = DataLoader(TensorDataset(x[order], y[order]), batch_size=32, shuffle=True)
        assert on(loader, 24).status == status
