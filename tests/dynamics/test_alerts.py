from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.dynamics.alerts import Alerts, trained_layers
from nbinspect.dynamics.history import Facts, History
from nbinspect.records import Moment
from tests.dynamics.broken_runs import BROKEN, noisy
from tests.dynamics.healthy_runs import HEALTHY, adam, plainly, sgd, watched

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_has_no_alert(name):
    """Of a training that goes well nothing is said, whenever it is looked at."""
    observer, alerts = watched(HEALTHY[name]())
    assert observer.steps >= 150
    assert alerts == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_goes_wrong_is_named(name):
    """A training that goes wrong in one way has an alert that names it, and its figures."""
    make, words = BROKEN[name]
    _, alerts = watched(make())
    assert any(re.search(words, text) for text in alerts), alerts
    assert len(alerts) <= 3


@pytest.mark.parametrize("optimizer", [adam(), sgd()])
def test_samples_with_wrong_labels_are_named(optimizer):
    """Where three labels in ten are wrong, the samples that are named are those whose labels are."""
    run, probe = noisy(plainly(optimizer, 900))
    _, alerts = watched(run, probe=probe)
    assert len(alerts) == 1
    named = {int(number) for number in re.search(r"samples ([\d, ]+)", alerts[0])[1].split(",")}
    assert len(named) >= 6
    assert named <= set(range(8))


def told(history: History, step: int) -> list[str]:
    return [
        f"{moment.step}: {moment.text}" for moment in history.moments if moment.kind == "alert" and moment.step == step
    ]


def losses(history: History, first: int, last: int, level: float) -> None:
    """Losses of steps around a level, with noise."""
    noise = np.random.default_rng(first).normal(1, 0.05, last - first)
    history.values("loss", range(first + 1, last + 1), (level * noise).tolist())


def test_a_cause_is_told_once_and_again_only_much_later():
    """A loss that has risen is told once; when it has fallen and rises again long after, once more."""
    history = History()
    alerts = Alerts(history)
    steps = 0
    for level, count in [(2.0, 100), (0.5, 200), (2.0, 200), (0.5, 400), (2.0, 600)]:
        for _ in range(count // 50):
            losses(history, steps, steps + 50, level)
            steps += 50
            alerts.look(steps)
    found = [moment.since for moment in history.moments]
    assert len(found) == 2
    assert 250 <= found[0] <= 350
    assert 850 <= found[1] <= 1000


def test_going_back_is_no_rise_of_the_loss():
    """After the run went back to earlier weights, only what came since is judged."""
    history = History()
    losses(history, 0, 300, 0.1)
    history.moment(Moment(300, "back", "back to step 10"))
    losses(history, 300, 600, 2.0)
    Alerts(history).look(600)
    assert not told(history, 600)


def test_a_pace_that_halves_for_long_is_told():
    """Ten seconds at less than half the pace are told, with both paces; one slow second is not."""
    history = History()
    paces = [1000.0] * 200 + [300.0] * 10 + [1000.0] * 100
    history.values("samples per second", range(1, 311), paces)
    Alerts(history).look(310)
    assert not history.moments
    history.values("samples per second", range(311, 451), [400.0] * 140)
    Alerts(history).look(450)
    assert [moment.text for moment in history.moments] == [
        "Training went from 1e+03 to 400 samples per second since step 351: something slows it"
    ]


def test_gradients_that_grow_a_hundredfold_are_told():
    """Gradients that have grown a hundredfold are told while the loss does not fall, and not while it does."""
    for after, words in [(1.0, "gradient norm grew"), (0.5, "")]:
        history = History()
        losses(history, 0, 240, 1.0)
        losses(history, 240, 340, after)
        history.values("gradient norm", range(0, 240, 10), [1.0] * 24)
        history.values("gradient norm", range(240, 340, 10), [300.0] * 10)
        Alerts(history).look(340)
        assert words in "".join(moment.text for moment in history.moments)
        assert len(history.moments) == bool(words)


def test_layers_that_are_replaced_every_few_steps_are_told():
    """Layers that change by a fifth of their weights at every step are told where the loss does not fall."""
    history = History()
    losses(history, 0, 300, 1.0)
    for layer in ("a", "b"):
        history.values("update ratio", range(0, 300, 10), [0.2] * 30, layer)
    Alerts(history).look(300)
    assert "Half of the layers change by 20% of their weights" in history.moments[0].text


def test_numbers_come_with_those_not_handed_out_yet():
    """What a history gives to be judged has all finite values in order, handed out or not."""
    history = History()
    history.values("loss", [1, 2], [3.0, float("nan")])
    history.fresh(Facts("Net"))
    history.values("loss", [3], [1.0])
    steps, values = history.numbers()["loss", ""]
    assert (steps.tolist(), values.tolist()) == ([1, 3], [3.0, 1.0])


def test_trained_layers_are_those_an_optimizer_holds():
    """A layer that is frozen, or that no optimizer holds, is not expected to get a gradient."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].requires_grad_(False)
    held = torch.optim.SGD([*model[0].parameters(), *model[1].parameters()], lr=0.1)
    assert trained_layers(model, [held]) == ["0"]
    assert trained_layers(model, []) == []


def test_nothing_is_said_of_a_run_without_numbers():
    """A history that is empty, or has not begun, has no alert."""
    history = History()
    for step in (0, 1, 5000):
        Alerts(history, lambda: ["0"]).look(step)
    assert not history.moments
