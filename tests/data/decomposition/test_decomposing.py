from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from nbinspect.data.decomposition.decomposing import decompose
from nbinspect.data.human.asking import HumanBaseline
from nbinspect.errors import InputError
from nbinspect.records import DecompositionRecord


def flags(error: float, count: int) -> NDArray[np.bool_]:
    """So many samples of which exactly that share is wrong."""
    return np.arange(count) >= round(error * count)


def values(record: DecompositionRecord) -> dict[str, float]:
    return {part.name: round(part.value, 6) for part in record.parts}


def test_all_sets_give_all_parts() -> None:
    """Each part is the difference of two errors, they add up to that of the test set, the largest has its advice."""
    found = decompose(
        flags(0.05, 2000),
        flags(0.16, 2000),
        train_validation=flags(0.12, 2000),
        test=flags(0.18, 2000),
        human=0.01,
    )
    assert values(found) == {
        "irreducible": 0.01,
        "bias": 0.04,
        "variance": 0.07,
        "shift": 0.04,
        "validation overfitting": 0.02,
    }
    assert sum(part.value for part in found.parts) == pytest.approx(0.18)
    assert [part.state for part in found.parts] == ["clear"] * 4 + ["within noise"]
    assert [part.of for part in found.parts][1:3] == ["train − human", "train-validation − train"]
    assert (found.largest, found.notes) == ("variance", ())
    assert "Of 18.0 % error on the test set" in found.sentence
    assert "variance: it fits its training samples and not others" in found.sentence


@pytest.mark.parametrize(
    ("errors", "largest", "words"),
    [
        ((0.01, 0.2, 0.21, 0.22, 0.22), "bias", "overfit one batch"),
        ((0.01, 0.02, 0.2, 0.21, 0.22), "variance", "more data first"),
        ((0.01, 0.02, 0.03, 0.2, 0.21), "shift", "distributions"),
        ((0.01, 0.02, 0.03, 0.04, 0.2), "validation overfitting", "fresh one"),
        ((0.2, 0.2, 0.2, 0.2, 0.2), "", "no part to work on is clear of noise"),
    ],
)
def test_the_largest_part_has_its_own_advice(errors: tuple[float, ...], largest: str, words: str) -> None:
    """Whichever part is planted as the largest is named, and what lowers it."""
    human, train, between, validation, test = errors
    sets = [flags(each, 3000) for each in (train, validation, between, test)]
    found = decompose(sets[0], sets[1], train_validation=sets[2], test=sets[3], human=human)
    assert found.largest == largest
    assert words in found.sentence


def test_missing_sets_lump_their_neighbours() -> None:
    """Without a set the parts at either side of it are one, and the record says which and why."""
    found = decompose(flags(0.05, 1000), flags(0.2, 1000))
    assert values(found) == {"irreducible + bias": 0.05, "variance + shift": 0.15}
    assert len(found.notes) == 3
    assert "hold out a part of the training set" in found.sentence
    whole = decompose(flags(0.05, 1000), flags(0.2, 1000), human=0.0, test=flags(0.2, 1000))
    assert list(values(whole)) == ["irreducible", "bias", "variance + shift", "validation overfitting"]
    assert len(whole.notes) == 1


def test_intervals_are_those_of_the_metric() -> None:
    """Error rates have Wilson's interval, losses Student's, root mean squares the root of that of the squares."""
    rng = np.random.default_rng(0)
    rate = decompose(flags(0.1, 200), flags(0.1, 50)).levels[0]
    ends = stats.binomtest(20, 200).proportion_ci(method="wilson")
    assert (rate.low, rate.high) == pytest.approx((ends.low, ends.high), abs=1e-6)
    losses = rng.exponential(0.4, 300)
    loss = decompose(losses, losses).levels[0]
    ends = stats.t.interval(0.95, 299, losses.mean(), stats.sem(losses))
    assert (loss.value, loss.low, loss.high) == pytest.approx((losses.mean(), *ends))
    errors = rng.normal(0, 2, 300)
    rmse = decompose(errors, errors, metric="rmse", unit="mm")
    ends = stats.t.interval(0.95, 299, (errors**2).mean(), stats.sem(errors**2))
    wanted = np.sqrt([(errors**2).mean(), *ends])
    assert (rmse.levels[0].value, rmse.levels[0].low, rmse.levels[0].high) == pytest.approx(tuple(wanted))
    assert "mm root mean square error" in rmse.sentence


def test_noise_is_rarely_called_a_part() -> None:
    """Of 200 networks without any gap between training and validation at most a twentieth or so is said to have one."""
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(200):
        found = decompose(rng.random(300) > 0.1, rng.random(200) > 0.1)
        false += found.parts[-1].state != "within noise"
    assert false <= 16


def test_negative_parts_are_shown_and_explained() -> None:
    """A validation error clearly below the training error is negative, and the notes say what to look at."""
    found = decompose(flags(0.2, 1000), flags(0.1, 1000), human=0.3)
    assert [part.state for part in found.parts] == ["clear", "negative", "negative"]
    assert found.largest == ""
    assert "−10.0 % variance + shift (negative)" in found.sentence
    assert sum("is negative" in note for note in found.notes) == 2


def test_a_persons_answers_are_the_floor() -> None:
    """The irreducible error is the share that a person has wrong, with its interval."""
    labels = np.arange(100) % 2
    session = HumanBaseline(np.arange(100), labels, ["a", "b"], n=40)
    while (asked := session.next()) is not None:
        session.answer(int(labels[asked.row]) if asked.place % 10 else None, 1.0)
    found = decompose(flags(0.3, 1000), flags(0.4, 1000), human=session.result())
    assert found.parts[0].value == pytest.approx(0.1)
    assert found.levels[0].samples == 40
    with pytest.raises(InputError, match="error rate"):
        decompose(np.ones(10), np.ones(10), human=session.result())
    with pytest.raises(InputError, match="no sample was answered"):
        decompose(flags(0, 9), flags(0, 9), human=HumanBaseline([0], [0], ["a"]).result())


@pytest.mark.parametrize(
    ("train", "how", "word"),
    [
        ([], {}, "train: expected an array"),
        ([1.0], {}, "2 samples or more"),
        ([[1.0, 2.0]], {}, "expected an array"),
        ([1.0, np.nan], {}, "1 of 2 values are NaN"),
        (["a", "b"], {}, "one number a sample"),
        ([0.0, 0.5], {"metric": "error rate"}, "0 or 1"),
        ([0.0, 0.5], {"metric": "accuracy"}, "expected a metric"),
        ([0.0, 0.5], {"human": np.nan}, "irreducible"),
        ([True, False], {"human": 2.0}, "irreducible"),
        ([0.0, 0.5], {"human": -1.0, "metric": "rmse"}, "irreducible"),
    ],
)
def test_bad_sets_are_refused(train: Any, how: dict[str, Any], word: str) -> None:
    """Empty sets, values that are not finite, no flags where flags belong and unknown metrics have one clear word."""
    with pytest.raises(InputError, match=word):
        decompose(train, [True, False], **how)


def test_a_million_samples_are_quick() -> None:
    """Intervals are analytic, so that large sets take no longer than reading them."""
    found = decompose(flags(0.01, 1_000_000), flags(0.02, 1_000_000))
    assert found.parts[-1].state == "clear"


def test_arrays_are_left_unchanged() -> None:
    """What was given is as before."""
    train = np.random.default_rng(0).random(50)
    before = train.copy()
    decompose(train, train, metric="rmse")
    np.testing.assert_array_equal(train, before)


@pytest.mark.parametrize("human", ["a tenth", float("nan"), -0.1, 1.5])
def test_a_floor_that_is_no_error_rate_is_refused(human):
    """What is no number, not finite or no share cannot be the irreducible error, and is told as it came."""
    with pytest.raises(InputError, match=f"as a number, got {human!r}"):
        decompose(np.ones(10), np.ones(10), human=human, metric="error rate")
