"""The arrays of a reading, against sums written out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.dynamics.probe import choose_probe
from nbinspect.evaluation.layout import Layout
from nbinspect.evaluation.reading import make_reading, no_trail
from nbinspect.subject import make_subject
from tests.dynamics import programs as made

STEPS = (0, 3, 4, 10, 11)


def readings(kind, numbers, goal=None, steps=STEPS, **options):
    """Readings of a sequence of outputs (R, N, K)."""
    layout, trail, found = Layout(kind, numbers.shape[2:], **options), no_trail(numbers.shape[1]), []
    for step, each in zip(steps, numbers, strict=False):
        reading, trail = make_reading(step, layout, trail, numbers=each, losses=None, goal=goal)
        found.append(reading)
    return found


def strays(values, steps):
    (before, middle, after), (a, b, c) = values, steps
    line = before + (after - before) * (b - a) / (c - a)
    return np.abs(middle - line)


def test_jitter_of_classes_is_the_total_variation_from_a_straight_line():
    """It equals the sum written out at uneven steps, is NaN for two readings, and 0 for a steady drift."""
    rows = np.random.default_rng(0).normal(size=(5, 6, 4)).astype(np.float32)
    found = readings("classification", rows)
    shares = np.exp(rows) / np.exp(rows).sum(2, keepdims=True)
    assert np.isnan(found[0].jitter).all()
    assert np.isnan(found[1].jitter).all()
    for last in (2, 3, 4):
        three = slice(last - 2, last + 1)
        wanted = 0.5 * strays(shares[three], STEPS[three]).sum(1)
        np.testing.assert_allclose(found[last].jitter, wanted, rtol=1e-4)
    start, end = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])
    drift = np.stack([start + (end - start) * step / 11 for step in STEPS]).astype(np.float32)
    assert max(reading.jitter[0] for reading in readings("classification", drift, chances=True)[2:]) < 1e-6


def test_jitter_of_labels_numbers_and_masks_follows_their_definitions():
    """The mean over labels; over outputs in standard deviations of the targets; the share of lonely pixels."""
    rows = np.random.default_rng(1).normal(size=(3, 5, 3)).astype(np.float32)
    steps = (0, 1, 4)
    chances = 1 / (1 + np.exp(-rows))
    wanted = strays(chances, steps).mean(1)
    np.testing.assert_allclose(readings("multilabel", rows, steps=steps)[2].jitter, wanted, rtol=1e-4)

    goal = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32) * [1, 5, 20]
    wanted = strays(rows / goal.std(0), steps).mean(1)
    np.testing.assert_allclose(readings("regression", rows, goal, steps)[2].jitter, wanted, rtol=1e-4)

    masks = np.random.default_rng(3).integers(0, 3, size=(3, 5, 6)).astype(np.float32)
    numbers = np.concatenate([masks, np.zeros((3, 5, 2), np.float32)], 2)
    layout, trail = Layout("segmentation", (3, 2, 3)), no_trail(5)
    for step, each in zip(steps, numbers, strict=True):
        reading, trail = make_reading(step, layout, trail, numbers=each, losses=None, goal=None)
    lonely = [sum(b not in (a, c) for a, b, c in zip(*masks[:, n], strict=True)) / 6 for n in range(5)]
    np.testing.assert_allclose(reading.jitter, lonely, rtol=1e-5)


def test_flips_and_forgetting_are_counted_as_they_happen():
    """Counts agree with a loop over the guesses, also where some readings were broken."""
    rows = np.random.default_rng(4).normal(size=(12, 7, 3)).astype(np.float32)
    rows[5, 2] = np.nan
    goal = np.arange(7) % 3
    found = readings("classification", rows, goal, range(12))
    for sample in range(7):
        guesses = [int(row[sample].argmax()) for step, row in enumerate(rows) if (step, sample) != (5, 2)]
        flips = sum(a != b for a, b in pairwise(guesses))
        lost = sum(a == goal[sample] != b for a, b in pairwise(guesses))
        assert found[-1].flips[sample] == flips
        assert found[-1].forgotten[sample] == lost
    assert found[5].correct[2] == -1
    assert np.isnan(found[5].confidence[2])


def test_going_back_begins_a_new_line():
    """A reading at a step that is not later has no jitter yet, and the counts go on."""
    rows = np.random.default_rng(5).normal(size=(5, 4, 3)).astype(np.float32)
    found = readings("classification", rows, steps=(0, 5, 9, 5, 6))
    assert np.isfinite(found[2].jitter).all()
    assert np.isnan(found[3].jitter).all()
    assert np.isnan(found[4].jitter).all()
    assert (found[4].flips >= found[2].flips).all()


def test_infinite_outputs_say_nothing_or_everything():
    """−Inf is a class that cannot be; +Inf and NaN leave the row without a guess."""
    rows = np.array([[[0.0, -np.inf, 0.0], [0.0, np.inf, 0.0], [-np.inf] * 3]], dtype=np.float32)
    (found,) = readings("classification", rows, np.array([0, 1, 2]))
    assert found.confidence[0] == pytest.approx(0.5)
    assert found.guesses.tolist() == [0, -1, -1]
    assert found.correct.tolist() == [1, -1, -1]


def test_probabilities_are_told_from_logits():
    """A network that ends in softmax or sigmoid is read by its probabilities; values are logits of the same."""
    x = torch.randn(6, 4)
    head = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    nll = lambda out, goal: -(out[torch.arange(6), goal]).log().mean()  # noqa: E731 - a user's own loss
    reading = choose_probe(make_subject(head, [(x, torch.arange(6) % 3)], nll)).read(0)
    with torch.no_grad():
        shares = head(x).numpy()
    np.testing.assert_allclose(reading.confidence, shares.max(1), rtol=1e-5)
    np.testing.assert_allclose(reading.values, np.log(shares), rtol=1e-4, atol=1e-5)

    sure, goal = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), (torch.rand(6, 1) > 0.5).float()
    reading = choose_probe(make_subject(sure, [(x, goal)], nn.BCELoss())).read(0)
    with torch.no_grad():
        one = sure(x).numpy()[:, 0]
    np.testing.assert_allclose(reading.values[:, 0], np.log(one / (1 - one)), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(reading.guesses, one > 0.5)
    np.testing.assert_array_equal(reading.correct, (one > 0.5) == (goal.numpy()[:, 0] > 0.5))
    np.testing.assert_allclose(reading.margin, (2 * one - 1) * (2 * goal.numpy()[:, 0] - 1), rtol=1e-3, atol=1e-5)


def test_several_labels_are_right_together():
    """A sample of a multilabel task is right where every label is, and its margin is that of the worst."""
    model, x = nn.Linear(4, 5), torch.randn(30, 4)
    goal = (torch.rand(30, 5) > 0.5).float()
    with torch.no_grad():
        goal[:10] = (model(x[:10]) > 0).float()
    probe = choose_probe(make_subject(model, [(x, goal)], nn.BCEWithLogitsLoss()), size=30)
    reading = probe.read(0)
    with torch.no_grad():
        chances = model(x).sigmoid().numpy()
    assert probe.record.task == "multilabel"
    for sample in range(30):
        right = [(p > 0.5) == bool(t) for p, t in zip(chances[sample], goal[sample], strict=True)]
        worst = min((2 * p - 1) * (1 if t else -1) for p, t in zip(chances[sample], goal[sample], strict=True))
        assert reading.correct[sample] == all(right)
        assert reading.margin[sample] == pytest.approx(worst, abs=1e-5)


def test_numbers_are_kept_as_they_are():
    """A regression has outputs and losses, eight outputs at most, and no right and wrong."""
    model, x, goal = nn.Linear(4, 20), torch.randn(6, 4), torch.randn(6, 20)
    probe = choose_probe(make_subject(model, [(x, goal)], nn.MSELoss()))
    reading, columns = probe.read(0), probe.record.columns
    with torch.no_grad():
        outputs = model(x).numpy()
    assert len(columns) == 8
    np.testing.assert_allclose(reading.values, outputs[:, columns], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(probe.record.targets, goal.numpy()[:, columns])
    np.testing.assert_allclose(reading.losses, ((outputs - goal.numpy()) ** 2).mean(1), rtol=1e-4)
    assert (reading.correct == -1).all()
    assert np.isnan(reading.confidence).all()


def test_a_task_that_is_not_known_has_losses_alone():
    """Outputs of another shape than the task asks for give no values, and still a loss of each sample."""
    model, x = nn.Linear(4, 6), torch.randn(5, 4)
    own = lambda out, goal: ((out.view(-1, 2, 3) - goal) ** 2).sum((1, 2)).mean()  # noqa: E731 - a user's own loss
    goal = torch.randn(5, 2, 3)
    probe = choose_probe(make_subject(model, [(x, goal)], own, task="other"))
    reading = probe.read(0)
    assert probe.record.task == "other"
    assert reading.values.shape == reading.guesses.shape == (5, 0)
    with torch.no_grad():
        np.testing.assert_allclose(reading.losses, [float(own(model(x[[n]]), goal[[n]])) for n in range(5)], rtol=1e-4)


def test_sequences_with_time_first_are_read_by_sample():
    """With the samples on the second axis, inputs are cut there, and outputs are read there."""
    model = made.Tokens(across=False)
    ids = made.ids(12, 9).T.contiguous()
    goal = ids.roll(-1, 0)
    loss = lambda out, goal: nn.functional.cross_entropy(out.flatten(0, 1), goal.flatten())  # noqa: E731 - a user's own
    probe = choose_probe(make_subject(model, [(ids, goal)], loss, batch_axis=1), size=5)
    reading = probe.read(0)
    with torch.no_grad():
        wanted = nn.functional.cross_entropy(model(ids).permute(1, 2, 0), goal.T, reduction="none")
    np.testing.assert_allclose(reading.values, wanted[:5].numpy(), rtol=1e-4)
