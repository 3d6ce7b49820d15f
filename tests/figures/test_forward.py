from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nbinspect.capture.forward import record_forward
from nbinspect.decode.activation import view_activation, view_weights
from nbinspect.errors import InputError
from nbinspect.figures.forward import activation_figure, forward_figure
from nbinspect.records import Activation, ActivationView, Failure, Finding, ForwardRecord, Moments, Place, Step
from nbinspect.subject import make_subject
from tests.figures.reading import HOSTILE, drawn, texts

pytestmark = pytest.mark.slow


class Deep(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(8, 8) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x)) * 3
        return x


def record(model: nn.Module, *batch: Tensor, **how: Any) -> ForwardRecord:
    loss = cross_entropy if len(batch) > 1 else None
    return record_forward(make_subject(model, [batch], loss), batch if len(batch) > 1 else batch[0], **how)


def moments(std: float = 1.0, **other: Any) -> Moments:
    some: dict[str, Any] = {"count": 8, "mean": 0.5, "min": -1.0, "max": 2.0, "nan": 0, "inf": 0, "zero": 0.25}
    some |= {"negative": 0.25, "saturated": 0.0, "sampled": 1.0, "bars": np.array([3, 5]), "edges": (-1.0, 2.0)}
    return Moments(std=std, **(some | other))


def step(index: int, *, values: Moments | None = None, dtype: str = "float32", **other: Any) -> Step:
    output = Activation("output", (2, 4), dtype, "cpu", True, values or moments())
    some: dict[str, Any] = {"kind": "operation", "name": f"F.step{index}", "path": "", "call": 0, "parent": None}
    some |= {"depth": 0, "place": None, "inputs": (), "outputs": (output,), "parameters": (), "grad_enabled": True}
    some |= {"autocast": None, "in_place": False, "seconds": 0.001, "memory": None}
    return Step(index=index, **(some | other))


def made(*steps: Step, **other: Any) -> ForwardRecord:
    some: dict[str, Any] = {"model": "Net", "level": "operation", "sources": (), "inputs": (), "outputs": ()}
    some |= {"size": 2, "training": True, "autocast": None, "grad_enabled": True, "loss": None, "seconds": 0.001}
    return ForwardRecord(steps=steps, **(some | other))


def bad(text: str = "8 NaN of 8 values", kind: str = "non-finite") -> tuple[Finding, ...]:
    return (Finding("warn", kind, text),)


def on_paper(figure: Figure) -> None:
    """Check that the figure can be saved and that no text reaches beyond its edges."""
    assert drawn(figure).startswith(b"\x89PNG")
    figure.set_dpi(100)
    width, height = figure.get_size_inches()
    for artist in figure.findobj(Text):
        if artist.get_text():
            box = artist.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
            assert box.x0 >= -0.01, artist
            assert box.y0 >= -0.01, artist
            assert box.x1 <= width + 0.01, artist
            assert box.y1 <= height + 0.01, artist


@pytest.mark.parametrize("width", [8.0, 11.0])
@pytest.mark.parametrize("depth", [1, 20, 66])
def test_passes_of_any_depth_are_drawn_inside_the_paper(depth: int, width: float) -> None:
    """A pass of 5, 80 or 265 steps is drawn, with at most 60 rows, and no text reaches beyond the edges."""
    found = record(Deep(depth), torch.randn(4, 8), torch.randint(0, 8, (4,)), gradients=True)
    assert len(found.steps) == 1 + 4 * depth
    figure = forward_figure(found, width=width)
    on_paper(figure)
    assert figure.get_size_inches()[0] == width
    rows = sum("F.linear" in text or "torch.tanh" in text or "Tensor.mul" in text for text in texts(figure)[2:])
    assert rows == min(60, 3 * depth)
    told = f"{3 * depth - 60} of {3 * depth} steps are not drawn, none of them suspicious"
    assert (told in texts(figure)) == (depth == 66)


def test_suspicious_steps_are_always_drawn() -> None:
    """Of many steps the suspicious ones keep their rows, with mark and finding, in the order of the pass."""
    steps = [step(n, findings=bad(f"{n} NaN") if n % 17 == 5 else ()) for n in range(300)]
    figure = forward_figure(made(*steps))
    said = texts(figure)
    marked = [text for text in said if text.startswith("✕ ") and "NaN" in text and "First" not in text]
    assert marked == [f"✕ {n} NaN" for n in range(300) if n % 17 == 5]
    names = [int(text.removeprefix("F.step")) for text in said if text.startswith("F.step")]
    assert len(names) == 60
    assert names == sorted(names)
    assert {n for n in range(300) if n % 17 == 5} <= set(names)
    every = [replace(each, findings=bad()) for each in steps]
    said = texts(forward_figure(made(*every)))
    assert "F.step0" in said
    assert any(text.startswith("240 of 300 steps are not drawn, 240 suspicious") for text in said)


def test_the_verdict_heads_the_figure() -> None:
    """The first lines say what ran and where it first went wrong, by shape as well as by colour."""
    place = Place("/home/me/net.py", 33, "Net.forward", 31)
    found = made(step(0), step(1, findings=bad("3 of 8 units zero on every sample", "dead"), place=place))
    said = texts(forward_figure(found))
    assert said[:3] == [
        "Forward",
        "Net · 2 operations · 2 samples · train mode · 1 ms",
        "▲ First suspicious: step 1, F.step1 (net.py:33): 3 of 8 units zero on every sample",
    ]
    assert "▲ 3 of 8 units zero on every sample" in said
    assert "● Healthy: nothing suspicious in 1 step" in texts(forward_figure(made(step(0))))
    failure = Failure("RuntimeError: no", 1, place, "")
    ended = made(step(0), step(1, outputs=(), note="raised"), failure=failure)
    said = texts(forward_figure(ended))
    assert "✕ The pass ended in step 1, F.step1 (net.py:33): RuntimeError: no" in said
    assert "✕ raised" in said


def test_drawings_stand_where_their_values_are() -> None:
    """Deviations stand on a logarithmic scale between their ticks, zeros are as long as their share."""
    found = made(step(0, values=moments(0.01, zero=0.5)), step(1, values=moments(1.0)), step(2, values=moments(100.0)))
    figure = forward_figure(found)
    dots = [line.get_xdata()[0] for line in figure.findobj(Line2D) if line.get_marker() == "o"]
    assert dots[1] - dots[0] == pytest.approx(dots[2] - dots[1])
    ticks = {text.get_text(): text.get_position()[0] for text in figure.findobj(Text)}
    assert (dots[0], dots[2]) == pytest.approx((ticks["0.01"], ticks["100"]))
    bars = [line.get_xdata() for line in figure.findobj(Line2D) if line.get_color() == "#8a93a0"]
    assert bars[0][1] - bars[0][0] == pytest.approx(0.5 * (ticks["100 %"] - bars[0][0]))
    hollow = forward_figure(made(step(0, values=moments(0.0, min=1.0, max=1.0))))
    assert "white" in [line.get_markerfacecolor() for line in hollow.findobj(Line2D) if line.get_marker() == "o"]


def test_whole_numbers_and_mere_views_give_way() -> None:
    """Steps of whole numbers are not drawn, and views are not where there are too many steps."""
    few = [step(0, dtype="int64"), step(1, note="a view of its input"), step(2)]
    said = texts(forward_figure(made(*few)))
    assert [text for text in said if text.startswith("F.")] == ["F.step1", "F.step2"]
    assert any("1 of 3 steps are not drawn" in text for text in said)
    many = [step(n, note="a view of its input" if n % 2 else "") for n in range(100)]
    names = [text for text in texts(forward_figure(made(*many))) if text.startswith("F.")]
    assert names == [f"F.step{n}" for n in range(0, 100, 2)]


@pytest.mark.parametrize("kind", ["nothing", "NaN", "Inf", "zeros", "unread", "tiny", "huge"])
def test_odd_statistics_are_drawn(kind: str) -> None:
    """Records without steps or values, and with values of any size, are drawn."""
    nan, inf = np.nan, np.inf
    values = {
        "NaN": moments(nan, mean=nan, min=nan, max=nan, zero=nan, nan=8),
        "Inf": moments(inf, mean=inf, min=-inf, max=inf, inf=8),
        "zeros": moments(0.0, mean=0.0, min=0.0, max=0.0, zero=1.0),
        "tiny": moments(1e-40, mean=0.0, min=-1e-40, max=1e-40),
        "huge": moments(1e300, mean=1e300, min=-1e308, max=1e308),
    }.get(kind)
    output = Activation("output", (2,), "float32", "cpu", True, values, gradient=values)
    steps = [] if kind == "nothing" else [step(0, outputs=(output,)), step(1)]
    on_paper(forward_figure(made(*steps)))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_data_is_text(text: str) -> None:
    """Names that look like formulas, markup or control codes are drawn as they are, cut to the room there is."""
    place = Place(text, 3, text, 1)
    one = step(0, name=text, path=text, place=place, findings=bad(text), note=text)
    found = made(one, model=text, autocast=text, failure=Failure(text, 0, place, text))
    on_paper(forward_figure(found))
    names = {"row_names": (text,) * 3, "column_names": (text,) * 4, "compared_with": text}
    view = view_activation(torch.randn(3, 4), step=0, output=0, name=text, size=3, compared=torch.zeros(3, 4), **names)
    on_paper(activation_figure(replace(view, note=text)))


def views() -> dict[str, ActivationView]:
    torch.manual_seed(0)
    holes = torch.randn(4, 16, 64)
    holes[2, 3, 4], holes[2, 5, 6] = float("nan"), float("inf")
    how: dict[str, Any] = {"step": 3, "output": 0, "name": "F.relu → output", "size": 4}
    return {
        "maps": view_activation(torch.randn(4, 40, 9, 12).relu(), **how, first=16),
        "one map": view_activation(torch.randn(4, 1, 200, 300), **how),
        "flat maps": view_activation(torch.randn(4, 5, 1, 300), **how),
        "tall maps": view_activation(torch.randn(4, 5, 300, 1), **how),
        "attention": view_activation(torch.randn(4, 12, 16, 16).softmax(-1), **how),
        "matrix": view_activation(holes, **how, sample=2, row_names=tuple(f"tok{n}" for n in range(16))),
        "samples": view_activation(torch.randn(4, 10), **how, column_names=tuple("abcdefghij")),
        "wide": view_activation(torch.randn(4, 5000), **how),
        "long": view_activation(torch.randn(900, 3), **(how | {"size": 900})),
        "vector": view_activation(torch.randn(4), **how),
        "number": view_activation(torch.tensor(2.5), **how),
        "none": view_activation(torch.empty(3, device="meta"), **how),
        "nothing finite": view_activation(torch.full((4, 3, 5, 5), float("nan")), **how),
        "constant": view_activation(torch.zeros(4, 3, 5, 5), **how),
        "negative": view_activation(-torch.rand(4, 3, 5, 5), **how),
        "weights": view_weights("stem", torch.randn(64, 3, 7, 7)),
        "tensors of 1e300": view_activation(torch.full((4, 3), 1e300, dtype=torch.float64), **how),
    }


KINDS = ["maps", "one map", "flat maps", "tall maps", "attention", "matrix", "samples", "wide", "long", "vector"]
KINDS += ["number", "none", "nothing finite", "constant", "negative", "weights", "tensors of 1e300"]


@pytest.mark.parametrize("width", [4.0, 10.0])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_activation_is_drawn_inside_the_paper(kind: str, width: float) -> None:
    """Maps, attention, matrices, vectors, numbers and nothing at all are drawn."""
    view = views()[kind]
    figure = activation_figure(view, width=width)
    on_paper(figure)
    planes = len(view.planes) if view.kind in ("maps", "attention") else view.kind in ("matrix", "vector")
    bar = view.kind not in ("number", "none")
    assert len(figure.findobj(AxesImage)) == planes + bar
    right = max((image.get_extent()[1] for image in figure.findobj(AxesImage)), default=0)
    assert right <= width - 0.4 + 1e-6


def test_planes_share_one_scale() -> None:
    """Zero is white and equal values have equal colours in every plane; what is not finite is magenta."""
    tensor = torch.zeros(1, 2, 2, 2)
    tensor[0, 0, 0], tensor[0, 1, 0] = torch.tensor([2.0, -2.0]), torch.tensor([2.0, 1.0])
    tensor[0, 1, 1, 1] = float("nan")
    figure = activation_figure(view_activation(tensor, step=0, output=0, name="x", size=1))
    _, first, second = (np.asarray(image.get_array()) for image in figure.findobj(AxesImage))
    assert (first[0, 0] == second[0, 0]).all()
    assert (first[1] == second[1, 0]).all()
    assert first[1, 0].min() > 240
    assert first[0, 0][0] > first[0, 0][2]
    assert first[0, 1][2] > first[0, 1][0]
    assert second[1, 1].tolist() == [255, 0, 200]
    assert {"−2", "2   magenta: not finite"} <= set(texts(figure))


def test_dead_and_strongest_planes_are_named() -> None:
    """Below each plane stand its number, and that it is dead or which of the strongest it is."""
    tensor = torch.randn(2, 4, 5, 5)
    tensor[:, 1] = 0
    tensor[0, 3] *= 9
    said = texts(activation_figure(view_activation(tensor, step=0, output=0, name="x", size=2)))
    assert {"0", "1", "2", "3", "dead", "top 1", "top 2", "top 3"} <= set(said)
    assert "top 4" not in said
    said = texts(activation_figure(views()["samples"]))
    assert set("abcdefghij") <= set(said)


def test_pyplot_and_its_settings_are_left_alone() -> None:
    """No window is opened and no setting changes, and a figure can be pickled and shown by a notebook."""
    before, open_before = dict(mpl.rcParams), plt.get_fignums()
    found = made(step(0), step(1, findings=bad()))
    for figure in (forward_figure(found), activation_figure(views()["maps"])):
        assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined] # what a notebook asks for
        assert drawn(pickle.loads(pickle.dumps(figure))).startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == open_before


@pytest.mark.parametrize("width", [3, 0, -1, float("nan"), float("inf"), "wide"])
def test_a_width_without_room_is_refused(width: Any) -> None:
    """A figure that is too narrow for its text is an error that says how wide it must be."""
    with pytest.raises(InputError, match="at least 8 inches"):
        forward_figure(made(step(0)), width=width)
    with pytest.raises(InputError, match="at least 4 inches"):
        activation_figure(views()["vector"], width=width)
