from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.text import Text

from nbinspect.errors import InputError
from nbinspect.figures.batch import batch_figure
from nbinspect.figures.pictures import sprite, tiles
from nbinspect.records import DecodedBatch, Finding, Normalisation, Pictures
from tests.figures.reading import HOSTILE, drawn, texts

Make = Callable[..., DecodedBatch]


KINDS = [
    "colour",
    "grey",
    "alpha",
    "large",
    "ragged",
    "values",
    "text",
    "table",
    "wide",
    "long names",
    "series",
    "point",
    "audio",
    "nothing",
    "one",
    "empty",
    "one value",
    "no steps",
    "no features",
    "no pixels",
    "no columns",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_inside_the_paper(kind: str, kinds: dict[str, DecodedBatch]) -> None:
    """A figure of any batch can be saved, and no text of it reaches beyond the edges."""
    figure = batch_figure(kinds[kind])
    assert drawn(figure).startswith(b"\x89PNG")
    figure.set_dpi(100)
    for artist in figure.findobj(Text):
        if artist.get_text():
            box = artist.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            width, height = figure.get_size_inches()
            assert box.x0 >= -0.01, artist
            assert box.y0 >= -0.01, artist
            assert box.x1 <= width + 0.01, artist
            assert box.y1 <= height + 0.01, artist


def test_the_facts_head_the_figure(kinds: dict[str, DecodedBatch]) -> None:
    """The first lines say what entered the network, how and where it was caught, and what is seen."""
    written = "\n".join(texts(batch_figure(kinds["colour"])))
    assert "x float32 (5, 3, 9, 12) cpu · y int64 (5,) cpu · train mode · autocast bfloat16" in written
    assert "captured at Net.forward, step 1,240 · 5 samples" in written
    assert "x: de-normalised; mean (0.485, 0.456, 0.406) std (0.229, 0.224, 0.225): argument" in written


def test_the_sheet_is_the_sprite(kinds: dict[str, DecodedBatch]) -> None:
    """All pictures are one image, row by row, with index and label below each."""
    decoded = kinds["colour"]
    figure = batch_figure(decoded, columns=2, samples=4, denormalised=False)
    (sheet,) = figure.axes[0].images
    pictures = decoded.inputs[0]
    assert isinstance(pictures, Pictures)
    shown = tiles(decoded, pictures, range(4), denormalised=False)
    array = np.asarray(sheet.get_array())
    height, width = array.shape[0] // 2, array.shape[1] // 2
    for position, tile in enumerate(shown):
        top, left = position // 2 * height, position % 2 * width
        np.testing.assert_array_equal(array[top : top + tile.shape[0], left : left + tile.shape[1]], tile)
    written = texts(figure)
    assert [written.count(word) for word in ("0", "1", "2", "3", "4", "cat", "dog")] == [1, 1, 1, 1, 0, 2, 2]
    assert any("as fed" in line for line in written)
    assert "captured at Net.forward, step 1,240 · 4 of 5 samples" in written


def test_captions_stand_below_their_pictures(kinds: dict[str, DecodedBatch]) -> None:
    """The index of each picture lies at its left edge, below its last row."""
    decoded = kinds["grey"]
    figure = batch_figure(decoded, columns=8)
    (sheet,) = figure.axes[0].images
    left, right, bottom, top = sheet.get_extent()
    array = np.asarray(sheet.get_array())
    pictures = decoded.inputs[0]
    assert isinstance(pictures, Pictures)
    tile = tiles(decoded, pictures, [0], denormalised=True)[0]
    np.testing.assert_array_equal(array, sprite(
        tiles(decoded, pictures, range(64), denormalised=True), 8,
        gap=(array.shape[0] // 8 - tile.shape[0], array.shape[1] // 8 - tile.shape[1]),
    ))  # fmt: skip
    places = {each.get_text(): each.get_position() for each in figure.findobj(Text) if each.get_ha() == "left"}
    for sample in range(64):
        x, y = places[str(sample)]
        assert x == pytest.approx(left + sample % 8 * (right - left) / 8)
        lower = top + (bottom - top) * (sample // 8 * array.shape[0] / 8 + tile.shape[0]) / array.shape[0]
        assert lower < y < lower + 0.2


@pytest.mark.parametrize("kind", ["colour", "text", "table", "series"])
def test_predictions_are_told_right_from_wrong(
    kind: str, kinds: dict[str, DecodedBatch], predicted: Callable[..., DecodedBatch]
) -> None:
    """Each prediction has a sign and a colour, and the head counts them."""
    decoded = kinds[kind]
    size = decoded.batch.size
    figure = batch_figure(predicted(decoded, [f"guess {i}" for i in range(size)], [1, 0, -1, 1, 1, 1][:size]))
    tones = {each.get_text(): each.get_color() for each in figure.findobj(Text) if "guess" in each.get_text()}
    assert [tones[f"{sign} guess {i}"] for i, sign in enumerate("✓✕→✓✓✓"[:size])] == [
        {"✓": "#0b7a54", "✕": "#b3261e", "→": "#5a6472"}[sign] for sign in "✓✕→✓✓✓"[:size]
    ]
    judged = size - (size > 2)
    assert any(f"{judged - 1} of {judged} right · mean loss 1.000" in line for line in texts(figure))


def test_tokens_are_styled_by_what_they_are(kinds: dict[str, DecodedBatch]) -> None:
    """A line holds a sample's tokens in order; what the mask leaves out is grey."""
    figure = batch_figure(kinds["text"])
    styles = {each.get_text(): each.get_color() for each in figure.findobj(Text)}
    assert styles["2 5 6 3"] == "#1b1f24"
    assert styles["0 0 0 0 0"] == "#9aa3ae"


def test_heat_maps_have_a_row_a_sample_and_a_column_a_feature(kinds: dict[str, DecodedBatch]) -> None:
    """Each cell is coloured by its place between its feature's least and greatest; what is not finite is magenta."""
    figure = batch_figure(kinds["table"])
    (image,) = figure.axes[0].images
    colours = np.asarray(image.get_array())
    assert colours.shape == (6, 4, 3)
    values = kinds["table"].inputs[0].values  # type: ignore[union-attr]
    for column in range(4):
        own = np.where(np.isfinite(values[:, column]), values[:, column], np.nan)
        assert colours[np.nanargmin(own), column].tolist() == [14, 52, 132]
        assert colours[np.nanargmax(own), column].tolist() == [126, 44, 6]
        for row in np.flatnonzero(np.isnan(own)):
            assert colours[row, column].tolist() == [255, 0, 200]
    written = texts(figure)
    assert {"a", "b b", "c", "d" * 23 + "…", "NaN", "+Inf"} <= set(written)


def test_series_are_bands_with_gaps(make: Make) -> None:
    """The curve passes through each value on the common scale, and breaks where values are not finite."""
    values = torch.tensor([[0.0, 1.0, float("nan"), 3.0, 2.0], [4.0, 4.0, 4.0, 4.0, 4.0]])
    figure = batch_figure(make(values, decoder="series"))
    frames, *_, lines = [each for each in figure.axes[0].collections if hasattr(each, "get_segments")]
    (x0, y0), (x1, _), (_, y1) = frames.get_segments()[0][:3]
    upper = list(lines.get_segments()[1::2])
    points = [((x - x0) / (x1 - x0), 4 * (y1 - y) / (y1 - y0)) for part in upper[:2] for x, y in part]
    np.testing.assert_allclose(points, [(0, 0), (0.25, 1), (0.75, 3), (1, 2)], atol=1e-9)
    assert len(upper) == 3
    np.testing.assert_allclose(upper[2][:, 1], frames.get_segments()[1][0][1])


def test_series_of_both_signs_have_a_line_at_zero(make: Make) -> None:
    """Between −1 and 3 zero lies at three quarters of the height."""
    figure = batch_figure(make(torch.tensor([[-1.0, 3.0]]), decoder="series"))
    frames, zero, *_ = [each for each in figure.axes[0].collections if hasattr(each, "get_segments")]
    (_, upper), _, (_, lower) = frames.get_segments()[0][:3]
    np.testing.assert_allclose(zero.get_segments()[0][:, 1], upper + 0.75 * (lower - upper))


def test_warnings_and_errors_are_at_the_foot(make: Make) -> None:
    """The forward's error comes first, then five warnings, then how many more there are."""
    decoded = make(torch.rand(2, 3, 8, 8), error="ValueError: bad (net.py:3)")
    record = decoded.batch.tensors[0]
    found = tuple(Finding("warn", "unscaled", f"warning {i}", row=i % 3) for i in range(7))
    batch = replace(decoded.batch, tensors=(replace(record, findings=found),))
    written = texts(batch_figure(replace(decoded, batch=batch)))
    assert "✕ the forward raised ValueError: bad (net.py:3)" in written
    assert [line for line in written if line.startswith("▲")] == [
        *(f"▲ x[:, {i % 3}]: warning {i}" for i in range(5)),
        "▲ 2 more",
    ]


def test_hostile_text_is_drawn_as_text(make: Make) -> None:
    """Labels, names and errors with dollars, braces, control characters and 10,000 letters are written, not set."""
    for decoder, values in (
        ("image", torch.rand(5, 3, 8, 8)),
        ("table", torch.rand(5, 3)),
        ("series", torch.rand(5, 9)),
    ):
        figure = batch_figure(
            make(values, torch.arange(5), decoder=decoder, name=HOSTILE[1], class_names=HOSTILE, error=HOSTILE[2])
        )
        assert drawn(figure).startswith(b"\x89PNG")
        written = "".join(texts(figure))
        assert not set(written) & set("\n\x1b\u202e")
        assert HOSTILE[1][:10] in written


def test_nothing_global_is_touched(kinds: dict[str, DecodedBatch]) -> None:
    """Drawing leaves pyplot's figures and settings as they were, and ignores settings made for other figures."""
    with plt.style.context("dark_background"), mpl.rc_context({"figure.dpi": 50, "font.size": 30}):
        before = dict(mpl.rcParams)
        figure = batch_figure(kinds["colour"])
        drawn(figure)
        assert dict(mpl.rcParams) == before
        assert plt.get_fignums() == []
        assert mpl.colors.to_hex(figure.get_facecolor()) == "#ffffff"


def test_a_notebook_without_pyplot_shows_the_figure(kinds: dict[str, DecodedBatch]) -> None:
    """Where pyplot was never imported a notebook still gets the picture, and the figure can be pickled."""
    figure: Any = pickle.loads(pickle.dumps(batch_figure(kinds["one"])))
    assert figure._repr_png_().startswith(b"\x89PNG")
    script = "import nbinspect.figures.batch as b, sys; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_tensor_to_draw_can_be_named(make: Make) -> None:
    """The first input is drawn unless another one, or a target, is named."""
    first, second = make(torch.rand(2, 3, 8, 8)), make(torch.rand(2, 4), decoder="table", name="y")
    both = replace(first, targets=second.inputs)
    assert any(line.startswith("x: ") for line in texts(batch_figure(both)))
    assert any(line.startswith("y: ") for line in texts(batch_figure(both, name="y")))
    assert drawn(batch_figure(replace(first, inputs=())))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"samples": 0}, "samples: expected a whole number from 1, got 0"),
        ({"samples": 2.5}, "samples: expected a whole number from 1, got 2.5"),
        ({"columns": -1}, "columns: expected a whole number from 1, got -1"),
        ({"name": "z"}, "name: expected one of 'x', got 'z'"),
    ],
)
def test_options_that_cannot_be_met_are_refused(
    options: dict[str, Any], said: str, kinds: dict[str, DecodedBatch]
) -> None:
    """An impossible number and an unknown name are refused with what can be given."""
    with pytest.raises(InputError, match=said):
        batch_figure(kinds["one"], **options)


def test_the_normalisation_is_optional(make: Make) -> None:
    """De-normalised pictures and pictures as fed differ, and each says which it is."""
    known = Normalisation((0.5,), (0.25,), "argument")
    decoded = make(torch.rand(2, 1, 8, 8), normalisation=known)
    natural, fed = batch_figure(decoded), batch_figure(decoded, denormalised=False)
    assert any("x: de-normalised" in line for line in texts(natural))
    assert any("x: as fed" in line for line in texts(fed))
    images = [np.asarray(each.axes[0].images[0].get_array()) for each in (natural, fed)]
    assert (images[0] != images[1]).any()
