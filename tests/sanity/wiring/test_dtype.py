from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.dtype import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow

N = 16
BYTES = torch.arange(N * 8, dtype=torch.int64).mul(37).remainder(256).to(torch.uint8).reshape(N, 8)
FEATURES = torch.linspace(-2, 2, N * 8).reshape(N, 8)
CLASSES = torch.arange(N) % 3


class Prepared(nn.Module):
    def __init__(self, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.prepare, self.fc = prepare, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.prepare(x))


class Embedded(nn.Module):
    def __init__(self, index: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.index, self.table, self.fc = index, nn.Embedding(64, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.table(self.index(x)).mean(1))


def result_of(model: nn.Module, x: Tensor, y: Tensor = CLASSES, loss_fn: Any = None, **rest: Any) -> CheckResult:
    return run_one(CHECK, model=model, loader=[(x, y)], loss_fn=loss_fn or nn.CrossEntropyLoss(), **rest)


def centred(x: Tensor) -> Tensor:
    return (x - 128).float() / 128  # wraps


def test_bytes_that_wrap_around_are_found_at_their_line() -> None:
    """A byte minus 128 wraps around, and the line is named."""
    result = result_of(Prepared(centred), BYTES)
    assert (result.status, result.title) == ("fail", "uint8 runs over")
    assert result.place is not None
    assert "# wraps" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]


def test_the_share_that_wraps_is_exact_for_two_tensors() -> None:
    """The share is that of a subtraction in 64 bits."""
    mean = BYTES.float().mean().to(torch.uint8)
    result = result_of(Prepared(lambda x: (x - mean).float()), BYTES)
    expected = float((BYTES.long() < int(mean)).double().mean())
    assert result.measurements[0].measured == f"{expected:.1%}"


@pytest.mark.parametrize(
    ("model", "x", "title"),
    [
        (Prepared(lambda x: (x * 2).float()), BYTES, "uint8 runs over"),
        (Prepared(lambda x: (-x).float()), BYTES, "uint8 runs over"),
        (Prepared(lambda x: (x // 255).float()), BYTES, "Integer division"),
        (Prepared(lambda x: (x / 255).to(torch.uint8).float()), BYTES.clamp(0, 254), "Features cut off to integers"),
        (Embedded(lambda x: x.long()), FEATURES.abs(), "Features cut off to integers"),
    ],
)
def test_each_loss_of_values_is_named(model: nn.Module, x: Tensor, title: str) -> None:
    """Wrapping, integer division and casts that drop the values fail by name."""
    result = result_of(model, x)
    assert (result.status, result.title) == ("fail", title)


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Prepared(lambda x: x.float() / 255), BYTES),
        (Prepared(lambda x: x / 255), BYTES),
        (Prepared(lambda x: (255 - x).float() / 255), BYTES),
        (Prepared(lambda x: (x.long() - 128).float()), BYTES),
        (Prepared(lambda x: (x // 16).float()), BYTES),
        (Prepared(lambda x: x * (x > 0).long()), FEATURES),
        (Embedded(lambda x: x), BYTES.long() % 64),
        (Embedded(lambda x: x.long()), (BYTES % 64).float()),
        (Embedded(lambda x: (x * 10).long()), FEATURES.abs()),
        (Embedded(lambda x: x // 128), BYTES.long()),
        (Embedded(lambda x: torch.bucketize(x, torch.linspace(-2, 2, 4))), FEATURES),
    ],
)
def test_silent_on_arithmetic_that_keeps_its_values(model: nn.Module, x: Tensor) -> None:
    """Floats, wide integers, inverted bytes, indices and bins pass."""
    assert result_of(model, x).status == "pass"


def test_float64_in_a_float32_network_is_found() -> None:
    """Data that widens every activation is found at the first parameter; cast once, or double throughout, it is not."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :3] * self.scale

    result = result_of(Scaled(), FEATURES.double())
    assert (result.status, result.where) == ("fail", "Tensor.mul")
    assert result_of(Scaled().double(), FEATURES.double()).status == "pass"
    assert result_of(Prepared(lambda x: x.float()), FEATURES.double()).status == "pass"


def test_float64_targets_are_a_warning() -> None:
    """A loss that targets widen is worth a look alone."""
    target = FEATURES[:, :3].double()
    assert result_of(nn.Linear(8, 3), FEATURES, target, nn.MSELoss()).status == "warn"
    assert result_of(nn.Linear(8, 3).double(), FEATURES.double(), target, nn.MSELoss()).status == "pass"


class Autocast(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.fc, self.dtype = nn.Linear(8, 3), dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=self.dtype):
            return self.fc(x)


def tiny(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z.float(), y) * 1e-6


def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
    loss = tiny(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def test_float16_without_scaling_is_found_where_gradients_vanish() -> None:
    """Half parameters fail, an autocast under a step without a scaler too; without a step it is a warning."""
    half = nn.Linear(8, 3).half()
    assert result_of(half, FEATURES.half(), loss_fn=tiny).status == "fail"
    assert result_of(half, FEATURES.half(), loss_fn=lambda z, y: F.cross_entropy(z.float(), y)).status == "warn"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, train_step=step).status == "fail"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny).status == "warn"


def test_silent_on_bfloat16_and_on_scaling() -> None:
    """Bfloat16 needs no scaling, and a scaler settles the matter, also one that the step refers to."""
    scaler = torch.amp.GradScaler("cpu")

    def scaled(model: Any, batch: Any, optimizer: Any) -> Tensor:
        loss = tiny(model(batch[0]), batch[1])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        return loss

    assert result_of(Autocast(torch.bfloat16), FEATURES, loss_fn=tiny).status == "pass"
    assert result_of(nn.Linear(8, 3).bfloat16(), FEATURES.bfloat16(), loss_fn=tiny).status == "pass"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, scaler=scaler).status == "pass"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, train_step=scaled).status == "pass"


def test_without_parameters_it_passes() -> None:
    """A model without parameters has nothing to lose."""
    assert result_of(nn.Softmax(1), FEATURES).status == "pass"


class Bytes(Dataset[Any]):
    """Bytes as they are stored, prepared in `__getitem__`."""

    def __init__(self, prepare: Callable[[Any], Any], *, arrays: bool = False) -> None:
        self.x = BYTES.numpy() if arrays else BYTES
        self.prepare = prepare

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.prepare(self.x[index]), index % 3


def prepared(data: Dataset[Any], **options: Any) -> CheckResult:
    loader = DataLoader(data, batch_size=N, **options)
    return run_one(CHECK, model=nn.Linear(8, 3), loader=loader, loss_fn=nn.CrossEntropyLoss())


def doubled(samples: list[Any]) -> tuple[Tensor, Tensor]:
    x = torch.stack([x for x, _ in samples])
    return (x * 2).float() / 255, torch.tensor([y for _, y in samples])


def test_bytes_that_wrap_around_in_the_data_set_are_found() -> None:
    """The share is that of eight samples, for tensors, arrays, sets inside of others, and the collate function."""
    tensors = Bytes(lambda x: (x - 128).float() / 128)
    expected = float((BYTES[torch.linspace(0, N - 1, 8).long()] < 128).double().mean())
    for data in (tensors, Subset(tensors, range(N)), ConcatDataset([tensors])):
        result = prepared(data)
        assert (result.status, result.where) == ("fail", "Bytes.__getitem__")
        assert result.measurements[0].measured == f"{expected:.1%}"
        assert result.place is not None
        assert result.place.function == "Bytes.__getitem__"
    assert prepared(Bytes(lambda x: (x * np.uint8(3)).astype(np.float32), arrays=True)).status == "fail"
    assert prepared(Bytes(lambda x: x), collate_fn=doubled).where == "doubled"


@pytest.mark.parametrize(
    "prepare",
    [
        lambda x: x.float() / 255,
        lambda x: (255 - x).float() / 255,
        lambda x: (~x).float() / 255,
        lambda x: (x > 127).float(),
        lambda x: x / 255 if x.dtype == torch.uint8 else x.float(),
        lambda x: (x.float() + torch.randn(8)) / 255,
    ],
)
def test_silent_on_bytes_that_are_prepared_well(prepare: Callable[[Any], Any]) -> None:
    """Conversions, inversions, thresholds, code that asks for the type, and random transforms pass."""
    assert prepared(Bytes(prepare)).status == "pass"


def stretched(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    scale = 255.0 / (high - low)
    offset = -low * scale  # of bytes, where low is one
    return ((torch.arange(256) * scale + offset).clamp(0, 255))[x.long()] / 255


def test_a_wrap_whose_effect_is_not_a_few_steps_is_found_at_its_line() -> None:
    """Where a byte's minus goes through a scale of each sample and a clamp, the line is named with a value."""
    result = prepared(Bytes(lambda x: stretched(x, x.amin(), x.amax())))
    assert (result.status, result.title) == ("fail", "Small integers run over")
    assert result.place is not None
    assert "# of bytes" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    low = next(int(row.min()) for row in BYTES[torch.linspace(0, N - 1, 8).long()] if row.min())
    assert f"{-low} becomes {256 - low}" in result.detail


def stretched_by_scalars(x: Any, low: Any, high: Any) -> Any:
    scale = np.float32(255.0 / (float(high) - float(low)))
    offset = -low * scale  # of one byte
    return (np.arange(256, dtype=np.float32) * scale + offset).clip(0, 255)[x] / 255


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_single_number_of_numpy_that_runs_over_is_found_at_its_line() -> None:
    """NumPy's own warning tells the line; numbers that are wide from the start give something else."""
    result = prepared(Bytes(lambda x: stretched_by_scalars(x, x.min(), x.max()), arrays=True))
    assert (result.status, result.title) == ("fail", "Small integers run over")
    assert result.place is not None
    assert "# of one byte" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    well = prepared(Bytes(lambda x: stretched_by_scalars(x, float(x.min()), float(x.max())), arrays=True))
    assert well.status == "pass"
    parity = prepared(Bytes(lambda x: ((x.max() * x.max()) & 1) * np.float32(0.5) + ready(x), arrays=True))
    assert parity.status == "pass"


@pytest.mark.parametrize(
    "prepare",
    [
        lambda x: stretched(x, x.amin().float(), x.amax().float()),
        lambda x: (x & -x).float() / x.amax(),
        lambda x: torch.sin((x + 77) * (torch.pi / 128)) * x.amax(),
        lambda x: ((x * 3) & 1) * (1.0 / x.amax()),
        lambda x: (x - x.amin()) / (x.amax() - x.amin()),
        lambda x: torch.arange(256.0)[(x + 9).long()] / x.amax(),
    ],
    ids=["floats", "lowest bit", "angle", "parity", "no wrap", "table that goes round"],
)
def test_wraps_that_change_nothing_or_are_needed_pass(prepare: Callable[[Tensor], Tensor]) -> None:
    """Wide numbers give the same, or cannot take the place of bytes."""
    assert prepared(Bytes(prepare)).status == "pass"


class Made(Dataset[Any]):
    """Bytes that are made when they are asked for, as files are read, and prepared then."""

    def __init__(self, prepare: Callable[[Tensor], Tensor]) -> None:
        self.prepare = prepare

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        x = torch.randint(0, 256, (8,), dtype=torch.uint8, generator=torch.Generator().manual_seed(index))
        return self.prepare(x), index % 3


def on_a_circle(x: Tensor) -> Tensor:
    return torch.sin((x + 64) * (2 * torch.pi / 256))


def above_background(x: Tensor) -> Tensor:
    background = x.roll(1)
    above = torch.where(x > background, x - background, torch.zeros_like(x))
    return above.float() / 255 if above.dtype == torch.uint8 else above.float()


@pytest.mark.parametrize(
    ("prepare", "status"),
    [(on_a_circle, "pass"), (above_background, "pass"), (lambda x: (x - 128).float() / 128, "fail")],
    ids=["angle", "written over", "centred"],
)
def test_wraps_of_bytes_that_are_read_from_files_count_where_they_reach_the_batch(
    prepare: Callable[[Tensor], Tensor], status: str
) -> None:
    """Angles go round up to rounding, and what is written over was not used, whatever type it had."""
    assert prepared(Made(prepare)).status == status


class Masks(Dataset[Any]):
    """Pictures with masks whose 0 is to be left out, held in memory or made when they are asked for."""

    def __init__(self, *, held: bool) -> None:
        self.masks = torch.randint(0, 5, (N, 8, 8), dtype=torch.uint8) if held else None

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(index)
        mask = torch.randint(0, 5, (8, 8), dtype=torch.uint8, generator=generator)
        mask = (mask if self.masks is None else self.masks[index]) - 1  # 0 becomes 255
        return torch.randn(3, 8, 8, generator=generator), mask.long()


@pytest.mark.parametrize("held", [False, True])
def test_a_zero_that_becomes_the_mark_of_what_is_left_out_passes(held: bool) -> None:
    """Masks of bytes less 1 hold 255 where a loss leaves them out, as those of ADE20K do."""
    loader, loss_fn = DataLoader(Masks(held=held), batch_size=8), nn.CrossEntropyLoss(ignore_index=255)
    assert run_one(CHECK, model=nn.Conv2d(3, 4, 1), loader=loader, loss_fn=loss_fn).status == "pass"


def in_place(x: Tensor) -> Tensor:
    x = x.clone()
    x -= 128
    return x.float() / 128


def test_bytes_that_wrap_around_in_place_are_found() -> None:
    """The outputs are compared with those of the batch in 64 bits."""
    result = result_of(Prepared(in_place), BYTES)
    assert (result.status, result.title) == ("fail", "uint8 runs over")
    assert result_of(Prepared(in_place), BYTES.clamp(min=128)).status == "pass"


@pytest.mark.parametrize(
    "model",
    [
        Embedded(lambda x: x.abs().long()),
        Embedded(lambda x: x.clamp(0, 9).long()),
        Embedded(lambda x: x.long().abs() * 8),
        Prepared(lambda x: x.to(torch.int8).float()),
    ],
)
def test_features_cut_off_in_their_own_unit_are_found(model: nn.Module) -> None:
    """Standardised features of which the integer part alone goes on fail, whatever is done with it."""
    result = result_of(model, torch.randn(N, 8, generator=torch.Generator().manual_seed(0)))
    assert (result.status, result.title) == ("fail", "Features cut off to integers")


def test_silent_on_bins_and_on_features_that_go_on_as_well() -> None:
    """Bins that a scale makes, and a sign or integer part beside the features themselves, pass."""
    x = torch.randn(N, 8, generator=torch.Generator().manual_seed(0))
    assert result_of(Embedded(lambda x: ((x + 4) * 8).long().clamp(0, 63)), x).status == "pass"
    assert result_of(Prepared(lambda x: x + x.long().float()), x).status == "pass"


@pytest.mark.parametrize("divide", [lambda x: x // SPREAD, lambda x: torch.div(x, 1000, rounding_mode="floor")])
def test_integers_that_are_standardised_by_division_are_found(divide: Callable[[Tensor], Tensor]) -> None:
    """A difference that is divided by a deviation in integers keeps a few values alone."""
    x = torch.randint(0, 1000, (64, 8), generator=torch.Generator().manual_seed(0))
    model = Prepared(lambda x: divide(x - 500).float())
    assert result_of(model, x, torch.arange(64) % 3).title == "Integer division"


SPREAD = torch.full((8,), 290)


def test_float16_parameters_under_adam_become_nan() -> None:
    """The share of squares that are 0 is told, and a step on a copy shows what they do."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3)).half()
    optimizer = torch.optim.Adam(model.parameters())
    result = result_of(model, FEATURES.half(), loss_fn=plain, optimizer=optimizer)
    assert result.status == "fail"
    plain(model(FEATURES.half()), CLASSES).backward()
    optimizer.step()
    assert not all(bool(one.isfinite().all()) for one in model.parameters())


def plain(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z.float(), y)


def test_float16_steps_that_change_nothing_are_counted() -> None:
    """The share of plain steps that leave a parameter as it is equals that of a real step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3)).half()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    result = result_of(model, FEATURES.half(), loss_fn=plain, optimizer=optimizer)
    before = [one.detach().clone() for one in model.parameters()]
    plain(model(FEATURES.half()), CLASSES).backward()
    optimizer.step()
    there = sum(int((one.grad != 0).sum()) for one in model.parameters())
    still = sum(
        int(((one.grad != 0) & (one == old)).sum()) for one, old in zip(model.parameters(), before, strict=True)
    )
    assert result.status == "fail"
    assert result.measurements[1].measured == f"{still / there:.1%}"


def autocast_step(model: Any, batch: Any, optimizer: Any) -> Tensor:
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = tiny(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def test_an_autocast_in_the_training_step_alone_is_found() -> None:
    """A step that names float16 and no scaler is tried under that autocast."""
    arguments = {"loss_fn": tiny, "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1)}
    assert result_of(nn.Linear(8, 3), FEATURES, train_step=autocast_step, **arguments).status == "fail"
    assert result_of(nn.Linear(8, 3), FEATURES, train_step=step, **arguments).status == "pass"


class Moved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc.to(x.dtype)(x)


def test_a_network_that_follows_the_type_of_its_data_is_found() -> None:
    """Float64 data that turns a float32 layer into float64 on the way fails."""
    assert result_of(Moved(), FEATURES.double()).title == "float64 data in a float32 network"
    assert result_of(Moved(), FEATURES).status == "pass"


def made_ready(prepare: Callable[[Tensor], Tensor], inputs: Tensor) -> CheckResult:
    return run_one(CHECK, model=Prepared(prepare), loader=[(inputs, CLASSES)], loss_fn=nn.CrossEntropyLoss())


def poured(x: Tensor, into: torch.dtype) -> Tensor:
    found = torch.zeros(x.shape, dtype=into)
    found[:] = x / 256
    return found.float()


def test_fractions_written_into_integers_are_lost() -> None:
    """What is written into a tensor made with zeros_like of integers loses its fractions; floats keep them."""
    whole = BYTES.long()
    found = made_ready(lambda x: poured(x, torch.int64), whole)
    assert found.status == "fail"
    assert "int64" in found.title
    assert int(found.measurements[0].measured) == len(np.unique(np.trunc(whole.numpy() / 256)))
    assert made_ready(lambda x: poured(x, torch.float32), whole).status == "pass"


def test_data_far_from_zero_is_rounded_away_by_half_precision() -> None:
    """float16 keeps steps of 2 near 3000: most of a spread of 1.2 is lost, and nothing once the mean is gone."""
    far = FEATURES + 3000
    found = made_ready(lambda x: x.half().float() - 3000, far)
    assert found.status == "fail"
    values = far.numpy().astype(np.float64)
    error = np.sqrt(((far.numpy().astype(np.float16).astype(np.float64) - values) ** 2).mean(0)) / values.std(0)
    assert float(found.measurements[0].measured.rstrip("%")) == pytest.approx(100 * np.median(error), abs=12)
    assert made_ready(lambda x: (x - 3000).half().float(), far).status == "pass"


def test_shares_taken_in_integers_come_to_nothing() -> None:
    """A mask divided by its count in integers is 0 everywhere; divided as floats it is a share."""
    counts = BYTES.long().clamp_min(1)
    found = made_ready(lambda x: (x // x.sum(1, keepdim=True)).float(), counts)
    assert (found.status, found.title) == ("fail", "Integer division")
    assert made_ready(lambda x: x / x.sum(1, keepdim=True), counts).status == "pass"


def between(times: Tensor) -> Tensor:
    return F.pad(times[:, 1:] - times[:, :-1], (0, 1))


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        (lambda t: between(t.float() / 1000), "fail"),
        (lambda t: F.pad(torch.diff(t.float()), (0, 1)) / 1000, "fail"),
        (lambda t: between(t).float() / 1000, "pass"),
        (lambda t: between((t - t[:, :1]).float()) / 1000, "pass"),
        (lambda t: t.float() / 1e12, "pass"),
    ],
)
def test_differences_of_numbers_too_large_for_float32_fail(prepare: Callable[[Tensor], Tensor], status: str) -> None:
    """Gaps between times since 1970 fail where the times were made float32 before, and nowhere else."""
    gaps = torch.randint(1_000, 40_000, (N, 8), generator=torch.Generator().manual_seed(0))
    times = 1_700_000_000_000 + gaps.cumsum(1)
    result = run_one(CHECK, model=Prepared(prepare), loader=[(times, CLASSES)], loss_fn=nn.CrossEntropyLoss())
    assert result.status == status
    assert "float32" in result.title or status == "pass"


def brighter(x: Any) -> Any:
    return x.astype(np.float32) * 1.7


def ready(x: Any) -> Tensor:
    return torch.from_numpy(x / 255).float()


@pytest.mark.parametrize(
    ("prepare", "arrays"),
    [
        (lambda x: ready(np.clip(brighter(x).astype(np.int32).astype(np.uint8), 0, 255)), True),
        (lambda x: ready(brighter(x).astype(np.int64).astype("uint8").clip(0, 255)), True),
        (lambda x: ready(brighter(x).astype(np.uint8)), True),
        (lambda x: (x.float() * 1.7).to(torch.uint8) / 255, False),
        (lambda x: (x * 1.7).byte() / 255, False),
    ],
)
def test_casts_that_wrap_in_a_data_set_are_found(prepare: Callable[[Any], Any], arrays: bool) -> None:
    """Values above 255 that become bytes before they are clipped, or are not clipped at all, fail."""
    result = prepared(Bytes(prepare, arrays=arrays))
    assert (result.status, result.title) == ("fail", "Values cast to small integers wrap around")
    assert "Bytes.__getitem__" in result.where


@pytest.mark.parametrize(
    ("prepare", "arrays"),
    [
        (lambda x: ready(np.clip(brighter(x), 0, 255).astype(np.uint8)), True),
        (lambda x: (x.float() * 1.7).clamp(0, 255).to(torch.uint8) / 255, False),
        (lambda x: ready((x.astype(np.int32) * 7).astype(np.uint8)), True),
        (lambda x: ready((brighter(x).astype(np.int32) + 40).astype(np.uint8)), True),
        (lambda x: ready(np.where(x > 99, -1.0, x).astype(np.uint8)), True),
        (lambda x: ready(np.where(x > 99, np.nan, x)), True),
        (lambda x: ready(np.clip(x.astype(np.float32).astype(np.int32).astype(np.uint8), 0, 255)), True),
    ],
    ids=["clipped", "clamped", "low byte", "hue that goes round", "-1 for 255", "gaps", "no need to clip"],
)
def test_casts_that_do_not_wrap_or_are_meant_to_pass(prepare: Callable[[Any], Any], arrays: bool) -> None:
    """What is clipped before the cast, or goes round as integers do with no clip behind, passes."""
    assert prepared(Bytes(prepare, arrays=arrays)).status == "pass"


def overwritten(x: Any) -> Tensor:
    small = x.astype(np.int32).astype(np.uint8)
    small[x > 255] = 0
    return ready(np.clip(small, 0, 255))


def marked(x: Any, mark: float) -> Tensor:
    x[x > 99] = mark
    with np.errstate(invalid="ignore"):
        return ready(x.astype(np.uint8))


def halves(small: Any) -> Tensor:
    return torch.as_tensor(np.asarray(small)).float() / 128


@pytest.mark.parametrize(
    "prepare",
    [
        lambda x: marked(x, -3.4e38),
        lambda x: marked(x, -9999.0),
        lambda x: marked(x, np.inf),
        lambda x: halves((x * 1.7).astype(np.uint8) & 1),
        lambda x: halves((torch.from_numpy(np.asarray(x)) * 1.7).to(torch.uint8) & 1),
        lambda x: torch.sin(halves((x * 1.7).astype(np.uint8)) * torch.pi),
        lambda x: overwritten(x * 1.7),
    ],
    ids=["immense", "one mark", "infinite", "parity", "parity of tensors", "angle", "overwritten"],
)
def test_marks_for_gaps_and_numbers_that_go_round_pass(prepare: Callable[[Any], Any]) -> None:
    """Gaps marked by one number, parities and angles, and values that are written over are no casts gone wrong."""
    assert prepared(Bytes(lambda x: prepare(x.astype(np.float32)), arrays=True)).status == "pass"


def test_a_mask_of_an_array_is_kept() -> None:
    """Data that is held as a masked array is read with its mask, whatever is tried on it."""
    data = Bytes(lambda x: torch.from_numpy(x.filled(0) / 255).float(), arrays=True)
    data.x = np.ma.masked_greater(data.x, 128)
    assert prepared(data).status == "pass"


class Rows(Dataset[Any]):
    """A table, whose rows or targets are prepared one by one."""

    def __init__(self, prepare: Callable[[Tensor, float], Any]) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(64, 8, generator=generator)
        self.y = (self.x[:, 0] * 1.5).tolist()
        self.prepare = prepare

    def __len__(self) -> int:
        return 64

    def __getitem__(self, at: int) -> Any:
        return self.prepare(self.x[at], self.y[at])


def regressed(prepare: Callable[[Tensor, float], Any], loss_fn: Any = None) -> CheckResult:
    loader = DataLoader(Rows(prepare), 64)
    return run_one(CHECK, model=nn.Linear(8, 1), loader=loader, loss_fn=loss_fn or nn.MSELoss())


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        (lambda x, y: (torch.tensor(x.tolist(), dtype=torch.long).float(), torch.tensor([y])), "fail"),
        (lambda x, y: (x, torch.tensor([float(int(y))])), "fail"),
        (lambda x, y: (x, torch.tensor([y])), "pass"),
        (lambda x, y: (x, torch.tensor([float(y >= 1)])), "pass"),
        (lambda x, y: (x, torch.tensor([float(int(y * 20))])), "pass"),
    ],
    ids=["features", "targets", "kept", "threshold", "fine steps"],
)
def test_quantities_that_a_data_set_cuts_off_are_found(prepare: Callable[[Tensor, float], Any], status: str) -> None:
    """What a data set holds as fractions and gives as a few whole numbers fails, unless it is a label or fine."""
    assert regressed(prepare).status == status


@pytest.mark.parametrize(("cast", "status"), [(Tensor.long, "fail"), (Tensor.double, "pass")])
def test_targets_that_the_loss_cuts_off_are_found(cast: Callable[[Tensor], Tensor], status: str) -> None:
    """A cast of the targets to integers on the way to a distance fails, in the loss as in a step of one's own."""
    whole = lambda x, y: (x, torch.tensor([y]))  # noqa: E731 - used here alone
    assert regressed(whole, lambda z, y: F.mse_loss(z, cast(y).float())).status == status


def test_what_a_step_does_before_the_network_counts() -> None:
    """Bytes that wrap around in a train_step fail, though no plain call takes them."""

    def step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model((batch[0] - 100).float() / 64), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    model = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = run_one(CHECK, model=model, loader=[(BYTES, CLASSES)], train_step=step, optimizer=optimizer)
    assert (found.status, found.title) == ("fail", "Uint8 runs over") or "runs over" in found.title


def test_a_mask_of_bytes_is_no_mask_of_bits() -> None:
    """~ of a mask of 0 and 1 in bytes fails; of a mask that is bool it is what it seems."""
    bytes_mask = (BYTES > 128).to(torch.uint8)
    turned = Prepared(lambda m: (~m).float())
    arguments = {"model": turned, "loss_fn": nn.CrossEntropyLoss()}
    assert run_one(CHECK, loader=[(bytes_mask, CLASSES)], **arguments).status == "fail"
    assert run_one(CHECK, loader=[(bytes_mask.bool(), CLASSES)], **arguments).status == "pass"


def test_fractions_written_among_others_into_integers_are_found() -> None:
    """Columns of a table of integers are seen also where others are written after them."""

    def circles(x: Tensor) -> Tensor:
        table = x.new_zeros(len(x), 8)
        for at, speed in enumerate((24, 7)):
            table[:, at] = (6.28 * x[:, 0] / speed).sin()
        return torch.cat([x[:, :0].float(), table], 1).float()

    hours = torch.arange(N)[:, None].repeat(1, 8)
    found = run_one(CHECK, model=Prepared(circles), loader=[(hours, CLASSES)], loss_fn=nn.CrossEntropyLoss())
    assert found.status == "fail"


def test_shares_that_a_loss_puts_into_bins_are_meant() -> None:
    """Bins of a share that was multiplied by their number are no quantities that lost their fractions."""
    targets = torch.rand(64, 1, generator=torch.Generator().manual_seed(0))
    loss_fn = lambda z, y: nn.functional.mse_loss(z, (5 * y).long().float())  # noqa: E731 - as users write it
    assert result_of(nn.Linear(4, 1), torch.randn(64, 4), targets, loss_fn).status == "pass"


class OfSteps(Dataset[Any]):
    """Recordings as differences of neighbouring bytes, each the next one's target."""

    def __init__(self, *, wide: bool = False) -> None:
        drawn = torch.randint(-30, 31, (N, 17), generator=torch.Generator().manual_seed(0))
        self.rows, self.wide = drawn.cumsum(1).to(torch.uint8), wide

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        steps = self.rows[index, 1:] - self.rows[index, :-1]
        steps = steps.float() / 255 if self.wide else steps.long()
        return steps[:-1], steps[1:]


class Speaks(nn.Module):
    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(symbols, 8), nn.Linear(8, symbols)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.table(x)).transpose(1, 2)


@pytest.mark.parametrize(("symbols", "status"), [(256, "pass"), (259, "pass"), (400, "fail"), (0, "fail")])
def test_differences_of_bytes_go_round_where_the_model_has_a_symbol_for_each(symbols: int, status: str) -> None:
    """Bytes that are looked up among 256 and a few marks come back from their differences; quantities do not."""
    model = Speaks(symbols) if symbols else nn.Linear(15, 15)
    loader = DataLoader(OfSteps(wide=not symbols), batch_size=N)
    loss_fn = nn.CrossEntropyLoss() if symbols else nn.MSELoss()
    assert run_one(CHECK, model=model, loader=loader, loss_fn=loss_fn).status == status
