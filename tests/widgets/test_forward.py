from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

from nbinspect import Inspector, NbinspectError
from nbinspect.browse import Held
from nbinspect.errors import InputError
from nbinspect.widgets.forward import ForwardView

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, x):
        x = functional.relu(self.conv(x))
        return self.fc(self.drop(x).flatten(1))


BATCH = (torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def view(model) -> ForwardView:
    return Inspector(model, [BATCH, (BATCH[0] * 2, BATCH[1])], nn.CrossEntropyLoss()).forward()


def test_the_page_knows_the_whole_pass_before_the_first_step(view):
    """At the start the page has every step of an untouched run, the input as a picture, and a cursor before all."""
    names = [step["name"] for step in view.passed["steps"]]
    assert names == [
        "Net",
        "Conv2d",
        "F.conv2d",
        "F.relu",
        "Dropout",
        "F.dropout",
        "Tensor.flatten",
        "Linear",
        "F.linear",
    ]
    assert view.cursor["state"] == "ready"
    assert view.cursor["index"] is None
    assert view.exhibit["step"] == -1
    assert view.exhibit["shape"] == [6, 1, 8, 8]


def test_requests_move_the_cursor(view, ask):
    """Each request of a debugger is answered, and the cursor and the tensor sent are those of the step reached."""
    for method, index in [("over", 1), ("over", 3), ("into", 5), ("out", 4), ("over", 6)]:
        assert ask(view, method)[0]["ok"]
        assert view.cursor["index"] == index
        assert view.exhibit["step"] == index
    assert ask(view, "back")[0]["ok"]
    assert view.cursor["view"] == 5
    assert view.cursor["index"] == 6
    assert ask(view, "run")[0]["ok"]
    assert view.cursor["state"] == "finished"
    assert ask(view, "run_to", index=3)[0]["ok"]
    assert view.cursor["index"] == 3
    assert ask(view, "restart")[0]["ok"]
    assert view.cursor["state"] == "ready"


def test_a_request_that_fails_is_answered_and_said(view, ask):
    """A step after the end is refused with the remedy, in the answer and on the page, and nothing else changes."""
    view.run()
    answer, _ = ask(view, "over")
    assert not answer["ok"]
    assert "restart" in answer["error"]
    assert view.status["state"] == "error"
    assert view.cursor["state"] == "finished"


def test_breakpoints_are_set_switched_and_removed(view, ask):
    """The page's breakpoints at steps, lines, modules, operations and conditions stop the pass until switched off."""
    line = view.passed["steps"][6]["place"]["line"]
    wanted = [
        {"on": "step", "index": 3},
        {"on": "line", "file": __file__, "line": line},
        {"on": "module", "name": "fc"},
        {"on": "operation", "name": "F.dropout"},
        {"on": "non-finite"},
    ]
    for add in wanted:
        assert ask(view, "breakpoint", add=add)[0]["ok"]
    stops = []
    while view.run() is not None:
        stops.append(view.cursor["index"])
    assert stops == [3, 5, 4, 6, 7]  # a module ends after the operations in it; a line is left after its own calls
    points = view.cursor["breakpoints"]
    assert ask(view, "breakpoint", toggle=points[1]["id"])[0]["ok"]
    assert [point["on"] for point in view.cursor["breakpoints"]] == [True, False, True, True, True]
    for point in points:
        assert ask(view, "breakpoint", remove=point["id"])[0]["ok"]
    view.restart()
    assert view.run() is None
    assert not ask(view, "breakpoint", add={"on": "module", "name": "fd"})[0]["ok"]


def test_what_is_replaced_shows_in_the_steps_after_it(view, ask, model):
    """Zeroing an activation sends the steps from there on, and the effect equals that of a forward with it zero."""
    model.eval()
    view.train(False)
    ask(view, "run_to", index=3)
    assert view.live["steps"] == []
    assert ask(view, "replace", how="zero")[0]["ok"]
    view.run()
    assert view.live["first"] == 3
    assert [step["index"] for step in view.live["steps"]] == list(range(3, 9))
    with torch.no_grad():
        expected = nn.functional.cross_entropy(model.fc(torch.zeros(6, 256)), BATCH[1]).item()
    assert view.cursor["effect"]["loss"][1] == pytest.approx(expected, rel=1e-5)


def test_noise_leaves_the_random_state(view, ask):
    """Adding noise from the page draws nothing from the notebook's random state."""
    view.over()
    before, state = view.tensor.clone(), torch.get_rng_state()
    assert ask(view, "replace", how="noise")[0]["ok"]
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(before, view.tensor)


def test_noise_leaves_a_single_value_a_number(ask):
    """The spread of one value is 0, and the noise with it; no NaN is put into the pass."""
    view = Inspector(nn.Linear(3, 1), [(torch.rand(1, 3), torch.rand(1, 1))], nn.MSELoss()).forward()
    view.over()
    before = view.tensor.clone()
    assert ask(view, "replace", how="noise")[0]["ok"]
    assert torch.equal(view.tensor, before)
    view.close()


def test_a_name_that_is_none_is_refused(view, ask):
    """Replacing from a notebook variable that does not exist names it, and changes nothing."""
    view.over()
    answer, _ = ask(view, "replace", how="name", name="patch")
    assert "'patch'" in answer["error"]
    assert view.live["steps"] == []


def test_an_edited_input_begins_the_pass_again(view, ask):
    """A patch set from the page goes through the network from the start; the user's batch is left unchanged."""
    kept = BATCH[0].clone()
    view.run()
    assert ask(view, "edit", how="zero", sample=2, row=1, column=2, height=3, width=4)[0]["ok"]
    assert view.cursor["state"] == "ready"
    edited = view.stepper.runs.batches.current[0]
    changed = (edited != kept).nonzero()
    assert set(changed[:, 0].tolist()) == {2}
    assert edited[2, 0, 1:4, 2:6].abs().sum() == 0
    assert torch.equal(BATCH[0], kept)
    view.run()
    assert view.cursor["effect"]["predictions"][1] == 6
    assert not ask(view, "edit", how="value", sample=0, row=7, column=0, height=2, width=1, value=1)[0]["ok"]


def test_an_input_made_by_split_is_not_edited_in_place(model, ask):
    """Where `split` makes the input anew, an edit from the page is refused with the way out."""
    view = Inspector(model, [BATCH], split=lambda batch: (batch[0] * 2, batch[1])).forward()
    answer, _ = ask(view, "edit", how="zero", sample=0, row=0, column=0, height=1, width=1)
    assert "edit(batch)" in answer["error"]


def test_mode_next_batch_and_gradients(view, ask):
    """The page switches to eval mode and to the loader's next batch, and asks for gradients; each is a new pass."""
    losses = [view.passed["loss"]]
    assert ask(view, "mode", training=False)[0]["ok"]
    assert view.cursor["training"] is False
    losses.append(view.passed["loss"])
    assert ask(view, "batch")[0]["ok"]
    losses.append(view.passed["loss"])
    assert len(set(losses)) == 3
    assert ask(view, "gradients")[0]["ok"]
    assert view.passed["steps"][3]["outputs"][0]["gradient"]["std"] > 0


def test_looking_comparing_and_receptive_fields(view, ask):
    """A recorded step is looked at, compared, and one of its units traced to the input, by requests of the page."""
    view.run()
    answer, buffers = ask(view, "look", index=1, sample=4, first=0, output=0, compare=None)
    assert answer["payload"]["sample"] == 4
    assert buffers
    assert ask(view, "look", index=1, sample=0, output=0, first=0, compare="train")[0]["payload"]["compared"]
    ask(view, "keep")
    assert ask(view, "look", index=1, sample=0, output=0, first=0, compare="before")[0]["ok"]
    answer, _ = ask(view, "receptive", step=1, channel=0, row=4, column=4, sample=0)
    assert answer["payload"]["planes"]["shape"] == [1, 8, 8]
    assert ask(view, "filters")[0]["payload"]["kind"] == "maps"


def test_everything_sent_is_json_and_bytes():
    """The state that goes to the page is JSON once the bytes are taken out, also with NaN in the pass."""
    images = BATCH[0].clone()
    images[0, 0, 0, 0] = float("nan")
    view = Inspector(Net(), [(images, BATCH[1])], nn.CrossEntropyLoss()).forward()
    view.over()
    for trait in (view.passed, view.live, view.cursor, view.exhibit, view.status):
        json.dumps(trait, default=lambda part: None if isinstance(part, memoryview) else 1 / 0, allow_nan=False)


def test_a_pass_that_does_not_come_back_leaves_the_kernel_free(ask):
    """A request that takes long is answered while the pass runs on; stop ends it, and the thread with it."""
    started, go_on = threading.Event(), threading.Event()
    go_on.set()

    class Slow(nn.Module):
        def forward(self, x):
            x = x + 1
            started.set()
            while not go_on.is_set():
                pass
            return x * 2

    async def cell():
        view = Inspector(Slow(), [BATCH]).forward()
        go_on.clear()
        view.over()
        started.clear()
        view._handle_custom_msg({"id": "1", "method": "run", "params": {}}, [])
        while view.cursor["state"] != "running":
            await asyncio.sleep(0.01)
        assert started.is_set()
        assert ask(view, "stop")[0]["ok"]
        assert view.cursor["state"] == "stopped"
        return view

    asyncio.run(asyncio.wait_for(cell(), 60))
    assert "nbinspect-pass" not in {thread.name for thread in threading.enumerate()}


def test_a_forward_that_fails_is_shown(ask):
    """A model that does not fit its input opens all the same, with the failure and its line on the page."""
    broken = nn.Sequential(nn.Flatten(), nn.Linear(5, 2))
    view = Inspector(broken, [BATCH]).forward()
    assert "64 features" in view.passed["failure"]["explanation"]
    assert view.run() is None
    assert view.cursor["failure"]["error"] == view.passed["failure"]["error"]


def test_static_forms_are_escaped(model):
    """Class names and errors are text in the static page, also after the view has been closed."""
    evil = type(HOSTILE, (nn.Module,), {"forward": lambda self, x: x.view(7, -1)})
    view = Inspector(nn.Sequential(evil()), [BATCH]).forward()
    page = view._repr_mimebundle_()["text/html"]
    view.close()
    for html in (page, view._output.static()["text/html"]):
        assert HOSTILE not in html
        assert "img src=x" in html


def test_close_ends_the_pass_and_lets_go(model):
    """A closed view has ended its thread, refuses commands with a word, and is collected with its tensors."""
    view = Inspector(model, [BATCH], nn.CrossEntropyLoss()).forward()
    view.over()
    seen = weakref.ref(view)
    view.close()
    assert "nbinspect-pass" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(NbinspectError, match="closed"):
        view.over()
    del view
    gc.collect()
    assert seen() is None


def test_bad_options_are_refused(model):
    """A batch and an input_shape at once, a level that there is not, and no data at all each get one clear error."""
    inspector = Inspector(model, None, nn.CrossEntropyLoss())
    with pytest.raises(InputError, match="leave one out"):
        inspector.forward(BATCH, input_shape=(2, 1, 8, 8))
    with pytest.raises(InputError, match="module"):
        inspector.forward(BATCH, level="layer")
    with pytest.raises(NbinspectError, match="input_shape"):
        inspector.forward()
    assert inspector.forward(input_shape=(2, 1, 8, 8)).passed["size"] == 2


def test_the_model_is_left_unchanged(view, model):
    """After steps, replacements, edits and gradients the state, the gradients, hooks and modes are as they were."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    view.over()
    view.replace(torch.zeros_like(view.tensor))
    view.run()
    view.edit((BATCH[0] * 0, BATCH[1]))
    view.run()
    view.gradients()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert model.training
    assert torch.equal(random, torch.get_rng_state())


def test_to_look_at_the_first_sample_is_not_to_pick_it(view, ask):
    """No sample is picked before a person does so; another one that is looked at is, until another batch comes."""
    ask(view, "look", index=2, sample=0)
    assert view.sample is None
    ask(view, "look", index=2, sample=3)
    assert view.sample == 3
    ask(view, "look", index=2, sample=0)
    assert view.sample == 0
    view.next_batch()
    assert view.sample is None


def test_a_batch_of_another_view_is_stepped_through(view):
    """What is taken is the very batch, shown at the sample that was asked for, and it is what can be handed on."""
    held = Held((BATCH[0] + 1, BATCH[1]), "validation", tuple(range(6)))
    view.take(held, 4)
    assert view.holding is held
    assert view.sample == view.exhibit["sample"] == 4
    assert torch.equal(view.stepper.runs.inputs()[0], BATCH[0] + 1)
    view.edit((BATCH[0] * 0, BATCH[1]))
    assert view.holding is held
    view.next_batch()
    assert view.holding.indices is None


def test_a_patch_is_set_in_the_sample_of_a_batch_with_time_first(ask):
    """With batch_axis=1 the patch that the page sets lies in the one sample that was asked for."""
    x = torch.rand(12, 4, 3) + 1
    view = Inspector(nn.GRU(3, 5), [x], batch_axis=1).forward()
    assert ask(view, "edit", how="zero", sample=2, row=1, column=1, height=3, width=2)[0]["ok"]
    wanted = x.clone()
    wanted[1:4, 2, 1:3] = 0
    assert torch.equal(view.stepper.runs.batches.current, wanted)
    assert not ask(view, "edit", how="zero", sample=0, row=10, column=0, height=3, width=1)[0]["ok"]
