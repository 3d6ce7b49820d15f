"""The catalogue as a whole: names, files, needs, and every check's own good and bad example."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Check
from nbinspect.sanity.registry import CHECKS
from nbinspect.sanity.supplies import NEEDS
from tests.sanity.running import run_one

NAMES = [
    "nonfinite-data",
    "input-scale",
    "target-scale",
    "label-range",
    "class-imbalance",
    "duplicate-samples",
    "split-leak",
    "label-noise",
    "not-shuffled",
    "worker-randomness",
    "train-val-shift",
    "nothing-to-learn",
    "runs",
    "dtype",
    "silent-broadcast",
    "loss-input",
    "loss-target",
    "loss-direction",
    "loss-reduction",
    "output-range",
    "constant-output",
    "batch-leak",
    "causality",
    "padding-leak",
    "unused-parameters",
    "unused-input",
    "unused-result",
    "unregistered-parameters",
    "detached-graph",
    "zero-gradient-path",
    "no-nonlinearity",
    "train-eval-mode",
    "batchnorm-statistics",
    "loss-at-init",
    "final-bias",
    "init-scale",
    "symmetric-init",
    "dead-units",
    "saturated-units",
    "nonfinite-forward",
    "nonfinite-gradient",
    "vanishing-gradients",
    "exploding-gradients",
    "gradient-check",
    "nondeterminism",
    "updates-not-applied",
    "frozen-parameters-change",
    "optimizer-mismatch",
    "missing-zero-grad",
    "clipping-always-on",
    "overfit-one-batch",
    "input-independent-baseline",
    "shuffled-labels",
    "learning-rate",
    "update-ratio",
    "lr-schedule",
    "regularised-debug-run",
    "capacity",
    "batch-size",
    "memory-growth",
    "evaluation-changes-model",
]
WARNS_ONLY = {"class-imbalance", "nothing-to-learn", "no-nonlinearity", "capacity", "batch-size"}
STAGES = ("data", "wiring", "init", "backward", "training")


def test_every_check_of_the_catalogue_is_there_once() -> None:
    """The catalogue has exactly these checks, in this order."""
    assert [check.name for check in CHECKS] == NAMES


def test_stages_stand_in_order() -> None:
    """Checks of a stage stand together, in the order in which stages build on each other."""
    stages = [check.stage for check in CHECKS]
    assert stages == sorted(stages, key=STAGES.index)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_is_declared_in_full(check: Check) -> None:
    """Each check stands in the file of its name, asks a question, and needs only what there is."""
    file = Path(inspect.getfile(check.run))
    assert file.stem == check.name.replace("-", "_")
    assert file.parent.name == check.stage
    assert check.question.endswith("?")
    assert check.why
    assert check.remedy
    assert check.silent
    assert check.sources or check.stage == "data"
    assert set(check.needs) <= NEEDS
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 160


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_good_example_is_quiet(check: Check) -> None:
    """The healthy example of a check passes it, and no check at all fails on it."""
    assert run_one(check, **check.good()).status == "pass"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_bad_example_is_found(check: Check) -> None:
    """The sick example of a check fails it with its numbers, its place and its remedy."""
    assert check.bad is not None
    result: CheckResult = run_one(check, **check.bad())
    assert result.status == ("warn" if check.name in WARNS_ONLY else "fail")
    assert result.title
    assert result.detail
    assert result.remedy
    assert result.measurements or result.place or result.where
