from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
import time
import weakref
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, NbinspectError, check
from nbinspect.errors import InputError
from nbinspect.records import Chart, CheckResult
from nbinspect.sanity.registry import CHECKS
from nbinspect.widgets import sanity
from nbinspect.widgets.sanity import SanityView
from nbinspect.widgets.sanity_state import merged, so_far

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"
FEW = ["nonfinite-data", "label-range", "runs", "loss-input"]


class Net(nn.Module):
    """A classifier; `on_forward` is what else happens in its forward."""

    def __init__(self, on_forward=lambda: None, last=nn.Identity):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.out, self.last = nn.Linear(6, 16), nn.Linear(16, 3), last()
        self.on_forward = on_forward

    def forward(self, x):
        self.on_forward()
        return self.last(self.out(self.hidden(x).relu()))


def loader():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 6, generator=generator)
    return DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=8, shuffle=True, generator=generator)


def opened(model=None, **options) -> SanityView:
    return Inspector(model or Net(), loader(), nn.CrossEntropyLoss()).sanity(**options)


def shown(view):
    return {result["check"]: result["status"] for result in view.record["results"]}


def test_opens_idle_with_the_catalogue_and_calls_nothing():
    """Before the first run the page has every check with its question, and neither model nor loader has been called."""
    calls = []
    view = opened(Net(lambda: calls.append(1)))
    assert [facts["name"] for facts in view.catalogue] == [each.name for each in CHECKS]
    assert all(facts["question"] for facts in view.catalogue)
    assert (view.record, view.progress, view.report) == (None, None, None)
    assert view.status == {"state": "idle", "text": "", "stale": None}
    assert not calls


def test_run_gives_what_check_gives():
    """A run of the view finds the same as `check` on the same program and seed, and the page has every result of it."""
    model = Net(last=lambda: nn.Softmax(1))
    report = opened(model, seed=3).run(only=FEW)
    other = check(model, loader(), nn.CrossEntropyLoss(), only=FEW, seed=3)
    assert [(r.check, r.status, r.summary) for r in report.results] == [
        (r.check, r.status, r.summary) for r in other.results
    ]
    assert report.failed == ("loss-input",)
    view = opened(model)
    view.run(only=FEW)
    assert shown(view) == {result.check: result.status for result in other.results}
    assert view.record["diagnosis"] == ["loss-input"]
    assert (view.progress, view.status["state"]) == (None, "idle")


def test_a_click_runs_a_check_or_a_stage(ask):
    """Requests run checks by name and stages by theirs; a name that there is not is refused with the nearest."""
    view = opened()
    assert ask(view, "run", only=["runs"])[0]["ok"]
    assert shown(view) == {"runs": "pass"}
    assert ask(view, "run", only=["init"])[0]["ok"]
    assert {name for name in shown(view) if name != "runs"} == {each.name for each in CHECKS if each.stage == "init"}
    answer, _ = ask(view, "run", only=["rums"])
    assert "'runs'" in answer["error"]
    assert view.status["state"] == "error"
    assert "runs" in shown(view)


def test_later_runs_replace_their_own_results_alone():
    """A check that is run again has its new answer, the others keep theirs, and the diagnosis is of all of them."""
    model = Net(last=lambda: nn.Softmax(1))
    view = opened(model)
    view.run(only=FEW)
    model.last = nn.Identity()
    before = dict(shown(view))
    report = view.run(only=["runs"])
    assert shown(view) == before
    assert [result.check for result in report.diagnosis] == ["loss-input"]
    view.run(only="loss-input")
    assert view.report.ok
    assert view.record["diagnosis"] == []
    assert [result["check"] for result in view.record["results"]] == [each.name for each in CHECKS if each.name in FEW]


def test_causes_are_found_over_several_runs():
    """A finding of a later run that explains one of an earlier run is named as its cause."""
    cause = next(each for each in CHECKS if "loss-at-init" in each.explains)
    subject = Inspector(Net()).subject
    symptom = CheckResult("loss-at-init", "init", "fail", "9.0", passes=2.0, seconds=0.5)
    first = merged(None, so_far(subject, [symptom], 0, 0.5), CHECKS)
    assert first.diagnosis == ("loss-at-init",)
    both = merged(
        first, so_far(subject, [CheckResult(cause.name, cause.stage, "fail", "x", passes=1.0)], 0, 0.25), CHECKS
    )
    assert both.diagnosis == (cause.name, "loss-at-init")
    assert both.results[-1].explained_by == cause.name
    assert (both.seconds, both.passes) == (0.75, 3.0)


def test_a_cancel_ends_the_run_and_what_was_found_stands(ask):
    """A cancel that arrives inside a check ends the run there; earlier answers stay, and the next run is whole."""
    model = Net()
    view = opened(model)
    view.run(only=["loss-input"])
    model.on_forward = view.cancel
    assert ask(view, "run", only=FEW)[0]["ok"]
    assert view.record["cut"] == "cancelled"
    assert shown(view)["nonfinite-data"] == "pass"
    assert shown(view)["loss-input"] == "pass", "an answer from before is not lost to a run that was cut short"
    model.on_forward = lambda: None
    assert view.run(only=FEW).record.cut == ""
    assert set(shown(view).values()) == {"pass"}


def test_a_cancel_while_nothing_runs_does_nothing(ask):
    """A cancel that arrives after the end of a run does not end the next one."""
    view = opened()
    assert ask(view, "cancel")[0]["ok"]
    assert view.run(only=FEW).record.cut == ""


def test_a_cancel_of_what_is_no_run_does_not_end_the_next_one(ask):
    """A cancel while a file to be exported waits for its turn is spent with that."""
    view = opened()
    view.run(only=FEW)
    view.waiting()
    assert ask(view, "cancel")[0]["ok"]
    assert ask(view, "export", form="text")[0]["ok"]
    assert view.run(only=FEW).record.cut == ""


def test_an_interrupt_ends_a_run_from_a_click_as_a_cancel_does(ask):
    """An interrupt of the kernel, which ignores it between cells, ends the run; what was found stays, no exception."""
    model = Net(lambda: os.kill(os.getpid(), signal.SIGINT))
    view = opened(model)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert ask(view, "run", only=FEW)[0]["ok"]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert shown(view)["nonfinite-data"] == "pass"
    assert "runs" not in shown(view)
    assert view.record["cut"] == "interrupted"
    assert view.report.record.device == "cpu"
    assert (view.progress, view.status["state"]) == (None, "idle")
    assert model.training
    assert not model._forward_hooks


def test_an_interrupt_of_a_cell_reaches_the_cell():
    """A run from a cell that is interrupted raises as any cell does, and keeps what it has found."""

    def interrupted():
        raise KeyboardInterrupt

    view = opened(Net(interrupted))
    with pytest.raises(KeyboardInterrupt):
        view.run(only=FEW)
    assert view.report["nonfinite-data"].status == "pass"
    assert view.status["state"] == "idle"


def test_progress_is_told_and_not_too_often(monkeypatch):
    """The page hears of the first check at once, then at most ten times a second, and in the end of all results."""
    heard = []
    monkeypatch.setattr(sanity, "_EVERY", 0.0)
    view = opened()
    view.observe(lambda change: heard.append(change["new"]), names="progress")
    view.run(only=FEW)
    counted = [progress["done"] for progress in heard if progress]
    assert counted[0] == 0
    assert counted == sorted(counted)
    assert {progress["check"] for progress in heard if progress} >= set(FEW)
    assert {progress["total"] for progress in heard if progress} == {len(FEW)}
    assert heard[-1] is None

    monkeypatch.undo()
    times = []
    slow = opened(Net(lambda: time.sleep(0.02)))
    slow.observe(lambda change: times.append(time.monotonic()) if change["new"] else None, names="progress")
    slow.run(only=["wiring"])
    assert len(times) > 1
    assert np.diff(times).min() >= 0.09
    assert len(shown(slow)) == sum(each.stage == "wiring" for each in CHECKS)


def test_partial_results_are_on_the_page_while_checks_run(monkeypatch):
    """While a check runs the page has the results of those before it."""
    monkeypatch.setattr(sanity, "_EVERY", 0.0)
    seen = []
    view = opened()
    view.subject.model.on_forward = lambda: seen.append(None if view.record is None else list(shown(view)))
    view.run(only=FEW)
    assert seen[0][0] == "nonfinite-data"
    assert "runs" not in seen[0]


@pytest.mark.parametrize("form", ["html", "json", "junit", "text"])
def test_the_report_is_exported(ask, form):
    """Each form is the report's own, under a name with a fitting ending; without a report there is none."""
    view = opened(Net(last=lambda: nn.Softmax(1)))
    answer, _ = ask(view, "export", form=form)
    assert "nothing to export" in answer["error"]
    view.run(only=FEW)
    file = ask(view, "export", form=form)[0]["payload"]
    assert (
        file["name"]
        == {"html": "sanity.html", "json": "sanity.json", "junit": "sanity.xml", "text": "sanity.txt"}[form]
    )
    assert "loss-input" in file["text"]
    if form == "html":
        assert file["text"].lower().startswith("<!doctype html>")
        assert "charset" in file["text"]
    if form == "json":
        assert json.loads(file["text"])["diagnosis"] == ["loss-input"]
    if form == "junit":
        assert ElementTree.fromstring(file["text"]).find("testsuite").get("failures") == "1"
    if form == "text":
        assert file["text"] == str(view.report)
    assert view.status["state"] == "idle"


def test_a_click_waits_for_the_running_cell(ask):
    """While a cell runs a click says that it waits; a cancel before its turn leaves nothing run."""

    async def cell():
        calls = []
        view = opened(Net(lambda: calls.append(1)))
        view._handle_custom_msg({"id": "1", "method": "run", "params": {"only": None}}, [])
        assert view.status == {"state": "waiting", "text": "waits for the running cell to end", "stale": None}
        other = threading.Thread(target=lambda: ask(view, "cancel"))
        other.start()
        other.join()
        await asyncio.sleep(0)
        assert not calls
        assert set(shown(view).values()) == {"skip"}
        assert view.status["state"] == "idle"
        view._handle_custom_msg({"id": "2", "method": "run", "params": {"only": ["runs"]}}, [])
        await asyncio.sleep(0)
        assert shown(view)["runs"] == "pass"

    asyncio.run(asyncio.wait_for(cell(), 60))


def test_everything_sent_is_json_and_bytes():
    """The state that goes to the page is JSON once the bytes are taken out, also with NaN in a chart."""
    view = opened()
    view.run(only=FEW)
    chart = Chart("lines", "t", "x", "y", ("a",), (np.array([1.0, np.nan]),), np.array([0.0, 1.0]), (None, 2.0))
    result = CheckResult("runs", "wiring", "pass", "x", charts=(chart,), passes=float("nan"))
    view._show(so_far(view.subject, [result], 0, 0.1))
    for trait in (view.catalogue, view.record, view.progress, view.status):
        json.dumps(trait, default=lambda part: None if isinstance(part, memoryview) else 1 / 0, allow_nan=False)


def test_static_forms_tell_what_there_is_and_are_escaped():
    """Before a run the static page says so; after one it is the report's, with names from the model as text."""
    view = opened(type(HOSTILE, (Net,), {})())
    assert f"{len(CHECKS)} checks, not run yet" in view._repr_mimebundle_()["text/html"]
    view.run(only=FEW)
    bundle = view._repr_mimebundle_()
    assert bundle["text/html"] == view.report._repr_html_()
    assert bundle["text/plain"] == str(view.report)
    assert HOSTILE not in bundle["text/html"]
    assert "img src=x" in bundle["text/html"]


def test_a_closed_view_keeps_its_report_and_refuses_to_run():
    """A closed view gives the static page, says why nothing can be run, and is collected with what it held."""
    view = opened()
    view.run(only=FEW)
    view.close()
    assert view.status["state"] == "closed"
    assert view.report.ok
    with pytest.raises(NbinspectError, match="closed"):
        view.run()
    assert view._output.static()["text/html"] == view.report._repr_html_()
    seen = weakref.ref(view)
    del view
    gc.collect()
    assert seen() is None


def test_bad_settings_are_refused_at_the_door():
    """A check that there is not, in `intended` or `thresholds`, is refused when the view is opened."""
    with pytest.raises(InputError, match="'runs'"):
        Inspector(Net(), loader(), thresholds={"rums": {}}).sanity()
    with pytest.raises(InputError, match="time_budget"):
        opened(time_budget=-1).run()


def test_the_program_is_left_unchanged(ask):
    """After whole, cancelled and refused runs weights, modes, hooks, gradients and random states are as before."""
    model = Net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    view = opened(model)
    view.run(only=FEW)
    model.on_forward = view.cancel
    ask(view, "run", only=["runs"])
    ask(view, "run", only=["rums"])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert model.training
    assert torch.equal(random, torch.get_rng_state())


def regularised():
    """A classifier with dropout, its loader, its loss, and an optimizer with weight decay."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), weight_decay=0.1)
    return {"model": model, "loader": loader(), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def test_the_switch_decides_how_a_click_runs(ask):
    """A run with the switch on is what `check(plain=True)` gives, and says what was off; the weights stay unchanged."""
    view = Inspector(**regularised()).sanity()
    before = {name: tensor.clone() for name, tensor in view.subject.model.state_dict().items()}
    assert ask(view, "plain", on=True)[0]["ok"]
    assert ask(view, "run", only=FEW)[0]["ok"]
    other = check(**regularised(), only=FEW, plain=True).record
    assert (view.record["plain"], view.record["notes"]) == (True, list(other.notes))
    assert any("weight decay" in note for note in view.record["notes"])
    assert all(torch.equal(before[name], tensor) for name, tensor in view.subject.model.state_dict().items())
    assert view.subject.model[2].p == 0.5


def test_results_of_both_kinds_are_kept_apart(ask):
    """Each kind of run has a report of its own, which comes back with the switch; the page has the other's verdicts."""
    view = Inspector(**regularised()).sanity()
    first = view.run(only=["runs"])
    second = view.run(only=["loss-input"], plain=True)
    assert view.plain
    assert view.report is second
    assert shown(view) == {"loss-input": "pass"}
    assert view.other == {"runs": "pass"}
    assert ask(view, "plain", on=False)[0]["ok"]
    assert view.report is first
    assert (first.record.plain, second.record.plain) == (False, True)
    assert (shown(view), view.other) == ({"runs": "pass"}, {"loss-input": "pass"})
    view.run(only=["loss-input"])
    assert set(shown(view)) == {"runs", "loss-input"}
    assert view.plain is False


def test_nothing_is_shown_of_a_kind_that_was_not_run():
    """Turning the switch before a plain run empties the page, and the run as it is can still be seen beside it."""
    view = Inspector(**regularised()).sanity()
    view.run(only=FEW)
    view.turn(True)
    assert (view.report, view.record) == (None, None)
    assert view.other == dict.fromkeys(FEW, "pass")
    assert "not run yet" in repr(view)


def test_the_switch_does_not_turn_while_checks_run(ask):
    """A turn during a run is refused, and its results stay of one kind."""
    view, answers = Inspector(**regularised()).sanity(), []
    view.observe(lambda change: answers.append(ask(view, "plain", on=True)[0]) if change["new"] else None, "progress")
    view.run(only=FEW)
    assert "checks are running" in answers[0]["error"]
    assert view.plain is False
    assert set(shown(view)) == set(FEW)
    with pytest.raises(InputError, match="'runs'"):
        view.run(only=["rums"], plain=True)


def test_partial_results_of_a_plain_run_are_plain_ones(monkeypatch):
    """A plain run that is cancelled leaves its results to the plain report alone."""
    monkeypatch.setattr("nbinspect.widgets.sanity._EVERY", 0)
    view = Inspector(**regularised()).sanity()
    view.run(only=["runs"])
    view.observe(lambda change: view.cancel() if (change["new"] or {}).get("done") else None, "progress")
    view.run(only=["data", *FEW], plain=True)
    assert (view.record["cut"], view.record["plain"]) == ("cancelled", True)
    view.turn(False)
    assert (view.record["cut"], shown(view)) == ("", {"runs": "pass"})


def test_exports_say_that_a_run_was_plain(ask):
    """Every form says what was switched off; of a run as it is none does."""
    view = Inspector(**regularised()).sanity()
    files = {}
    for plain in (False, True):
        view.run(only=FEW, plain=plain)
        files[plain] = {
            form: ask(view, "export", form=form)[0]["payload"]["text"] for form in ("html", "json", "junit", "text")
        }
    assert [json.loads(files[plain]["json"])["plain"] for plain in (False, True)] == [False, True]
    for plain in (False, True):
        (suite,) = ElementTree.fromstring(files[plain]["junit"])
        (listed,) = suite.iter("properties")
        named = {one.get("name"): one.get("value") for one in listed}
        assert named["plain"] == str(plain).lower()
        assert ("weight decay" in named.get("switched off", "")) == plain
    for form in ("html", "text"):
        assert "weight decay" in files[True][form]
        assert "weight decay" not in files[False][form]
    assert "weight decay" in view._repr_mimebundle_()["text/html"]
