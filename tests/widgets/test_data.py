from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nbinspect import Inspector
from nbinspect.data.query.matching import QueryError
from nbinspect.errors import CaptureError, InputError, LoaderError, NbinspectError
from tests.data.records_of_data import HOSTILE

pytestmark = pytest.mark.slow


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 4))

    def forward(self, x):
        return self.body(x)


def pictures(count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.rand(count, 1, 8, 8, generator=generator), torch.arange(count) % 4)


def inspector(data=None, **options):
    loader = options.pop("loader", None) or DataLoader(data or pictures(), batch_size=8)
    names = options.pop("class_names", ["cat", "dog", HOSTILE, "bird"])
    return Inspector(options.pop("model", Net()), loader, nn.CrossEntropyLoss(), class_names=names, **options)


def values(packed, buffers=None):
    data = packed["data"] if buffers is None else buffers[packed["buffer"]]
    return np.frombuffer(data, packed["dtype"]).reshape(packed["shape"])


def asked(ask, view, method, **params):
    answer, buffers = ask(view, method, **params)
    assert answer["ok"], answer
    return answer["payload"], buffers


def test_opened_in_a_script_the_data_is_scanned():
    """The page knows the data set, its columns, findings and counts, and the first histogram."""
    view = inspector(val_loader=DataLoader(pictures(12, 1), batch_size=4)).data()
    told = view.dataset
    assert (told["scanned"], told["total"], told["complete"], told["splits"]) == (40, 40, True, ["train", "validation"])
    assert told["columns"][0]["name"] == "index"
    assert told["columns"][-1]["name"] == "mark"
    (label,) = (column for column in told["columns"] if column["name"] == "label")
    assert label["words"] == ["cat", "dog", HOSTILE, "bird"]
    assert told["findings"]
    assert all("groups" not in finding or finding["groups"] == [] for finding in told["findings"])
    assert view.view["histogram"]["column"] == "label"
    assert values(view.view["histogram"]["all"]).tolist() == [10] * 4
    assert view.status["state"] == "idle"


def test_everything_sent_is_json_and_bytes():
    """What goes to the page is JSON once the bytes are taken out, also with NaN in the data."""
    data = pictures()
    data.tensors[0][3, 0, 2, 2] = float("nan")
    view = inspector(data).data()
    view.predict()
    view.map()
    for trait in (view.dataset, view.view, view.status):
        json.dumps(trait, default=lambda part: None if isinstance(part, memoryview) else 1 / 0, allow_nan=False)


def test_rows_are_asked_for_in_windows(ask):
    """The page gets a window of rows in their order, each cell a text; never all rows."""
    view = inspector().data()
    asked(ask, view, "sort", column="index", descending=True)
    payload, buffers = asked(ask, view, "rows", start=2, count=3)
    assert values(payload["rows"], buffers).tolist() == [37, 36, 35]
    assert [cells[0] for cells in payload["cells"]] == ["37", "36", "35"]
    at = payload["columns"].index("label")
    assert [cells[at] for cells in payload["cells"]] == ["dog", "cat", "bird"]
    assert not {"rows", "cells"} & set(view.view)
    one, _ = asked(ask, view, "row", row=36)
    assert (one["position"], one["columns"], one["cells"]) == (3, payload["columns"], payload["cells"][1])


def test_filter_brush_sort_and_group_are_answered_at_once(ask):
    """Each changes what is shown, together, and the page is told."""
    view = inspector().data()
    asked(ask, view, "filter", query="index >= 8")
    asked(ask, view, "brush", column="label", words=["cat", HOSTILE])
    asked(ask, view, "sort", column="mean", descending=True)
    asked(ask, view, "group", column="label")
    told = view.view
    assert (told["count"], told["total"]) == (16, 40)
    assert [(group["word"], group["count"]) for group in told["groups"]] == [("cat", 8), (HOSTILE, 8)]
    assert told["histogram"]["brush"] == ["cat", HOSTILE]
    assert values(told["histogram"]["shown"]).tolist() == [8, 0, 8, 0]
    asked(ask, view, "histogram", column="mean")
    assert (view.view["brush"], view.view["count"]) == (None, 32)
    asked(ask, view, "brush", column="index", low=10, high=12)
    assert view.view["count"] == 3
    asked(ask, view, "brush", column=None)
    assert view.view["count"] == 32


def test_a_query_that_cannot_be_read_is_explained_in_place(ask):
    """The error is in the answer and beside the query; what was shown stays, and code is not run."""
    view = inspector().data()
    asked(ask, view, "filter", query="index < 5")
    answer, _ = ask(view, "filter", query="@__import__('os').system('true')")
    assert not answer["ok"]
    assert view.view["queryError"]
    assert view.view["count"] == 5
    asked(ask, view, "filter", query="")
    assert (view.view["queryError"], view.view["count"]) == (None, 40)


def test_points_and_maps_are_drawn(ask):
    """Two columns or a map give points with rows, places, colours, and which of them are shown."""
    data = pictures()
    data.tensors[0][0] = float("nan")
    view = inspector(data).data()
    asked(ask, view, "scatter", x="mean", y="std", colour="label")
    asked(ask, view, "filter", query="index < 4")
    drawn = view.view["scatter"]
    assert values(drawn["rows"]).tolist() == list(range(1, 40))
    assert np.flatnonzero(values(drawn["shown"])).tolist() == [0, 1, 2]
    np.testing.assert_allclose(values(drawn["xs"]), view.to_frame()["mean"][1:], rtol=1e-6)
    assert (drawn["words"][2], values(drawn["codes"])[:4].tolist()) == (HOSTILE, [1, 2, 3, 0])
    asked(ask, view, "scatter", map="pca", colour=None)
    assert "PCA" in view.view["scatter"]["title"]
    answer, _ = ask(view, "scatter", x="mean", y="sdt")
    assert "did you mean 'std'" in answer["error"]


def test_selected_and_marked_samples_are_a_table_and_a_subset(ask):
    """What is selected on the page is a DataFrame in Python, and what is excluded is left out of a subset."""
    view = inspector().data()
    asked(ask, view, "select", rows=[3, 9])
    asked(ask, view, "select", rows=[9, 11], mode="toggle")
    assert view.selected_indices == [3, 11]
    assert view.selected["label"].tolist() == ["bird", "bird"]
    asked(ask, view, "mark", mark="excluded")
    assert view.dataset["marks"] == {"suspicious": 0, "excluded": 2}
    assert len(view.subset()) == 38
    asked(ask, view, "filter", query="index < 6")
    asked(ask, view, "select", all=True)
    assert view.view["selectedCount"] == 6
    asked(ask, view, "select", none=True)
    assert view.selected.empty
    view.mark(None, [3])
    assert view.indices() == [n for n in range(40) if n != 11]


def test_samples_are_sent_as_the_batch_view_shows_them(ask):
    """Rows that are seen are fetched again and decoded, with their labels and predictions."""
    view = inspector().data()
    view.predict()
    payload, buffers = asked(ask, view, "samples", rows=[5, 2])
    assert values(payload["rows"], buffers).tolist() == [5, 2]
    exact = values(payload["batch"]["inputs"][0]["exact"], buffers)
    np.testing.assert_array_equal(exact, pictures().tensors[0][[5, 2]].numpy())
    assert payload["batch"]["labels"]["text"] == ["dog", HOSTILE]
    assert payload["batch"]["predictions"]["text"][0] in ("cat", "dog", HOSTILE, "bird")
    assert payload["errors"] == {}


def test_a_sample_that_is_torn_is_told_in_its_place(ask):
    """A sample that raises is counted with its error, in the scan and when it is asked for."""

    class Torn(Dataset):
        broken = False

        def __len__(self):
            return 12

        def __getitem__(self, index):
            if index == 4 or (self.broken and index == 5):
                raise OSError("torn file")
            return torch.rand(1, 8, 8), index % 4

    data = Torn()
    view = inspector(loader=DataLoader(data, batch_size=4)).data()
    assert (view.dataset["failed"], view.dataset["failures"][0]["index"]) == (1, 4)
    assert view.record.rows == 11
    data.broken = True
    payload, _ = asked(ask, view, "samples", rows=[4, 5])
    assert "torn file" in payload["errors"]["4"]
    assert payload["batch"]["labels"]["text"] == [HOSTILE]


def test_splits_are_switched_and_compared(ask):
    """The other split is looked at with its own query and marks, and a column is counted in both."""
    view = inspector(val_loader=DataLoader(pictures(12, 1), batch_size=4)).data()
    asked(ask, view, "filter", query="index < 5")
    asked(ask, view, "split", name="validation")
    assert (view.dataset["split"], view.view["count"]) == ("validation", 12)
    payload, buffers = asked(ask, view, "compare", column="label")
    assert values(payload["train"], buffers).tolist() == [10] * 4
    assert values(payload["validation"], buffers).tolist() == [3] * 4
    view.switch("train")
    assert view.view["count"] == 5
    answer, _ = ask(inspector().data(), "split", name="validation")
    assert "no validation loader" in answer["error"]


def test_work_on_the_network_is_asked_for_by_clicks(ask):
    """Predictions, and what follows of them, come as records."""
    model = Net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    view = inspector(model=model, val_loader=DataLoader(pictures(12, 1), batch_size=4)).data()
    asked(ask, view, "predict")
    assert view.dataset["predicted"]
    assert view.view["sort"] == {"column": "loss", "descending": True}
    payload, buffers = asked(ask, view, "confusion")
    assert values(payload["counts"], buffers).sum() == 40
    assert asked(ask, view, "slices")[0]["samples"] == 40
    assert asked(ask, view, "outputs")[0]["histograms"][0]["samples"] == 40
    assert asked(ask, view, "nearest", row=3)[0]["split"] == "train"
    assert asked(ask, view, "decompose")[0]["levels"][1]["name"] == "validation"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


def test_work_that_fails_is_told_and_the_view_goes_on(ask):
    """The reason is in the answer and in the status, and the next request is served."""
    view = inspector().data()
    answer, _ = ask(view, "confusion")
    assert "predict first" in answer["error"]
    assert (view.status["state"], view.status["work"]) == ("error", None)
    asked(ask, view, "rows", start=0, count=1)
    asked(ask, view, "samples", rows=[0])
    answer, _ = ask(view, "samples", rows=[99])
    assert not answer["ok"]
    assert view.status["state"] == "idle"


def test_a_person_labels_samples(ask):
    """Questions are asked one by one without their labels, and answers are compared with these."""
    view = inspector().data()
    answer, _ = ask(view, "human_next")
    assert "start" in answer["error"]
    begun, _ = asked(ask, view, "human", n=3)
    assert begun["words"][2] == HOSTILE
    for place in range(3):
        question, _ = asked(ask, view, "human_next")
        assert question["place"] == place
        asked(ask, view, "human_answer", row=question["row"], label=question["row"] % 4, seconds=1.5)
        if place == 0:
            asked(ask, view, "human_undo")
            asked(ask, view, "human_answer", row=question["row"], label=question["row"] % 4, seconds=1.5)
    answer, _ = ask(view, "human_answer", row=0, label=0, seconds=1)
    assert "not what is asked" in answer["error"]
    assert asked(ask, view, "human_next")[0] == {}
    assert asked(ask, view, "human_result")[0]["accuracy"] == 1


def test_what_a_person_answered_comes_to_a_result():
    """In Python the result is that of the answers, and before there are any samples it is refused."""
    view = inspector().data()
    with pytest.raises(InputError, match="start the human baseline first"):
        view.human_result()
    samples = view.human(4)
    for wrong in (0, 0, 0, 1):
        samples.answer((samples.next().row + wrong) % 4)
    found = view.human_result()
    assert (found.samples, found.accuracy, found.network) == (4, 0.75, None)


class Interrupting(Dataset):
    """Its thirtieth sample interrupts the process that scans, as Ctrl-C does."""

    def __init__(self):
        self.scanning = os.getpid()

    def __len__(self):
        return 400

    def __getitem__(self, index):
        if index == 30:
            os.kill(self.scanning, signal.SIGINT)
        return torch.full((64,), float(index)), index % 4


def test_an_interrupt_in_a_script_leaves_the_view():
    """Ctrl-C ends the first scan, and the view is there with what was scanned and says so."""
    view = inspector(Interrupting()).data()
    assert 0 < view.record.rows < 400
    assert not view.record.complete
    assert "the scan was interrupted" in repr(view)
    assert view.status["text"] == "interrupted: what was found stands"
    assert (view.record.findings, len(view.filter("label == 'cat'"))) != ((), 0)


def test_labelling_goes_on_where_a_person_stopped(ask, tmp_path):
    """Asked for alike, or begun with a file in Python, the questions go on after the last answer."""
    view = inspector().data()
    for start, expected in [({"n": 4}, 0), ({"n": 4}, 1), ({"n": 5}, 0)]:
        assert asked(ask, view, "human", **start)[0]["answered"] == expected
        question, _ = asked(ask, view, "human_next")
        asked(ask, view, "human_answer", row=question["row"], label=0)
    view.human(6, path=tmp_path / "answers.jsonl").answer(1)
    begun, _ = asked(ask, view, "human", n=50)
    assert (begun["answered"], begun["total"]) == (1, 6)
    assert inspector().data().human(6, path=tmp_path / "answers.jsonl").answered == 1


def test_csv_and_groups_are_sent(ask):
    """What is shown is a file for download, and the rows of a finding stand in their groups."""
    data = pictures()
    data.tensors[0][7] = data.tensors[0][3]
    view = inspector(data).data()
    payload, _ = asked(ask, view, "groups", kind="duplicates")
    assert payload["groups"] == [[3, 7]]
    asked(ask, view, "filter", query="index < 2")
    payload, _ = asked(ask, view, "csv")
    assert payload["name"] == "TensorDataset-train.csv"
    assert len(payload["text"].splitlines()) == 3


def test_the_table_is_returned_as_it_is_shown(tmp_path):
    """Filter and sort return what is shown, and a mistake in either changes nothing."""
    view = inspector().data()
    assert view.filter("label == 'dog'").index.tolist() == list(range(1, 40, 4))
    assert view.sort("index", descending=True).index.tolist() == list(range(37, 0, -4))
    with pytest.raises(QueryError):
        view.filter("label ==")
    with pytest.raises(InputError, match="did you mean 'index'"):
        view.sort("inde")
    assert view.view["count"] == 10
    assert len(pd.read_csv(view.to_csv(tmp_path / "dogs.csv"))) == 10


def test_in_a_notebook_the_scan_runs_between_cells():
    """Opening does not wait for the scan; a cell that needs the record waits for its end."""

    async def notebook():
        view = inspector().data()
        assert view.dataset is None
        while view.dataset is None or view.status["state"] == "busy":
            await asyncio.sleep(0.01)
        other = inspector().data()
        assert other.record.rows == 40
        return view

    assert asyncio.run(notebook()).dataset["complete"]


def test_a_scan_is_cancelled_by_a_click(ask):
    """A cancel that arrives between two batches ends the scan, and what was scanned is shown."""

    class Slow(Dataset):
        def __len__(self):
            return 1200

        def __getitem__(self, index):
            return torch.rand(1, 8, 8), index % 4

    async def notebook():
        view = inspector(loader=DataLoader(Slow(), batch_size=4)).data()
        while not (view.status["done"] or 0) > 0:
            await asyncio.sleep(0)
        answer, _ = ask(view, "cancel")
        assert answer["ok"]
        while view.status["state"] == "busy":
            await asyncio.sleep(0.01)
        return view

    view = asyncio.run(notebook())
    assert 0 < view.dataset["scanned"] < 1200
    assert not view.dataset["complete"]
    assert view.scan().complete


def test_a_loader_that_fails_is_shown_and_not_raised():
    """Opening on a loader that cannot be read says so in the view; what needs a record says why there is none."""
    view = inspector(loader=iter([1])).data()
    assert view.status["state"] == "error"
    with pytest.raises(NbinspectError, match=r"nothing was scanned yet: .*iterator"):
        view.to_frame()
    assert "iterator" in repr(view)
    waiting = inspector().data(scan=False)
    assert (waiting.dataset, waiting.status["state"]) == (None, "idle")
    with pytest.raises(NbinspectError, match=r"call scan\(\) first"):
        waiting.filter("index > 3")
    assert waiting.scan().rows == 40


def test_what_fails_in_python_is_raised():
    """A network that raises, or a loader that can no longer be read, is raised where the work was asked for."""
    view = inspector(model=nn.Linear(7, 4)).data()
    with pytest.raises(CaptureError, match="forward raised"):
        view.predict()
    view.explorer.subject.loader.dataset.tensors = ()
    with pytest.raises(LoaderError):
        view.scan()
    assert view.record.rows == 40


def test_frozen_the_page_stays_and_the_view_is_closed():
    """A frozen view is a static page without scripts; after it each method says that the view is closed."""
    shell = InteractiveShell.instance()
    try:
        view = inspector().data()
        bundle = view._repr_mimebundle_()
        assert HOSTILE not in bundle["text/html"]
        assert "<script" not in bundle["text/html"]
        view.freeze()
        assert view.status["state"] == "closed"
        for method in (view.scan, view.to_frame, view.predict, view.confusion):
            with pytest.raises(NbinspectError, match="closed"):
                method()
    finally:
        shell.run_cell("1")
        InteractiveShell.clear_instance()


def test_a_closed_view_lets_go_of_everything():
    """Nothing keeps a view, its model or its data alive after it is closed."""
    model = Net()
    view = inspector(model=model).data()
    view.close()
    gone = weakref.ref(model)
    del view, model
    gc.collect()
    assert gone() is None


def test_a_name_that_means_another_model_is_told():
    """When a notebook variable is given another model, the view says that it shows the old one."""
    shell = InteractiveShell.instance()
    try:
        model = Net()
        shell.user_ns["net"] = model
        view = inspector(model=model).data()
        shell.user_ns["net"] = Net()
        shell.run_cell("1")
        assert "net is another object now" in view.status["stale"]
        view.close()
    finally:
        InteractiveShell.clear_instance()


def test_nothing_of_the_user_is_changed():
    """Random states, the loader's generator, weights, modes and hooks are as before, after scan and prediction."""
    generator, model = torch.Generator().manual_seed(3), Net()
    loader = DataLoader(pictures(), batch_size=8, shuffle=True, generator=generator)
    opened = inspector(loader=loader, model=model)
    before = torch.get_rng_state(), generator.get_state(), *model.state_dict().values()
    before = [value.clone() for value in before]
    view = opened.data()
    view.predict()
    view.figure()
    repr(view)
    after = torch.get_rng_state(), generator.get_state(), *model.state_dict().values()
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_work_in_one_go_is_cancelled_by_a_click_on_another_thread(ask):
    """A cancel that arrives while models are fitted ends the work without an answer, and the view goes on."""
    view = inspector(pictures(400)).data()

    def click(change):
        if change["new"].get("work") == "baselines":
            clicking = threading.Thread(target=view.cancel)
            clicking.start()
            clicking.join(10)

    view.observe(click, "status")
    answer, _ = ask(view, "baselines")
    view.unobserve(click, "status")
    assert "cancelled" in answer["error"]
    assert (view.status["state"], view.status["work"]) == ("idle", None)
    assert asked(ask, view, "rows", start=0, count=1)[0]["cells"]


def test_a_page_that_was_displayed_before_the_scan_is_made_anew_after_a_cell(capsys):
    """What was displayed empty shows the data once the next cell has ended, and is left alone after that."""
    shell = InteractiveShell.instance()
    try:
        view = inspector().data(scan=False)
        view._ipython_display_()
        assert "40 samples" not in view._desk.html()
        view.scan()
        capsys.readouterr()
        shell.run_cell("1")
        assert "40 samples" in capsys.readouterr().out
        view.mark("excluded", [3])
        shell.run_cell("1")
        assert "40 samples" not in capsys.readouterr().out
        view.close()
        assert "1 excluded" in view._desk.html()
    finally:
        InteractiveShell.clear_instance()
