from __future__ import annotations

import gc
import json
import weakref
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from nbinspect import Inspector, NbinspectError
from nbinspect.errors import InputError, LoaderError
from nbinspect.widgets.dashboard import Dashboard

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"
IMAGES = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(60) % 3
ROOMS = ("recipe", "data", "batch", "forward", "sanity", "dynamics")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 8 * 8, 3)

    def forward(self, x):
        return self.fc(functional.relu(self.norm(self.conv(x))).flatten(1))


class Augmented(Dataset):
    """Each reading of a sample differs, in a value that says how."""

    def __init__(self, broken=()):
        self.broken = broken

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        if index in self.broken:
            raise ValueError(f"sample {index} is broken")
        return IMAGES[index] + torch.rand(1), LABELS[index]


class Stream(IterableDataset):
    def __iter__(self):
        yield from ((image + torch.rand(1), label) for image, label in zip(IMAGES, LABELS, strict=True))


def program(data=None, *, size=16, loader=None, **options):
    torch.manual_seed(0)
    model = Net()
    data = TensorDataset(IMAGES, LABELS) if data is None else data
    loader = loader or DataLoader(data, batch_size=size, shuffle=not isinstance(data, IterableDataset))
    return Inspector(model, loader, nn.CrossEntropyLoss(), **options)


def stepped(inspector, loader=None):
    """A function that trains a few steps."""
    model = inspector.subject.model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def train():
        for _, (x, y) in zip(range(3), loader or inspector.subject.loader, strict=False):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    return train


def states(dashboard):
    return {room["name"]: room["state"] for room in dashboard.rooms}


def entered(room, view):
    """The very values of the sample that a view shows."""
    if room == "batch":
        return view.holding.batch[0][view.sample]
    if room == "forward":
        return view.stepper.runs.inputs()[0][view.sample]
    return view.plan.watched[view.probe].batch[0][view.sample]


def decoded(room, view):
    """The values that its page has of it."""
    record = view.decoded if room == "batch" else view.record.probes[view.probe].batch
    return torch.tensor(record.inputs[0].exact[view.sample])


@contextmanager
def notebook(**names):
    shell = InteractiveShell.instance()
    try:
        shell.user_ns.update(names)
        yield shell
    finally:
        InteractiveShell.clear_instance()


def test_opening_runs_nothing_and_knows_the_facts():
    """A dashboard that was opened has called neither model nor loader, and states what was given in a few words."""
    calls = []

    class Counted(Augmented):
        def __getitem__(self, index):
            calls.append(index)
            return super().__getitem__(index)

    inspector = program(Counted(), val_loader=DataLoader(TensorDataset(IMAGES[:7], LABELS[:7]), batch_size=7))
    inspector.subject.model.register_forward_hook(lambda *_: calls.append("forward"))
    dashboard = inspector.dashboard()
    facts = dashboard.facts
    assert calls == []
    assert (facts["model"], facts["parameters"], facts["samples"], facts["batches"]) == ("Net", "819", "60", "4")
    assert (facts["batch_size"], facts["validation"], facts["mode"]) == ("16", "7 samples", "train")
    assert (facts["loss"], facts["optimizer"], facts["rate"]) == ("CrossEntropyLoss", None, None)
    assert states(dashboard) == {"recipe": "open", **dict.fromkeys(ROOMS[1:], "closed")}
    assert dashboard.active == "recipe"
    assert inspector.dashboard() is dashboard
    json.dumps(dashboard.get_state(["rooms", "facts", "sample", "recipe", "status", "active"]))


def test_a_room_opens_on_the_first_visit_and_is_kept(ask):
    """The page's request opens a room once; its view is the one that Python has, and its tab says what is in it."""
    dashboard = program().dashboard()
    answer, _ = ask(dashboard, "open", room="batch")
    assert answer["ok"]
    view = dashboard.views["batch"]
    assert dashboard.open("batch") is view
    room = dashboard.rooms[2]
    assert (room["state"], room["model"], room["text"], room["tone"]) == ("open", view.model_id, "16 samples", "ok")
    assert dashboard.active == "batch"
    assert dashboard.status["state"] == "idle"


def test_going_to_a_tab_opens_its_room():
    """The page that sets `active` has the room opened."""
    dashboard = program().dashboard()
    dashboard.active = "forward"
    assert states(dashboard)["forward"] == "open"


def test_without_a_loader_rooms_say_what_they_need(ask):
    """What needs data is off with its reason, and a request for it is answered with that, not with a view."""
    dashboard = Inspector(Net()).dashboard()
    assert states(dashboard) == {
        "recipe": "open", "data": "off", "batch": "off", "forward": "off", "sanity": "off", "dynamics": "closed",
    }  # fmt: skip
    answer, _ = ask(dashboard, "open", room="data")
    assert not answer["ok"]
    assert "needs a loader" in answer["error"]
    assert "needs a loader" in dashboard.rooms[1]["why"]
    answer, _ = ask(dashboard, "open", room="kitchen")
    assert "expected one of recipe" in answer["error"]


def test_a_view_that_cannot_be_made_says_why_in_its_room(ask):
    """A forward pass without a batch leaves its room in error with the reason, and is tried again when asked for."""
    broken = DataLoader(Augmented(broken=range(60)), batch_size=4)
    dashboard = program(loader=broken).dashboard()
    answer, _ = ask(dashboard, "open", room="forward")
    assert not answer["ok"]
    room = dashboard.rooms[3]
    assert room["state"] == "error"
    assert "is broken" in room["why"]
    assert dashboard.status["state"] == "error"
    with pytest.raises(LoaderError, match="broken"):
        dashboard.open("forward")


@pytest.mark.parametrize("room", ["batch", "forward"])
def test_the_same_draw_of_an_augmented_sample_is_carried(room):
    """A sample picked in one view is, bit for bit, the one that the others show; nothing is drawn anew."""
    inspector = program(Augmented())
    dashboard = inspector.dashboard()
    view = dashboard.open(room)
    (view.next if room == "batch" else view.next_batch)()  # not the batch that every view begins with
    view.sample = 5
    index = dashboard.sample["index"]
    own = entered(room, view).clone()
    assert dashboard.sample["label"] == str(int(LABELS[index]))
    for other in {"batch", "forward"} - {room}:
        shown = dashboard.show(other)
        assert torch.equal(entered(other, shown), own)
        assert shown.holding.indices[shown.sample] == index
    dynamics = dashboard.show("dynamics")
    assert "watches this sample first" in dashboard.status["text"]
    with dynamics:
        stepped(inspector)()
    assert torch.equal(entered("dynamics", dynamics), own)
    assert torch.equal(decoded("dynamics", dynamics), own)
    assert dynamics.record.probes[0].batch.batch.indices[0] == index
    assert dynamics.record.probes[0].batch.labels.text[0] == str(int(LABELS[index]))
    assert dashboard.sample["index"] == index


def test_a_sample_fetched_again_is_carried_as_it_is_shown_now():
    """After the batch was fetched again the new draw goes on to the forward pass, not the one of before."""
    dashboard = program(Augmented()).dashboard()
    batch = dashboard.open("batch")
    batch.sample = 2
    before = entered("batch", batch).clone()
    batch.again()
    forward = dashboard.open("forward")
    assert torch.equal(entered("forward", forward), entered("batch", batch))
    assert not torch.equal(entered("forward", forward), before)


def test_a_sample_picked_in_a_run_is_shown_in_the_batch_as_the_run_has_it():
    """From the watched samples to batch and forward goes the watched draw itself, with labels and place."""
    inspector = program(Augmented())
    dashboard = inspector.dashboard()
    dynamics = dashboard.open("dynamics")
    with dynamics:
        stepped(inspector)()
    dynamics.sample = 7
    own, index = entered("dynamics", dynamics).clone(), dashboard.sample["index"]
    for room in ("batch", "forward"):
        view = dashboard.show(room)
        assert torch.equal(entered(room, view), own)
        assert view.holding.indices[view.sample] == index
    dashboard.show("dynamics")
    assert (dynamics.probe, dynamics.sample) == (0, 7)


def test_a_forward_that_writes_into_its_input_does_not_change_what_is_carried():
    """The samples that are handed on are those of the loader, also where the network works on them in place."""

    class InPlace(Net):
        def forward(self, x):
            return super().forward(x.mul_(0))

    inspector = Inspector(InPlace(), DataLoader(TensorDataset(IMAGES, LABELS), batch_size=8), nn.CrossEntropyLoss())
    dashboard = inspector.dashboard()
    dashboard.select(3)
    for room in ("batch", "forward"):
        assert torch.equal(entered(room, dashboard.show(room)), IMAGES[3])
    dynamics = dashboard.show("dynamics")
    with dynamics:
        stepped(inspector)()
    assert torch.equal(entered("dynamics", dynamics), IMAGES[3])


def test_a_selected_index_comes_at_the_head_of_a_batch_as_large_as_before():
    """A sample that the shown batch does not hold is fetched with the rest of it, so that batch norm keeps its size."""
    inspector = program()
    dashboard = inspector.dashboard()
    batch = dashboard.open("batch")
    before = batch.record.indices
    index = next(each for each in range(60) if each not in before)
    dashboard.select(index)
    dashboard.show("batch")
    assert batch.record.indices == (index, *before[:-1])
    assert batch.sample == 0
    assert torch.equal(decoded("batch", batch), IMAGES[index])
    assert batch.record.training
    assert batch.record.error is None
    batch.again()
    assert batch.record.indices == (index, *before[:-1])
    forward = dashboard.show("forward")
    assert forward.holding.is_same(batch.holding)
    assert forward.untouched.failure is None


def test_a_sample_that_the_shown_batch_holds_is_selected_there():
    """Nothing is fetched for a sample that is on the page already."""
    dashboard = program().dashboard()
    batch = dashboard.open("batch")
    before = batch.record
    dashboard.select(before.indices[4])
    dashboard.show("batch")
    assert batch.record is before
    assert batch.sample == 4


def test_positions_of_subsets_and_samplers_are_those_of_the_loaders_data():
    """Of a subset behind a sampler the index is the subset's, and batch, data and dynamics show that same sample."""
    subset = Subset(TensorDataset(IMAGES, LABELS), list(range(59, 19, -1)))
    loader = DataLoader(subset, batch_size=8, sampler=SubsetRandomSampler(range(5, 25)))
    inspector = program(loader=loader)
    dashboard = inspector.dashboard()
    dashboard.select(11)
    batch = dashboard.show("batch")
    assert torch.equal(entered("batch", batch), IMAGES[59 - 11])
    data = dashboard.show("data")
    assert int(data.record.column("index").values[data.sample]) == 11
    assert dashboard.sample["label"] == str(int(LABELS[59 - 11]))
    dynamics = dashboard.show("dynamics")
    with dynamics:
        stepped(inspector)()
    assert torch.equal(entered("dynamics", dynamics), IMAGES[59 - 11])


def test_a_validation_sample_is_carried_within_its_split():
    """The same index means another sample in the other split, and each room turns to the right one."""
    other = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    validation = DataLoader(TensorDataset(other, LABELS[:20]), batch_size=5)
    inspector = program(val_loader=validation)
    dashboard = inspector.dashboard()
    data = dashboard.open("data")
    dashboard.select(6, "validation")
    dashboard.show("data")
    assert data.explorer.split == "validation"
    batch = dashboard.show("batch")
    assert batch.record.origin.split == "validation"
    assert torch.equal(entered("batch", batch), other[6])
    forward = dashboard.show("forward")
    assert torch.equal(entered("forward", forward), other[6])
    dynamics = dashboard.show("dynamics")
    with dynamics:
        stepped(inspector)()
    probe = dynamics.record.probes[dynamics.probe]
    assert probe.split == "validation"
    assert torch.equal(entered("dynamics", dynamics), other[6])
    assert dynamics.record.probes[0].split == "train"


def test_a_row_of_the_data_is_carried_to_the_batch():
    """The row that is open in the explorer, in whatever order it is sorted, is the sample that the batch gets."""
    dashboard = program().dashboard()
    data = dashboard.open("data")
    data.sort("mean", descending=True)
    data.sample = 17
    index = int(data.record.column("index").values[17])
    assert (dashboard.sample["index"], dashboard.sample["from"]) == (index, "data")
    assert dashboard.sample["label"] == str(int(LABELS[index]))
    assert torch.equal(entered("batch", dashboard.show("batch")), IMAGES[index])


def test_what_was_not_scanned_is_said_and_the_room_stays_as_it_is(ask):
    """A sample beyond what was scanned is not shown in the data, with the reason where it could be carried from."""
    dashboard = program().dashboard()
    data = dashboard.open("data")
    data.close()
    dashboard._inspector.data = lambda: Inspector.data(dashboard._inspector, limit=10)
    data = dashboard.open("data")
    scanned = set(data.record.column("index").values.tolist())
    index = next(each for each in range(60) if each not in scanned)
    dashboard.select(index)
    assert f"sample {index} of the train data is not among" in dashboard.sample["where"]["data"]
    answer, _ = ask(dashboard, "show", room="data")
    assert "not among the samples that were scanned" in answer["error"]
    assert data.sample is None
    assert dashboard.sample["where"]["batch"] is True


def test_a_sample_that_waits_for_the_scan_is_shown_when_it_was_scanned():
    """Data that are gone to before they were scanned say so, and show the selected sample once they are."""
    dashboard = program().dashboard()
    dashboard._inspector.data = lambda: Inspector.data(dashboard._inspector, scan=False)
    dashboard.select(12)
    data = dashboard.open("data")
    assert dashboard.status["text"] == "sample 12 of the train data is not scanned yet"
    data.scan()
    assert int(data.record.column("index").values[data.sample]) == 12
    assert dashboard.status["text"] == ""


def test_a_stream_hands_on_the_raw_batch_and_says_why_not_the_data():
    """Of a stream the very batch goes from batch to forward and dynamics; its samples cannot be found in the data."""
    inspector = program(Stream())
    dashboard = inspector.dashboard()
    batch = dashboard.open("batch")
    batch.sample = 3
    assert dashboard.sample["index"] is None
    assert "tells no indices" in dashboard.sample["where"]["data"]
    own = entered("batch", batch).clone()
    assert torch.equal(entered("forward", dashboard.show("forward")), own)
    dynamics = dashboard.show("dynamics")
    with dynamics:
        stepped(inspector)()
    assert torch.equal(entered("dynamics", dynamics), own)
    assert dashboard.sample["where"]["dynamics"] is True
    assert dashboard.show("dynamics").sample == 0
    with pytest.raises(InputError, match="tells no indices"):
        dashboard.select(3)
    with pytest.raises(NbinspectError, match="tells no indices"):
        dashboard.show("data")
    batch.next()
    dashboard.show("batch")
    assert torch.equal(entered("batch", batch), own)


def test_a_row_of_a_streams_data_has_no_index():
    """The number of a sample in a stream is no index: it is carried nowhere, with the reason."""
    dashboard = program(Stream()).dashboard()
    dashboard.open("data").sample = 4
    assert dashboard.sample["index"] is None
    assert "not held" in dashboard.sample["where"]["batch"]
    with pytest.raises(NbinspectError, match="not held"):
        dashboard.show("batch")


def test_labels_that_are_words_are_carried_as_text():
    """String labels and hostile class names come as the text that they are."""
    samples = [(image, HOSTILE if index % 2 else "cat") for index, image in enumerate(IMAGES)]
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    dashboard = Inspector(model, DataLoader(samples, batch_size=8)).dashboard()
    view = dashboard.open("batch")
    view.sample = 1
    assert dashboard.sample["label"] == HOSTILE
    forward = dashboard.show("forward")
    assert forward.sample == 1
    assert HOSTILE not in dashboard._repr_mimebundle_()["text/html"]


def test_a_sample_that_raises_is_said_and_what_is_shown_stays(ask):
    """The data set's own error is the answer, and the batch on the page stays."""
    dashboard = program(Augmented(broken=(41,)), loader=DataLoader(Augmented(broken=(41,)), batch_size=8)).dashboard()
    batch = dashboard.open("batch")
    before = batch.record
    dashboard.select(41)
    answer, _ = ask(dashboard, "show", room="batch")
    assert "sample 41 is broken" in answer["error"]
    assert dashboard.status["state"] == "error"
    assert batch.record is before
    with pytest.raises(InputError, match="index: expected 0 to 59, an index of the train data set, got 60"):
        dashboard.select(60)
    assert dashboard.sample["index"] == 41


def test_a_pass_that_is_stepped_through_outlives_a_visit(ask):
    """Going to the room leaves a pass over another batch where it stands and says so; its button brings the sample."""
    dashboard = program(Augmented()).dashboard()
    forward, batch = dashboard.open("forward"), dashboard.open("batch")
    forward.stepper.into()
    at, entered_before = forward.stepper.step, entered("forward", forward).clone()
    batch.next()
    batch.sample = 2
    assert dashboard.open("forward") is forward
    assert forward.stepper.step == at
    assert torch.equal(entered("forward", forward), entered_before)
    assert "beside the sample" in dashboard.status["text"]
    assert ask(dashboard, "show", room="forward")[0]["ok"]
    assert torch.equal(entered("forward", forward), entered("batch", batch))


def test_a_batch_that_comes_back_smaller_is_refused():
    """A collate function that leaves samples out cannot tell which came: nothing wrong is shown."""

    def collate(samples):
        return torch.utils.data.default_collate([sample for sample in samples if sample[1] != 0])

    loader = DataLoader(TensorDataset(IMAGES, LABELS), batch_size=9, collate_fn=collate)
    dashboard = program(loader=loader).dashboard()
    dashboard.select(4)
    with pytest.raises(LoaderError, match="9 samples were asked for, and 6 came"):
        dashboard.show("batch")


def test_the_watched_samples_stay_once_a_run_has_begun():
    """A sample that the probe does not hold is refused after the run began, and one that it holds is selected."""
    inspector = program(loader=DataLoader(TensorDataset(IMAGES, LABELS), batch_size=8))
    dashboard = inspector.dashboard()
    dynamics = dashboard.open("dynamics")
    with dynamics:
        stepped(inspector)()
        dashboard.select(30)
        assert "chosen when the run began" in dashboard.sample["where"]["dynamics"]
        with pytest.raises(NbinspectError, match="chosen when the run began"):
            dashboard.show("dynamics")
    dashboard.select(6)
    assert dashboard.sample["where"]["dynamics"] is True
    dashboard.show("dynamics")
    assert dynamics.sample == 6


def test_that_a_run_is_waited_for_is_said_until_it_comes():
    """The word that the next run begins with the sample goes when that run has been made."""
    with notebook() as shell:
        inspector = program()
        dashboard = inspector.dashboard()
        dashboard.select(3)
        dynamics = dashboard.show("dynamics")
        shell.events.trigger("post_run_cell", None)
        assert "watches this sample first" in dashboard.status["text"]
        with dynamics:
            stepped(inspector)()
        shell.events.trigger("post_run_cell", None)
        assert dashboard.status["text"] == ""
        assert dashboard.rooms[5]["text"] == "step 3"


def test_a_probe_larger_than_the_data_is_all_of_the_batch():
    """With fewer samples than a probe has, the whole batch is watched, the picked one first."""
    inspector = program(TensorDataset(IMAGES[:5], LABELS[:5]), size=8)
    dashboard = inspector.dashboard()
    dashboard.select(2)
    dynamics = dashboard.show("dynamics")
    with dynamics:
        stepped(inspector)()
    assert dynamics.record.probes[0].batch.batch.indices[0] == 2
    assert sorted(dynamics.record.probes[0].batch.batch.indices) == [0, 1, 2, 3, 4]


def test_clearing_and_showing_without_a_sample(ask):
    """A sample is let go of on request; to carry none is refused."""
    dashboard = program().dashboard()
    dashboard.select(3)
    ask(dashboard, "clear")
    assert dashboard.sample is None
    answer, _ = ask(dashboard, "show", room="batch")
    assert "no sample is selected" in answer["error"]
    with pytest.raises(InputError, match="expected a whole number"):
        dashboard.select(-1)
    with pytest.raises(InputError, match="was not given"):
        dashboard.select(1, "validation")


def test_the_recipe_is_ticked_by_what_runs_anywhere():
    """Views of the inspector in other cells tick it too, and ticks stay when those views are gone."""
    inspector = program(val_loader=DataLoader(TensorDataset(IMAGES[:9] + 5, LABELS[:9]), batch_size=9))
    dashboard = inspector.dashboard()
    assert dashboard.recipe.done == 0
    view = inspector.batch()
    assert dashboard.recipe.step("exact-batch").state == "done"
    view.close()
    del view
    gc.collect()
    assert inspector.recipe().record.step("exact-batch").state == "done"
    inspector.sanity().run(only=("batch-leak", "causality", "padding-leak", "constant-output"))
    assert dashboard.recipe.step("dependencies").state == "done"
    with inspector.dynamics():
        stepped(inspector)()
    assert "3 steps watched" in inspector.recipe().record.step("dynamics").text
    assert dashboard.recipe.step("dynamics").state == "done"


def test_acting_on_a_step_opens_its_room_and_runs_it(ask):
    """The button of a step does what it says: the checks of that step alone, or the scan."""
    dashboard = program().dashboard()
    answer, _ = ask(dashboard, "act", step="dependencies")
    assert answer["ok"]
    assert dashboard.active == "sanity"
    run = {result.check for result in dashboard.views["sanity"].report.results}
    assert run == {"batch-leak", "causality", "padding-leak", "constant-output"}
    ask(dashboard, "act", step="look-at-data")
    assert dashboard.recipe.step("look-at-data").text == "60 train samples scanned"
    ask(dashboard, "act", step="wrong-predictions")
    assert dashboard.recipe.step("wrong-predictions").state == "done"
    answer, _ = ask(dashboard, "act", step="pray")
    assert "no 'pray'" in answer["error"]


def test_a_found_defect_is_what_to_mend_first():
    """A check that fails makes its step the next one, in the check's own words."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Softmax(1))
    loader = DataLoader(TensorDataset(IMAGES, LABELS), batch_size=16, shuffle=True)
    dashboard = Inspector(model, loader, nn.CrossEntropyLoss()).dashboard()
    dashboard.act("loss-fits")
    title = dashboard.views["sanity"].report["loss-input"].title
    assert dashboard.recipe.next == "loss-fits"
    assert dashboard.recipe.next_text == f"Mend first: {title}"
    assert dashboard.rooms[4]["tone"] == "bad"


def test_a_view_closed_by_hand_leaves_its_room_closed():
    """Closing a view of a room frees the room, and the next visit opens another."""
    dashboard = program().dashboard()
    first = dashboard.open("batch")
    first.sample = 2
    first.close()
    assert states(dashboard)["batch"] == "closed"
    assert "batch" not in dashboard.views
    second = dashboard.open("batch")
    assert second is not first
    assert dashboard.rooms[2]["model"] == second.model_id


def test_closing_closes_the_views_and_frees_everything():
    """After close the views are closed, the static page still has them, and dashboard and model can be collected."""
    inspector = program()
    dashboard = inspector.dashboard()
    for room in ROOMS:
        dashboard.open(room)
    dashboard.select(3)
    dashboard.show("batch")
    page = dashboard._repr_mimebundle_()["text/html"]
    views = dashboard.views
    dashboard.close()
    assert all(view.comm is None for view in views.values())
    assert dashboard.views == {}
    assert dashboard.status["state"] == "closed"
    assert "Batch" in page
    with pytest.raises(NbinspectError, match="this dashboard is closed"):
        dashboard.open("batch")
    other = inspector.dashboard()
    assert other is not dashboard
    assert other.recipe.step("exact-batch").state == "done"
    gone = [weakref.ref(each) for each in (dashboard, *views.values())]
    del dashboard, views, page
    gc.collect()
    assert [each() for each in gone] == [None] * 6
    other.close()
    model = weakref.ref(inspector.subject.model)
    del other, inspector
    gc.collect()
    assert model() is None


def test_the_static_page_has_the_facts_the_recipe_and_the_open_views(tmp_path, capsys):
    """The page without scripts, and the file, tell the facts, the recipe and each view that is open, in safe HTML."""
    dashboard = program(class_names=[HOSTILE, "b", "c"]).dashboard()
    dashboard.open("batch")
    dashboard.open("sanity")
    file = dashboard.to_html(tmp_path / "inspector.html", hover=False).read_text(encoding="utf-8")
    for text in ("819 parameters", "Know the data", "Overfit one batch", "nbinspect-batch", "nbinspect-sanity"):
        assert text in file
    assert "<script" not in file
    assert HOSTILE not in file
    with notebook():
        dashboard._ipython_display_()
        dashboard.freeze()
    assert "Recipe" in capsys.readouterr().out
    assert dashboard.comm is None


def test_two_inspectors_have_dashboards_of_their_own():
    """Selections, ticks and views of one dashboard do not reach another in the same notebook."""
    one, other = program(), program(Augmented())
    first, second = one.dashboard(), other.dashboard()
    first.open("batch").sample = 1
    assert second.sample is None
    assert states(second)["batch"] == "closed"
    assert second.recipe.done == 0
    second.close()
    assert first.views["batch"].comm is not None


def test_a_rebound_model_is_noticed_and_can_be_inspected_instead(ask):
    """The dashboard says that the variable means another model, and on request inspects it; ticks of the data stay."""
    inspector = program()
    model = inspector.subject.model
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inspector.subject = type(inspector.subject)(**{**vars(inspector.subject), "optimizer": optimizer})
    with notebook(net=model, optimizer=optimizer) as shell:
        dashboard = inspector.dashboard()
        dashboard.open("data")
        old = dashboard.open("batch")
        assert (dashboard.status["stale"], dashboard.status["renew"]) == (None, False)
        shell.user_ns["net"] = new = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
        shell.events.trigger("post_run_cell", None)
        assert "net is another object now" in dashboard.status["stale"]
        assert dashboard.status["renew"]
        answer, _ = ask(dashboard, "renew")
        assert answer["ok"]
        assert inspector.subject.model is new
        assert inspector.subject.optimizer is None
        assert old.comm is None
        assert (dashboard.status["stale"], dashboard.facts["model"]) == (None, "Sequential")
        assert dashboard.recipe.step("look-at-data").state == "done"
        assert dashboard.recipe.step("exact-batch").state == "todo"
        assert dashboard.open("batch").record.origin.module == "Sequential"
        shell.user_ns["net"] = 5
        shell.events.trigger("post_run_cell", None)
        assert dashboard.status["stale"]
        assert not dashboard.status["renew"]
        answer, _ = ask(dashboard, "renew")
        assert "nothing to renew" in answer["error"]


def test_weights_gradients_and_random_states_stay_as_they_were():
    """Going through every room, carrying a sample, leaves what the user has bit for bit as it was."""
    inspector = program(Augmented())
    model = inspector.subject.model
    functional.cross_entropy(model(IMAGES[:4]), LABELS[:4]).backward()
    tensors = [*model.state_dict().values(), *(parameter.grad for parameter in model.parameters())]
    before = [tensor.clone() for tensor in tensors]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    dashboard = inspector.dashboard()
    dashboard.select(9)
    for room in ("data", "batch", "forward", "dynamics"):
        dashboard.show(room)
    dashboard.open("sanity")
    dashboard.close()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(now, then) for now, then in zip(tensors, before, strict=True))
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_transformers_model_is_a_subject_like_any_other():
    """Batches that are mappings, of a model that computes its own loss, are carried through all rooms."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    model = transformers.BertForSequenceClassification(config)
    ids = torch.randint(5, 50, (24, 6), generator=torch.Generator().manual_seed(0))
    samples = [{"input_ids": row, "labels": int(row[0] > 25)} for row in ids]
    inspector = Inspector(model, DataLoader(samples, batch_size=4, shuffle=True))
    dashboard = inspector.dashboard()
    dashboard.select(13)
    batch = dashboard.show("batch")
    assert torch.equal(batch.holding.batch["input_ids"][batch.sample], ids[13])
    forward = dashboard.show("forward")
    assert torch.equal(forward.holding.batch["input_ids"][forward.sample], ids[13])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with dashboard.show("dynamics") as dynamics:
        for batch in inspector.subject.loader:
            optimizer.zero_grad()
            model(**batch).loss.backward()
            optimizer.step()
    assert torch.equal(dynamics.plan.watched[0].batch["input_ids"][0], ids[13])
    assert dashboard.facts["loss"] == "the model's own"


def test_a_lightning_module_is_a_subject_like_any_other():
    """A LightningModule goes through the rooms as the module that it is."""
    lightning = pytest.importorskip("lightning")

    class Lit(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def forward(self, x):
            return self.net(x)

    loader = DataLoader(TensorDataset(IMAGES, LABELS), batch_size=8)
    dashboard = Inspector(Lit(), loader, nn.CrossEntropyLoss()).dashboard()
    dashboard.select(50)
    for room in ("batch", "forward"):
        assert torch.equal(entered(room, dashboard.show(room)), IMAGES[50])
    assert dashboard.facts["model"] == "Lit"


def test_showing_an_inspector_shows_its_dashboard(capsys):
    """The inspector's own display is the dashboard; its text for programs stays one line."""
    inspector = program()
    assert repr(inspector) == "Inspector(Net, DataLoader)"
    bundle = inspector._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == inspector.dashboard().model_id
    assert "Recipe" in bundle["text/plain"]
    assert isinstance(inspector.dashboard(), Dashboard)


def test_numbers_of_the_page_are_plain(ask):
    """What the page is told of a selected sample are numbers and text that JSON has."""
    dashboard = program().dashboard()
    view = dashboard.open("batch")
    view.sample = 1
    told = json.loads(json.dumps(dashboard.get_state(["sample", "rooms", "recipe"])))
    assert told["sample"]["index"] == view.record.indices[1]
    assert {room["name"] for room in told["rooms"]} == set(ROOMS)
    assert np.isclose(told["recipe"]["total"], 22)


def time_first(length=12):
    """Series (T, N, 2), which tell their own index, with N classes or with a class a step (T, N)."""

    def collate(samples):
        return torch.stack([x for x, _ in samples], 1), torch.stack([y for _, y in samples], 1)

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(2, 5), nn.Linear(5, 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0])

    index = torch.arange(40.0)[:, None, None]
    series = torch.cat([index.expand(40, length, 1), torch.rand(40, length, 1)], 2)
    tags = (torch.arange(40)[:, None] + torch.zeros(40, length)).long() % 3
    loader = DataLoader(TensorDataset(series, tags), batch_size=8, shuffle=True, collate_fn=collate)
    loss = lambda out, goal: functional.cross_entropy(out.flatten(0, 1), goal.flatten())  # noqa: E731 - a user's own
    return Inspector(Tagger(), loader, loss, batch_axis=1)


@pytest.mark.parametrize("length", [12, 8])
@pytest.mark.parametrize("room", ["batch", "forward"])
def test_a_sample_of_a_batch_with_time_first_is_carried(room, length):
    """With batch_axis=1 the picked sample is the same series in every room, also with as many steps as samples."""
    inspector = time_first(length)
    dashboard = inspector.dashboard()
    view = dashboard.open(room)
    view.sample = 5
    index = dashboard.sample["index"]
    assert view.holding.batch[0][0, 5, 0] == index
    assert dashboard.sample["label"].split()[:2] == [str(index % 3)] * 2
    for other in ("batch", "forward"):
        shown = dashboard.show(other)
        assert shown.holding.batch[0][0, shown.sample, 0] == index
    planes = forward_input(dashboard.show("forward"))
    assert (planes[:, 0] == index).all()
    batch = dashboard.show("batch")
    assert (batch._sample(batch.decoded.inputs[0].name, batch.sample)["values"][:, 0] == index).all()
    dynamics = dashboard.show("dynamics")
    with dynamics:
        for x, y in inspector.subject.loader:
            functional.cross_entropy(inspector.subject.model(x).flatten(0, 1), y.flatten()).backward()
    probe = dynamics.record.probes[0]
    assert probe.batch.batch.indices[0] == index
    assert probe.batch.batch.size == len(dynamics.record.readings[0][0].losses) == 8
    assert (dynamics.plan.watched[0].batch[0][0, :, 0] == torch.tensor(probe.batch.batch.indices)).all()
    assert probe.batch.labels.text[0].split()[0] == str(index % 3)


def forward_input(view):
    """The values of the picked sample that the page has of the input."""
    return view.look(-1, sample=view.sample).planes[0]
