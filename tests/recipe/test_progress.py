from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbinspect.recipe.catalogue import CHAPTERS
from nbinspect.recipe.evidence import BatchLook, Evidence, Given, Oddity, PassLook, RunLook, Scan, Verdict
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
        PassLook(9, "", True, True),
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
    assert (record.next, record.next_text) == ("look-at-data", "Give a loader: Inspector(model, loader, loss_fn)")
    assert record.total == 1


def test_all_run_and_fine_leaves_nothing() -> None:
    """With all of it run and nothing wrong every step is done, and there is no next one."""
    record = recipe_of(everything())
    steps = [step for chapter in record.chapters for step in chapter.steps]
    assert {step.state for step in steps} == {"done"}
    assert (record.next, record.done) == (None, record.total)
    limited = recipe_of(replace(everything(), given=Given(loader=True, loss=True, journal=True)))
    assert limited.next is None
    assert limited.next_text.endswith("has been done; 2 steps could not be.")
    assert "nothing is wrong" not in record.next_text + limited.next_text


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
    """A step is done when all of its checks were run and the main one has passed, and off when that could not be."""
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
        (Scan(1_000, 2_000, False, False, ()), "todo", "1,000 of 2,000 samples scanned"),
        (Scan(2_000, None, False, False, ()), "done", "2,000 train samples scanned"),
        (Scan(100, 100, True, False, ()), "done", "100 train samples scanned"),
        (Scan(99, 100, True, False, (), failed=1), "attention", "1 of 100 samples could not be read"),
    ],
)
def test_a_scan_counts_when_it_is_complete(scan: Scan, expected: str, text: str) -> None:
    """Part of a data set is no look at every sample of it; a thousand samples of an endless one are."""
    step = recipe_of(Evidence(ALL, {"train": scan})).step("look-at-data")
    assert step is not None
    assert (step.state, step.text) == (expected, text)


def test_what_a_scan_finds_stands_at_the_step_that_it_is_about() -> None:
    """Doubles are odd samples, leaks are about the splits, and an order about the order."""
    scan = Scan(100, 100, True, False, (Oddity("in both splits", "5 are in both"),))
    evidence = Evidence(ALL, {"train": scan, "validation": replace(scan, warnings=())})
    assert (state(evidence, "odd-samples"), state(evidence, "splits")) == ("done", "attention")
    assert state(evidence, "order") == "todo"
    assert recipe_of(evidence).step("splits").room == "data"  # type: ignore[union-attr] # it is there
    odd = Evidence(
        ALL, {"train": replace(scan, warnings=(Oddity("duplicates", "2 doubles"), Oddity("order", "sorted")))}
    )
    assert [state(odd, name) for name in ("odd-samples", "order", "splits")] == ["attention", "attention", "todo"]


def test_an_untrained_network_below_simple_models_is_no_alarm() -> None:
    """A network below a linear model may not be trained, and needs attention where it is known to be."""
    below = replace(everything(), baseline=baseline("network below simple"))
    assert state(below, "simple-models") == "done"
    assert state(replace(below, trained=True), "simple-models") == "attention"
    assert state(replace(everything(), trained=True), "simple-models") == "done"
    assert state(replace(everything(), baseline=baseline("nothing to learn")), "simple-models") == "attention"


def test_what_raises_is_a_defect() -> None:
    """A forward that raised, in the batch or in the pass, is to be mended first."""
    raised = replace(everything(), batch=BatchLook(4, "ValueError: no", (), True))
    assert recipe_of(raised).next == "exact-batch"
    ended = replace(everything(), forward=PassLook(4, "RuntimeError: shapes", True, False))
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


CERTAIN = {
    "dynamics": {"run": RunLook(9, 5, True, (), "the loss is NaN at step 4")},
    "look-at-data": {"scans": {"train": Scan(1_800, 2_000, True, False, (), failed=200)}},
    "splits": {
        "scans": {
            "train": Scan(9, 9, True, False, (Oddity("in both splits", "9 of 9 are in both", certain=True),)),
            "validation": Scan(9, 9, True, False, ()),
        }
    },
    "exact-batch": {"batch": BatchLook(0, "the loader raised ValueError", (), True)},
    "modes": {"verdicts": {"train-eval-mode": Verdict("error", "ValueError: no", "wiring", hindrance="raised")}},
}


@pytest.mark.parametrize("step", CERTAIN)
def test_what_is_certainly_wrong_comes_before_what_is_to_do(step: str) -> None:
    """A defect that is known is what to mend first, with everything else still to do."""
    record = recipe_of(replace(Evidence(ALL), **CERTAIN[step]))
    assert record.next == step
    assert record.next_text == f"Mend first: {record.step(step).text}"  # type: ignore[union-attr] # it is there


def test_the_earliest_of_several_defects_is_the_one_to_mend() -> None:
    """Of defects that are certain the first step in order comes next, however it was found."""
    known = replace(Evidence(ALL), **CERTAIN["dynamics"], **CERTAIN["modes"])
    assert recipe_of(known).next == "modes"
    assert recipe_of(replace(known, **CERTAIN["look-at-data"])).next == "look-at-data"


def checked(step: str, evidence: Evidence, **verdicts: Verdict) -> tuple[str, str]:
    """State and text of a step all of whose checks have passed, but for these."""
    named = {name.replace("_", "-"): verdict for name, verdict in verdicts.items()}
    found = recipe_of(replace(evidence, verdicts={**FINE, **named})).step(step)
    assert found is not None
    return found.state, found.text


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (
            Verdict("skip", "not run: time budget of 9 s", "", hindrance="time"),
            ("todo", "1 of 5 checks not run: no time was left"),
        ),
        (
            Verdict("skip", "not run: cancelled", "", hindrance="cancelled"),
            ("todo", "1 of 5 checks not run: cancelled"),
        ),
        (
            Verdict("skip", "needs a step that runs", "", hindrance="raised"),
            ("attention", "could not be checked: needs a step that runs"),
        ),
        (Verdict("error", "KeyError: 3", ""), ("attention", "KeyError: 3")),
        (Verdict("inconclusive", "too small", ""), ("todo", "inconclusive: too small")),
        (Verdict("skip", "needs optimizer", ""), ("off", "4 passed, 1 skipped; the main check needs optimizer")),
        (Verdict("waived", "intended", ""), ("done", "4 passed, 1 waived")),
    ],
)
def test_a_step_is_done_only_where_its_main_check_has_passed(verdict: Verdict, expected: tuple[str, str]) -> None:
    """No time, a cancel, a step that raises, an error, no answer and a need that is missing tick nothing."""
    assert checked("updates", Evidence(ALL), updates_not_applied=verdict) == expected


def test_a_frozen_network_ticks_neither_gradients_nor_its_parts() -> None:
    """Where what decides was skipped, checks beside it that passed do not tick the step."""
    skip = Verdict("skip", "needs parameters that require a gradient", "wiring")
    assert checked("all-connected", Evidence(ALL), unused_parameters=skip, detached_graph=skip)[0] == "off"
    assert checked("all-connected", Evidence(ALL), detached_graph=skip)[0] == "off"
    assert checked("gradients", Evidence(ALL), nonfinite_gradient=skip)[0] == "off"
    assert checked("dependencies", Evidence(ALL), causality=skip, padding_leak=skip)[0] == "done"


def test_a_run_is_watched_where_predictions_were_seen_to_move() -> None:
    """One reading of a probe, none, and a run that raised are no run that was watched."""
    assert state(replace(everything(), run=RunLook(50, 2, True, ())), "dynamics") == "done"
    assert state(replace(everything(), run=RunLook(50, 1, True, ())), "dynamics") == "todo"
    assert state(replace(everything(), run=RunLook(50, 0, True, ())), "dynamics") == "todo"
    assert (
        state(replace(everything(), run=RunLook(50, 5, True, (), raised="training raised")), "dynamics") == "attention"
    )


def test_part_of_the_data_ticks_no_step_about_all_of_it() -> None:
    """A limited scan says how much was scanned at each step that needs every sample, checks or not."""
    part = Scan(1_000, 2_000, False, True, ())
    record = recipe_of(replace(everything(), scans={"train": part, "validation": part}, run=None))
    for name in ("look-at-data", "odd-samples", "splits", "whole-validation"):
        step = record.step(name)
        assert step is not None
        assert step.state == "todo"
        assert step.text.startswith("1,000 of 2,000 samples ")
    assert record.next == "dynamics"


def test_simple_models_of_a_check_alone_are_said_to_be_that() -> None:
    """Without a table of simple models the check ticks the step in words of its own; without both it is to do."""
    text = Verdict("pass", "the forest gets 90 %", "data")
    step = checked("simple-models", Evidence(ALL), nothing_to_learn=text)
    assert step == ("done", "by a check alone, no table of simple models was made: the forest gets 90 %")
    assert state(Evidence(ALL), "simple-models") == "todo"


def test_only_a_loader_and_a_step_of_ones_own_tick_the_skeleton() -> None:
    """A batch made by hand is not what enters the network, and an open forward view is no step through a pass."""
    assert state(replace(everything(), batch=BatchLook(4, "", (), False)), "exact-batch") == "todo"
    assert state(replace(everything(), forward=PassLook(9, "", True, False)), "forward-pass") == "todo"
    assert state(replace(everything(), forward=PassLook(9, "", False, False)), "forward-pass") == "todo"
    raised = recipe_of(replace(everything(), batch=BatchLook(4, "ValueError: no", (), False)))
    assert raised.next_text == "Worth a look: the forward raised ValueError: no"


def test_a_plain_call_that_raises_is_no_defect_beside_a_train_step() -> None:
    """A step of the user's may call the model in another way, which the recipe asks to be told of."""
    given = replace(everything(), batch=BatchLook(4, "ValueError: no", (), True))
    assert recipe_of(given).next_text == "Mend first: the forward raised ValueError: no"
    own = recipe_of(replace(given, given=replace(given.given, train_step=True)))
    assert own.next_text.startswith("Worth a look: the forward raised ValueError: no · your train_step may")


def test_what_takes_a_person_comes_after_all_else_and_only_where_one_can() -> None:
    """Labelling by hand waits for every other step, and is off for samples that nobody can name."""
    odd = {**FINE, "capacity": Verdict("warn", "wider fits better", "training")}
    unlabelled = replace(everything(), answered=0)
    assert recipe_of(unlabelled).next == "human"
    assert recipe_of(replace(unlabelled, verdicts=odd)).next == "fit-first"
    numbers = Scan(100, 100, True, True, (), illegible="a person cannot tell these numbers")
    record = recipe_of(replace(unlabelled, scans={"train": numbers, "validation": numbers}))
    assert record.step("human").state == "off"  # type: ignore[union-attr] # it is there
    assert record.next is None
