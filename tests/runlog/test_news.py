from __future__ import annotations

from dataclasses import replace

import numpy as np

from nbinspect.records import Moment
from nbinspect.runlog.news import fold, later, thinned, weight
from tests.runlog.logged import news, trace


def test_parts_become_the_whole():
    """Three parts of a run put behind each other are the run in one: each step once, facts of the last."""
    whole = fold(None, news(1, 4), news(5, 5), news(6, 9))
    assert [part.name for part in whole.traces] == ["loss", "rate"]
    assert whole.traces[0].step.tolist() == list(range(1, 10))
    np.testing.assert_allclose(whole.traces[0].mean, [1 / 4] * 4 + [1 / 5] + [1 / 9] * 4, rtol=1e-6)
    assert [each.step for each in whole.readings[0]] == [4, 5, 9]
    assert (whole.steps, whole.pins, len(whole.probes), len(whole.moments)) == (9, (9,), 1, 1)


def test_a_number_and_a_probe_that_come_later_are_added():
    """A trace that begins later stands beside the others, and readings of a second probe beside those of the first."""
    second = replace(news(2, 2), traces=(trace("accuracy", range(2, 3)),), readings=((), news(2, 2).readings[0]))
    whole = fold(news(1, 1), second)
    assert [part.name for part in whole.traces] == ["loss", "rate", "accuracy"]
    assert [[each.step for each in part] for part in whole.readings] == [[1], [2]]


def test_what_is_thinned_is_bounded_and_keeps_extremes():
    """A hundred thousand steps become a few thousand points with the extreme of each stretch among them."""
    steps = trace("loss", range(1, 100_001))
    low = steps.low.copy()
    low[777] = -5.0
    record = replace(news(1, 1), traces=(replace(steps, low=low),))
    small = thinned(record)
    assert weight(small) < weight(record) / 10
    assert small.traces[0].low.min() == -5.0
    assert small.traces[0].step[-1] == 100_000


def test_a_resumed_run_goes_on_counting():
    """Steps and seconds of a second session are counted from the first beginning, in every part of the record."""
    fresh = replace(news(1, 2), moments=(Moment(2, "alert", "x", since=1), Moment(2, "note", "y")))
    found = later(fresh, 100, 60.0)
    assert (found.steps, found.seconds, found.pins) == (102, 60.02, (102,))
    assert [(each.step, each.since) for each in found.moments] == [(102, 101), (102, None)]
    assert found.traces[0].step.tolist() == [101, 102]
    assert (found.readings[0][0].step, found.spikes[0].step) == (102, 102)
    assert later(fresh, 0, 0.0) is fresh
