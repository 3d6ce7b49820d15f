from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nbinspect.capture.forward import record_forward
from nbinspect.decode.activation import view_activation
from nbinspect.figures.forward_page import forward_frame, forward_html, forward_text, parameter_frame
from nbinspect.records import (
    Activation,
    Failure,
    Finding,
    ForwardRecord,
    Moments,
    ParameterRecord,
    Place,
    SourceCode,
    Step,
    TensorUse,
)
from nbinspect.subject import make_subject
from tests.figures.reading import Page

pytestmark = pytest.mark.slow

SCRIPT = "<img src=x onerror=alert(1)>"
TABLE = {"table", "tr", "th", "td", "details", "summary"}
HERE = "test_forward_page.py"
KINDS = ["whole", "module", "gradients", "failed", "empty", "not finite", "unread", "failed at once", "endless"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 4)
        self.b = nn.Linear(4, 2)
        with torch.no_grad():
            self.a.weight.fill_(0.5)
            self.a.bias.copy_(torch.tensor([-9.0, 0.0, 1.0, -2.0]))
            self.b.weight.fill_(1.0)
            self.b.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.a(x))
        return self.b(x)


class Broken(Net):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return x.view(-1, 5)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(3, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.cell(x)
        return out[:, -1] * out.shape[1]


X = torch.tensor([[1.0, 3.0], [2.0, 2.0], [-1.0, 1.0]])


def record(model: nn.Module, x: Tensor = X, y: Tensor | None = None, **how: Any) -> ForwardRecord:
    batch = x if y is None else (x, y)
    subject = make_subject(model, [batch], None if y is None else cross_entropy)
    return replace(record_forward(subject, batch, **how), seconds=0.0125)


def line_of(forward: Callable[..., Any], text: str) -> int:
    code = forward.__code__
    with open(code.co_filename, encoding="utf-8") as file:  # noqa: PTH123 - the file that this is
        lines = file.read().splitlines()
    return next(n for n, line in enumerate(lines, 1) if n >= code.co_firstlineno and text in line)


def moments(mean: float = 0.5, std: float = 1.0, **other: Any) -> Moments:
    some: dict[str, Any] = {"count": 8, "min": -1.0, "max": 2.0, "nan": 0, "inf": 0, "zero": 0.25, "negative": 0.25}
    some |= {"saturated": 0.0, "sampled": 1.0, "bars": np.array([3, 5]), "edges": (-1.0, 2.0)}
    return Moments(mean=mean, std=std, **(some | other))


def step(index: int, **other: Any) -> Step:
    output = Activation("output", (2, 4), "float32", "cpu", True, moments())
    some: dict[str, Any] = {"kind": "operation", "name": "F.relu", "path": "", "call": 0, "parent": None, "depth": 0}
    some |= {"place": None, "inputs": (), "outputs": (output,), "parameters": (), "grad_enabled": True}
    some |= {"autocast": None, "in_place": False, "seconds": 0.001, "memory": None}
    return Step(index=index, **(some | other))


def made(*steps: Step, **other: Any) -> ForwardRecord:
    some: dict[str, Any] = {"model": "Net", "level": "operation", "sources": (), "inputs": (), "outputs": ()}
    some |= {"size": 2, "training": True, "autocast": None, "grad_enabled": True, "loss": None, "seconds": 0.001}
    return ForwardRecord(steps=steps, **(some | other))


def bad(text: str = "8 NaN of 8 values", kind: str = "non-finite") -> tuple[Finding, ...]:
    return (Finding("warn", kind, text),)


def warned(found: ForwardRecord, name: str, findings: tuple[Finding, ...]) -> ForwardRecord:
    """The record with other findings, those given at the steps of one name alone."""
    steps = tuple(replace(each, findings=findings if each.name == name else ()) for each in found.steps)
    return replace(found, steps=steps)


def test_a_pass_as_text() -> None:
    """The steps are an aligned table, indented by depth, with what is suspicious behind its mark."""
    first, second = line_of(Net.forward, "relu"), line_of(Net.forward, "return")
    found = warned(record(Net()), "torch.relu", bad("2 of 4 units zero on every sample", "dead"))
    assert forward_text(found).splitlines() == [
        "Net · 3 operations · 3 samples · train mode · 12.5 ms · x float32 (3, 2) cpu",
        f"▲ First suspicious: step 3, torch.relu ({HERE}:{first}): 2 of 4 units zero on every sample",
        "step        what        shape   mean ± std     zeros  line",
        "Net         Net         (3, 2)  3.67 ± 1.89      0 %        ●",
        f"  a         Linear      (3, 4)  −1.17 ± 4.02  25.0 %  {first:>4}  ●",
        f"    linear  F.linear    (3, 4)  −1.17 ± 4.02  25.0 %  {first:>4}  ●",
        f"  relu      torch.relu  (3, 4)  0.917 ± 1.19  58.3 %  {first:>4}  ▲ 2 of 4 units zero on every sample",
        f"  b         Linear      (3, 2)  3.67 ± 1.89      0 %  {second:>4}  ●",
        f"    linear  F.linear    (3, 2)  3.67 ± 1.89      0 %  {second:>4}  ●",
    ]


def test_a_failure_as_text() -> None:
    """A pass that raised says so at once, at its step, and with the explanation at the end."""
    first, second = line_of(Broken.forward, "self.a"), line_of(Broken.forward, "view")
    found = warned(record(Broken(), level="operation"), "", ())
    error = "RuntimeError: shape '[-1, 5]' is invalid for input of size 12"
    assert forward_text(found).splitlines()[1:] == [
        f"✕ The pass ended in step 3, Tensor.view ({HERE}:{second}): {error}",
        "step        what         shape   mean ± std     zeros  line",
        "Broken      Broken                                           ✕ raised",
        f"  a         Linear       (3, 4)  −1.17 ± 4.02  25.0 %  {first:>4}  ●",
        f"    linear  F.linear     (3, 4)  −1.17 ± 4.02  25.0 %  {first:>4}  ●",
        f"  view      Tensor.view                                {second:>4}  ✕ raised",
        f"✕ {error}",
        *(f"  {text}" for text in (found.failure.explanation if found.failure else "", f"{HERE}:{second}") if text),
    ]


def test_long_passes_leave_out_steps_where_they_are() -> None:
    """Of more steps than rows the suspicious ones stay, and each gap says how many it leaves out."""
    steps = [step(n, findings=bad() if n in (4, 5) else ()) for n in range(12)]
    text = forward_text(made(*steps), rows=4)
    assert text.count("✕ 8 NaN") == 2
    assert text.splitlines()[2:] == [
        "step       what    shape   mean ± std   zeros  line",
        "relu       F.relu  (2, 4)  0.5 ± 1     25.0 %        ●",
        "… 3 steps",
        "relu       F.relu  (2, 4)  0.5 ± 1     25.0 %        ✕ 8 NaN of 8 values",
        "relu       F.relu  (2, 4)  0.5 ± 1     25.0 %        ✕ 8 NaN of 8 values",
        "… 1 step",
        "relu       F.relu  (2, 4)  0.5 ± 1     25.0 %        ●",
        "… 4 steps",
    ]
    every = [replace(each, findings=bad()) for each in steps]
    ended = [*every, step(12, name="F.last", outputs=(), note="raised")]
    assert all("✕ raised" in forward_text(made(*ended), rows=rows) for rows in (1, 2, 5))
    assert "… 1 step, 1 suspicious" in forward_text(made(*every), rows=11)


def test_an_empty_pass_is_told() -> None:
    """A pass without steps has its facts and no table."""
    assert forward_text(made()) == "Net · 0 operations · 2 samples · train mode · 1 ms\nNo step was recorded"
    assert "No step was recorded" in Page(forward_html(made())).words
    assert len(forward_frame(made())) == 0
    assert len(parameter_frame(made())) == 0


def test_text_is_one_line_a_step() -> None:
    """Names with line ends and colours of a terminal are written out."""
    odd = step(0, name="F.a\nb\x1b[31m", path="m\u202e", kind="module", findings=bad("x\ny"))
    lines = forward_text(made(odd)).splitlines()
    assert len(lines) == 4
    assert "\x1b" not in lines[3]
    assert "\u202e" not in lines[3]


def test_a_frame_has_a_row_for_each_output() -> None:
    """Statistics of every output are those that NumPy gives, and a step of three outputs has three rows."""
    torch.manual_seed(0)
    model, x = Recurrent(), torch.randn(4, 6, 3)
    frame = forward_frame(record(model, x))
    assert list(frame.columns) == [
        *("index", "depth", "kind", "name", "path", "call", "file", "line", "output", "shape", "dtype", "device"),
        *("requires_grad", "mean", "std", "min", "max", "zero", "negative", "saturated", "nan", "inf", "dead", "units"),
        *("grad_mean", "grad_std", "seconds", "memory", "in_place", "parameters", "findings"),
    ]
    cell = frame[(frame["kind"] == "module") & (frame["name"] == "LSTM")]
    out, (hidden, state) = model.cell(x)
    assert list(cell["shape"]) == [(4, 6, 5), (1, 4, 5), (1, 4, 5)]
    for (_, row), tensor in zip(cell.iterrows(), (out, hidden, state), strict=True):
        values = tensor.detach().double().numpy()
        np.testing.assert_allclose([row["mean"], row["std"]], [values.mean(), values.std()], rtol=1e-4)
        np.testing.assert_allclose([row["min"], row["max"]], [values.min(), values.max()], rtol=1e-6)
        assert row["negative"] == pytest.approx((values < 0).mean())
        assert (row["nan"], row["inf"], row["path"], row["depth"]) == (0, 0, "cell", 1)
    assert "cell.weight_ih_l0" in cell.iloc[0]["parameters"]
    assert cell["line"].unique().tolist() == [line_of(Recurrent.forward, "self.cell")]
    assert frame["memory"].isna().all()
    assert frame["grad_std"].isna().all()


def test_a_frame_says_where_nothing_is_known() -> None:
    """A step without outputs and an output without statistics have one row each, with NaN for numbers."""
    unread = replace(step(1).outputs[0], moments=None)
    frame = forward_frame(made(step(0, outputs=()), step(1, outputs=(unread,)), step(2, findings=bad())))
    assert frame["index"].tolist() == [0, 1, 2]
    assert frame["mean"].isna().tolist() == [True, True, False]
    assert frame["nan"].isna().tolist() == [True, True, False]
    assert frame["findings"].tolist() == ["", "", "8 NaN of 8 values"]
    assert pd.isna(frame["output"][0])
    assert {str(frame[name].dtype) for name in ("line", "nan", "inf", "dead", "units", "memory")} == {"Int64"}
    assert {str(frame[name].dtype) for name in ("mean", "std", "zero", "grad_mean", "seconds")} == {"float64"}


def test_gradients_stand_beside_activations_and_parameters() -> None:
    """With gradients the frames hold what autograd gives."""
    model = Net()
    y = torch.tensor([0, 1, 1])
    found = record(model, X, y, gradients=True)
    first = torch.relu(model.a(X)).detach().requires_grad_()
    loss = cross_entropy(model.b(first), y)
    (expected,) = torch.autograd.grad(loss, first, retain_graph=True)
    frame = forward_frame(found)
    row = frame[frame["name"] == "torch.relu"].iloc[0]
    assert row["grad_mean"] == pytest.approx(expected.mean().item(), abs=1e-7)
    assert row["grad_std"] == pytest.approx(expected.std(correction=0).item(), abs=1e-7)
    table = parameter_frame(found).set_index("name")
    (weight,) = torch.autograd.grad(loss, model.b.weight)
    assert table.loc["b.weight", "shape"] == (2, 4)
    assert table.loc["b.weight", "grad_max"] == pytest.approx(weight.max().item())
    assert table.loc["a.weight", "mean"] == pytest.approx(0.5)
    none = made(parameters=(ParameterRecord("w", (2,), "float32", False, None, None),))
    assert parameter_frame(none)[["mean", "grad_mean", "grad_nan"]].isna().all(axis=None)


def hostile(text: str) -> ForwardRecord:
    """A record in which every text that comes from outside is `text`."""
    place = Place(text, 3, text, 3)
    output = Activation(text, (2, 4), "float32", "cpu", True, moments(), note=text)
    use = TensorUse(text, text, None, (2,), "float32")
    found = (Finding("warn", text, text), Finding("ok", text, text))
    one = step(0, kind="module", name=text, path=text, place=place, outputs=(output,), inputs=(use,), findings=found)
    two = step(1, name=text, path=text, parent=0, depth=1, place=place, parameters=(text,), note=text)
    failure = Failure(text + "\n" + text, 1, place, text)
    source = SourceCode(text, text, 3, (text, text))
    other: dict[str, Any] = {"sources": (source,), "inputs": (output,), "failure": failure, "notes": (text,)}
    return made(one, two, model=text, autocast=text, **other)


@pytest.mark.parametrize(
    "text",
    [SCRIPT, "\"'><script>alert(1)</script>", "</style></div><b>", "&lt;b&gt; &amp;", "\x00\x1b[31m\ud800", "x" * 9000],
    ids=["img", "quotes", "closing", "entities", "control", "long"],
)
def test_no_element_comes_from_data(text: str) -> None:
    """Hostile names give the very same elements and attributes as a harmless one, and are read as text."""
    view = view_activation(torch.randn(2, 3, 4, 4), step=0, output=0, name=text, size=2)
    html = forward_html(hostile(text), view)
    harmless, page = Page(forward_html(hostile("harmless name"), view)), Page(html)
    assert page.structure == harmless.structure
    assert harmless.words.count("harmless name") >= 15
    if text == SCRIPT:
        assert page.words.count(SCRIPT) >= 15
    html.encode("utf-8")
    forward_text(hostile(text)).encode("utf-8")


@pytest.fixture(scope="module")
def records() -> dict[str, ForwardRecord]:
    nothing = moments(np.nan, np.nan, min=np.nan, max=np.nan, nan=8, zero=np.nan)
    unread = replace(step(1).outputs[0], moments=None, note="a meta tensor")
    lost = replace(step(0).outputs[0], moments=nothing, gradient=nothing)
    return {
        "whole": record(Net()),
        "module": record(Net(), level="module"),
        "gradients": record(Net(), X, torch.tensor([0, 1, 1]), gradients=True),
        "failed": record(Broken()),
        "empty": made(),
        "not finite": made(step(0, outputs=(lost,), findings=bad()), loss=float("nan")),
        "unread": made(step(0, outputs=(unread,)), step(1, outputs=())),
        "failed at once": made(failure=Failure("TypeError: no", None, None, "")),
        "endless": made(step(0, outputs=(replace(lost, moments=moments(1e300, np.inf, max=np.inf, inf=1)),))),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_nothing_else(kind: str, records: dict[str, ForwardRecord]) -> None:
    """A page is well-formed, and has neither scripts nor anything to fetch."""
    html = forward_html(records[kind])
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert tags <= {"div", "style", "header", "span", "p", "code", "b", "i", "img", *TABLE}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
            assert attributes["alt"]
    assert not re.search(r"https?:|url\(|@import|<script|javascript:", html)
    assert forward_text(records[kind])


def test_a_page_counts_the_steps_of_each_line() -> None:
    """The source has line numbers and, beside each line, how many operations it holds and the worst of them."""
    found = warned(record(Net()), "torch.relu", bad())
    words = Page(forward_html(found)).words
    first = line_of(Net.forward, "relu")
    assert f"{first} x = torch.relu(self.a(x)) ✕ 2 steps" in words
    assert f"{first + 1} return self.b(x) ● 1 step" in words
    assert f"✕ First suspicious: step 3, torch.relu ({HERE}:{first})" in words


def test_a_failure_is_explained_on_the_page() -> None:
    """Error, step, line and explanation lead the page, and a long message is whole."""
    found = record(Broken())
    words = Page(forward_html(found)).words
    assert "✕ The pass ended in step 3, Tensor.view" in words
    assert found.failure is not None
    assert found.failure.explanation in words
    long = replace(found, failure=replace(found.failure, error="ValueError: " + "many words " * 60 + "end"))
    assert "many words end" in Page(forward_html(long)).words


def test_a_long_table_is_folded_and_says_what_it_leaves_out() -> None:
    """Up to 60 steps stand open, more are folded, and of more than 400 the suspicious ones stay."""
    short, long = (Page(forward_html(made(*map(step, range(count))))) for count in (60, 61))
    assert {"open": ""} in [attributes for tag, attributes in short.elements if tag == "details"]
    assert {"open": ""} not in [attributes for tag, attributes in long.elements if tag == "details"]
    many = [step(n, findings=bad(f"step {n} is bad") if n in (7, 888) else ()) for n in range(900)]
    page = Page(forward_html(made(*many)))
    assert "900 steps; 400 of them are shown, the suspicious ones first" in page.words
    assert "step 7 is bad" in page.words
    assert "step 888 is bad" in page.words
    left = [int(count) for count in re.findall(r"… (\d+) step", page.words)]
    assert sum(left) == 500


def test_pages_need_no_torch_and_no_pyplot() -> None:
    """The page imports neither torch nor widgets, nor pyplot."""
    program = (
        "import sys; import nbinspect.figures.forward_page as page; from nbinspect.records import ForwardRecord;"
        "page.forward_html(ForwardRecord('Net', 'operation', (), (), (), (), 2, True, None, True, None, 0.1));"
        "assert not {'torch', 'ipywidgets', 'matplotlib.pyplot', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
