from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, SubsetRandomSampler, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.split_leak import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def on(train: Any, val: Any) -> CheckResult:
    return run_one(CHECK, model=nn.Linear(8, 3), loader=train, val_loader=val, loss_fn=nn.CrossEntropyLoss())


def loaded(x: Tensor, **more: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(x, torch.arange(len(x)) % 3), batch_size=32, **more)


class Jittered(Dataset[Any]):
    def __init__(self, x: Tensor) -> None:
        self.x, self.transform = x, lambda x: x + torch.randn(8)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.x[index]), index % 3


def test_shared_rows_are_counted() -> None:
    """Forty of a hundred validation rows that come from train fail with that share."""
    x = torch.randn(300, 8)
    result = on(loaded(x[:240], shuffle=True), loaded(x[200:]))
    assert result.status == "fail"
    assert result.measurements[0].measured == "40.00%"


def test_shared_rows_are_found_behind_augmentation() -> None:
    """Augmentation on train alone does not hide that the rows are the same."""
    x = torch.randn(300, 8)
    assert on(DataLoader(Jittered(x[:240]), batch_size=32, shuffle=True), loaded(x[200:])).status == "fail"


def test_overlapping_indices_of_one_data_set_are_found() -> None:
    """Index lists of subsets and of samplers are compared as they are."""
    data = TensorDataset(torch.randn(300, 8), torch.arange(300) % 3)
    train, val = DataLoader(Subset(data, range(200)), 32), DataLoader(Subset(data, range(150, 300)), 32)
    assert on(train, val).measurements[0].measured == f"{50 / 150:.2%}"
    halves = [DataLoader(data, 32, sampler=SubsetRandomSampler(range(a, a + 150))) for a in (0, 100)]
    assert on(*halves).status == "fail"


def test_disjoint_splits_pass() -> None:
    """Different rows, disjoint subsets and disjoint samplers of one data set pass."""
    x = torch.randn(300, 8)
    assert on(loaded(x[:200]), loaded(x[200:])).status == "pass"
    data = TensorDataset(x, torch.arange(300) % 3)
    assert (
        on(*(DataLoader(data, 32, sampler=SubsetRandomSampler(range(a, a + 150))) for a in (0, 150))).status == "pass"
    )
    assert on(*(DataLoader(Subset(data, range(a, a + 150)), 32) for a in (0, 150))).status == "pass"


def test_a_stray_sample_is_a_warning() -> None:
    """One shared row in a hundred is worth a look."""
    x = torch.randn(300, 8)
    assert on(loaded(x[:201]), loaded(x[200:])).status == "warn"


def test_rows_of_few_values_are_equal_by_chance() -> None:
    """Categories and bits meet again in every split."""
    x = torch.randint(2, (300, 8)).float()
    assert on(loaded(x[:200]), loaded(x[200:])).status == "pass"


def test_forms_that_cannot_be_compared_are_inconclusive() -> None:
    """Rows stored in different types cannot be told apart by content."""
    x = torch.randn(300, 8)
    assert on(loaded(x[:200]), loaded(x[:200].double())).status == "inconclusive"


def test_no_validation_loader_is_a_skip() -> None:
    """The check names what it misses."""
    result = run_one(CHECK, model=nn.Linear(8, 3), loader=loaded(torch.randn(40, 8)), loss_fn=nn.CrossEntropyLoss())
    assert (result.status, result.summary) == ("skip", "needs val_loader")


def test_small_pictures_in_two_colours_may_be_in_both() -> None:
    """Equal rows of 64 bits are worth a look, those of 256 a defect."""
    for size, status in ((8, "warn"), (16, "fail")):
        x = torch.rand(300, size, size, generator=torch.Generator().manual_seed(0)).round()
        assert on(loaded(x[:240]), loaded(x[200:])).status == status


def test_sequences_of_few_tokens_meet_again_by_chance() -> None:
    """Counting sequences with hidden tokens are in both as often as twice in train; copies of free ones are a leak."""
    generator = torch.Generator().manual_seed(0)
    for levels, paces, share in ((20, 2, 0.2), (100, 4, 0.0), (200, 3, 0.0)):
        first, pace = (torch.randint(most, (700, 1), generator=generator) for most in (levels, paces))
        x = (first + (1 + pace) * torch.arange(14)) % levels
        x = x.masked_fill(torch.rand(x.shape, generator=generator) < share, levels).float()
        train, val = ({tuple(row.tolist()) for row in part} for part in (x[:600], x[600:]))
        assert len(train & val) > 2
        assert on(loaded(x[:600]), loaded(x[600:])).status in ("pass", "warn")
    free = torch.randint(0, 12, (600, 14), generator=generator).float()
    assert on(loaded(free), loaded(torch.cat([free[:40], free[:100].flip(1)]))).status == "fail"


def test_a_leak_of_rows_that_repeat_in_train_fails() -> None:
    """Where all of validation is in train, and a fifth of train comes twice, chance is no reason."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 30, (400, 10), generator=generator).float()
    twice = torch.cat([x, x[:80]])
    assert on(loaded(twice), loaded(x[100:200])).status == "fail"


WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "under",
    "mat",
    "tree",
    "red",
    "blue",
    "big",
    "small",
    "fish",
    "bird",
]


def told(count: int, seed: int) -> list[str]:
    """Short texts, each of another length and with words of its own."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(5, 14, (count,), generator=draw).tolist()
    return [" ".join(WORDS[i] for i in torch.randint(0, 16, (length,), generator=draw).tolist()) for length in lengths]


def records(texts: list[str], name: str, numbered: Any) -> list[dict[str, Any]]:
    return [{name: numbered(at), "text": text, "label": at % 3} for at, text in enumerate(texts)]


def collated(samples: list[dict[str, Any]]) -> tuple[Tensor, Tensor]:
    known = [torch.tensor([WORDS.index(word) for word in one["text"].split()]) for one in samples]
    counts = torch.stack([torch.bincount(one, minlength=16) for one in known]).float()
    return counts, torch.tensor([one["label"] for one in samples])


def of_texts(train: list[dict[str, Any]], val: list[dict[str, Any]]) -> CheckResult:
    loaders = {
        name: DataLoader(part, 32, collate_fn=collated) for name, part in (("loader", train), ("val_loader", val))
    }
    return run_one(CHECK, model=nn.Linear(16, 3), loss_fn=nn.CrossEntropyLoss(), **loaders)


@pytest.mark.parametrize(
    ("name", "numbered"),
    [
        ("idx", lambda at: at + 7),
        ("id", lambda at: f"row-{at}"),
        ("uid", lambda at: torch.tensor(3 * at)),
        ("guid", str),
    ],
)
def test_numbers_of_samples_hide_no_leak(name: str, numbered: Any) -> None:
    """Samples that carry a number of their own are compared by what else they hold; a shared text is found."""
    texts = told(300, 0)
    result = of_texts(records(texts[:240], name, numbered), records(texts[200:], name, lambda at: numbered(at + 1000)))
    assert result.status == "fail"
    assert result.measurements[0].measured == "40.00%"


def test_texts_of_every_length_have_one_form() -> None:
    """Texts, and names of them, differ in length from sample to sample and from split to split, and are compared."""
    train, val = (records(told(200, seed), "id", lambda at, seed=seed: f"{seed}-{at}") for seed in (1, 1000))
    assert of_texts(train, val).status == "pass"


def test_numbers_that_repeat_are_part_of_a_sample() -> None:
    """A number of a user or an item is no name of the row: pairs of them are told apart."""
    draw = torch.Generator().manual_seed(0)
    pairs = torch.randperm(60 * 60, generator=draw)[:400].tolist()
    rows = [{"user_id": at // 60, "item_id": at % 60, "hour": at % 5, "label": at % 3} for at in pairs]

    def stacked(samples: list[dict[str, Any]]) -> tuple[Tensor, Tensor]:
        parts = [[one["user_id"], one["item_id"], one["hour"]] for one in samples]
        return torch.tensor(parts).float(), torch.tensor([one["label"] for one in samples])

    loaders = {
        name: DataLoader(part, 32, collate_fn=stacked)
        for name, part in (("loader", rows[:300]), ("val_loader", rows[300:]))
    }
    assert run_one(CHECK, model=nn.Linear(3, 3), loss_fn=nn.CrossEntropyLoss(), **loaders).status == "pass"


def test_rows_of_another_form_cannot_be_compared() -> None:
    """Rows of eight values in train and of nine in validation are said to be of other forms."""
    result = on(loaded(torch.randn(200, 8)), loaded(torch.randn(100, 9)))
    assert result.status == "inconclusive"
    assert "float32[8]" in result.summary
    assert "float32[9]" in result.summary


def walks(count: int, free: float, seed: int = 0) -> Tensor:
    """Walks (count, 15) over 24 notes by one of three steps, of which a share is free; no two alike."""
    draw = torch.Generator().manual_seed(seed)
    notes = torch.randint(0, 24, (3 * count, 15), generator=draw)
    step = torch.tensor([1, 2, 5])[torch.randint(0, 3, (3 * count,), generator=draw)]
    is_free = torch.rand(3 * count, 15, generator=draw) < free
    for at in range(1, 15):
        notes[:, at] = torch.where(is_free[:, at], notes[:, at], (notes[:, at - 1] + step) % 24)
    distinct = torch.unique(notes, dim=0)
    return distinct[torch.randperm(len(distinct), generator=draw)][:count]


def of_walks(train: Tensor, val: Tensor) -> CheckResult:
    model = nn.Sequential(nn.Embedding(24, 4), nn.Flatten(), nn.Linear(60, 3))
    return run_one(CHECK, model=model, loader=loaded(train), val_loader=loaded(val), loss_fn=nn.CrossEntropyLoss())


def test_rows_near_to_chance_that_train_alone_does_not_repeat_fail() -> None:
    """Sequences that tell little, of which two thirds are in train, where none is twice, fail; disjoint ones pass."""
    rows = walks(700, 0.15)
    result = of_walks(rows[150:], torch.cat([rows[200:300], rows[:50]]))
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{100 / 150:.2%}"
    assert of_walks(rows[150:], rows[:150]).status == "pass"


def at_conditions(groups: int, each: int, *, drawn: bool) -> Tensor:
    """Rows (groups * each, 9) of eight numbers that a group shares, and a condition, drawn or of a few fixed ones."""
    torch.manual_seed(0)
    own = torch.randn(groups, 8).repeat_interleave(each, 0)
    condition = torch.randn(groups * each) if drawn else torch.linspace(-1, 1, each).repeat(groups)
    return torch.cat([own, condition[:, None]], 1)


def test_groups_measured_under_several_conditions_are_found_in_both() -> None:
    """Groups whose rows are all in train and in validation fail; groups of their own pass."""
    rows = at_conditions(120, 8, drawn=True)
    result = on(loaded(rows[:768]), loaded(rows[640:832]))
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{128 / 192:.2%}"
    assert on(loaded(rows[:768]), loaded(rows[768:])).status == "pass"


def test_a_grid_that_is_whole_in_train_may_be_looked_at_in_validation() -> None:
    """Every crossing of sites and conditions is in train, so that whatever is validated on was there."""
    rows = at_conditions(60, 8, drawn=False)
    assert on(loaded(rows, shuffle=True), loaded(rows[::3])).status == "pass"


@pytest.mark.parametrize("free", [0.0, 0.05])
def test_few_valued_rows_that_train_repeats_as_well_do_not_fail(free: float) -> None:
    """Sequences drawn from a few hundred are in validation as often as train repeats its own."""
    rows, draw = walks(300, free), torch.Generator().manual_seed(1)
    train, val = (rows[torch.randint(0, len(rows), (count,), generator=draw)] for count in (550, 150))
    assert of_walks(train, val).status in ("pass", "warn")


def in_windows(series: Tensor, y: Tensor, *, mixed: bool) -> CheckResult:
    """The check on windows of 8 over a series: the last fifth of them is for validation, or any fifth."""
    x = series.unfold(0, 8, 1)[: len(y)]
    order = torch.randperm(len(x)) if mixed else torch.arange(len(x))
    train, val = order[: len(x) * 4 // 5], order[len(x) * 4 // 5 :]
    tokens = nn.Sequential(nn.Embedding(30, 2), nn.Flatten(), nn.Linear(16, 3))
    return run_one(
        CHECK,
        model=nn.Linear(8, 3) if series.is_floating_point() else tokens,
        loader=DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True),
        val_loader=DataLoader(TensorDataset(x[val], y[val]), batch_size=32),
        loss_fn=nn.MSELoss() if y.is_floating_point() else nn.CrossEntropyLoss(),
    )


@pytest.mark.parametrize("series", [torch.randn(400).cumsum(0), torch.randint(30, (400,))], ids=["signal", "tokens"])
def test_windows_of_one_series_that_are_split_at_random_fail(series: Tensor) -> None:
    """Validation windows that begin between those of train, which they overlap with, fail; a later part does not."""
    torch.manual_seed(0)
    of_recordings = torch.arange(393) // 40 % 3
    result = in_windows(series, of_recordings, mixed=True)
    assert (result.status, result.title) == ("fail", "Windows of train and validation overlap")
    assert in_windows(series, of_recordings, mixed=False).status == "pass"


@pytest.mark.parametrize(("noise", "status"), [("walk", "fail"), ("own", "warn")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_windows_that_tell_no_more_of_the_next_value_are_worth_a_look(seed: int, noise: str, status: str) -> None:
    """What hours have of their own follows from no window that overlaps; where it goes on, it lies between two."""
    torch.manual_seed(seed)
    own = torch.randn(1000)
    series = own.cumsum(0) if noise == "walk" else 4 * torch.sin(torch.arange(1000) * torch.pi / 12) + 0.6 * own
    assert in_windows(series, series[8:, None], mixed=True).status == status


def test_short_validation_behind_the_training_windows_passes() -> None:
    """Windows at the border have what comes before them in common with train, and nothing that comes after."""
    x = torch.randn(400).cumsum(0).unfold(0, 8, 1)
    assert on(loaded(x[:360]), loaded(x[360:385])).status == "pass"


def test_windows_that_do_not_overlap_may_be_split_at_random() -> None:
    """Pieces of a signal that were cut one after the other share no value."""
    x = torch.randn(1600).cumsum(0).unfold(0, 8, 8)[torch.randperm(200)]
    assert on(loaded(x[:150]), loaded(x[150:])).status == "pass"


def test_what_is_turned_round_a_circle_is_no_window() -> None:
    """Waves on a ring, moved by any number of places, hold the same values whole and were not cut from a series."""
    torch.manual_seed(0)
    waves = torch.randn(12, 32)
    x = torch.stack([wave.roll(by) for wave in waves for by in range(32)])[torch.randperm(12 * 32)]
    assert on(loaded(x[:300]), loaded(x[300:])).status == "pass"
