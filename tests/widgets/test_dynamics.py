from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector, Journal, NbinspectError
from nbinspect.errors import InputError
from nbinspect.records import DynamicsRecord
from nbinspect.widgets.dynamics import DynamicsView

pytestmark = pytest.mark.slow

WAIT = 60


class Program:
    """A small classifier and its plain loop; training can be made to wait for a test at each step."""

    def __init__(self):
        torch.manual_seed(0)
        x = torch.randn(128, 6)
        self.model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.loader = DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=16)
        self.loss_fn = nn.CrossEntropyLoss()

    def train(self, epochs=2, wait=lambda: None):
        for _ in range(epochs):
            for x, y in self.loader:
                wait()
                self.optimizer.zero_grad()
                self.loss_fn(self.model(x), y).backward()
                self.optimizer.step()

    def view(self, **options) -> DynamicsView:
        inspector = Inspector(self.model, self.loader, self.loss_fn, journal=options.pop("journal", None))
        return inspector.dynamics(**{"budget": 1.0, "size": 4, **options})


def traces_of(view):
    return {trace["name"]: trace for trace in view.history["record"]["traces"]}


def test_nothing_happens_before_training_is_watched():
    """An open view has called nothing, hooked nothing, and says how to begin."""
    program = Program()
    view = program.view()
    assert view.history is None
    assert view.status["state"] == "idle"
    assert not program.model._forward_hooks
    view.close()


def test_the_page_has_the_whole_run_in_the_end():
    """After the block the page's history is the record: every loss, the readings and the probe."""
    program = Program()
    with program.view() as view:
        program.train()
    record = view.record
    assert isinstance(record, DynamicsRecord)
    assert record.steps == 16
    packed = view.history["record"]
    assert packed["steps"] == 16
    loss = next(trace for trace in record.traces if trace.name == "loss")
    np.testing.assert_array_equal(np.frombuffer(traces_of(view)["loss"]["mean"]["data"], np.float32), loss.mean)
    assert len(packed["readings"][0]) == len(record.readings[0])
    assert view.status["state"] == "ended"
    assert view.status["step"] == 16
    view.close()


def test_news_follow_the_history_without_a_gap():
    """What is sent between two whole histories has later serials, and appended to the first gives the losses."""
    program = Program()
    view = program.view()
    seen = []
    view.observe(lambda change: seen.append((change["name"], change["new"])), ["history", "news"])
    with view:
        program.train(epochs=40)
    serials = [sent["serial"] for _, sent in seen]
    assert serials == sorted(serials)
    losses = []
    for name, sent in seen:
        traces = {trace["name"]: trace["mean"] for trace in sent["record"]["traces"]}
        own = np.frombuffer(traces["loss"]["data"], np.float32).tolist() if "loss" in traces else []
        losses = own if name == "history" else losses + own
    assert len(losses) == 320
    view.close()


def test_a_click_begins_to_watch(ask):
    """After it a loop that is not edited is seen, with the weights of a run alone; what stands in its way is told."""
    program, alone = Program(), Program()
    view = program.view()
    assert ask(view, "watch")[0]["ok"]
    assert view.status["state"] == "running"
    for own in (program, alone):
        torch.manual_seed(1)  # of dropout
        own.train()
    assert view.record.steps == 16
    pairs = zip(program.model.state_dict().values(), alone.model.state_dict().values(), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)
    view.close()
    answer, _ = ask(view, "watch")
    assert "closed" in answer["error"]


def test_clicks_steer_a_run_on_its_own_thread(ask):
    """Pause, one step, a new rate, a pin, resume and going back arrive while training runs on a thread of its own."""
    program = Program()
    view = program.view()
    view.pause_at(step=3)
    run = view.run_in_background(lambda: program.train(epochs=4))
    assert run.wait_for_pause(WAIT)
    assert view.record.steps == 3
    assert ask(view, "rate", rate=0.01)[0]["ok"]
    assert program.optimizer.param_groups[0]["lr"] == 0.01
    assert ask(view, "pin")[0]["payload"] == {"step": 3}
    before = {name: value.clone() for name, value in program.model.state_dict().items()}
    assert ask(view, "advance", steps=2)[0]["ok"]
    assert run.wait_for_pause(WAIT)
    assert view.record.steps == 5
    assert ask(view, "back", step=3, rate=0.02)[0]["ok"]
    assert all(torch.equal(value, before[name]) for name, value in program.model.state_dict().items())
    assert program.optimizer.param_groups[0]["lr"] == 0.02
    assert ask(view, "resume")[0]["ok"]
    run.wait(WAIT)
    assert view.record.steps == 32
    kinds = [moment.kind for moment in view.record.moments]
    assert {"pause", "rate", "pin", "back"} <= set(kinds)
    view.close()


def test_requests_that_cannot_be_served_say_why(ask):
    """A step that is not pinned, a rate that is none and an unknown request are refused in words."""
    program = Program()
    with program.view() as view:
        program.train(1)
    assert "none yet" in ask(view, "back", step=7)[0]["error"]
    assert "rate" in ask(view, "rate", rate=-1)[0]["error"]
    assert "unknown request" in ask(view, "dance")[0]["error"]
    assert "no run is going" in ask(view, "stop")[0]["error"]
    view.close()


def test_a_pause_is_refused_where_nobody_could_end_it():
    """In a plain loop of a script a pause is refused with the way out, and one that was set before does not come."""
    program = Program()
    view = program.view()
    view.pause_at(step=2)
    with view:
        program.train(1)
        with pytest.raises(InputError, match="run_in_background"):
            view.pause()
    assert view.record.steps == 8
    assert any("did not pause" in moment.text for moment in view.record.moments)
    view.close()


def test_checks_run_between_two_steps(ask):
    """The sanity checks run on the training thread, mark the time line, and leave the run as it is alone."""
    alone = Program()
    torch.manual_seed(1)
    alone.train(2)
    program = Program()
    view = program.view()
    torch.manual_seed(1)
    with view:
        for epoch in range(2):
            program.train(1)
            if epoch == 0:
                report = view.check(only=["runs", "loss-input", "dead-units"]).result(WAIT)
    assert report["runs"].status == "pass"
    assert [moment.step for moment in view.record.moments if moment.kind == "checks"] == [8]
    weights = program.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in alone.model.state_dict().items())
    view.close()


def test_a_checkpoint_can_be_read_and_is_never_overwritten(tmp_path, ask):
    """A saved state loads without running code, and a file that is there already is kept."""
    program = Program()
    with program.view() as view:
        program.train(1)
        path = tmp_path / "a.pt"
        assert view.save_checkpoint(path).result(WAIT) == path
        refused = view.save_checkpoint(path).exception(WAIT)
    assert isinstance(refused, InputError)
    saved = torch.load(path, weights_only=True)
    assert saved["step"] == 8
    assert all(torch.equal(value, program.model.state_dict()[name]) for name, value in saved["model"].items())
    view.close()


def test_notes_are_kept_with_the_step_and_in_the_journal(tmp_path):
    """A note stands on the time line and in the inspector's journal."""
    program = Program()
    journal = Journal(tmp_path / "runs.db")
    with program.view(journal=journal) as view:
        program.train(1)
        view.note("looks fine <b>")
    assert [(moment.step, moment.text) for moment in view.record.moments if moment.kind == "note"] == [
        (8, "looks fine <b>")
    ]
    assert "note" in journal.runs(kind="action")["name"].tolist()
    view.close()


def test_a_failing_loader_is_said_and_training_goes_on():
    """Where no probe can be read the time line says why, and the losses are still kept."""
    program = Program()
    inspector = Inspector(program.model, (batch for batch in program.loader), program.loss_fn)
    with inspector.dynamics(budget=1.0) as view:
        program.train(1)
    assert view.record.steps == 8
    assert view.record.probes == ()
    assert any(moment.kind == "problem" for moment in view.record.moments)
    view.close()


def test_two_views_of_one_run_do_not_disturb_each_other():
    """Two views on one model see the same steps, and each detaches alone."""
    program = Program()
    with program.view() as one, program.view() as other:
        program.train(1)
        one.detach()
        program.train(1)
    assert (one.record.steps, other.record.steps) == (8, 16)
    one.close()
    other.close()


def test_an_async_loop_can_be_steered(ask):
    """In ``async for`` a click between two batches pauses the run, and another lets it go on."""
    program = Program()
    view = program.view()
    states = []

    async def train():
        with view:
            async for x, y in view.watch(program.loader):
                program.optimizer.zero_grad()
                program.loss_fn(program.model(x), y).backward()
                program.optimizer.step()

    async def person():
        while view.record.steps < 3:
            await asyncio.sleep(0)
        states.append(ask(view, "beat")[0]["ok"])
        states.append(ask(view, "stop")[0]["ok"])

    async def both():
        await asyncio.gather(train(), person())

    asyncio.run(both())
    assert states == [True, True]
    assert 3 <= view.record.steps < 8
    view.close()


def test_a_closed_view_lets_go_and_refuses():
    """A closed view has no hook left, is collected, and says that it is closed."""
    program = Program()
    view = program.view()
    with view:
        program.train(1)
    view.close()
    assert not program.model._forward_hooks
    with pytest.raises(NbinspectError, match="closed"):
        view.attach()
    gone = weakref.ref(view)
    del view
    gc.collect()
    assert gone() is None


def test_the_static_page_of_a_displayed_view_tells_of_the_run_at_the_end_of_its_cell():
    """A view that was shown before training gets a new static page once, beside the live one."""
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    try:
        program = Program()
        view = program.view()
        view._ipython_display_()
        (first,) = shell.display_pub.outputs
        assert "No step was seen" in first["data"]["text/html"]
        with view:
            program.train(1)
        assert len(shell.display_pub.outputs) == 1
        shell.events.trigger("post_run_cell", None)
        shell.events.trigger("post_run_cell", None)
        again = [each for each in shell.display_pub.outputs if each["update"]]
        assert len(again) == 1
        assert again[0]["transient"] == first["transient"]
        assert "8 steps" in again[0]["data"]["text/html"]
        assert "8 steps" in again[0]["data"]["text/plain"]
        live = "application/vnd.jupyter.widget-view+json"
        assert again[0]["data"][live] == first["data"][live]
        view.close()
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize("end", ["close", "detach"])
def test_a_view_that_ends_lets_the_run_go_on(end):
    """Closed or detached while a run on its own thread is paused, a view lets it go on unwatched, to the same end."""
    alone, program = Program(), Program()
    torch.manual_seed(1)
    alone.train(3)
    torch.manual_seed(1)
    view = program.view()
    view.pause_at(step=5)
    run = view.run_in_background(lambda: program.train(3))
    assert run.wait_for_pause(WAIT)
    getattr(view, end)()
    run.wait(WAIT)
    weights = program.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in alone.model.state_dict().items())
    assert not program.model._forward_hooks
    view.close()


def test_a_view_that_is_closed_beside_a_run_does_not_disturb_it():
    """A view closed in the middle of a forward on another thread takes no reading that would change the run."""
    alone, program = Program(), Program()
    inside, go_on = threading.Event(), threading.Event()

    def waits(module, _):
        if not module.training or inside.is_set():
            return
        inside.set()
        assert go_on.wait(WAIT)

    torch.manual_seed(1)
    alone.train(2)
    torch.manual_seed(1)
    view = program.view()
    run = view.run_in_background(
        lambda: (program.train(1), program.model[0].register_forward_pre_hook(waits), program.train(1))
    )
    assert inside.wait(WAIT)
    view.close()
    go_on.set()
    run.wait(WAIT)
    weights = program.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in alone.model.state_dict().items())


def test_checks_run_on_a_paused_run_while_its_caller_waits(ask):
    """Checks asked for on a run of its own thread are done there, though the waiting caller holds the model too."""
    program = Program()
    model = program.model
    view = program.view()
    view.pause_at(step=3)
    run = view.run_in_background(lambda: program.train(1))
    assert run.wait_for_pause(WAIT)
    assert view.check(only=["runs"]).result(WAIT)["runs"].status == "pass"
    assert model is program.model
    view.resume()
    run.wait(WAIT)
    view.close()


@pytest.mark.parametrize("train", [3, lambda x: x])
def test_what_cannot_be_trained_is_refused(train):
    """`run_in_background` refuses what cannot be called without arguments, before anything is watched."""
    program = Program()
    view = program.view()
    with pytest.raises(InputError, match="train"):
        view.run_in_background(train)
    assert not program.model._forward_hooks
    view.close()


def test_an_error_in_the_background_is_shown_and_raised():
    """What training raises on its own thread is marked on the time line and raised by `wait`."""
    program = Program()
    view = program.view()

    def train():
        program.train(1)
        raise ValueError("no more data")

    run = view.run_in_background(train)
    with pytest.raises(ValueError, match="no more data"):
        run.wait(WAIT)
    assert any("no more data" in moment.text for moment in view.record.moments)
    assert threading.active_count() >= 1
    view.close()


@pytest.mark.parametrize("given", [{"probe": "newest"}, {"size": 0}, {"budget": 3}])
def test_bad_arguments_are_refused(given):
    """An argument that cannot be used is refused when the view is opened."""
    with pytest.raises(InputError):
        Program().view(**given)
