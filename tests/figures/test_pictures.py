from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nbinspect.figures.pictures import class_colour, colour_names, map_colours, shrunk, sprite, tiles, value_scale
from nbinspect.records import Boxes, Bytes, DecodedBatch, Masks, Normalisation, Pictures

Make = Callable[..., DecodedBatch]

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "argument")


def shown(decoded: DecodedBatch, *, denormalised: bool = False, side: int = 128) -> list[Bytes]:
    pictures = decoded.inputs[0]
    assert isinstance(pictures, Pictures)
    return tiles(decoded, pictures, range(decoded.batch.size), denormalised=denormalised, side=side)


def shares(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float64]:
    """Brightness (H, W, C) in 0…255 of values (C, H, W)."""
    return 255 * ((values.astype(np.float64) - low) / (high - low)).clip(0, 1).transpose(1, 2, 0)


def test_colours_as_fed_share_one_range(make: Make) -> None:
    """The least value of all three channels is black and the greatest white, whatever the channel."""
    values = torch.randn(4, 3, 72, 72) * torch.tensor([1.0, 2, 3])[:, None, None]
    low, high = float(values.min()), float(values.max())
    for tile, sample in zip(shown(make(values)), values.numpy(), strict=True):
        assert np.abs(tile - shares(sample, low, high)).max() <= 2


def test_denormalised_colours_are_the_original_ones(make: Make) -> None:
    """What was normalised by a known mean and std comes back within two levels of the original."""
    original = torch.rand(3, 3, 72, 72)
    mean, std = (torch.tensor(part)[:, None, None] for part in (IMAGENET.mean, IMAGENET.std))
    decoded = make((original - mean) / std, normalisation=IMAGENET)
    for tile, sample in zip(shown(decoded, denormalised=True), original.numpy(), strict=True):
        assert np.abs(tile - shares(sample, 0, 1)).max() <= 2
    assert np.abs(shown(decoded)[0] - shares(original[0].numpy(), 0, 1)).max() > 5


def test_grey_is_grey(make: Make) -> None:
    """One channel gives equal red, green and blue."""
    values = torch.rand(2, 1, 72, 72)
    for tile, sample in zip(shown(make(values)), values.numpy(), strict=True):
        wanted = shares(sample, float(values.min()), float(values.max()))
        assert np.abs(tile - wanted).max() <= 2


def test_transparency_shows_white_paper(make: Make) -> None:
    """The fourth channel mixes colours with white."""
    values = torch.rand(2, 4, 72, 72)
    values[0, :, 0, 0], values[0, :, 0, 1] = torch.tensor([0, 0, 0, 0.0]), torch.tensor([0, 0, 0, 1.0])
    tile = shown(make(values))[0]
    assert tile[0, 0].tolist() == [255, 255, 255]
    assert tile[0, 1].tolist() == [0, 0, 0]
    low, high = float(values[:, :3].min()), float(values[:, :3].max())
    cover = values[0, 3].numpy()[..., None]
    assert np.abs(tile - (255 * (1 - cover) + shares(values[0, :3].numpy(), low, high) * cover)).max() <= 4


def test_small_pictures_are_enlarged_by_whole_pixels(make: Make) -> None:
    """An 8 × 6 picture becomes 9 × 9 blocks a pixel."""
    tile = shown(make(torch.rand(1, 1, 8, 6)))[0]
    assert tile.shape == (72, 54, 3)
    np.testing.assert_array_equal(tile, tile[::9, ::9].repeat(9, axis=0).repeat(9, axis=1))


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
def test_shrinking_takes_the_means_of_blocks(factor: int) -> None:
    """Each pixel is the mean of its block, of what is there of it at the right and bottom."""
    picture = np.random.default_rng(0).integers(0, 256, (13, 9, 3)).astype(np.uint8)
    small = shrunk(picture, factor)
    for row, column in np.ndindex(small.shape[:2]):
        block = picture[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        assert np.abs(small[row, column] - block.astype(float).mean((0, 1))).max() <= 0.5
    assert small.shape == (-(-13 // factor), -(-9 // factor), 3)


def test_what_is_not_finite_is_a_chequer(make: Make) -> None:
    """NaN and both infinities are marked in colours that no value has, and change no other pixel."""
    values = torch.rand(1, 1, 72, 72)
    clean = shown(make(values.clone()))[0]
    places = [(3, 3), (3, 4), (10, 10), (20, 21)]
    for place, number in zip(places, [float("nan")] * 2 + [float("inf"), float("-inf")], strict=True):
        values[0, 0][place] = number
    values[0, 0, 0, 0], values[0, 0, 0, 1] = 0.0, 1.0
    tile = shown(make(values))[0]
    colours = [tuple(tile[place].tolist()) for place in places]
    assert colours == [(255, 0, 200), (140, 0, 110), (255, 120, 230), (82, 0, 66)]
    changed = {(int(row), int(column)) for row, column in np.argwhere(np.abs(tile.astype(int) - clean).max(-1) > 3)}
    assert changed <= {*places, (0, 0), (0, 1)}


def test_ragged_pictures_are_cut_to_their_own_size(make: Make) -> None:
    """The padding of a ragged list is not shown."""
    parts = [torch.rand(3, 40, 100), torch.rand(3, 100, 30)]
    assert [tile.shape for tile in shown(make(parts))] == [(40, 100, 3), (100, 30, 3)]


def test_channels_that_are_no_colours_stand_side_by_side(make: Make) -> None:
    """Five channels become five facets with white between them, each from its own least to its greatest value."""
    values = torch.rand(1, 5, 20, 20) * torch.tensor([1.0, 2, 3, 4, 5])[:, None, None]
    tile = shown(make(values), side=62)[0]
    assert tile.shape == (41, 62, 3)
    for channel in range(5):
        top, left = channel // 3 * 21, channel % 3 * 21
        own = values[0, channel : channel + 1].numpy()
        facet = tile[top : top + 20, left : left + 20]
        assert np.abs(facet - shares(own, float(own.min()), float(own.max()))).max() <= 2
    assert (tile[20] == 255).all()
    assert (tile[21:, 42:] == 255).all()


def test_value_maps_are_centred_on_zero(make: Make) -> None:
    """Values of both signs use one scale for all channels, of which zero is nearly white."""
    values = torch.tensor([[[[-2.0, 0.0], [1.0, 4.0]]]]).repeat(1, 2, 1, 1)
    values[:, 1] /= 2
    decoded = make(values, decoder="values")
    pictures = decoded.inputs[0]
    assert isinstance(pictures, Pictures)
    assert value_scale(pictures) == (-4, 4)
    tile = shown(decoded, side=5)[0]
    wanted = map_colours(values[0].numpy(), -4, 4).astype(int)
    assert np.abs(tile[:2, :2] - wanted[0]).max() <= 3
    assert np.abs(tile[:2, 3:] - wanted[1]).max() <= 3
    assert wanted[0, 0, 1].min() > 240


def test_colour_maps_keep_their_order_without_hue() -> None:
    """The one-sided map gets lighter all the way; the two-sided one darker to both sides of zero."""
    light = map_colours(np.linspace(0, 9, 50), 0, 9) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(light) > 0).all()
    sides = map_colours(np.linspace(-9, 9, 51), -9, 9) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(sides[:26]) > 0).all()
    assert (np.diff(sides[25:]) < 0).all()
    assert map_colours(np.array([np.nan, np.inf]), 0, 1).tolist() == [[255, 0, 200]] * 2
    assert map_colours(np.array([5.0]), 5, 5).shape == (1, 3)


def test_masks_colour_the_pixels_of_their_classes(make: Make) -> None:
    """A mask tints what has a class and leaves ignored pixels as they are."""
    decoded = make(torch.rand(2, 3, 72, 72))
    classes = np.full((2, 72, 72), 255, dtype=np.uint8)
    classes[0, :10], classes[0, 10:20] = 0, 12
    plain, tinted = shown(decoded), shown(replace(decoded, masks=Masks(classes, tuple("abcdefghijklm"))))
    np.testing.assert_array_equal(plain[1], tinted[1])
    np.testing.assert_array_equal(plain[0][20:], tinted[0][20:])
    for rows, index in ((slice(10), 0), (slice(10, 20), 12)):
        wanted = 0.55 * plain[0][rows] + 0.45 * np.array(class_colour(index))
        assert np.abs(tinted[0][rows] - wanted).max() <= 1


def test_boxes_are_outlined(make: Make) -> None:
    """A box is a yellow line at its corners' shares of the sides, also one that reaches beyond the picture."""
    decoded = make(torch.zeros(2, 3, 73, 73))
    corners = np.array([[0.25, 0.5, 0.75, 1.0], [-1.0, -1.0, 2.0, 2.0]], dtype=np.float32)
    first, second = shown(replace(decoded, boxes=Boxes(np.array([0, 1], dtype=np.int32), corners, ("a", "b"))))
    yellow = (first == (255, 212, 0)).all(-1)
    rows, columns = np.nonzero(yellow)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (36, 72, 18, 54)
    assert yellow[36, 18:55].all()
    assert yellow[36:, 18].all()
    assert not yellow[38:71, 20:53].any()
    assert (second[0] == (255, 212, 0)).all()


def test_a_sprite_has_every_picture_in_its_place() -> None:
    """Pictures of different sizes lie row by row on white."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (h, w, 3)).astype(np.uint8) for h, w in ((4, 5), (3, 3), (2, 5), (4, 1))]
    sheet = sprite(pictures, 3, gap=(2, 1))
    assert sheet.shape == (2 * 6, 3 * 6, 3)
    covered = np.zeros(sheet.shape[:2], dtype=bool)
    for position, picture in enumerate(pictures):
        top, left = position // 3 * 6, position % 3 * 6
        place = (slice(top, top + picture.shape[0]), slice(left, left + picture.shape[1]))
        np.testing.assert_array_equal(sheet[place], picture)
        covered[place] = True
    assert (sheet[~covered] == 255).all()


def test_every_class_has_a_colour_of_its_own() -> None:
    """The 255 classes of a mask differ in colour."""
    assert len({class_colour(index) for index in range(255)}) == 255


def test_the_legend_names_what_is_coloured(make: Make, kinds: dict[str, DecodedBatch]) -> None:
    """Channels of series and classes of masks are named with their colours, others need no names."""
    series, colour = kinds["series"], kinds["colour"]
    names = colour_names(series, series.inputs[0])
    assert names == [(f"channel {index}", class_colour(index)) for index in range(3)]
    assert colour_names(colour, colour.inputs[0]) == []
    masked = replace(colour, masks=Masks(np.zeros((5, 9, 12), dtype=np.uint8), ("sky", "sea")))
    assert [name for name, _ in colour_names(masked, masked.inputs[0])] == ["sky", "sea"]
