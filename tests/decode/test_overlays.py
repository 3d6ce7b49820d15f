from __future__ import annotations

import math
from collections import UserDict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nbinspect.decode.image import decode_image
from nbinspect.decode.overlays import decode_boxes, decode_masks
from nbinspect.errors import InputError
from nbinspect.records import Pictures

NAN = float("nan")


def pictures(*shapes: tuple[int, int], count: int = 3) -> Pictures:
    """`count` pictures of one size, or one of each of several sizes."""
    made: Any = torch.rand(count, 3, *shapes[0]) if len(shapes) == 1 else [torch.rand(3, *shape) for shape in shapes]
    return decode_image(made, "x", normalisation=None, normalisation_note="", statistics=None)


def classes(*shape: int, most: int = 5, dtype: torch.dtype = torch.int64) -> Tensor:
    return torch.randint(0, most, shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def at_centres(mask: Any, height: int, width: int) -> Any:
    """The class at the centre of each block of a picture of this size, pixel by pixel."""
    factor = max(1, math.ceil(max(height, width) / 128))
    found = np.zeros((math.ceil(height / factor), math.ceil(width / factor)))
    for y, x in np.ndindex(found.shape):
        last_y, last_x = min((y + 1) * factor, height) - 1, min((x + 1) * factor, width) - 1
        row, column = (y * factor + last_y) // 2, (x * factor + last_x) // 2
        found[y, x] = mask[row * mask.shape[0] // height, column * mask.shape[1] // width]
    return found


@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.int32, torch.int16, torch.bool, torch.float32, torch.bfloat16], ids=str
)
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 3, 1, 2)])
@pytest.mark.parametrize("size", [(20, 30), (128, 7), (129, 131), (400, 300)])
def test_masks_are_reduced_to_the_pictures(dtype: torch.dtype, axes: tuple[int, ...], size: tuple[int, int]) -> None:
    """Each pixel of a mask of any dtype is the class at the centre of the block that the picture's pixel stands for."""
    target = classes(3, *size, most=2 if dtype == torch.bool or dtype.is_floating_point else 5, dtype=dtype)
    shown = pictures(size)
    masks = decode_masks(target if len(axes) == 3 else target[:, None], shown, None)
    assert masks is not None
    assert masks.classes.dtype == np.uint8
    assert masks.classes.shape == (3, *shown.planes.shape[2:])
    for index, mask in enumerate(target.long().numpy()):
        np.testing.assert_array_equal(masks.classes[index], at_centres(mask, *size))


@pytest.mark.parametrize(("size", "found"), [((40, 60), (20, 30)), ((40, 60), (80, 120)), ((260, 200), (65, 50))])
def test_masks_of_another_resolution_are_laid_over(size: tuple[int, int], found: tuple[int, int]) -> None:
    """A mask of the same proportions but other resolution covers the picture all the same."""
    target = classes(3, *found)
    masks = decode_masks(target, pictures(size), None)
    assert masks is not None
    for index, mask in enumerate(target.numpy()):
        np.testing.assert_array_equal(masks.classes[index], at_centres(mask, *size))


def test_ignored_and_high_classes() -> None:
    """255 and negative indices are ignored pixels, what is above 254 counts as 254."""
    target = torch.tensor([[[0, 255, -100], [-1, 254, 300]]])
    masks = decode_masks(target, pictures((2, 3), count=1), None)
    assert masks is not None
    assert masks.classes.tolist() == [[[0, 255, 255], [255, 254, 254]]]
    assert len(masks.names) == 255


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (None, ("0", "1", "2")),
        (["sky", "<img src=x>"], ("sky", "<img src=x>", "2 (outside the 2 class names)")),
        ({0: "sky", 1: "road", 2: "car"}, ("sky", "road", "car")),
    ],
)
def test_mask_classes_have_names(names: Any, shown: tuple[str, ...]) -> None:
    """Classes up to the greatest in the batch are named, and one outside the names says so."""
    masks = decode_masks(torch.tensor([[[0, 1], [2, 255]]]), pictures((2, 2), count=1), names)
    assert masks is not None
    assert masks.names == shown


def test_a_mask_of_ignored_pixels_has_no_names() -> None:
    """Where no pixel has a class there is nothing to name."""
    masks = decode_masks(torch.full((3, 4, 4), -100), pictures((4, 4)), ["a"])
    assert masks is not None
    assert masks.names == ()
    assert (masks.classes == 255).all()


@pytest.mark.parametrize("sides", [[(9, 5), (4, 12)], [(300, 90), (7, 260)]])
def test_masks_of_ragged_pictures_are_padded(sides: list[tuple[int, int]]) -> None:
    """A list of masks lies over a list of pictures, and is absent where a smaller picture has ended."""
    targets = [classes(*side) for side in sides]
    shown = pictures(*sides)
    masks = decode_masks(targets, shown, None)
    assert masks is not None
    factor = max(1, math.ceil(max(shown.size) / 128))
    for index, (height, width) in enumerate(sides):
        h, w = math.ceil(height / factor), math.ceil(width / factor)
        rows, columns = (
            [(start + min(start + factor, side) - 1) // 2 for start in range(0, side, factor)]
            for side in (height, width)
        )
        np.testing.assert_array_equal(masks.classes[index, :h, :w], targets[index].numpy()[np.ix_(rows, columns)])
        assert (masks.classes[index, h:] == 255).all()
        assert (masks.classes[index, :, w:] == 255).all()


@pytest.mark.parametrize(
    "target",
    [
        {"image_id": torch.arange(3), "mask": torch.ones(3, 8, 9, dtype=torch.int64)},
        [torch.ones(8, 9, dtype=torch.int64)] * 3,
        tuple(torch.ones(1, 8, 9) for _ in range(3)),
        torch.ones(3, 8, 9).to_sparse(),
        torch.ones(3, 8, 9, requires_grad=True),
    ],
    ids=["dict", "list", "tuple of binary", "sparse", "with gradient"],
)
def test_masks_come_in_many_wrappings(target: Any) -> None:
    """Dicts, lists and sparse tensors of masks are opened."""
    masks = decode_masks(target, pictures((8, 9)), None)
    assert masks is not None
    assert (masks.classes == 1).all()


@pytest.mark.parametrize(
    "target",
    [
        None,
        5,
        "mask",
        torch.arange(3),
        classes(3, 8),
        classes(2, 8, 9),
        classes(3, 9, 8),
        classes(3, 8, 20),
        classes(3, 2, 8, 9),
        torch.rand(3, 8, 9),
        torch.full((3, 1, 8, 9), NAN),
        torch.zeros(3, 8, 9, dtype=torch.complex64),
        torch.zeros(3, 8, 9, device="meta"),
        torch.zeros(3, 0, 0, dtype=torch.int64),
        [classes(8, 9), classes(8, 9)],
        [classes(8, 9), 5, 6],
        {},
        [],
    ],
)
def test_what_is_no_mask_gives_none(target: Any) -> None:
    """Other counts, proportions, values that are no classes, and other objects are no masks."""
    assert decode_masks(target, pictures((8, 9)), None) is None


def test_masks_and_boxes_are_left_unchanged() -> None:
    """Decoding writes to none of the targets."""
    mask, boxes = torch.tensor([[[-100, 3], [255, 300]]]), torch.tensor([[[1.0, 2, 3, 4], [0, 0, 0, 0]]])
    before = mask.clone(), boxes.clone()
    decode_masks(mask, pictures((2, 2), count=1), None)
    decode_boxes(boxes, pictures((8, 8), count=1), None)
    assert torch.equal(mask, before[0])
    assert torch.equal(boxes, before[1])


CORNERS = [[10.0, 20, 50, 60], [0, 0, 100, 200], [30, 30, 31, 90]]
SHARES = [[0.1, 0.1, 0.5, 0.3], [0, 0, 1, 1], [0.3, 0.15, 0.31, 0.45]]
CENTRES = [[0.3, 0.2, 0.4, 0.2], [0.5, 0.5, 1, 1], [0.305, 0.3, 0.01, 0.3]]


class Tagged(Tensor):
    """A tensor that states its format, as torchvision's bounding boxes do."""

    format: Any


def tagged(rows: list[list[float]], form: str) -> Tensor:
    boxes = torch.tensor(rows).as_subclass(Tagged)
    boxes.format = SimpleNamespace(name=form)
    return boxes


def whole(boxes: Any, **more: Any) -> list[dict[str, Any]]:
    """Three samples: two boxes, none, and one."""
    rows = torch.as_tensor(boxes)
    parts = [rows[:2], rows[:0], rows[2:]]
    columns = {key: torch.as_tensor(value) for key, value in more.items()}
    return [
        {"boxes": part, **{key: torch.cat([value[:2], value[:0], value[2:]])[pick] for key, value in columns.items()}}
        for part, pick in zip(parts, (slice(0, 2), slice(0, 0), slice(2, 3)), strict=True)
    ]


PADDED = [[CORNERS[0], CORNERS[1]], [[0.0] * 4, [-1.0] * 4], [[NAN] * 4, CORNERS[2]]]


@pytest.mark.parametrize(
    "targets",
    [
        whole(CORNERS),
        whole(torch.tensor(CORNERS, dtype=torch.int64)),
        whole(torch.tensor(CORNERS, dtype=torch.float16)),
        whole(SHARES),
        whole(CENTRES, class_labels=[1, 1, 1]),
        [{"boxes_cxcywh": each["boxes"]} for each in whole(CENTRES)],
        [
            {"bbox_xywh": torch.cat([e["boxes"][:, :2], e["boxes"][:, 2:] - e["boxes"][:, :2]], 1)}
            for e in whole(CORNERS)
        ],
        [UserDict(each) for each in whole(CORNERS)],
        tuple(each["boxes"] for each in whole(CORNERS)),
        {"boxes": [each["boxes"] for each in whole(CORNERS)], "count": torch.tensor(3)},
        torch.tensor(PADDED),
        {"boxes": torch.tensor(PADDED), "size": torch.tensor([1, 2])},
        [{"boxes": tagged(CENTRES[:2], "CXCYWH")}, {"boxes": torch.zeros(0)}, {"boxes": tagged(CENTRES[2:], "CXCYWH")}],
        [
            {"boxes": torch.tensor(CORNERS[:2], requires_grad=True)},
            {"boxes": torch.zeros(0, 4)},
            {"boxes": torch.tensor(CORNERS[2:])},
        ],
    ],
)
def test_boxes_become_shares_of_the_picture(targets: Any) -> None:
    """Corners in pixels, shares, centres and sizes, in dicts, lists or padded tensors, give the same boxes."""
    boxes = decode_boxes(targets, pictures((200, 100)), None)
    assert boxes is not None
    assert boxes.sample.tolist() == [0, 0, 2]
    assert boxes.sample.dtype == np.int32
    assert boxes.corners.dtype == np.float32
    np.testing.assert_allclose(boxes.corners, SHARES, atol=1e-6)


def test_boxes_of_ragged_pictures_are_shares_of_their_own() -> None:
    """Pixels are divided by the size of the picture that they lie on, not by that of the padded frame."""
    boxes = decode_boxes([torch.tensor([[5.0, 5, 10, 10]])] * 2, pictures((10, 20), (40, 10)), None)
    assert boxes is not None
    np.testing.assert_allclose(boxes.corners, [[0.25, 0.5, 0.5, 1], [0.5, 0.125, 1, 0.25]])


@pytest.mark.parametrize(
    ("more", "names", "text"),
    [
        ({}, ["a"], ("", "", "")),
        ({"labels": [1, 0, 7]}, ["a", "<b>"], ("<b>", "a", "7 (outside the 2 class names)")),
        ({"labels": [1, 0, 7]}, None, ("1", "0", "7")),
        ({"category_id": [1, 0, 1]}, {0: "a", 1: "b"}, ("b", "a", "b")),
        ({"labels": [1, 0, 0], "scores": [0.5, 0.987, 1.0]}, ["a", "b"], ("b 0.50", "a 0.99", "a 1.00")),
        ({"scores": [0.5, 0.25, 1.0]}, None, ("0.50", "0.25", "1.00")),
    ],
)
def test_boxes_are_labelled(more: dict[str, list[float]], names: Any, text: tuple[str, ...]) -> None:
    """The class of a box is named, a score stands behind it, and neither is made up."""
    boxes = decode_boxes(whole(CORNERS, **more), pictures((200, 100)), names)
    assert boxes is not None
    assert boxes.text == text


def test_padding_rows_take_their_labels_with_them() -> None:
    """Where padding is dropped, the labels of the boxes that stay are still their own."""
    targets = {"boxes": torch.tensor(PADDED), "labels": torch.tensor([[1, 2], [-1, -1], [-1, 3]])}
    boxes = decode_boxes(targets, pictures((200, 100)), None)
    assert boxes is not None
    assert boxes.text == ("1", "2", "3")


def test_a_batch_without_any_box_has_empty_boxes() -> None:
    """Samples that all hold no box are still known to be boxes."""
    boxes = decode_boxes([{"boxes": torch.zeros(0, 4)}] * 3, pictures((8, 8)), None)
    assert boxes is not None
    assert boxes.corners.shape == (0, 4)
    assert boxes.text == ()


def test_boxes_in_another_form_are_refused() -> None:
    """Boxes that end before they begin are not drawn, and the error names what to call them."""
    with pytest.raises(InputError, match=r"expected left, top, right, bottom \(xyxy\), got \[50.0, 20.0, 10.0, 60.0\]"):
        decode_boxes(torch.tensor([[[50.0, 20, 10, 60]]]), pictures((80, 80), count=1), None)


@pytest.mark.parametrize(
    "targets",
    [
        None,
        5,
        "boxes",
        torch.tensor(3),
        torch.arange(3),
        torch.rand(3, 4),
        torch.rand(2, 5, 4),
        torch.rand(3, 5, 6),
        [{"labels": torch.arange(2)}] * 3,
        [{"boxes": torch.rand(2, 4)}, {}, {}],
        [{"boxes": torch.rand(2, 4)}] * 2,
        [{"boxes": torch.rand(2, 5)}] * 3,
        [{"boxes": torch.rand(2, 4, device="meta")}] * 3,
        [{"boxes": "four numbers"}] * 3,
        {"labels": torch.arange(3)},
        {},
        [],
    ],
)
def test_what_holds_no_boxes_gives_none(targets: Any) -> None:
    """Targets of another count, shape or kind are no boxes."""
    assert decode_boxes(targets, pictures((8, 8)), None) is None


def test_no_pictures_have_no_boxes() -> None:
    """An empty batch has neither boxes nor masks to show."""
    nothing = pictures((8, 8), count=0)
    assert decode_boxes([], nothing, None) is None
    assert decode_masks(torch.zeros(0, 8, 8, dtype=torch.int64), nothing, None) is not None
