from __future__ import annotations

from dataclasses import replace

import pytest

from nbinspect.figures.verdicts import (
    MARKS,
    at,
    counts,
    facts_of_run,
    findings,
    follows,
    further,
    headline,
    left_open,
    lines_of,
    passes,
    sentence,
    told,
    tone,
)
from nbinspect.records import Place, TaskRecord
from tests.figures.sanity_runs import healthy, result, run, sick


def test_results_are_counted_by_their_status() -> None:
    """Counts name what occurred, the worst first, in the singular where it is one."""
    assert counts(sick().results) == (
        "2 failed · 1 error · 1 warning · 1 passed · 1 inconclusive · 1 waived · 1 skipped"
    )
    assert counts([result("a", "error"), result("b", "error"), result("c", "warn")]) == "2 errors · 1 warning"
    assert counts([]) == "no check was run"


def test_every_status_has_a_mark_of_its_own_and_a_tone() -> None:
    """Marks differ by shape, and only defects and errors are bad."""
    assert len(set(MARKS.values())) == len(MARKS) == 7
    tones = {status: tone(result("a", status)) for status in MARKS}
    assert {status for status, colour in tones.items() if colour == "bad"} == {"fail", "error"}
    assert set(tones.values()) == {"bad", "warn", "ok", "soft"}


def test_a_place_is_a_line_of_the_users_or_a_name() -> None:
    """A line of a file is named short; without one the parameter, module or operation is named."""
    place = Place("/home/me/project/net.py", 36, "Net.forward", 31)
    assert at(result("a", place=place, where="F.softmax")) == "net.py:36"
    assert at(result("a", place=Place("/tmp/ipykernel_7/12.py", 3, "f", 1))) == "notebook cell:3"
    assert at(result("a", where="fc2.weight")) == "fc2.weight"
    assert at(result("a")) == ""


def test_a_headline_never_repeats_the_checks_name() -> None:
    """The title heads a finding, else its few words, else its status."""
    assert headline(result("runs", "fail", "raises", title="The step raises")) == "The step raises"
    assert headline(result("runs", "error", "KeyError: 'x'")) == "KeyError: 'x'"
    assert headline(result("runs", "error")) == "error"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (sick(), "Softmax before cross-entropy at net.py:36: Take out the softmax."),
        (healthy(), "No defect was found by 1 check."),
        (run(), "No check came to an answer."),
        (run(result("a", "skip")), "No check came to an answer."),
        (
            run(result("a", "error"), result("b"), result("c", "skip")),
            "1 check could not finish; no defect was found by 1 other check.",
        ),
        (
            run(result("a"), result("b"), cut="time budget of 2 s"),
            "No defect was found by 2 checks, but the run was cut short (time budget of 2 s).",
        ),
    ],
    ids=["sick", "healthy", "nothing", "skipped", "error", "cut"],
)
def test_a_run_in_one_sentence(record: object, said: str) -> None:
    """The sentence is the thing to mend, or how much was looked at without finding anything."""
    assert sentence(record) == said


def test_causes_stand_before_symptoms_and_errors_last() -> None:
    """Findings come in the order of the diagnosis, then errors; what is left open is apart."""
    record = sick()
    assert [each.check for each in findings(record)] == [*record.diagnosis, "gradient-check"]
    assert [each.check for each in left_open(record)] == ["duplicate-samples", "loss-direction"]
    assert further(record) == ["class-imbalance", "gradient-check"]
    assert further(healthy()) == []


def test_what_follows_from_what_is_said() -> None:
    """A symptom names its cause, a cause its symptoms, and others nothing."""
    assert follows(result("a", explained_by="b")) == "follows from b"
    assert follows(result("a", explains=("b",))) == "explains 1 other finding: b"
    assert follows(result("a", explains=("b", "c"))) == "explains 2 other findings: b, c"
    assert follows(result("a")) == ""


def test_a_finding_as_lines() -> None:
    """A finding reads from the headline to the remedy, each number beside what was expected."""
    named = {each.check: each for each in sick().results}
    assert list(lines_of(named["loss-input"])) == [
        "✕ loss-input: Softmax before cross-entropy (confirmed) · net.py:36",
        "    The loss stops at 1.48; without the one in `forward` it falls to 0.01.",
        "    lowest loss: 1.461 nats (expected 0.000 nats)",
        "    remedy: Take out the softmax.",
        "      - return softmax(x)",
        "      + return x",
        "    explains 1 other finding: loss-at-init",
    ]
    assert list(lines_of(named["split-leak"])) == ["– split-leak: needs val_loader"]


def test_facts_of_a_run() -> None:
    """Model, device, memory, time, passes and seed are told, memory only where there is an accelerator's."""
    assert list(facts_of_run(sick())) == ["Net", "cuda:0", "1.0 of 139 GiB", "1.2 s", "14.5 passes", "seed 0"]
    assert list(facts_of_run(healthy())) == ["Net", "cpu", "1.2 s", "14.5 passes", "seed 0"]
    assert [passes(count) for count in (0, 1, 2, 2.5, 24.04)] == [
        *("no pass", "1 pass", "2 passes", "2.5 passes", "24 passes"),
    ]


def test_the_task_is_told_with_its_evidence() -> None:
    """The task says from what it was inferred, or that the user said so; notes and a cut follow."""
    task = TaskRecord("multilabel", True, "you said so", "", 1)
    record = replace(sick(), task=task, cut="cancelled")
    assert list(told(record)) == [
        "task: multilabel of 1 label (as you said)",
        "your own code changes `mean`",
        "cut short: cancelled",
    ]
    assert next(told(sick())) == "task: classification of 10 classes (inferred: the loss is F.cross_entropy)"
    assert list(told(healthy())) == []
