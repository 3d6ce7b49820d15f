from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nbinspect.figures.dynamics_page import dynamics_html, dynamics_text
from nbinspect.figures.pictures import tiles
from nbinspect.records import DynamicsRecord, Labels, Moment, Pictures, Spike
from tests.dynamics.records_of_runs import TASKS, broken, empty, probe_of, run_of, trace
from tests.figures.reading import Page

pytestmark = pytest.mark.slow

SCRIPT = "<img src=x onerror=alert(1)>"
HOSTILE = [
    SCRIPT,
    "\"'><script>alert(1)</script>",
    "</style></details></div><b>",
    "&lt;b&gt;",
    "\x00\x1b[31m\ud800\u202e",
]
RUNS: dict[str, DynamicsRecord] = {task: run_of(task, steps=60, second=task == "binary") for task in TASKS}
RUNS |= {
    "nothing": empty(),
    "no readings": empty(probes=(probe_of("other"),), readings=((),), steps=3),
    "no probe": empty(steps=2, traces=(trace("loss", [1, 2], [1.0, 0.5]),)),
    "all NaN": broken(RUNS["classification"], -1),
    "NaN labels": broken(RUNS["multilabel"], -1),
    "one reading": run_of(steps=0),
    "lost batch": empty(steps=9, spikes=(Spike(4, 9.0, 0.5, None, np.zeros(0, np.float32), "gone by then"),)),
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_page_needs_nothing_else(kind: str) -> None:
    """A page is well-formed and small, and has neither scripts nor anything to fetch."""
    html = dynamics_html(RUNS[kind])
    page = Page(html)
    known = {
        "div",
        "style",
        "header",
        "section",
        "details",
        "summary",
        "span",
        "p",
        "b",
        "table",
        "tr",
        "th",
        "td",
        "img",
    }
    assert {tag for tag, _ in page.elements} <= known
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "href" not in attributes
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/png;base64,")
            assert attributes["alt"]
    assert not re.search(r"https?:|url\(|@import|<script|javascript:", html)
    assert len(html) < 1_000_000


def hostile(text: str) -> DynamicsRecord:
    """A run in which every text that comes from outside is `text`."""
    record = run_of(steps=40)
    probe, spike = record.probes[0], record.spikes[0]
    labels = Labels(text, "class", (text,) * 24, np.zeros(24), (text,))
    batch = replace(probe.batch, labels=labels)
    assert spike.batch is not None
    behind = replace(spike.batch, labels=Labels(text, "class", (text,) * 4, np.zeros(4), (text,)))
    return replace(
        record,
        model=text,
        probes=(replace(probe, chosen=text, classes=(text,) * 10, batch=batch),),
        traces=tuple(replace(each, part=text) if each.part else each for each in record.traces),
        moments=(Moment(10, "alert", text), Moment(20, "note", text)),
        spikes=(replace(spike, note=text, batch=behind),),
        notes=(text,),
    )


@pytest.fixture(scope="module")
def harmless() -> Page:
    """The page of a run of which every name is the same harmless one."""
    return Page(dynamics_html(hostile("harmless name")))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_data_stays_text(harmless: Page, text: str) -> None:
    """A page of hostile names has the very elements of one with harmless names, and shows them as they are."""
    html = dynamics_html(hostile(text))
    page = Page(html)
    assert page.structure == harmless.structure
    assert harmless.words.count("harmless name") > 30
    if text == SCRIPT:
        assert page.words.count(SCRIPT) > 30
    html.encode("utf-8")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", dynamics_text(hostile(text)))


def test_the_style_stays_on_the_page() -> None:
    """Every rule of the style speaks of the page's own class, so that the notebook around looks as before."""
    style = re.search(r"<style>(.*?)</style>", dynamics_html(empty()), re.DOTALL)
    assert style is not None
    rules = re.sub(r"@media[^{]*{((?:[^{}]*{[^{}]*})*)\s*}", r"\1", style[1])
    selectors = [part.strip() for rule in re.findall(r"([^{}]+){", rules) for part in rule.split(",")]
    theme = r"(\[data-jp-theme-light=\"(true|false)\"\] |\.vscode-(dark|light) )?"
    assert len(selectors) > 40
    assert [each for each in selectors if not re.match(theme + r"\.nbinspect-(page|dynamics)\b", each)] == []


def test_the_run_is_told_in_a_few_lines() -> None:
    """The text has the facts on its first line, then alerts, spikes with their samples, what is missing and notes."""
    record = replace(run_of(), notes=("workers are not seen",))
    right = int((record.readings[0][-1].correct == 1).sum())
    loss = next(each for each in record.traces if each.name == "loss").mean
    assert dynamics_text(record).splitlines() == [
        f"Dynamics · Net · 1,400 steps · loss {loss[0]:.3g} → {loss[-1]:.3g} · validation loss 1.78 → 0.116 · "
        f"probe {right} of 24 right · jitter 0.25 · watching took 1.3 % of the time; the budget is 2 %",
        "▲ step 980: Jitter of predictions rose 6× since step 700: the rate is likely too high.",
        "◆ step 912: loss 4.1, usually 0.31 · of its samples, largest first: 9.5, 4, 2, 0.9",
        "note: workers are not seen",
    ]
    assert dynamics_text(empty()).splitlines() == [
        "Dynamics · Net · 0 steps",
        "No step was seen.",
        "No probe batch is watched.",
    ]


def test_watching_that_took_longer_than_the_run_is_told_in_times() -> None:
    """Of a run of a few steps it is said how many times its own time watching took, not so many hundred per cent."""
    assert "watching took 10.5 times the time; the budget is 2 %" in dynamics_text(replace(run_of(), overhead=10.5))


def test_a_run_that_broke_says_so() -> None:
    """A loss that ends as no number reads as NaN, and the moment is told as one that is bad."""
    record = replace(broken(run_of(steps=60), 30), moments=(Moment(31, "broken", "the loss is NaN"),), spikes=())
    assert "loss 2.31 → NaN" in dynamics_text(record)
    html = dynamics_html(record)
    assert '<p class="bad">✕ step 31: the loss is NaN</p>' in html
    assert "→ NaN" in Page(html).words


def test_samples_have_pictures_bars_and_words() -> None:
    """Each sample of a classification has its picture, its probabilities as bars, target, prediction and flips."""
    record = run_of(steps=60)
    page = Page(dynamics_html(record))
    probe, reading = record.probes[0], record.readings[0][-1]
    (item,) = probe.batch.inputs
    assert isinstance(item, Pictures)
    images = page.images()[1 : 1 + 48]
    powers = np.exp(reading.values.astype(np.float64))
    chances = powers / powers.sum(1, keepdims=True)
    for sample, tile in enumerate(tiles(probe.batch, item, range(24), denormalised=True)):
        np.testing.assert_array_equal(images[2 * sample], tile)
        bars = images[2 * sample + 1]
        upper = bars[: bars.shape[0] - 6, :, 3] > 0
        tall = upper.sum(0)[np.linspace(0, bars.shape[1], 11)[:-1].astype(int) + 9]
        np.testing.assert_allclose(tall, np.maximum(2, chances[sample] * (bars.shape[0] - 8)), atol=0.51)
        sign = "✓" if reading.correct[sample] == 1 else "✕"
        said = f"disc {sample % 10} {sign} disc {reading.guesses[sample]} {reading.confidence[sample]:.2f}"
        assert f"{said} flips {reading.flips[sample]}" in page.words


def test_the_numbers_of_each_sample_are_on_the_page() -> None:
    """A table that opens has target, prediction, loss, confidence, margin, jitter, flips and forgetting events."""
    record = run_of("other", steps=60)
    reading = record.readings[0][-1]
    words = Page(dynamics_html(record)).words
    assert "sample target prediction loss confidence margin jitter flips forgotten" in words
    assert f"23 {reading.losses[23]:.3g} – – 0.04 {reading.flips[23]} 0" in words


def test_tokens_are_coloured_by_their_loss() -> None:
    """Each token has a background as strong as its loss is large, and none where none counts."""
    record = run_of("language-model", steps=60)
    html = dynamics_html(record)
    losses = record.readings[0][-1].values
    found = [float(each) for each in re.findall(r"rgba\(213, 94, 0, ([\d.]+)\)", html)]
    known = losses[np.isfinite(losses)]
    assert len(found) == len(known)
    assert np.corrcoef(found, known)[0, 1] > 0.99
    assert html.count('class="token soft"') == 12


def test_every_probe_has_its_place() -> None:
    """Two probes stand side by side below the plots, in two halves then, each with its split and its mode."""
    page = Page(dynamics_html(RUNS["binary"]))
    classes = [str(attributes.get("class")) for _, attributes in page.elements]
    places = [name for name in classes if name in ("both", "picture", "probes", "probe")]
    assert places == ["both", "picture", "picture", "both", "probes", "probe", "probes", "probe"]
    plotted = [str(a["alt"]) for _, a in page.elements if str(a.get("alt")).startswith("plots")]
    assert ["Loss" in plotted[0], "Learning rate" in plotted[1]] == [True, True]
    words = page.words
    assert "24 samples of the train split, first 24 of the first batch, eval mode" in words
    assert "24 samples of the validation split, first 24 of the first batch, train mode" in words


def test_what_happened_is_listed() -> None:
    """Moments are listed with step and kind, the newest sixty, and how many are left out."""
    moments = tuple(Moment(step, "note", f"remark {step}") for step in range(100))
    words = Page(dynamics_html(empty(steps=100, moments=moments))).words
    assert "What happened: 100 moments" in words
    assert "remark 99" in words
    assert "remark 39" not in words
    assert "40 earlier ones are not listed" in words


def test_spikes_show_their_batch() -> None:
    """A spike has its loss beside the usual one, the losses of its samples, and their pictures."""
    page = Page(dynamics_html(run_of(steps=1000, every=500)))
    assert "◆ step 912: loss 4.1, usually 0.31 · of its samples, largest first: 9.5, 4, 2, 0.9" in page.words
    assert sum("sample 3, as fed, label 3" in str(a.get("alt")) for _, a in page.elements) == 1
    assert "loss 9, usually 0.5 · gone by then" in Page(dynamics_html(RUNS["lost batch"])).words


def test_of_many_spikes_the_largest_are_shown() -> None:
    """The two spikes farthest above what was usual have their batch, and the others are one line of their steps."""
    record = run_of(steps=1000, every=500)
    (spike,) = record.spikes
    heights = {100: 1.2, 200: 9.0, 300: 2.0, 912: 4.1, 950: 3.0}
    spikes = tuple(replace(spike, step=step, loss=loss) for step, loss in heights.items())
    moments = tuple(Moment(step, "spike", "the loss rose") for step in heights)
    several = replace(record, spikes=spikes, moments=moments)
    page = Page(dynamics_html(several))
    assert sum("sample 3, as fed, label 3" in str(a.get("alt")) for _, a in page.elements) == 2
    line = "◆ 3 other spikes: step 100 (1.2), step 300 (2), step 950 (3)"
    assert page.words.endswith(line)
    found = dynamics_text(several).splitlines()
    assert [text[:10] for text in found[1:3]] == ["◆ step 200", "◆ step 912"]
    assert found[3:] == [line]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 0}, "No step was seen."),
        ({"steps": 2}, "No training loss was seen."),
        ({"probes": (probe_of("other"),), "readings": ((),)}, "The probe batch was not read yet."),
        ({"notes": ("a second model is not seen",)}, "a second model is not seen"),
    ],
)
def test_what_is_missing_is_said(change: dict[str, Any], said: str) -> None:
    """The page and the text say what there is nothing of."""
    record = empty(**change)
    assert said in Page(dynamics_html(record)).words
    assert said in dynamics_text(record)
