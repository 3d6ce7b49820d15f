from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from nbinspect.errors import InputError
from nbinspect.figures.dynamics import dynamics_figure
from nbinspect.figures.pictures import tiles
from nbinspect.records import DynamicsRecord, Moment, Pictures, Trace
from tests.dynamics.records_of_runs import TASKS, broken, empty, probe_of, run_of, trace
from tests.figures.reading import HOSTILE, drawn, texts

pytestmark = pytest.mark.slow

RUNS = {task: run_of(task, steps=200) for task in TASKS}


def plots(figure: Figure) -> list[Axes]:
    """The plots on the paper, in the order in which they were drawn."""
    return figure.axes[1:]


def bars(figure: Figure) -> list[PolyCollection]:
    return [each for each in figure.axes[0].collections if isinstance(each, PolyCollection)]


def hexes(colours: Any) -> list[str]:
    return [f"#{bytes(np.rint(255 * np.asarray(colour[:3])).astype(np.uint8)).hex()}" for colour in colours]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_drawn(task: str) -> None:
    """The figure has the facts of the run, the newest reading, and fits its paper."""
    figure = dynamics_figure(RUNS[task])
    assert len(drawn(figure)) > 5000
    written = texts(figure)
    assert written[0] == "Dynamics"
    assert written[1].startswith("Net · 200 steps · loss 2.31 → 1.04 · ")
    assert any(text.startswith("Probe batch after step 200") for text in written)
    width, height = figure.get_size_inches()
    assert 11 < width < 13
    assert 3 < height < 14


def test_lines_are_the_traces() -> None:
    """Each plot holds the very numbers of its traces: loss, jitter, update ratio on a logarithmic axis, and rate."""
    record = RUNS["classification"]
    loss, jitter, ratio, rate = plots(dynamics_figure(record))
    found = {(each.name, each.part): each for each in record.traces}

    def same(plot: Axes, place: int, one: Trace) -> None:
        np.testing.assert_array_equal(plot.lines[place].get_xydata(), np.stack([one.step, one.mean], 1))

    for place, name in enumerate(("loss", "validation loss", "probe loss")):
        same(loss, place, found[name, ""])
    assert loss.lines[1].get_linestyle() == "--"
    same(jitter, 0, found["jitter", ""])
    for place, layer in enumerate(("conv1", "conv2", "fc")):
        same(ratio, place, found["update ratio", layer])
    assert [loss.get_yscale(), ratio.get_yscale()] == ["linear", "log"]
    same(rate, 0, found["rate", "Adam"])


def test_a_rate_holds_until_the_next_one() -> None:
    """The rate is drawn in steps from zero on to the end of the run, and no other line is."""
    *others, rate = plots(dynamics_figure(RUNS["classification"]))
    assert [line.get_drawstyle() for line in rate.lines] == ["steps-post"]
    assert {line.get_drawstyle() for plot in others for line in plot.lines} == {"default"}
    assert rate.get_ylim()[0] == 0
    early = replace(RUNS["classification"], traces=(trace("rate", [1, 40], [0.1, 0.2], "Adam"),))
    (rate,) = (plot for plot in plots(dynamics_figure(early)) if len(plot.lines) == 1)
    np.testing.assert_allclose(rate.lines[0].get_xydata(), [[1, 0.1], [40, 0.2], [200, 0.2]], rtol=1e-6)


@pytest.mark.parametrize("rate", [1e-6, 3e-4, 0.05, 2.0, 5e7])
def test_axes_write_their_numbers_whole(rate: float) -> None:
    """Each number at a linear axis is what it stands for, with no factor or offset at the end of the axis."""
    record = RUNS["regression"]
    level = []
    for each in record.traces:
        flat = np.full_like(each.mean, rate)
        level.append(replace(each, low=flat, mean=flat, high=flat))
    figure = dynamics_figure(replace(record, traces=tuple(level)))
    drawn(figure)
    for axis in (axis for plot in plots(figure) for axis in (plot.xaxis, plot.yaxis) if axis.get_scale() == "linear"):
        assert not axis.get_offset_text().get_text()
        labels = [label.get_text() for label in axis.get_ticklabels()]
        places = axis.get_majorticklocs()
        assert len(set(labels)) == len(labels) > 1
        np.testing.assert_allclose(
            [float(label.replace(",", "")) for label in labels], places, atol=1e-3 * np.ptp(places)
        )


def test_plots_stand_upright() -> None:
    """A larger number is drawn above a smaller one."""
    figure = dynamics_figure(RUNS["classification"])
    drawn(figure)
    for plot in plots(figure):
        low, high = plot.get_ylim()
        assert plot.transData.transform((0, high))[1] > plot.transData.transform((0, low))[1]


def test_moments_are_marked_at_their_steps() -> None:
    """What matters has a line in every plot, and everything a sign of its own above the first."""
    record = replace(RUNS["other"], moments=(Moment(40, "rate", "raised"), Moment(120, "note", "mine")))
    figure = dynamics_figure(record)
    for plot in plots(figure)[:4]:
        upright = [line for line in plot.lines if list(line.get_xdata()) == [40, 40]]
        assert len(upright) == 1
    assert {"↕", "✎"} <= set(texts(figure))


def test_stretches_without_numbers_are_red() -> None:
    """The stretch in which the loss is NaN is shaded from its first to its last step, once for all lines."""
    record = broken(run_of("other", steps=200), 120)
    plot = plots(dynamics_figure(record))[0]
    (span,) = [patch for patch in plot.patches if patch.get_hatch()]
    edges = span.get_extents()
    ends = [plot.transData.inverted().transform((edge, 0))[0] for edge in (edges.x0, edges.x1)]
    assert ends == pytest.approx([121, 200], abs=0.5)


def test_bars_are_the_probabilities() -> None:
    """Each sample's bars are the softmax of its logits; the target's is green, another that is predicted red."""
    record = RUNS["classification"]
    figure = dynamics_figure(record)
    (found,) = bars(figure)
    heights = np.array([np.ptp(path.vertices[:, 1]) for path in found.get_paths()]).reshape(24, 10)
    reading, probe = record.readings[0][-1], record.probes[0]
    powers = np.exp(reading.values.astype(np.float64))
    wanted = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(heights / heights.sum(1, keepdims=True), wanted, atol=1e-5)
    colours = np.array(hexes(found.get_facecolor())).reshape(24, 10)
    assert probe.targets is not None
    for sample in range(24):
        target, guess = int(probe.targets[sample]), int(reading.guesses[sample])
        assert colours[sample, target] == "#0b7a54"
        assert (colours[sample, guess] == "#b3261e") == (guess != target)
    assert sum(text.startswith("✕ disc") for text in texts(figure)) == int((reading.correct == 0).sum())


def test_classes_that_were_not_kept_have_their_share() -> None:
    """Where only some classes were kept, the likeliest one's bar is its confidence, not its share of those kept."""
    record = RUNS["classification"]
    probe, reading = record.probes[0], record.readings[0][-1]
    powers = np.exp(reading.values.astype(np.float64))
    chances = powers / powers.sum(1, keepdims=True)
    few = np.array([0, 1, 2])
    some = replace(reading, values=reading.values[:, few])
    cut = replace(record, probes=(replace(probe, columns=few, classes=probe.classes[:3]),), readings=((some,),))
    (found,) = bars(dynamics_figure(cut))
    (whole,) = bars(dynamics_figure(record))
    tall, full = (np.array([np.ptp(path.vertices[:, 1]) for path in each.get_paths()]) for each in (found, whole))
    scale = full.max() / chances.max()
    kept = np.isin(reading.guesses, few)
    assert kept.any()
    np.testing.assert_allclose(tall.reshape(24, 3)[kept], scale * chances[kept][:, few], atol=1e-5)


def test_an_earlier_step_is_drawn_as_it_was() -> None:
    """Asked for a step, the figure has the newest reading that is not after it, and the first where all are."""
    record = RUNS["classification"]
    for step, shown in ((110, 100), (100, 100), (0, 0), (-5, 0), (10_000, 200)):
        written = texts(dynamics_figure(record, step=step))
        assert any(text.startswith(f"Probe batch after step {shown}:") for text in written)


def test_numbers_are_drawn_against_their_targets() -> None:
    """A regression has its predictions over the targets, and beside them what remains between both."""
    record = RUNS["regression"]
    figure = dynamics_figure(record)
    targets, values = record.probes[0].targets, record.readings[0][-1].values
    assert targets is not None
    against, remains = plots(figure)[-2:]
    for plot, wanted in ((against, values), (remains, values - targets)):
        points = [each.get_offsets() for each in plot.collections if isinstance(each, PathCollection)]
        for column in range(2):
            np.testing.assert_allclose(points[column], np.stack([targets[:, column], wanted[:, column]], 1), rtol=1e-6)


def test_masks_lie_over_their_pictures() -> None:
    """Segmentation shows the target and the prediction of each sample over its picture, and how much is wrong."""
    record = RUNS["segmentation"]
    figure = dynamics_figure(record)
    shown = [np.asarray(each.get_array()) for each in figure.findobj(AxesImage)]
    probe, reading = record.probes[0], record.readings[0][-1]
    (item,) = probe.batch.inputs
    assert isinstance(item, Pictures)
    assert probe.batch.masks is not None
    assert probe.targets is not None
    guessed = replace(probe.batch, masks=replace(probe.batch.masks, classes=reading.values))
    wanted = [tiles(each, item, range(12), denormalised=True) for each in (probe.batch, guessed)]
    assert len(shown) == 24
    for sample in range(12):
        for look in range(2):
            assert any(np.array_equal(wanted[look][sample], each) for each in shown)
    share = 100 * float((reading.values[0] != probe.targets[0]).mean())
    assert f"{share:.3g} % of pixels wrong" in texts(figure)


def test_tokens_are_written_on_their_loss() -> None:
    """Each token of a sentence has a patch of colour, stronger where its loss is larger, none where none counts."""
    record = RUNS["language-model"]
    figure = dynamics_figure(record)
    patches = figure.axes[0].patches
    losses = record.readings[0][-1].values
    assert len(patches) == int(np.isfinite(losses).sum())
    strong = [patch.get_facecolor()[3] for patch in patches]
    assert np.corrcoef(strong, losses[np.isfinite(losses)])[0, 1] > 0.99
    assert "cats" in texts(figure)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_drawn_as_text(text: str) -> None:
    """Names from data are neither formulas nor orders to a terminal, and do not burst the paper."""
    record = run_of(steps=40)
    probe = replace(record.probes[0], classes=(text,) * 10, chosen=text)
    traces = tuple(replace(each, part=text) if each.part else each for each in record.traces)
    moments = (Moment(20, "alert", text),)
    figure = dynamics_figure(replace(record, model=text, probes=(probe,), traces=traces, moments=moments))
    drawn(figure)
    assert not any("\x1b" in each or "\u202e" in each for each in texts(figure))
    assert max(map(len, texts(figure))) < 250


ODD: dict[str, DynamicsRecord] = {
    "nothing": empty(),
    "no readings": empty(probes=(probe_of("classification"),), readings=((),), steps=3),
    "no probe": empty(steps=2, traces=(trace("loss", [1, 2], [1.0, 0.5]),)),
    "one point": empty(steps=1, traces=(trace("loss", [1], [1.0]),)),
    "empty trace": empty(steps=1, traces=(trace("loss", [], []),)),
    "zero ratios": empty(steps=2, traces=(trace("update ratio", [1, 2], [0.0, 0.0], "fc"),)),
    "a spike": empty(steps=9, traces=(trace("loss", range(1, 10), [1, 1, 1, 1e4, 1, 1, 1, 1, 3e38]),)),
}
ODD |= {f"{task}, all NaN": broken(run_of(task, steps=60), -1) for task in TASKS}
ODD |= {f"{task}, one reading": run_of(task, steps=0) for task in TASKS}
ODD |= {
    "no targets": replace(
        RUNS["classification"], probes=(replace(RUNS["classification"].probes[0], targets=None, classes=()),)
    ),
    "many layers": empty(
        steps=2, traces=tuple(trace("update ratio", [1, 2], [1e-3, 2e-3], f"l{n}") for n in range(40))
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_missing_is_said(kind: str) -> None:
    """A record without steps, probe, readings or finite numbers is drawn with what there is."""
    figure = dynamics_figure(ODD[kind])
    drawn(figure)
    written = texts(figure)
    assert ("No step was seen." in written) == (not ODD[kind].steps)
    assert ("No probe batch is watched." in written) == (not ODD[kind].probes)


def test_of_many_layers_some_are_named() -> None:
    """Of forty layers eight have a colour and a name, and the others are drawn faintly and counted."""
    figure = dynamics_figure(ODD["many layers"])
    (plot,) = plots(figure)
    assert len(plot.lines) == 40
    assert sum(line.get_color() == "#d7dbe0" for line in plot.lines) == 32
    assert any(text.endswith("l39") or text.startswith("+") for text in texts(figure))


def test_a_record_is_left_unchanged() -> None:
    """Drawing changes no number of the record."""
    record = run_of(steps=60)
    copies = [each.mean.copy() for each in record.traces], [each.values.copy() for each in record.readings[0]]
    dynamics_figure(record)
    assert all(np.array_equal(a, b.mean) for a, b in zip(copies[0], record.traces, strict=True))
    assert all(np.array_equal(a, b.values) for a, b in zip(copies[1], record.readings[0], strict=True))


@pytest.mark.parametrize("how", [{"probe": 1}, {"probe": -1}, {"probe": True}, {"step": 1.5}, {"step": True}])
def test_arguments_that_cannot_be_used_are_refused(how: dict[str, Any]) -> None:
    """The error names the argument and what came."""
    with pytest.raises(InputError, match=f"{next(iter(how))}: expected a whole number.* got "):
        dynamics_figure(RUNS["other"], **how)


def test_a_second_probe_has_its_own_traces() -> None:
    """The figure of the second probe shows its samples and its loss."""
    record = run_of(steps=60, second=True)
    own = replace(record, traces=(*record.traces[:1], trace("probe loss", [0, 60], [9.0, 8.0], "validation")))
    figure = dynamics_figure(own, probe=1)
    assert any("of the validation split" in text and "train mode" in text for text in texts(figure))
    np.testing.assert_array_equal(plots(figure)[0].lines[1].get_ydata(), [9.0, 8.0])


def test_pyplot_stays_out_of_it() -> None:
    """Neither importing nor drawing loads pyplot."""
    code = (
        "import sys; from nbinspect.figures.dynamics import dynamics_figure; "
        "from tests.dynamics.records_of_runs import empty; dynamics_figure(empty()); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
