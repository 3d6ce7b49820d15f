from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nbinspect.decode.image import decode_image, picture_layout
from nbinspect.decode.planes import channel_summary, shrink_factor
from nbinspect.errors import InputError
from nbinspect.records import Normalisation, Pictures, Statistics

pytestmark = pytest.mark.slow

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "argument")
PAYLOAD = 8 * 2**20
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def decode(images: Tensor | list[Tensor], normalisation: Normalisation | None = None) -> Pictures:
    return decode_image(
        images, "x", normalisation=normalisation, normalisation_note="", statistics=exact(images, channel_axis(images))
    )


def exact(images: Tensor | list[Tensor], axis: int | None = None) -> Statistics:
    """Statistics worked out in NumPy: a row a channel where the channels are on `axis`, else one row."""
    parts = [images] if isinstance(images, Tensor) else images
    whole = [numbers(part) for part in parts]
    if axis is None:
        rows = [np.concatenate([part.ravel() for part in whole])]
    else:
        rows = [np.concatenate([part.take(row, axis).ravel() for part in whole]) for row in range(whole[0].shape[axis])]
    finite = [row[np.isfinite(row)] for row in rows]
    moments = [[each(row) if len(row) else np.nan for row in finite] for each in (np.min, np.mean, np.std, np.max)]
    tests = (np.ones_like, lambda row: row == 0, np.isnan, np.isposinf, np.isneginf)
    count, *special = (np.array([int(test(row).sum()) for row in rows]) for test in tests)
    return Statistics("all", ("",) * len(rows), count, *map(np.array, moments), *special)


def channel_axis(images: Tensor | list[Tensor]) -> int | None:
    shape = images.shape[1:] if isinstance(images, Tensor) else images[0].shape
    if len(shape) != 3:
        return None
    axis = 2 if shape[2] in (1, 3, 4) and shape[0] not in (1, 3, 4) else 0
    return axis + isinstance(images, Tensor)


def numbers(images: Tensor) -> NDArray[np.float64]:
    return images.detach().cpu().double().numpy()


def blocks(images: NDArray[np.float64], factor: int) -> NDArray[Any]:
    """(N, C, h, w) object array of the values of each block, cut out one by one."""
    n, c, height, width = images.shape
    found = np.empty((n, c, -(-height // factor), -(-width // factor)), dtype=object)
    for index in np.ndindex(found.shape):
        rows, columns = (slice(place * factor, (place + 1) * factor) for place in index[2:])
        found[index] = images[index[0], index[1], rows, columns].ravel()
    return found


def averaged(images: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    return np.vectorize(np.mean, otypes=[float])(blocks(images, factor)) if factor > 1 else images


def assert_shows(pictures: Pictures, images: NDArray[np.float64], factor: int = 1) -> None:
    """The bytes stand for the area-averaged (N, C, H, W) images within half a step of each channel's range."""
    low, high = (np.float64(end)[:, None, None] for end in (pictures.low, pictures.high))
    step = (high - low) / 255
    wanted = np.clip(averaged(images, factor), low, high)
    wrong = abs(low + pictures.planes * step - wanted)
    assert pictures.planes.shape == wanted.shape
    rounding = 1e-7 * abs(wanted) if factor > 1 else 0
    assert (wrong <= 0.502 * step + rounding).all(), wrong.max()


def random_images(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.bool:
        return torch.rand(shape, generator=generator) > 0.5
    if dtype in INTEGERS:
        info = torch.iinfo(dtype)
        return torch.randint(max(info.min, -(2**40)), min(info.max, 2**40) + 1, shape, generator=generator).to(dtype)
    return (3 * torch.randn(shape, generator=generator) + 1).to(dtype)


@pytest.mark.parametrize(
    ("shape", "dtype", "layout"),
    [
        ((8, 3, 32, 48), torch.float32, "CHW"),
        ((8, 1, 28, 28), torch.float64, "CHW"),
        ((8, 4, 16, 16), torch.uint8, "CHW"),
        ((8, 3, 224, 3), torch.float32, "CHW"),
        ((8, 32, 48, 3), torch.uint8, "HWC"),
        ((8, 28, 28, 1), torch.bfloat16, "HWC"),
        ((0, 3, 32, 32), torch.float32, "CHW"),
        ((2, 3, None, None), torch.float32, "CHW"),
        ((2, None, None, 3), torch.uint8, "HWC"),
        ((2, None, None), torch.uint8, "HW"),
        ((8, 8, 8), torch.float64, "HW"),
        ((8, 28, 40), torch.uint8, "HW"),
        ((8, 28, 28), torch.bool, "HW"),
        ((8, 28, 40), torch.float32, None),
        ((8, 28, 28), torch.int64, None),
        ((8, 3, 3), torch.float32, None),
        ((8, 64, 7, 7), torch.float32, None),
        ((8, 64, 4, 4), torch.float32, None),
        ((8, 3, 1, 1), torch.float32, None),
        ((8, 3, 16, 32, 32), torch.float32, None),
        ((8, 30), torch.float32, None),
        ((8,), torch.uint8, None),
        ((), torch.float32, None),
    ],
)
def test_what_looks_like_pictures(shape: tuple[int | None, ...], dtype: torch.dtype, layout: str | None) -> None:
    """One, three or four channels, or a square or 8-bit grey plane, make a picture; other shapes do not."""
    assert picture_layout(shape, dtype) == layout


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, torch.bool], ids=str)
@pytest.mark.parametrize(
    ("shape", "axes", "factor"),
    [
        ((5, 3, 9, 7), (0, 1, 2, 3), 1),
        ((2, 9, 7, 3), (0, 3, 1, 2), 1),
        ((2, 6, 9, 7), (0, 1, 2, 3), 1),
        ((2, 1, 130, 259), (0, 1, 2, 3), 3),
        ((2, 140, 129, 4), (0, 3, 1, 2), 2),
    ],
)
def test_bytes_stand_for_the_values(
    dtype: torch.dtype, shape: tuple[int, ...], axes: tuple[int, ...], factor: int
) -> None:
    """Any dtype and layout comes back from the bytes as its area average, within half a quantisation step."""
    images = random_images(shape, dtype)
    wanted = numbers(images).transpose(axes)
    pictures = decode(images)
    assert_shows(pictures, wanted, factor)
    assert pictures.size == wanted.shape[2:]
    assert pictures.total_channels == wanted.shape[1] == len(pictures.channels)
    np.testing.assert_allclose(pictures.low, wanted.min((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(pictures.high, wanted.max((0, 2, 3)), rtol=1e-6)
    assert pictures.marks is None
    assert pictures.clipped == 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bool], ids=str)
def test_grey_planes_need_no_channel_axis(dtype: torch.dtype) -> None:
    """(N, H, W) is shown as one grey channel over the range of all rows together."""
    images = random_images((4, 12, 12), dtype)
    pictures = decode(images)
    assert_shows(pictures, numbers(images)[:, None])
    assert pictures.channels == ("grey",)
    assert pictures.high[0] == images.max()


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 1, torch.float32),
        (-2.1, 2.6, torch.float32),
        (1e6, 1e6 + 40, torch.float32),
        (-1e30, 1e30, torch.float32),
        (-3e38, 3e38, torch.float32),
        (1e-41, 3e-40, torch.float32),
        (1.7e9, 1.7e9 + 1e4, torch.float64),
        (2**40, 2**40 + 10**7, torch.int64),
        (-60000, 60000, torch.float16),
        (0, 1e-300, torch.float64),
    ],
)
@pytest.mark.parametrize(("width", "factor"), [(10, 1), (130, 2)])
def test_any_range_is_kept(low: float, high: float, dtype: torch.dtype, width: int, factor: int) -> None:
    """Ranges far from zero, huge and tiny ones lose no more than half a step either."""
    share = torch.linspace(0, 1, 18 * width, dtype=torch.float64).reshape(1, 3, 6, width)
    images = (low * (1 - share) + high * share).to(dtype)
    pictures = decode(images)
    assert np.isfinite(pictures.high - pictures.low).all()
    assert_shows(pictures, numbers(images), factor)


@pytest.mark.parametrize("value", [1e100, -1e100])
def test_values_beyond_float32_stay_finite(value: float) -> None:
    """Doubles that float32 cannot hold are shown at the end of its range, not as infinity."""
    images = torch.tensor([0.0, value], dtype=torch.float64).reshape(1, 1, 1, 2)
    pictures = decode(images)
    assert np.isfinite([pictures.low, pictures.high]).all()
    assert sorted(pictures.planes.ravel()) == [0, 255]


@pytest.mark.parametrize("value", [0.0, -1.98, 1e30, 0.1])
@pytest.mark.parametrize("side", [4, 200])
def test_a_constant_channel_keeps_its_value(value: float, side: int) -> None:
    """A constant channel beside a lively one is neither divided by zero nor lost."""
    images = torch.rand(2, 3, side, side)
    images[:, 1] = value
    pictures = decode(images)
    assert pictures.low[1] == pictures.high[1] == np.float32(value)
    assert_shows(pictures, numbers(images), 1 if side == 4 else 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.flip(3).transpose(2, 3),
        lambda x: x[::2, :, ::3],
        lambda x: x[:1].expand(5, -1, -1, -1),
        lambda x: x[:, :1].expand(-1, 3, -1, -1),
    ],
)
@pytest.mark.parametrize("side", [12, 260])
def test_strides_do_not_matter(change: Any, side: int) -> None:
    """Any memory format gives the same bytes as the contiguous copy."""
    images = change(torch.rand(4, 3, side, side))
    assert not images.is_contiguous()
    np.testing.assert_array_equal(decode(images).planes, decode(images.contiguous()).planes)


@pytest.mark.parametrize(
    ("shape", "factor"),
    [
        ((2, 3, 128, 128), 1),
        ((2, 3, 129, 5), 2),
        ((1, 1, 2, 1000), 8),
        ((1, 1, 1, 1), 1),
        ((600, 3, 80, 64), 2),
        ((3000, 1, 128, 50), 2),
        ((1100, 12, 40, 40), 2),
    ],
)
def test_pictures_are_reduced_to_what_a_page_can_hold(shape: tuple[int, ...], factor: int) -> None:
    """Sides end at 128 pixels and all bytes at 8 MiB, with no more reduction than that takes and never enlarged."""
    images = torch.rand(shape)
    pictures = decode(images)
    shown = images[:, :8]
    assert pictures.planes.shape == (*shown.shape[:2], -(-shape[2] // factor), -(-shape[3] // factor))
    assert pictures.planes.nbytes <= PAYLOAD
    assert max(pictures.planes.shape[2:]) <= 128
    assert_shows(
        decode_image(
            images[:2], "x", normalisation=None, normalisation_note="", statistics=exact(images, channel_axis(images))
        ),
        numbers(shown[:2]),
        max(1, -(-max(shape[2:]) // 128)),
    )


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (128, 128), (129, 40), (3, 1000), (40, 40), (512, 512)])
@pytest.mark.parametrize("planes", [0, 1, 3, 192, 1536, 21_600, 150_000, 9_000_000])
def test_no_more_is_reduced_than_must_be(size: tuple[int, int], planes: int) -> None:
    """The blocks are the smallest of which both the sides and all bytes together fit, down to one pixel a picture."""

    def fits(factor: int) -> bool:
        height, width = (-(-side // factor) for side in size)
        return max(height, width) <= 128 and planes * height * width <= PAYLOAD

    wanted = next((factor for factor in range(1, max(size) + 1) if fits(factor)), max(size))
    assert shrink_factor(size, planes) == wanted


class LargestTensor(TorchDispatchMode):
    """Notes the most bytes of any tensor that an operation returns in memory of its own."""

    def __init__(self, known: Tensor) -> None:
        super().__init__()
        self.known = known.untyped_storage().data_ptr()
        self.nbytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.untyped_storage().data_ptr() != self.known:
            self.nbytes = max(self.nbytes, result.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
def test_a_4096_picture_is_reduced_in_little_memory(dtype: torch.dtype) -> None:
    """A 4096 × 4096 picture becomes 128 × 128 block means without a copy of itself."""
    gradient = torch.arange(4096).float() / 4096 * 200
    images = (gradient[:, None] + gradient / 4).to(dtype).expand(1, 1, 4096, 4096).contiguous()
    known = exact(images, 1)
    with LargestTensor(images) as largest:
        pictures = decode_image(images, "x", normalisation=None, normalisation_note="", statistics=known)
    assert largest.nbytes <= 4096 * 128 * 4
    assert pictures.planes.shape == (1, 1, 128, 128)
    wanted = numbers(images).reshape(1, 1, 128, 32, 128, 32).mean((3, 5))
    low, high = float(pictures.low[0]), float(pictures.high[0])
    assert abs(low + pictures.planes * (high - low) / 255 - wanted).max() <= 0.502 * (high - low) / 255
    assert pictures.exact is None


def test_a_large_batch_is_never_copied_whole() -> None:
    """However many pictures there are, their float values are worked on a few at a time."""
    images = torch.rand(160, 3, 128, 128)
    known = exact(images, 1)
    with LargestTensor(images) as largest:
        pictures = decode_image(images, "x", normalisation=None, normalisation_note="", statistics=known)
    assert largest.nbytes == pictures.planes.nbytes == images.numel()


def test_of_many_channels_the_first_eight_are_shown() -> None:
    """Of 1000 channels eight are shown, named by index, and how many there are is said."""
    images = random_images((2, 1000, 6, 5), torch.float32)
    pictures = decode(images, Normalisation(tuple(range(1000)), (2.0,) * 1000, "argument"))
    assert pictures.channels == tuple(f"channel {index}" for index in range(8))
    assert pictures.total_channels == 1000
    assert pictures.normalisation == Normalisation(tuple(range(8)), (2.0,) * 8, "argument")
    assert_shows(pictures, numbers(images)[:, :8])


@pytest.mark.parametrize(
    ("channels", "names"),
    [
        (1, ("grey",)),
        (2, ("channel 0", "channel 1")),
        (3, ("red", "green", "blue")),
        (4, ("red", "green", "blue", "alpha")),
    ],
)
def test_channels_have_names(channels: int, names: tuple[str, ...]) -> None:
    """Grey, RGB and RGBA channels are called so, others by number."""
    assert decode(torch.rand(1, channels, 5, 6)).channels == names


BROKEN = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("side", [8, 150])
def test_values_that_are_not_finite_are_marked(dtype: torch.dtype, side: int) -> None:
    """Marks say which block holds NaN, else +Inf, else −Inf, and the bytes stand for the finite values of a block."""
    images = random_images((3, 3, side, side), dtype)
    places = torch.rand(images.shape, generator=torch.Generator().manual_seed(1))
    for index, value in enumerate(BROKEN):
        images[(places > index / 100) & (places < (index + 1) / 100)] = value
    pictures = decode(images)
    factor = 1 if side == 8 else 2
    cells = blocks(numbers(images), factor)
    for (n, y, x), mark in np.ndenumerate(pictures.marks):
        values = np.concatenate(cells[n, :, y, x])
        wanted = (
            1 if np.isnan(values).any() else 2 if (values == np.inf).any() else 3 if (values == -np.inf).any() else 0
        )
        assert mark == wanted
    low, high = np.float64(pictures.low), np.float64(pictures.high)
    for index, cell in np.ndenumerate(cells):
        finite = cell[np.isfinite(cell)]
        step = (high - low)[index[1]] / 255
        value = low[index[1]] + pictures.planes[index] * step
        assert abs(value - (finite.mean() if len(finite) else low[index[1]])) <= 0.502 * step


@pytest.mark.parametrize(("mark", "value"), list(enumerate(BROKEN, start=1)))
@pytest.mark.parametrize("side", [6, 300])
def test_a_picture_without_finite_values_is_still_a_picture(mark: int, value: float, side: int) -> None:
    """A picture of nothing but NaN or infinity is black, wholly marked, and its neighbours are unharmed."""
    images = torch.rand(3, 1, side, side)
    alone = decode(images[1:2].fill_(value))
    assert alone.low == alone.high == 0
    assert not alone.planes.any()
    beside = decode(images)
    assert alone.marks is not None
    assert beside.marks is not None
    assert set(alone.marks.ravel()) == set(beside.marks[1].ravel()) == {mark}
    assert not beside.marks[[0, 2]].any()
    kept = decode(images[[0, 2]])
    np.testing.assert_array_equal(beside.planes[[0, 2]], kept.planes)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("shape", [(3, 5, 6), (5, 6), (5, 6, 3), (1, 300, 200)])
def test_no_and_one_sample(count: int, shape: tuple[int, ...]) -> None:
    """Batches of no sample and of one keep their place in the record."""
    images = torch.rand(count, *shape)
    pictures = decode(images)
    assert len(pictures.planes) == count
    assert pictures.size in {(5, 6), (300, 200)}
    assert np.isfinite([*pictures.low, *pictures.high, pictures.clipped]).all()


def test_outliers_do_not_swallow_the_levels() -> None:
    """A few values far away are clipped, their exact share is stated, and the rest keep fine steps."""
    images = torch.randn(4, 3, 50, 50, generator=torch.Generator().manual_seed(0))
    images[0, 1, :2, :3] = 1e6
    images[1, 1, 0, 0] = -1e6
    pictures = decode(images)
    inside = numbers(images)[:, 1]
    inside = inside[abs(inside) < 1e5]
    assert inside.min() == pytest.approx(float(pictures.low[1]), abs=4)
    assert inside.max() == pytest.approx(float(pictures.high[1]), abs=4)
    assert pictures.low[1] <= inside.min()
    assert pictures.high[1] >= inside.max()
    assert pictures.clipped == 7 / images.numel()
    assert_shows(pictures, numbers(images))


def test_outliers_are_told_from_the_whole_batch() -> None:
    """What is common in later pictures alone is no outlier, and a NaN among the values does not hide a real one."""
    images = torch.rand(40, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    images[20:] *= 90
    images[0, 0, 0, 0], images[1, 0, 0, 0] = 1e6, float("nan")
    pictures = decode(images)
    assert 90 < pictures.high[0] < 200
    assert pictures.clipped == 1 / images.numel()


def test_rows_that_are_no_channels_are_taken_together() -> None:
    """Statistics of rows combine to those of all values, whatever their means, and rows without values do not count."""
    images = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(0)) + 10 * torch.arange(6.0)[:, None]
    images[0, 2, 3], images[:, 4] = float("inf"), float("nan")
    finite = numbers(images)[np.isfinite(numbers(images))]
    wanted = [finite.min(), finite.mean(), finite.std(), finite.max()]
    np.testing.assert_allclose(channel_summary(exact(images, 1), 2), np.transpose([wanted, wanted]), rtol=1e-9)


@pytest.mark.parametrize("value", [1.0, 0.5, 60.0])
def test_rare_bright_pixels_are_no_outliers(value: float) -> None:
    """Where nearly all values are equal, as in one-hot planes, the whole range is kept."""
    images = torch.zeros(4, 1, 28, 28)
    images[:, 0, 3, 4] = value
    pictures = decode(images)
    assert (pictures.low[0], pictures.high[0], pictures.clipped) == (0, value, 0)


def test_the_clipped_range_covers_what_a_normalisation_maps_to_0_1() -> None:
    """With outliers on dark pictures, the range still reaches all that is between black and white."""
    images = torch.full((4, 3, 40, 40), -1.0) + 0.01 * torch.rand(4, 3, 40, 40)
    images[0, :, 0, 0] = 1e5
    free, held = decode(images), decode(images, IMAGENET)
    white = (1 - np.array(IMAGENET.mean)) / np.array(IMAGENET.std)
    assert (free.high < white).all()
    np.testing.assert_allclose(held.high, white, rtol=1e-6)
    np.testing.assert_allclose(held.low, -1, rtol=1e-2)


@pytest.mark.parametrize("layout", ["CHW", "HWC"])
@pytest.mark.parametrize("sides", [[(9, 5), (4, 12)], [(300, 90), (7, 260), (1, 1)]])
def test_ragged_lists_are_padded(layout: str, sides: list[tuple[int, int]]) -> None:
    """Pictures of different sizes share one scale, at the top left of a frame that holds the largest."""
    images = [torch.rand(3, *side) for side in sides]
    fed = images if layout == "CHW" else [image.permute(1, 2, 0) for image in images]
    pictures = decode(fed)
    assert pictures.size == tuple(np.max(sides, axis=0))
    np.testing.assert_array_equal(pictures.sizes, sides)
    factor = -(-max(pictures.size) // 128)
    for index, image in enumerate(images):
        wanted = averaged(numbers(image[None]), factor)[0]
        height, width = wanted.shape[1:]
        step = (pictures.high - pictures.low)[:, None, None] / 255
        shown = pictures.low[:, None, None] + pictures.planes[index, :, :height, :width] * step
        assert (abs(shown - wanted) <= 0.502 * step).all()
        assert not pictures.planes[index, :, height:].any()
        assert not pictures.planes[index, :, :, width:].any()


def test_exact_values_come_with_small_batches() -> None:
    """Up to 262,144 values that are not reduced come as they are, NaN included; larger batches only as bytes."""
    images = random_images((64, 1, 64, 64), torch.float32)
    images[3, 0, 2, 1] = float("nan")
    np.testing.assert_array_equal(decode(images).exact, images.numpy())
    assert decode(torch.rand(65, 1, 64, 64)).exact is None
    assert decode(torch.rand(1, 1, 129, 64)).exact is None
    ragged = decode([torch.ones(1, 2, 3), torch.ones(1, 4, 1)]).exact
    assert ragged is not None
    np.testing.assert_array_equal(ragged.sum((1, 2, 3)), [6, 4])


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (torch.rand(8), r"expected pictures .* got shape \(8,\)"),
        (torch.rand(8, 5), r"expected pictures .* got shape \(8, 5\)"),
        (torch.rand(2, 3, 4, 5, 6), r"expected pictures"),
        (torch.rand(2, 3, 0, 5), r"at least one pixel, got shape \(2, 3, 0, 5\)"),
        (torch.rand(2, 0, 4, 5), r"at least one pixel"),
        ([], r"got 0"),
        ([torch.rand(3, 4, 5), torch.rand(4, 5)], r"expected pictures .* got 2 of shapes"),
        ([torch.rand(3, 4, 5), torch.rand(1, 4, 5)], r"same channels .* \(1, 4, 5\), \(3, 4, 5\)"),
    ],
)
def test_what_is_no_picture_is_refused(images: Tensor | list[Tensor], text: str) -> None:
    """A shape that cannot be a picture gets an error that names what was expected and what came."""
    with pytest.raises(InputError, match=text):
        decode_image(images, "x", normalisation=None, normalisation_note="", statistics=None)


def test_statistics_are_worked_out_where_none_are_given() -> None:
    """Without statistics the result is the same as with the exact ones."""
    images = random_images((4, 3, 140, 9), torch.float32)
    alone = decode_image(images, "x", normalisation=IMAGENET, normalisation_note="note", statistics=None)
    known = decode(images, IMAGENET)
    np.testing.assert_array_equal(alone.planes, known.planes)
    np.testing.assert_array_equal(alone.high, known.high)
    assert alone.normalisation_note == "note"


def test_one_mean_and_std_stand_for_every_channel() -> None:
    """A normalisation of one number is spread over the channels that are shown."""
    pictures = decode(torch.rand(2, 3, 4, 4), Normalisation((0.5,), (0.25,), "argument"))
    assert pictures.normalisation == Normalisation((0.5,) * 3, (0.25,) * 3, "argument")


@pytest.mark.parametrize("side", [8, 200])
def test_pictures_are_left_unchanged(side: int) -> None:
    """Decoding writes to none of the values that it reads."""
    images = random_images((3, 3, side, side), torch.float32)
    images[0, 0, 0, 0] = float("inf")
    before = images.clone()
    decode(images)
    assert torch.equal(images, before)


def test_the_default_device_and_dtype_do_not_matter() -> None:
    """Decoding makes nothing on the user's default device nor in the default dtype."""
    images = random_images((3, 3, 200, 100), torch.float32)
    images[0, 1, 5, 5] = 1e9
    known, wanted = exact(images, 1), decode(images).planes
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)
    try:
        with torch.device("meta"):
            pictures = decode_image(images, "x", normalisation=None, normalisation_note="", statistics=known)
    finally:
        torch.set_default_dtype(before)
    np.testing.assert_array_equal(pictures.planes, wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64], ids=str)
def test_an_accelerator_gives_the_same_picture(dtype: torch.dtype) -> None:
    """Reducing on the device gives the host's bytes, but for one level where a value lies between two."""
    images = random_images((16, 3, 150, 150), dtype)
    host, device = decode(images).planes.astype(int), decode(images.cuda()).planes.astype(int)
    assert abs(host - device).max() <= 1
