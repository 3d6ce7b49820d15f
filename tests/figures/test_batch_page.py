from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from nbinspect.capture.tensors import describe
from nbinspect.figures.batch_page import batch_frame, batch_html, batch_text
from nbinspect.figures.page import waiting_html
from nbinspect.figures.pictures import tiles
from nbinspect.records import DecodedBatch, Finding, Normalisation, Pictures
from tests.figures.reading import Page

Make = Callable[..., DecodedBatch]
SCRIPT = "<img src=x onerror=alert(1)>"
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
]
KINDS += ["nothing", "one", "empty", "one value", "no steps", "no features", "no pixels", "no columns"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_needs_nothing_else(kind: str, kinds: dict[str, DecodedBatch]) -> None:
    """A page is well-formed, and has neither scripts nor anything to fetch."""
    html = batch_html(kinds[kind])
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert tags <= {"div", "style", "header", "span", "code", "p", "b", "table", "tr", "th", "td", "img"}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
            assert str(attributes["alt"]).startswith("sample ")
    assert not re.search(r"https?:|url\(|@import|<script|javascript:", html)


def hostile(make: Make, text: str, decoder: str) -> DecodedBatch:
    """A batch in which every text that comes from outside is `text`."""
    values, how = {
        "image": (torch.full((3, 3, 8, 8), 0.5), {"normalisation": Normalisation((0.5,) * 3, (0.5,) * 3, text)}),
        "text": (torch.tensor([[0, 1, 2]] * 3), {"vocabulary": [text] * 3}),
        "table": (torch.zeros(3, 4), {"feature_names": [text] * 4}),
        "series": (torch.zeros(3, 2, 30), {"channel_names": [text] * 2}),
    }[decoder]
    decoded = make(
        values,
        torch.arange(3),
        decoder=decoder,
        name=text,
        class_names=[text] * 3,
        module=text,
        error=text,
        notes=(text,),
        **how,
    )
    found = (Finding("warn", text, text, 0), Finding("ok", text, text))
    tensors = tuple(replace(each, findings=found, note=text) for each in decoded.batch.tensors)
    batch = replace(decoded.batch, tensors=tensors, findings=found, autocast=text)
    return replace(decoded, batch=batch, notes=(text,), predictions=decoded.labels)


@pytest.mark.parametrize("decoder", ["image", "text", "table", "series"])
@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        "\"'><script>alert(1)</script>",
        "</style></div><b>",
        "&lt;b&gt; &amp;",
        "\x00\x1b[31m\ud800",
        "x" * 10_000,
    ],
    ids=["img", "quotes", "closing", "entities", "control", "long"],
)
def test_no_element_comes_from_data(decoder: str, text: str, make: Make) -> None:
    """Hostile names give the very same elements and attributes as a harmless one, and are read as text."""
    harmless, page = (Page(batch_html(hostile(make, each, decoder))) for each in ("harmless name", text))
    assert page.structure == harmless.structure
    assert harmless.words.count("harmless name") >= 12
    if text == SCRIPT:
        assert page.words.count(SCRIPT) >= 12
    batch_html(hostile(make, text, decoder)).encode("utf-8")
    assert len(page.words) < 40_000


def test_the_style_stays_on_the_page(kinds: dict[str, DecodedBatch]) -> None:
    """Every rule of the style speaks of the page's own class, so that the notebook around looks as before."""
    style = re.search(r"<style>(.*?)</style>", batch_html(kinds["one"]), re.DOTALL)
    assert style is not None
    rules = re.sub(r"@media[^{]*{((?:[^{}]*{[^{}]*})*)\s*}", r"\1", style[1])
    selectors = [part.strip() for rule in re.findall(r"([^{}]+){", rules) for part in rule.split(",")]
    assert len(selectors) > 20
    theme = r"(\[data-jp-theme-light=\"(true|false)\"\] |\.vscode-(dark|light) )?"
    assert [each for each in selectors if not re.match(theme + r"\.nbinspect-page\b", each)] == []


def test_pictures_are_the_tiles_with_their_labels(kinds: dict[str, DecodedBatch]) -> None:
    """Each sample has its picture as fed and de-normalised, with index, label and a text alternative."""
    decoded = kinds["colour"]
    page = Page(batch_html(decoded))
    pictures = decoded.inputs[0]
    assert isinstance(pictures, Pictures)
    looks = [tiles(decoded, pictures, range(5), denormalised=how) for how in (False, True)]
    for image, wanted in zip(page.images(), [each for pair in zip(*looks, strict=True) for each in pair], strict=True):
        np.testing.assert_array_equal(image, wanted)
    assert [str(a["alt"]) for tag, a in page.elements if tag == "img"][2:4] == [
        "sample 1, as fed, label dog",
        "sample 1, de-normalised, label dog",
    ]
    assert "x as fed | de-normalised · mean (0.485, 0.456, 0.406) std (0.229, 0.224, 0.225): argument" in page.words
    assert "0 cat 1 dog 2 cat 3 dog 4 cat 5 samples" in page.words


def test_of_many_pictures_the_first_are_shown(kinds: dict[str, DecodedBatch]) -> None:
    """Of 70 pictures 64 are on the page, and it says so."""
    page = Page(batch_html(kinds["grey"]))
    assert len(page.images()) == 64
    assert "63 63 64 of 70 samples" in page.words


@pytest.mark.parametrize("known", [None, Normalisation((0.5,) * 3, (0.5,) * 3, "argument")])
def test_pages_stay_small(known: Normalisation | None, make: Make) -> None:
    """Even pictures of noise fit a notebook: less than 3 MB for a page."""
    html = batch_html(make(torch.rand(64, 3, 128, 128), normalisation=known))
    assert len(html) < 3_000_000


def test_statistics_and_findings_are_on_the_page(make: Make) -> None:
    """The table has the numbers of NumPy, NaN and Inf stand out, and each finding has a shape beside its colour."""
    values = torch.randn(6, 2, 4, 5)
    values[0, 1, 0, :3], values[1, 1, 0, 0] = float("nan"), float("inf")
    decoded = make(values, torch.tensor([0, 1, 2, 0, 1, 2]))
    found = (Finding("warn", "unscaled", "not normalised: std 6.0", 0), Finding("ok", "balanced", "3 classes"))
    tensors = (replace(decoded.batch.tensors[0], findings=found), decoded.batch.tensors[1])
    findings = (Finding("warn", "duplicates", "2 samples are the same"),)
    page = Page(batch_html(replace(decoded, batch=replace(decoded.batch, tensors=tensors, findings=findings))))
    first, second = values[:, 0].double().numpy(), values[:, 1].double().numpy()
    second = second[np.isfinite(second)]
    for name, own, odd in (("x[:, 0]", first, "0 0"), ("x[:, 1]", second, "▲ 3 ▲ 1")):
        numbers = " ".join(f"{f(own):#.4g}" for f in (np.min, np.mean, np.std, np.max)).replace("-", "−")
        assert f"{name} {numbers} 0 % {odd}" in page.words
    assert "▲ not normalised: std 6.0" in page.words
    assert "● 3 classes" in page.words
    assert "batch ▲ 2 samples are the same" in page.words
    assert "y 0 1.000 0.8165 2 33.3 % 0 0" in page.words


def test_the_header_has_the_facts(kinds: dict[str, DecodedBatch]) -> None:
    """The first line tells tensors, modes and where the batch was caught."""
    assert Page(batch_html(kinds["colour"])).words.startswith(
        "Batch x float32 (5, 3, 9, 12) cpu y int64 (5,) cpu train mode autocast bfloat16 "
        "captured at Net.forward, step 1,240"
    )


def test_errors_and_notes_are_told(make: Make) -> None:
    """The error of the forward pass keeps its lines, and notes of the capture and the decoders follow."""
    decoded = make(torch.rand(2, 3, 8, 8), error="RuntimeError: sizes\n  3 and 4 (net.py:7)", notes=("moved to cpu",))
    page = Page(batch_html(replace(decoded, notes=("mask cannot be shown",))))
    assert "✕ the forward raised RuntimeError: sizes\n  3 and 4 (net.py:7)" in page.text
    assert "moved to cpu mask cannot be shown" in page.words


def test_tokens_are_spans_of_their_kind(kinds: dict[str, DecodedBatch]) -> None:
    """Each token is a span that tells special and masked ones apart; four or more alike are counted."""
    html = batch_html(kinds["text"])
    words = Page(html).words
    assert "0 0 2 5 6 3 0 × 5" in words
    assert "1 1 2 7 6 6 6 3 0 0 0 ids (no tokenizer given)" not in words
    assert "1 1 2 7 6 6 6 3 0 0 0" in words
    assert '<span class="token special masked">0</span><span class="soft"> × 5</span>' in html
    assert html.count('<span class="token">') == 10


def test_tokens_that_only_look_alike_are_not_counted_together(make: Make) -> None:
    """A run of one id that is partly masked out is counted in two parts."""
    mask = torch.tensor([[1] * 4 + [0] * 5])
    decoded = make(torch.zeros(1, 9, dtype=torch.int64), decoder="text", attention_mask=mask)
    assert "0 0 × 4 0 × 5" in Page(batch_html(decoded)).words


def test_steep_series_have_no_holes(make: Make) -> None:
    """Where a series jumps, the column at the jump is drawn from one value to the other."""
    (image,) = Page(batch_html(make(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), decoder="series"))).images()
    inked = image[..., 3] > 0
    assert inked[:, inked.shape[1] // 2][3:-3].all()
    assert inked[:, 0].sum() < 6


def test_tables_show_the_first_rows(kinds: dict[str, DecodedBatch], make: Make) -> None:
    """A table has its feature names, twenty rows and thirty-two features at most, and says what is left out."""
    words = Page(batch_html(kinds["table"])).words
    assert "sample label a b b c" in words
    assert "6 samples" in words
    page = Page(batch_html(make(torch.arange(25.0 * 40).reshape(25, 40), decoder="table")))
    assert "feature 31 +8" in page.words
    assert "19 760 761 762" in page.words
    assert "20 800" not in page.words
    assert "20 of 25 samples" in page.words


def test_series_are_plotted_within_their_range(make: Make) -> None:
    """A rising line runs from the lower left to the upper right corner, and a hole leaves its columns empty."""
    values = torch.linspace(0, 1, 400).repeat(2, 1)
    values[1, 100:300] = float("nan")
    first, second = Page(batch_html(make(values, decoder="series"))).images()
    inked = first[..., 3] > 0
    rows = np.array([np.flatnonzero(column).mean() for column in inked.T])
    height, width = inked.shape
    np.testing.assert_allclose(rows, np.linspace(height - 2, 2, width), atol=2.5)
    columns = np.flatnonzero((second[..., 3] > 0).any(0))
    steps = np.arange(width) * 400 // width
    np.testing.assert_array_equal(columns, np.flatnonzero((steps < 100) | (steps >= 300)))


def test_predictions_are_told_right_from_wrong(
    kinds: dict[str, DecodedBatch], predicted: Callable[..., DecodedBatch]
) -> None:
    """Each prediction has a sign, and the header and the text count the right ones."""
    decoded = predicted(kinds["colour"], ["cat 0.9"] * 5, [1, 0, 1, 0, -1])
    words = Page(batch_html(decoded)).words
    assert "0 cat ✓ cat 0.9 1 dog ✕ cat 0.9" in words
    assert "4 cat → cat 0.9" in words
    assert "2 of 4 right · mean loss 1.000" in words
    assert "2 of 4 right · mean loss 1.000" in batch_text(decoded)


def test_values_that_cannot_be_read_say_why(make: Make) -> None:
    """A tensor without statistics has its reason in place of numbers, on the page, in the text and in the frame."""
    decoded = make(torch.rand(2, 3, 8, 8))
    meta = describe(torch.zeros(2, 3, device="meta"), "m", "input", batch_size=2)
    decoded = replace(decoded, batch=replace(decoded.batch, tensors=(*decoded.batch.tensors, meta)))
    reason = meta.note
    assert reason
    assert f"m {reason}" in Page(batch_html(decoded)).words
    assert re.search(rf"^m +{reason}$", batch_text(decoded), re.MULTILINE)
    frame = batch_frame(decoded.batch)
    assert frame["findings"].iloc[-1] == reason
    assert frame["mean"].isna().iloc[-1]


def test_the_page_of_a_waiting_view_says_why(kinds: dict[str, DecodedBatch]) -> None:
    """Before there is a batch the page has the reason, as text."""
    page = Page(waiting_html("batch", f"waits for {SCRIPT}"))
    assert page.words == f"Batch waits for {SCRIPT}"


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_aligned_and_fit_for_a_terminal(kind: str, kinds: dict[str, DecodedBatch]) -> None:
    """The columns of numbers end below their heads, and nothing in the text acts on a terminal."""
    text = batch_text(kinds[kind])
    assert not re.search(r"[^\n\x20-\x7e\u00a0-\uffff]", text)
    lines = text.splitlines()
    (start,) = [place for place, line in enumerate(lines) if line.startswith("tensor  ")]
    ends = [match.end() for match in re.finditer(r"min|mean|std|max|zeros|NaN|Inf", lines[start])]
    rows = [line for line in lines[start + 1 :] if not line.startswith(("…", "batch"))]
    assert len(rows) >= len(kinds[kind].batch.tensors)
    rows = [line for line in rows if not line.endswith("no values")]
    for line in rows:
        assert all(line[end - 1] != " " and (len(line) == end or line[end] == " ") for end in ends), line


def test_text_has_the_facts_the_numbers_and_the_findings(make: Make) -> None:
    """The summary can stand alone in a log."""
    decoded = make(
        torch.arange(32.0).reshape(2, 1, 4, 4), torch.tensor([0, 1]), error="ValueError: a\nb", notes=("n 1",)
    )
    tensor = replace(decoded.batch.tensors[0], findings=(Finding("warn", "unscaled", "not normalised: std 9.2", 0),))
    batch = replace(decoded.batch, tensors=(tensor, decoded.batch.tensors[1]))
    *lines, last = batch_text(replace(decoded, batch=batch, notes=("n 2",))).splitlines()
    assert lines == [
        "Batch of 2 · train mode · autocast bfloat16 · captured at Net.forward, step 1,240",
        "  x float32 (2, 1, 4, 4) cpu",
        "  y int64 (2,) cpu",
        "✕ the forward raised ValueError: a",
        "  b",
        "note: n 1",
        "note: n 2",
        "tensor     min    mean     std    max   zeros  NaN  Inf",
        "x[:, 0]  0.000   15.50   9.233  31.00   3.1 %    0    0  ▲ not normalised: std 9.2",
    ]
    assert last.startswith("y            0  0.5000  0.5000      1  50.0 %    0    0")


def test_rows_without_a_warning_are_counted_not_listed(make: Make) -> None:
    """Of 300 features the first 16 and those with a warning are listed, and how many are not."""
    decoded = make(torch.randn(8, 300), decoder="table")
    tensor = replace(decoded.batch.tensors[0], findings=(Finding("warn", "constant", "constant", 250),))
    lines = batch_text(replace(decoded, batch=replace(decoded.batch, tensors=(tensor,)))).splitlines()
    names = [line.split("  ")[0] for line in lines if line.startswith(("x[", "…"))]
    assert names == [*(f"x[:, {row}]" for row in range(16)), "x[:, 250]", "… 283 more rows"]


def test_the_frame_has_a_row_a_channel(kinds: dict[str, DecodedBatch]) -> None:
    """Every number of the statistics is in the frame, with whole counts, the facts and the findings beside it."""
    record = kinds["series"].batch
    statistics = record.tensors[0].statistics
    assert statistics is not None
    frame = batch_frame(record)
    assert frame["row"].tolist() == ["x[:, 0]", "x[:, 1]", "x[:, 2]"]
    for name in ("min", "mean", "std", "max", "count", "zeros", "nan", "posinf", "neginf"):
        np.testing.assert_array_equal(frame[name].to_numpy(dtype=float), getattr(statistics, name))
    assert {str(frame[name].dtype) for name in ("count", "zeros", "nan", "posinf", "neginf")} == {"Int64"}
    assert frame["shape"].iloc[0] == (5, 3, 900)
    assert (frame["tensor"].unique().tolist(), frame["role"].unique().tolist()) == (["x"], ["input"])
    assert "NaN" in frame["findings"].iloc[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_batch_has_a_frame(kind: str, kinds: dict[str, DecodedBatch]) -> None:
    """Each tensor has as many rows as channels or features, and one where it has no values."""
    record = kinds[kind].batch
    rows = [max(1, len(each.statistics.names)) for each in record.tensors if each.statistics is not None]
    assert len(batch_frame(record)) == sum(rows)


def test_the_frame_of_no_tensor_is_empty(kinds: dict[str, DecodedBatch]) -> None:
    """A record without tensors gives a frame without rows."""
    assert len(batch_frame(replace(kinds["one"].batch, tensors=()))) == 0


def test_the_module_loads_no_view() -> None:
    """Importing the page loads neither pandas nor matplotlib nor Pillow."""
    script = "import nbinspect.figures.batch_page, sys; print({'pandas', 'matplotlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
