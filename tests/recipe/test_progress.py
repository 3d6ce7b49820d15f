from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbinspect.recipe.catalogue import CHAPTERS
from nbinspect.recipe.evidence import BatchLook, Evidence, Given, PassLook, RunLook, Scan, Verdict
from nbinspect.recipe.progress import recipe_of
from nbinspect.records import BaselineRecord

ALL = Given(loader=True, validation=True, loss=True, journal=True)
CHECKED = {name: advice for _, steps in CHAPTERS for advice in steps for name in advice.checks}
FINE = {name: Verdict("pass", "", "data") for name in CHECKED}


def baseline(verdict: str) -> BaselineRecord:
    return BaselineRecord("classes", "accuracy", "", (), verdict, f"it is {verdict}", 10, 2, 2, 5, (), 0.1)  # type: ignore[arg-type] # any verdict


def everything() -> Evidence:
    """All that can be run, with nothing wrong."""
    scan = Scan(100, 100, True, True, ())
    return Evidence(
        ALL,
        {"train": scan, "validation": scan},
        baseline("learnable"),
        20,
        BatchLook(16, "", (), True),
        PassLook(9, ""),
        FINE,
        RunLook(50, 5, True, ()),
    )


def state(evidence: Evidence, step: str) -> str:
    found = recipe_of(evidence).step(step)
    assert found is not None
    return found.state


def test_nothing_run_is_all_to_do_and_begins_with_the_data() -> None:
    """With everything given and nothing run no step is done, and the first one comes next."""
    record = recipe_of(Evidence(ALL))
    steps = [step for chapter in record.chapters for step in chapter.steps]
    assert {step.state for step in steps} == {"todo"}
    assert (record.next, record.done, record.total) == ("look-at-data", 0, len(steps))
    assert record.next_text == steps[0].advice


def test_nothing_given_says_what_to_give() -> None:
    """What needs a loader is off and says so; the count of what can be done leaves it out."""
    record = recipe_of(Evidence())
    off = [step for chapter in record.chapters for step in chapter.steps if step.state == "off"]
    assert all("give " in step.text for step in off)
    assert all(step.action is None for step in off)
    assert record.next == "dynamics"
    assert record.total == 1


def test_all_run_and_fine_leaves_nothing() -> None:
    """With all of it run and nothing wrong every step is done, and there is no next one."""
    record = recipe_of(everything())
    steps = [step for chapter in record.chapters for step in chapter.steps]
    assert {step.state for step in steps} == {"done"}
    assert (record.next, record.done) == (None, record.total)


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_failed_check_is_what_comes_next(name: str) -> None:
    """A defect of any check turns its step to attention, in the check's title, and is to be mended before all else."""
    verdicts = {**FINE, name: Verdict("fail", "something is wrong", "wiring")}
    evidence = replace(Evidence(ALL, verdicts=verdicts), scans=everything().scans)
    if CHECKED[name].id == "simple-models":
        evidence = replace(evidence, baseline=None)
    record = recipe_of(evidence)
    step = record.step(CHECKED[name].id)
    assert step is not None
    assert step.state == "attention"
    assert "something is wrong" in step.text
    assert record.next == step.id
    assert record.next_text == "Mend first: something is wrong"


def test_a_symptom_is_not_what_to_mend_first() -> None:
    """A finding that another one explains needs attention, but its cause in a later chapter comes first."""
    verdicts = {
        **FINE,
        "loss-at-init": Verdict("fail", "loss too high", "init", is_cause=False),
        "learning-rate": Verdict("fail", "rate too high", "training"),
    }
    record = recipe_of(replace(everything(), verdicts=verdicts))
    assert record.next == "learning-rate"
    assert record.step("initialisation").state == "attention"  # type: ignore[union-attr] # it is there


def test_what_is_only_odd_comes_after_what_was_not_done() -> None:
    """A warning shows at its step, but does not push itself before steps that nobody has taken yet."""
    verdicts = {"class-imbalance": Verdict("warn", "1 class is rare", "data")}
    record = recipe_of(Evidence(ALL, verdicts=verdicts))
    assert record.step("odd-samples").state == "attention"  # type: ignore[union-attr] # it is there
    assert record.next == "look-at-data"
    record = recipe_of(replace(everything(), verdicts={**FINE, **verdicts}, scans={}))
    assert record.next == "look-at-data"
    record = recipe_of(
        replace(everything(), verdicts={**FINE, "capacity": Verdict("warn", "wider fits better", "training")})
    )
    assert record.next_text == "Worth a look: wider fits better"


def test_checks_that_are_missing_or_skipped_are_told_apart() -> None:
    """A step is done when all of its checks were run, and off when none of them could be."""
    names = [name for name, advice in CHECKED.items() if advice.id == "updates"]
    some = {name: FINE[name] for name in names[:2]}
    record = recipe_of(Evidence(ALL, verdicts=some))
    step = record.step("updates")
    assert step is not None
    assert (step.state, step.text) == ("todo", f"2 of {len(names)} checks run")
    skipped = {name: Verdict("skip", "needs optimizer", "training") for name in names}
    step = recipe_of(Evidence(ALL, verdicts=skipped)).step("updates")
    assert step is not None
    assert (step.state, step.text) == ("off", "needs optimizer")
    assert state(Evidence(ALL, verdicts={**skipped, names[0]: FINE[names[0]]}), "updates") == "done"


@pytest.mark.parametrize(
    ("scan", "expected", "text"),
    [
        (Scan(0, 100, False, False, ()), "todo", ""),
        (Scan(50, 100, False, False, ()), "todo", "50 of 100 samples scanned"),
        (Scan(2_000, None, False, False, ()), "done", "2,000 train samples scanned"),
        (Scan(100, 100, True, False, ()), "done", "100 train samples scanned"),
        (Scan(99, 100, True, False, (), failed=1), "attention", "1 sample could not be read"),
    ],
)
def test_a_scan_counts_when_it_is_complete_or_long(scan: Scan, expected: str, text: str) -> None:
    """Part of a small data set is no look at it; a thousand samples of an endless one are."""
    step = recipe_of(Evidence(ALL, {"train": scan})).step("look-at-data")
    assert step is not None
    assert (step.state, step.text) == (expected, text)


def test_what_a_scan_finds_stands_at_the_step_that_it_is_about() -> None:
    """Doubles are odd samples, leaks are about the splits, and an order about the order."""
    scan = Scan(100, 100, True, False, (("in both splits", "5 are in both"),))
    evidence = Evidence(ALL, {"train": scan, "validation": replace(scan, warnings=())})
    assert (state(evidence, "odd-samples"), state(evidence, "splits")) == ("done", "attention")
    assert state(evidence, "order") == "todo"
    assert recipe_of(evidence).step("splits").room == "data"  # type: ignore[union-attr] # it is there
    odd = Evidence(ALL, {"train": replace(scan, warnings=(("duplicates", "2 doubles"), ("order", "sorted")))})
    assert [state(odd, name) for name in ("odd-samples", "order", "splits")] == ["attention", "attention", "todo"]


def test_an_untrained_network_below_simple_models_is_no_alarm() -> None:
    """Only data that nothing can be learnt from needs attention; a network below a linear model may not be trained."""
    assert state(replace(everything(), baseline=baseline("network below simple")), "simple-models") == "done"
    assert state(replace(everything(), baseline=baseline("nothing to learn")), "simple-models") == "attention"


def test_what_raises_is_a_defect() -> None:
    """A forward that raised, in the batch or in the pass, is to be mended first."""
    raised = replace(everything(), batch=BatchLook(4, "ValueError: no", (), True))
    assert recipe_of(raised).next == "exact-batch"
    ended = replace(everything(), forward=PassLook(4, "RuntimeError: shapes"))
    assert recipe_of(ended).next == "forward-pass"


def test_another_model_keeps_what_is_about_the_data() -> None:
    """What was scanned, labelled and checked of the data stands; what speaks of the model does not."""
    verdicts = {**FINE, "batch-leak": Verdict("pass", "", "wiring")}
    kept = recipe_of(replace(everything(), verdicts=verdicts).of_data())
    states = {step.id: step.state for chapter in kept.chapters for step in chapter.steps}
    assert states["look-at-data"] == states["human"] == states["odd-samples"] == "done"
    assert states["exact-batch"] == states["forward-pass"] == states["dependencies"] == "todo"
    assert states["wrong-predictions"] == states["dynamics"] == states["whole-validation"] == "todo"
    assert np.all([state != "off" for state in states.values()])


def test_the_journal_that_is_asked_for_is_the_one_of_the_docs(root_of_docs: Path) -> None:
    """Without a journal the step says how to give one, by a path that the page on journals gives too."""
    step = recipe_of(Evidence()).step("journal")
    assert step is not None
    asked = re.search(r'journal="[^"]+"', step.text)
    assert asked is not None
    assert asked[0] in (root_of_docs.parent / "journal.md").read_text(encoding="utf-8")
