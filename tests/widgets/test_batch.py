from __future__ import annotations

import gc
import json
import threading
import weakref

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nbinspect import Inspector
from nbinspect.errors import InputError, NbinspectError

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=alert(1)>"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 10))

    def forward(self, x):
        return self.body(x)


def digits(size=20):
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(torch.rand(size, 1, 8, 8, generator=generator), torch.arange(size) % 10)


def inspector(**options):
    loader = options.pop("loader", DataLoader(digits(), batch_size=8))
    return Inspector(options.pop("model", Net()), loader, nn.CrossEntropyLoss(), **options)


def values(packed):
    return np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])


def test_the_page_gets_the_very_batch():
    """What is sent to the page holds the exact values, labels and indices of the loader's first batch."""
    view = inspector(class_names=[f"digit {n}" for n in range(10)]).batch()
    shown = view.shown
    np.testing.assert_array_equal(values(shown["inputs"][0]["exact"]), digits().tensors[0][:8].numpy())
    assert shown["labels"]["text"] == [f"digit {n}" for n in range(8)]
    assert shown["batch"]["indices"] == list(range(8))
    assert view.status["state"] == "idle"


def test_everything_sent_is_json_and_bytes():
    """The state that goes to the page is JSON once the bytes are taken out, also with NaN in the batch."""
    x = torch.rand(4, 3, 8, 8)
    x[1, 0, 2, 2] = float("nan")
    view = inspector(model=nn.Identity(), loader=[(x, torch.arange(4))]).batch()
    json.dumps(view.shown, default=lambda part: None if isinstance(part, memoryview) else 1 / 0, allow_nan=False)


def test_next_again_and_the_other_split_change_what_is_shown():
    """Next shows the following samples, again the same ones beside the old, and the split switches the loader."""
    view = inspector(val_loader=DataLoader(digits(3), batch_size=3)).batch()
    view.next()
    assert view.record.indices == tuple(range(8, 16))
    view.again()
    assert view.record.indices == tuple(range(8, 16))
    assert view.previous is not None
    view.switch("validation")
    assert view.record.size == 3
    assert view.record.origin.split == "validation"
    assert view.previous is None


def test_predictions_and_losses_are_added_on_request():
    """After predict the page has a prediction and a loss of each sample, and the model has no trace of it."""
    model = Net()
    view = inspector(model=model).batch()
    assert view.shown["predictions"] is None
    view.predict()
    with torch.no_grad():
        logits = model.eval()(digits().tensors[0][:8])
    losses = nn.functional.cross_entropy(logits, torch.arange(8), reduction="none")
    np.testing.assert_allclose(values(view.shown["losses"]), losses.numpy(), rtol=1e-5)
    correct = (logits.argmax(1) == torch.arange(8)).int().tolist()
    assert values(view.shown["correct"]).tolist() == correct


@pytest.mark.parametrize("method", ["next", "again", "predict"])
def test_requests_of_the_page_are_answered(method, ask):
    """Each request of the page is answered once it is done."""
    answer, _ = ask(inspector().batch(), method)
    assert answer == {"id": "1", "ok": True, "payload": {}}


def test_a_request_that_fails_is_answered_with_its_reason(ask):
    """A request that cannot be served is answered with the reason, in the answer and in the view."""
    view = inspector().batch()
    answer, _ = ask(view, "split", split="validation")
    assert not answer["ok"]
    assert "no validation loader" in answer["error"]
    assert view.status["state"] == "error"
    assert view.shown is not None
    answer, _ = ask(view, "launch")
    assert answer["error"] == "unknown request 'launch'"


def test_one_sample_is_sent_exactly(ask):
    """The values of one sample are sent exactly as they entered, whatever the batch view reduced."""
    x = torch.randn(3, 3, 300, 200)
    view = inspector(model=nn.Identity(), loader=[(x, torch.arange(3))]).batch()
    answer, buffers = ask(view, "sample", name="input", sample=2)
    packed = answer["payload"]["values"]
    got = np.frombuffer(buffers[packed["buffer"]], packed["dtype"]).reshape(packed["shape"])
    np.testing.assert_array_equal(got, x[2].numpy())
    answer, _ = ask(view, "sample", name="input", sample=3)
    assert not answer["ok"]


class Broken(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise ValueError(f"corrupt {HOSTILE}")


FAILING = [
    ({"loader": []}, "gave no batch"),
    ({"loader": DataLoader(Broken(), batch_size=2, num_workers=2)}, "ValueError: corrupt"),
    ({"loader": [["a", "b"]]}, "expected a batch with tensors"),
    ({"loader": (batch for batch in [1])}, "one-shot iterator"),
]


@pytest.mark.parametrize(("options", "message"), FAILING)
def test_what_keeps_a_batch_from_being_shown_is_said_in_the_view(options, message):
    """A loader that gives no batch never breaks the cell: the view, its HTML and its text say why."""
    view = inspector(**options).batch()
    assert message in view.status["text"]
    bundle = view._repr_mimebundle_()
    assert message.split("'")[0] in bundle["text/plain"]
    assert HOSTILE not in bundle["text/html"]
    with pytest.raises(NbinspectError, match="no batch is shown yet"):
        _ = view.record


def test_a_loader_that_cannot_be_begun_is_shown_in_the_view():
    """Where the loader's own `iter` raises, the view opens and says what, in the page's message and in the text."""

    class Broken:
        def __iter__(self):
            raise ValueError("no such folder\nlook there")

    view = Inspector(torch.nn.Linear(3, 2), Broken()).batch()
    assert view.status["state"] == "error"
    assert "no such folder" in view.status["text"]
    assert repr(view).startswith("Batch · the loader raised ValueError")
    assert repr(view).endswith("no such folder\nlook there")


def test_a_one_shot_loader_waits_for_the_next_forward():
    """A generator is not read; the batch of the next real forward is shown, and training gets every batch."""
    batches = [(torch.rand(4, 1, 8, 8), torch.arange(4)) for _ in range(3)]
    loader = iter(batches)
    model, loss_fn = Net(), nn.CrossEntropyLoss()
    view = Inspector(model, loader, loss_fn).batch()
    assert view.status["state"] == "waiting"
    seen = list(loader)
    assert len(seen) == 3
    x, y = seen[0]
    loss_fn(model(x), y)
    np.testing.assert_array_equal(values(view.shown["inputs"][0]["exact"]), x.numpy())
    assert view.shown["labels"]["text"] == ["0", "1", "2", "3"]
    assert view.status["state"] == "idle"


def test_a_view_that_fails_while_training_never_breaks_the_loop(monkeypatch):
    """An error inside the view during training is shown in the view, and the forward pass goes on."""
    model = Net()
    view = Inspector(model, iter([]), nn.CrossEntropyLoss()).batch()

    class Unreadable(torch.Tensor):
        pass

    monkeypatch.setattr(view._browser, "receive", lambda captured: 1 / 0)
    nn.CrossEntropyLoss()(model(torch.rand(2, 1, 8, 8)), torch.tensor([0, 1]))
    view._follower.hand_over()
    assert "ZeroDivisionError" in view.status["text"]


def test_a_raising_forward_shows_the_batch_with_the_error():
    """A model that cannot take the batch is shown its batch beside the error."""
    view = inspector(model=nn.Linear(5, 2)).batch()
    assert "RuntimeError" in view.shown["batch"]["error"]
    assert values(view.shown["inputs"][0]["exact"]).shape == (8, 1, 8, 8)


def test_the_same_model_can_be_inspected_twice():
    """Two views on one model show their own batches, and none leaves a hook."""
    model = Net()
    first, second = inspector(model=model).batch(), inspector(model=model).batch()
    first.next()
    assert first.record.indices != second.record.indices
    assert not model._forward_pre_hooks


def test_following_views_replace_each_other_and_closing_removes_hooks():
    """A cell run again replaces the hooks of the view before, which says so; closing leaves no hook."""
    model = Net()
    one = inspector(model=model)
    first = one.batch(follow=True)
    second = one.batch(follow=True)
    assert len(model._forward_pre_hooks) == 1
    assert "another view follows" in first.status["text"]
    second.close()
    assert not model._forward_pre_hooks
    assert not one.subject.loss_fn._forward_pre_hooks


def test_a_closed_view_says_so_and_is_collected():
    """A closed view refuses further work with a clear error, keeps its text, and is garbage-collected."""
    view = inspector().batch()
    view.close()
    view.close()
    with pytest.raises(NbinspectError, match="this view is closed"):
        view.next()
    assert "x" in repr(view)
    gone = weakref.ref(view)
    del view
    gc.collect()
    assert gone() is None


def test_a_model_variable_that_was_rebound_is_noticed():
    """When the notebook's variable means another model, the view says that it shows the old one; and takes it back."""
    shell = InteractiveShell.instance()
    try:
        model = shell.user_ns["net"] = Net()
        view = inspector(model=model).batch()
        shell.run_cell("1", silent=True)
        assert view.status["stale"] is None
        shell.user_ns["net"] = Net()
        shell.events.trigger("post_run_cell", None)
        assert "net is another object now" in view.status["stale"]
        shell.user_ns["net"] = model
        shell.events.trigger("post_run_cell", None)
        assert view.status["stale"] is None
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize("where", ["class_names", "error", "column"])
def test_hostile_text_is_escaped_in_the_static_page(where):
    """A class name, an error or a column name that looks like HTML is shown as text."""

    class Raises(nn.Module):
        def forward(self, x):
            raise ValueError(HOSTILE)

    options = {
        "class_names": {"class_names": [HOSTILE, "x" * 10_000] * 5},
        "error": {"model": Raises()},
        "column": {"loader": [{HOSTILE: torch.rand(2, 3), "y": torch.tensor([0, 1])}], "model": nn.Linear(3, 2)},
    }[where]
    html = inspector(**options).batch()._repr_mimebundle_()["text/html"]
    assert "<img src=x" not in html
    assert len(html) < 1_000_000


def test_a_class_index_without_a_name_is_named_as_such():
    """A label beyond the class names is shown with its index and that it is outside."""
    view = inspector(class_names=["zero", "one"]).batch()
    assert view.shown["labels"]["text"][:2] == ["zero", "one"]
    assert "outside" in view.shown["labels"]["text"][7]


def test_an_unknown_decoder_is_refused_before_anything_is_read():
    """A decoder name that does not exist is refused with the names that do."""
    with pytest.raises(InputError, match="image"):
        inspector().batch(decoder="imgae")


LARGE = [(1, 3, 4096, 4096), (2, 1000, 16, 16), (512, 3, 64, 64)]


@pytest.mark.parametrize("shape", LARGE)
def test_large_batches_never_cross_whole(shape):
    """However large the batch, the page gets at most 16 MB of it."""
    view = inspector(model=nn.Identity(), loader=[(torch.rand(shape), torch.zeros(shape[0], dtype=torch.long))]).batch()

    def size(part):
        if isinstance(part, memoryview):
            return part.nbytes
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        return sum(map(size, parts))

    assert 0 < size(view.shown) < 16e6


def test_figure_frame_and_text_work_without_a_page():
    """A figure, a DataFrame of the statistics and a text summary are there without any page."""
    view = inspector().batch()
    assert view.figure().axes
    frame = view.to_frame()
    assert frame.shape[0] == 2
    assert "float32 (8, 1, 8, 8)" in str(view)


def test_work_asked_for_from_another_thread_runs_between_cells():
    """A request that touches the model waits for the event loop of the cells; looking is answered at once."""
    import asyncio

    ran = []

    async def cell():
        view = inspector().batch()
        view.send = lambda content, buffers=None: ran.append((content["id"], threading.current_thread()))

        def clicks():
            view._handle_custom_msg({"id": "work", "method": "next", "params": {}}, [])
            view._handle_custom_msg({"id": "look", "method": "sample", "params": {"name": "x", "sample": 0}}, [])

        thread = threading.Thread(target=clicks)
        thread.start()
        thread.join()
        assert [name for name, _ in ran] == ["look"]
        assert view.status["state"] == "waiting"
        assert view.record.indices == tuple(range(8))
        await asyncio.sleep(0)
        assert ran[1] == ("work", threading.main_thread())
        assert view.record.indices == tuple(range(8, 16))

    asyncio.run(cell())


def test_features_are_named_in_table_and_statistics():
    """The names of features stand in the table and beside their statistics; other tensors keep their positions."""
    names = ["age", "income", HOSTILE]
    view = Inspector(nn.Linear(3, 2), [(torch.rand(4, 3), torch.arange(4))], feature_names=names).batch()
    assert view.shown["inputs"][0]["features"] == names
    assert view.shown["batch"]["tensors"][0]["statistics"]["names"] == names
    assert "income" in str(view)


def test_a_sound_without_a_rate_is_not_played_at_a_guessed_one(ask):
    """Asked to play a waveform whose rate is unknown, the view says which argument gives it; with it, a WAV comes."""
    waves = [(torch.randn(2, 8000) * 0.1, torch.arange(2))]
    silent = Inspector(nn.Linear(8000, 2), waves).batch(decoder="audio")
    assert "sample_rate" in ask(silent, "sound", name="input", sample=0)[0]["error"]
    view = Inspector(nn.Linear(8000, 2), waves, sample_rate=8000).batch()
    answer, buffers = ask(view, "sound", name="input", sample=0)
    assert bytes(buffers[answer["payload"]["wav"]["buffer"]])[:4] == b"RIFF"


def test_names_that_fit_no_input_are_said_to():
    """Feature names of another count than any input's features are left out, and a note says so."""
    view = Inspector(nn.Linear(3, 2), [(torch.rand(4, 3), torch.arange(4))], feature_names=["a", "b"]).batch()
    assert view.shown["inputs"][0]["features"] == ["feature 0", "feature 1", "feature 2"]
    assert "no input has 2 features" in view.shown["notes"][0]


def test_a_picked_sample_belongs_to_the_batch_that_is_shown():
    """Another batch lets go of the picked position; the same samples again, and predictions, keep it."""
    loader = DataLoader(TensorDataset(torch.rand(12, 3), torch.arange(12) % 2), batch_size=4)
    view = Inspector(nn.Linear(3, 2), loader, nn.CrossEntropyLoss(), val_loader=loader).batch()
    assert view.sample is None
    view.sample = 2
    view.again()
    view.predict()
    assert view.sample == 2
    for change in (view.next, lambda: view.switch("validation"), lambda: view.fetch([3, 1])):
        view.sample = 1
        change()
        assert view.sample is None
    assert view.record.indices == (3, 1)


def test_a_failure_of_the_following_is_told_and_training_goes_on(monkeypatch):
    """Where a batch cannot be noted while the user trains, the step is as without a view, which says why."""
    bare, model, loss_fn = Net(), Net(), nn.CrossEntropyLoss()
    model.load_state_dict(bare.state_dict())
    view = Inspector(model, iter([]), loss_fn).batch()

    def short_of_memory(*_, **__):
        raise torch.OutOfMemoryError(f"tried to allocate {HOSTILE}")

    monkeypatch.setattr("nbinspect.capture.follow.build", short_of_memory)
    x, y = torch.rand(4, 1, 8, 8), torch.arange(4)
    for each in (bare, model):
        torch.manual_seed(3)
        loss_fn(each(x), y).backward()
    for one, other in zip(bare.parameters(), model.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    assert all(torch.equal(one, other) for one, other in zip(bare.buffers(), model.buffers(), strict=True))
    assert view.status["state"] == "error"
    assert "step 1: this batch cannot be shown: OutOfMemoryError: tried to allocate" in view.status["text"]
    assert HOSTILE not in view._html()


def test_a_batch_with_time_first_is_looked_at_and_predicted_by_sample():
    """With batch_axis=1 the view has each sample's own values, label, prediction and loss, and its index."""

    class Series(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(3, 5), nn.Linear(5, 4)

        def forward(self, x):
            return self.head(self.rnn(x)[0][-1])

    def collate(samples):
        return torch.stack([x for x, _ in samples], 1), torch.stack([y for _, y in samples])

    model, data = Series(), TensorDataset(torch.randn(20, 12, 3), torch.arange(20) % 4)
    loader = DataLoader(data, batch_size=8, collate_fn=collate)
    view = Inspector(model, loader, nn.CrossEntropyLoss(), batch_axis=1).batch()
    view.next()
    assert view.record.size == 8
    assert view.record.indices == tuple(range(8, 16))
    assert view.record.tensors[0].facts.shape == (12, 8, 3)
    view.predict()
    for n, index in enumerate(view.record.indices):
        x, y = data[index]
        np.testing.assert_array_equal(view._sample("x", n)["values"], x.numpy())
        with torch.no_grad():
            logits = model(x[:, None])
        assert view.decoded.labels.text[n] == str(int(y))
        assert view.decoded.predictions.text[n].split()[0] == str(int(logits.argmax()))
        assert view.decoded.losses[n] == pytest.approx(nn.functional.cross_entropy(logits, y[None]).item(), rel=1e-5)
    assert view.decoded.notes == ()
