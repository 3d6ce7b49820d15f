from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from nbinspect.decode.normalisation import find_normalisation
from nbinspect.errors import InputError
from nbinspect.records import Normalisation

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR = ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))
OWN = ((0.31, 0.42, 0.53), (0.11, 0.22, 0.19))


def photographs(channels: int = 3, count: int = 8, side: int = 32, seed: int = 0) -> Tensor:
    """Bytes / 255 that reach 0 and 1 in every channel, smooth as photographs are."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(count, channels, 5, 5, generator=generator)
    smooth = nn.functional.interpolate(rough, (side, side), mode="bilinear")
    low, high = smooth.amin((0, 2, 3), keepdim=True), smooth.amax((0, 2, 3), keepdim=True)
    return (255 * (smooth - low) / (high - low)).round() / 255


def normalised(images: Tensor, mean: Any, std: Any) -> Tensor:
    shape = (-1, 1, 1)
    return (images - torch.tensor(mean).reshape(shape)) / torch.tensor(std).reshape(shape)


def digits() -> Tensor:
    return torch.tensor(load_digits().images[:256], dtype=torch.float32)[:, None]


class Normalize:
    """As torchvision's: two lists, and a call that must not be made here."""

    def __init__(self, mean: Any, std: Any) -> None:
        self.mean, self.std = mean, std

    def __call__(self, image: Any) -> Any:
        raise AssertionError("user code was run")


class Compose:
    def __init__(self, *transforms: Any) -> None:
        self.transforms = list(transforms)


class Pictures(Dataset[Any]):
    def __init__(self, transform: Any = None, **attributes: Any) -> None:
        self.transform = transform
        vars(self).update(attributes)

    def __len__(self) -> int:
        raise AssertionError("user code was run")

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("user code was run")


@pytest.mark.parametrize(
    ("mean", "std", "channels", "expected"),
    [
        (*IMAGENET, 3, IMAGENET),
        (0.5, 0.25, 3, ((0.5,) * 3, (0.25,) * 3)),
        (torch.tensor(IMAGENET[0]).reshape(3, 1, 1), np.array(IMAGENET[1], dtype=np.float32), 3, IMAGENET),
        ([0.1307], (0.3081,), 1, ((0.1307,), (0.3081,))),
        (np.float64(0), 1, 4, ((0.0,) * 4, (1.0,) * 4)),
    ],
)
def test_the_argument_comes_first(mean: Any, std: Any, channels: int, expected: Any) -> None:
    """Mean and std given as numbers, sequences, arrays or tensors are used before anything else, one a channel."""
    images = normalised(photographs(channels), *expected)
    dataset = Pictures(Normalize(*CIFAR))
    for given in ((mean, std), [mean, std]):
        found, note = find_normalisation(given, dataset, images, None)
        assert found is not None
        np.testing.assert_allclose((found.mean, found.std), expected, rtol=1e-6)
        assert (found.source, note) == ("argument", "")


def test_a_record_keeps_its_source() -> None:
    """A `Normalisation` given as the argument says itself where it comes from."""
    given = Normalisation(*IMAGENET, "the paper")
    assert find_normalisation(given, None, normalised(photographs(), *IMAGENET), None) == (given, "")


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("imagenet", r"expected a pair \(mean, std\), got a str"),
        (0.5, r"expected a pair \(mean, std\), got a float"),
        ((0.5, 0.5, 0.5), r"expected a pair"),
        ({"mean": 1, "std": 2}, r"expected mean as a finite number"),
        (("a", "b"), r"expected mean as a finite number, or one a channel, got a str"),
        ((0.5, None), r"expected std as a finite number"),
        ((0.5, float("nan")), r"expected std as a finite number"),
        (((0.5, 0.5), 0.5), r"expected 1 or 3 values of mean, one a channel, got 2"),
        ((0.5, (0.5,) * 4), r"expected 1 or 3 values of std, one a channel, got 4"),
        (((), 0.5), r"expected 1 or 3 values of mean, one a channel, got 0"),
        ((0.5, 0), r"expected a std above 0, got 0; the order is \(mean, std\)"),
        (((0.5,) * 3, (0.5, -0.1, 0.5)), r"expected a std above 0, got -0.1"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(argument: Any, text: str) -> None:
    """A wrong kind, length or sign of the argument gets an error that names what was expected and what came."""
    with pytest.raises(InputError, match=text):
        find_normalisation(argument, None, photographs(), None)


@pytest.mark.parametrize(
    ("raw", "mean", "std", "source"),
    [
        (255 * photographs(1), 120.0, 60.0, "argument, divided by 255"),
        (digits(), 4.88, 6.0, "argument, with 0…16 shown as 0…1"),
        (2000 * photographs(1) - 1000, -100.0, 300.0, "argument, with -1e+03…1e+03 shown as 0…1"),
    ],
)
def test_an_argument_in_raw_units_is_brought_to_0_1(raw: Tensor, mean: float, std: float, source: str) -> None:
    """Mean and std of values that were not in 0…1 are rescaled, and the source says how."""
    fed = (raw - mean) / std
    found, _ = find_normalisation((mean, std), None, fed, None)
    assert found is not None
    shown = fed.numpy() * found.std[0] + found.mean[0]
    wanted = (raw - min(raw.min(), torch.tensor(0.0))) / (raw.max() - min(raw.min(), torch.tensor(0.0)))
    np.testing.assert_allclose(shown, wanted, atol=1e-5)
    assert found.source == source


class WithBuffers(nn.Module):
    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1))


class WithFlags(nn.Module):
    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        self.flags = {"mean": torch.tensor(mean), "std": torch.tensor(std)}


class Processor:
    def __init__(self, mean: Any, std: Any) -> None:
        self.image_mean, self.image_std, self.do_rescale = list(mean), list(std), True


@dataclass(slots=True)
class Slotted:
    mean: Any
    std: Any


class Older(Dataset[Any]):
    MEAN, STD = OWN


class OnTheClass(Older):
    MEAN, STD = IMAGENET


def closure(transform: Any) -> Any:
    return lambda image: transform(image) + 1


def standardise(image: Any, mean: Any, std: Any) -> Any:
    raise AssertionError("user code was run")


NORMALIZE = Normalize(*map(list, IMAGENET))
FOUND: dict[str, tuple[Any, str]] = {
    "directly": (Pictures(NORMALIZE), "Normalize at dataset.transform"),
    "in a list": (Pictures(Compose(closure, NORMALIZE)), "Normalize at dataset.transform.transforms[1]"),
    "nested": (Pictures(Compose(Compose(Compose(NORMALIZE)))), "transform.transforms[0].transforms[0].transforms[0]"),
    "subset": (Subset(Pictures(NORMALIZE), [0]), "Normalize at dataset.dataset.transform"),
    "concatenated": (ConcatDataset.__new__(ConcatDataset), ""),
    "wrapped": (Pictures(base=Pictures(transforms=[NORMALIZE])), "Normalize at dataset.base.transforms[0]"),
    "sequential": (
        Pictures(nn.Sequential(nn.Identity(), WithBuffers(*IMAGENET))),
        "WithBuffers at dataset.transform.1",
    ),
    "flags": (Pictures(augment=WithFlags(*IMAGENET)), "dict at dataset.augment.flags"),
    "processor": (Pictures(processor=Processor(*IMAGENET)), "Processor at dataset.processor"),
    "slots": (Pictures(Slotted(*IMAGENET)), "Slotted at dataset.transform"),
    "attributes": (Pictures(mean=np.array(IMAGENET[0]), std=np.array(IMAGENET[1])), "Pictures at dataset"),
    "class": (OnTheClass(), "OnTheClass at dataset"),
    "closure": (Pictures(closure(NORMALIZE)), "Normalize at dataset.transform.transform"),
    "partial": (
        Pictures(partial(standardise, mean=IMAGENET[0], std=IMAGENET[1])),
        "dict at dataset.transform.keywords",
    ),
    "method": (Pictures(NORMALIZE.__call__), "Normalize at dataset.transform.__self__"),
    "dict": (Pictures({"train": Compose(NORMALIZE)}), "Normalize at dataset.transform.train.transforms[0]"),
    "in 0…255": (
        Pictures(Normalize([255 * m for m in IMAGENET[0]], [255 * s for s in IMAGENET[1]])),
        "Normalize at dataset.transform, divided by 255",
    ),
}
vars(FOUND["concatenated"][0])["datasets"] = [TensorDataset(torch.zeros(3)), Pictures(NORMALIZE)]


@pytest.mark.parametrize("case", FOUND)
def test_a_transform_is_found_on_the_data_set(case: str) -> None:
    """Mean and std are found wherever a data set keeps them, without running its code, and the place is said."""
    dataset, place = FOUND[case]
    noisy = normalised(photographs(), *IMAGENET) + 0.01 * torch.randn(8, 3, 32, 32)
    found, note = find_normalisation(None, dataset, noisy, None)
    assert found is not None
    np.testing.assert_allclose((found.mean, found.std), IMAGENET, rtol=1e-6)
    assert place in found.source
    assert note == ""


class Hostile:
    """Raises whenever any of its code runs."""

    @property
    def mean(self) -> Any:
        raise AssertionError("user code was run")

    std = mean

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("user code was run")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("user code was run")

    def __hash__(self) -> int:
        raise AssertionError("user code was run")

    def __bool__(self) -> bool:
        raise AssertionError("user code was run")


class NoDict:
    @property
    def __dict__(self) -> Any:
        raise AssertionError("user code was run")


class UnNormalize(Normalize):
    pass


def endless() -> Any:
    dataset = Pictures()
    dataset.transform = Compose(dataset, [dataset])
    return dataset


def chained() -> Any:
    dataset = Pictures(NORMALIZE)
    for _ in range(3000):
        dataset = Pictures(dataset)
    return dataset


@pytest.mark.parametrize(
    "dataset",
    [
        None,
        5,
        Hostile(),
        Pictures(Compose(Hostile(), NoDict())),
        endless(),
        chained(),
        Pictures(target_transform=NORMALIZE),
        Pictures(label_stats={"mean": 0.5, "std": 0.2}),
        Pictures(inverse=NORMALIZE),
        Pictures(UnNormalize(*IMAGENET)),
        Pictures(Normalize(IMAGENET[0], (0.2, 0, 0.2))),
        Pictures(Normalize((0.4, 0.4), (0.2, 0.2))),
        Pictures(Normalize(None, None)),
        Pictures(Normalize(True, True)),
        Pictures(Normalize("0.5", "0.5")),
        Pictures(Normalize(torch.zeros(3, device="meta"), torch.ones(3))),
        Pictures(Normalize(np.array([object()]), np.array(["a"]))),
        Pictures(mean=float("nan"), std=1.0),
    ],
    ids=lambda dataset: type(dataset).__name__,
)
def test_what_is_no_normalisation_of_the_pictures_is_passed_over(dataset: Any) -> None:
    """Constants of targets, inverses and other channel counts, unusable ones, and hostile objects are ignored."""
    found, note = find_normalisation(None, dataset, normalised(photographs(), *OWN), None)
    assert found is not None
    assert found.source == "estimated from this batch's range"
    assert note == ""


@pytest.mark.parametrize(
    ("images", "note"),
    [
        (photographs(), "values already lie in 0…1"),
        (photographs() * 1.03 - 0.015, "values already lie in 0…1"),
        (photographs().double() * 0.3 + 0.1, "values already lie in 0…1"),
        (torch.zeros(4, 1, 8, 8), "values already lie in 0…1"),
        ((255 * photographs()).to(torch.uint8), "8-bit values"),
        (photographs(1)[:, 0] > 0.5, "true or false"),
        (photographs() / 255, "values lie in 0…0.0039, as if divided by 255 twice"),
        (torch.full((2, 3, 4, 4), float("nan")), "there are no finite values"),
        (torch.rand(0, 3, 4, 4), "there are no finite values"),
        ([photographs()[0], photographs(side=16)[0]], "values already lie in 0…1"),
    ],
)
def test_values_that_need_none_say_why(images: Any, note: str) -> None:
    """Values in 0…1 and 8-bit values need no normalisation, and the note says so."""
    assert find_normalisation(None, None, images, None) == (None, note)


@pytest.mark.parametrize("images", [photographs(), (255 * photographs()).to(torch.uint8)])
def test_a_transform_that_was_not_applied_is_named(images: Tensor) -> None:
    """Values still in 0…1 or in bytes were not normalised, whatever stands on the data set, and the note says both."""
    found, note = find_normalisation(None, Pictures(NORMALIZE), images, None)
    assert found is None
    assert note.endswith("; Normalize at dataset.transform does not look applied")
    assert "does not look" not in find_normalisation(None, Pictures(Normalize(0, 1)), images, None)[1]


def test_a_transform_that_does_not_fit_is_not_believed() -> None:
    """Where the constants on the data set leave values far outside 0…1, the values themselves decide."""
    other = Normalize((0.5,) * 3, (3.0,) * 3)
    found, note = find_normalisation(None, Pictures(other), normalised(photographs(), *IMAGENET), None)
    assert found is not None
    assert found.source.startswith("estimated: ImageNet constants")
    assert note == "Normalize at dataset.transform does not fit the values"


def test_the_outermost_transform_counts() -> None:
    """Where an outer and an inner data set both have constants that fit, the outer one's were applied last."""
    inner = Pictures(Normalize([m + 0.01 for m in IMAGENET[0]], IMAGENET[1]))
    found, _ = find_normalisation(
        None, Pictures(last=NORMALIZE, base=inner), normalised(photographs(), *IMAGENET), None
    )
    assert found is not None
    assert found.source == "Normalize at dataset.last"


def test_of_several_transforms_the_one_that_fits_is_taken() -> None:
    """With transforms of several streams on one data set, the first that explains the values counts."""
    dataset = Pictures(Normalize((0.5,) * 3, (3.0,) * 3), second=NORMALIZE)
    found, note = find_normalisation(None, dataset, normalised(photographs(), *IMAGENET), None)
    assert found is not None
    assert (found.source, note) == ("Normalize at dataset.second", "")


ON_GRID = r"estimated: {}, (9\d|100) % of the distinct values fall on the 1/255 grid"


@pytest.mark.parametrize(
    ("mean", "std", "name"),
    [
        (*IMAGENET, "ImageNet constants"),
        (*CIFAR, "CIFAR-10 constants"),
        (CIFAR[0], (0.2023, 0.1994, 0.201), "CIFAR-10 constants"),
        ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761), "CIFAR-100 constants"),
        ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), "CLIP constants"),
        ((0.5,) * 3, (0.5,) * 3, "mean 0.5 and std 0.5"),
        ((0.1307,), (0.3081,), "MNIST constants"),
        ((0.5,), (0.5,), "mean 0.5 and std 0.5"),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_well_known_constants_show_in_the_grid_of_bytes(mean: Any, std: Any, name: str, dtype: torch.dtype) -> None:
    """Bytes normalised with well-known constants are recognised, also where black and white do not occur."""
    for images in (photographs(len(mean)), (255 * photographs(len(mean)) * 0.6 + 40).round() / 255):
        found, _ = find_normalisation(None, None, normalised(images, mean, std).to(dtype), None)
        assert found is not None
        assert (found.mean, found.std) == (mean, std)
        assert torch.tensor(found.mean).shape == (len(mean),)
        assert re.fullmatch(ON_GRID.format(name), found.source), found.source


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_range_tells_where_the_grid_cannot(dtype: torch.dtype) -> None:
    """Pictures resized after they were normalised, or in bfloat16, are recognised by the range of every channel."""
    smooth = nn.functional.interpolate(photographs(), (77, 77), mode="bilinear", align_corners=True)
    found, _ = find_normalisation(None, None, normalised(smooth, *CIFAR).to(dtype), None)
    assert found is not None
    assert found.mean == CIFAR[0]
    assert found.std == CIFAR[1]
    assert found.source == "estimated: CIFAR-10 constants, every channel then reaches from 0 to 1 within 2 %"


def test_two_values_are_no_grid() -> None:
    """Black and white alone fall on any grid, so only the range is claimed."""
    found, _ = find_normalisation(None, None, torch.where(digits() > 8, 1.0, -1.0), None)
    assert found is not None
    assert found.source == "estimated: mean 0.5 and std 0.5, every channel then reaches from 0 to 1 within 2 %"


def z_scored(images: Tensor) -> Tensor:
    return (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True)


@pytest.mark.parametrize(
    "images",
    [
        z_scored(digits()),
        z_scored(digits().double()),
        z_scored(photographs() ** 3),
        torch.randn(8, 3, 32, 32),
        torch.randn(8, 1, 32, 32),
        torch.where(digits() > 8, 2.7, -0.4),
        0.003 * torch.randn(8, 3, 32, 32),
        digits() - 5,
        normalised(photographs() - 40 / 255, *IMAGENET),
        normalised(photographs(), *OWN),
        normalised(photographs() * 0.2 + 0.37, *IMAGENET)
        + 0.001 * torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
    ],
)
def test_other_constants_are_not_invented(images: Tensor) -> None:
    """Values that fit no known constants are stretched from black to white per channel, and no more is claimed."""
    found, note = find_normalisation(None, None, images, None)
    assert found is not None
    assert (found.source, note) == ("estimated from this batch's range", "")
    values = images.double().numpy()
    low, high = values.min((0, 2, 3)), values.max((0, 2, 3))
    np.testing.assert_allclose(low * found.std + found.mean, 0, atol=1e-6)
    np.testing.assert_allclose(high * found.std + found.mean, 1, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "white"),
    [
        (digits(), 16),
        (255 * photographs(), 255),
        ((255 * photographs()).round().to(torch.int64), 255),
        ((100 * photographs()).round(), 255),
        ((65535 * photographs().double()).round(), 65535),
    ],
)
def test_whole_numbers_from_0_up_were_not_scaled(images: Tensor, white: int) -> None:
    """Counts are divided by 255 where they reach like bytes, else by the greatest, alike in every channel."""
    found, _ = find_normalisation(None, None, images.round(), None)
    assert found is not None
    assert found.mean == (0,) * images.shape[1]
    np.testing.assert_allclose(found.std, 1 / white)
    assert found.source == f"estimated: whole numbers 0…{white}, not scaled"


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    """A channel of one value, and one without finite values, still get finite constants."""
    images = z_scored(photographs())
    images[:, 1], images[:, 2] = -1.5, float("nan")
    found, _ = find_normalisation(None, None, images, None)
    assert found is not None
    assert np.isfinite([found.mean, found.std]).all()


def test_outliers_do_not_set_the_stretch() -> None:
    """A few values far away do not make the rest of the batch grey."""
    images = torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    images[0, 0, 0, 0] = 1e6
    found, _ = find_normalisation(None, None, images, None)
    assert found is not None
    assert found.std[0] > 0.05


@pytest.mark.parametrize("layout", ["HWC", "HW", "ragged", "1000 channels"])
def test_every_layout_of_pictures_is_read(layout: str) -> None:
    """Channels last, no channels, lists and many channels are looked at like (N, C, H, W)."""
    images: Any = normalised(photographs(), (0.5,) * 3, (0.5,) * 3)
    if layout == "HWC":
        images = images.movedim(1, -1)
    elif layout == "HW":
        images = images[:, 0]
    elif layout == "ragged":
        images = [*images, images[0, :, :7, :9]]
    else:
        images = images.repeat(1, 334, 1, 1)[:, :1000]
    found, _ = find_normalisation(None, None, images, None)
    assert found is not None
    assert found.source.startswith("estimated: mean 0.5 and std 0.5")
    assert set(found.mean) == set(found.std) == {0.5}
    assert len(found.mean) == {"HW": 1, "1000 channels": 1000}.get(layout, 3)


def test_the_batch_and_the_data_set_are_left_unchanged() -> None:
    """Looking writes to nothing and moves no random state."""
    images = normalised(photographs(), *OWN)
    dataset = Pictures(Compose(NORMALIZE))
    before, state, held = images.clone(), torch.get_rng_state(), dict(vars(dataset))
    find_normalisation(None, dataset, images, None)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert vars(dataset) == held
