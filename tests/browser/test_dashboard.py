from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from nbinspect import Inspector

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loader = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(images[1400:], labels[1400:]), batch_size=32)
names = ["<img src=x onerror=alert(1)>", *"123456789"]
options = dict(optimizer=optimizer, val_loader=val_loader, class_names=names)
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), **options)
"""
IN_SIGHT = """row => {
    const [own, list] = [row, row.closest('[role=listbox]')].map(part => part.getBoundingClientRect());
    return own.top >= list.top && own.bottom <= list.bottom;
}"""
TRAIN = """
def train():
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""


class View:
    """What a person sees of a dashboard in one cell's output."""

    def __init__(self, notebook: Any, cell: int = 1) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nr-dashboard")
        expect(self.root).to_be_visible()
        self.tabs = self.root.get_by_role("tablist", name="Rooms")
        self.strip = self.root.get_by_role("region", name="Selected sample")

    def go(self, name: str, inside: str) -> Locator:
        """Click a tab, and return the view that opens in its room."""
        tab = self.tabs.get_by_role("tab", name=re.compile(name))
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        return self.room(name, inside)

    def room(self, name: str, inside: str) -> Locator:
        """The part `inside` of the view that is open in a room, once it is there."""
        view = self.root.get_by_role("tabpanel", name=re.compile(name)).locator(".nbinspect").first
        expect(view.locator(inside).first).to_be_visible(timeout=60_000)
        return view

    def carry(self, name: str) -> None:
        self.strip.get_by_role("button", name=name, exact=True).click()
        expect(self.tabs.get_by_role("tab", name=re.compile(name))).to_have_attribute("aria-selected", "true")

    def told(self, what: str) -> Any:
        return json.loads(self.notebook.execute(f"import json; print(json.dumps(inspector.dashboard().{what}))"))


def opened(lab: Any, *code: str, prelude: str = PRELUDE, **options: str) -> View:
    notebook = lab.open(prelude, "inspector", *code, **options)
    notebook.run()
    return View(notebook)


def test_a_person_goes_through_the_rooms(lab: Any) -> None:
    """Nothing runs before a room is opened, each opens on its first click and is kept, and the recipe ticks itself."""
    view = opened(lab)
    assert view.notebook.execute("print(list(inspector.dashboard().views))") == "[]"
    expect(view.root).to_contain_text("0 of 24")
    places = {
        "Data": ".ne-toolbar",
        "Batch": "[role=gridcell]",
        "Forward": "[role=tree]",
        "Sanity": "[role=option]",
    }
    for name, inside in places.items():
        view.go(name, inside)
    view.go("Dynamics", "button")
    expect(view.tabs.get_by_role("tab", name=re.compile("Data"))).to_contain_text("1,797 samples", timeout=60_000)
    expect(view.tabs.get_by_role("tab", name=re.compile("Batch"))).to_contain_text("32 samples")
    view.go("Batch", "[role=gridcell]")
    assert view.root.locator(".nr-pane .nbinspect").count() == 5
    view.tabs.get_by_role("tab", name=re.compile("Recipe")).click()
    step = view.root.get_by_role("listitem").filter(has_text="See the batch exactly")
    expect(step).to_contain_text("32 samples shown")
    for theme in ("dark", "light"):
        view.notebook.theme(theme)
        view.notebook.screenshot(f"dashboard-{theme}", view.root)


def test_one_sample_is_carried_through_all_rooms(lab: Any) -> None:
    """A sample that is clicked in the batch goes into the forward pass, to the run, and to its row in the data."""
    view = opened(lab, TRAIN)
    batch = view.go("Batch", "[role=gridcell]")
    batch.get_by_role("gridcell").nth(5).click()
    expect(view.strip).to_contain_text("label")
    index = view.told("sample")["index"]
    assert index == int(view.notebook.execute("print(inspector.dashboard().views['batch'].record.indices[5])"))
    expect(view.strip).to_contain_text(str(index))
    view.notebook.screenshot("dashboard-batch", view.root)
    view.carry("Forward")
    forward = view.room("Forward", "[role=tree]")
    expect(forward).to_contain_text(re.compile("sample 5|Sample 5|5 of 32|5/32"))
    view.notebook.screenshot("dashboard-forward", view.root)
    view.carry("Dynamics")
    view.notebook.execute("with inspector.dashboard().views['dynamics']: train()")
    dynamics = view.room("Dynamics", "[role=gridcell]")
    assert (
        view.notebook.execute(
            "run = inspector.dashboard().views['dynamics']\n"
            "print(run.record.probes[0].batch.batch.indices[0], run.sample, run.probe)"
        )
        == f"{index} 0 0"
    )
    expect(dynamics.get_by_role("gridcell", selected=True).first).to_be_visible()
    view.notebook.screenshot("dashboard-dynamics", view.root)
    view.go("Data", ".ne-toolbar")
    expect(view.tabs.get_by_role("tab", name=re.compile("Data"))).to_contain_text("1,797 samples", timeout=60_000)
    view.carry("Data")
    row = int(view.notebook.execute("print(inspector.dashboard().views['data'].sample)"))
    assert row == index  # all of the training split, in ascending order
    data = view.room("Data", ".ne-toolbar")
    expect(data).to_contain_text(re.compile(rf"\b{index}\b"))
    view.notebook.screenshot("dashboard-data", view.root)


def test_a_row_of_the_data_comes_into_the_batch(lab: Any) -> None:
    """A sample that is opened in the explorer is, by a click, the first of a batch of the same size."""
    view = opened(lab)
    data = view.go("Data", ".ne-toolbar")
    expect(view.tabs.get_by_role("tab", name=re.compile("Data"))).to_contain_text("1,797 samples", timeout=60_000)
    data.get_by_role("grid").get_by_role("row").nth(4).dblclick()
    expect(view.strip.get_by_role("button", name="Batch", exact=True)).to_be_visible()
    index = view.told("sample")["index"]
    view.carry("Batch")
    batch = view.room("Batch", "[role=gridcell]")
    expect(batch.get_by_role("gridcell", selected=True)).to_have_count(1)
    shown = view.notebook.execute(
        "batch = inspector.dashboard().views['batch']; at = batch.record.indices\n"
        "print(at[batch.sample], len(at), torch.equal(batch.holding.batch[0][batch.sample], images[at[batch.sample]]))"
    )
    assert shown == f"{index} 32 True"
    view.strip.get_by_role("button", name="Let go of this sample").click()
    expect(view.strip.get_by_role("button", name="Forward", exact=True)).to_be_hidden()
    assert view.told("sample") is None


def test_the_suggested_step_is_run_by_its_button(lab: Any) -> None:
    """The button on top does what it says, the step is ticked, and a defect that is found is what comes next."""
    softmax = "\nmodel.append(nn.Softmax(1))"
    view = opened(lab, prelude=PRELUDE + softmax)
    view.root.get_by_role("button", name=re.compile("Scan the data")).first.click()
    expect(view.tabs.get_by_role("tab", name=re.compile("Data"))).to_contain_text("1,797 samples", timeout=60_000)
    view.tabs.get_by_role("tab", name=re.compile("Recipe")).click()
    step = view.root.get_by_role("listitem").filter(has_text="Make loss, targets and outputs")
    step.get_by_role("button", name=re.compile("Run these checks")).click()
    expect(view.tabs.get_by_role("tab", name=re.compile("Sanity"))).to_contain_text("1 failed", timeout=60_000)
    looked = view.room("Sanity", "[role=option]").get_by_role("option", selected=True)
    expect(looked).to_have_attribute("data-check", "loss-input")
    view.notebook.page.wait_for_function(IN_SIGHT, arg=looked.element_handle())
    view.tabs.get_by_role("tab", name=re.compile("Recipe")).click()
    expect(view.root).to_contain_text("Mend first")
    expect(step).to_contain_text(re.compile("[Ss]oftmax"))
    view.notebook.screenshot("dashboard-recipe", view.root)


def test_another_model_is_noticed_and_inspected_instead(lab: Any) -> None:
    """When the notebook's model is rebound the dashboard says so, and one click inspects the new one."""
    view = opened(lab)
    view.go("Batch", "[role=gridcell]")
    view.notebook.execute("model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))")
    notice = view.root.get_by_text("model is another object now").first
    expect(notice).to_be_visible()
    view.root.get_by_role("button", name=re.compile("[Ii]nspect the new")).click()
    expect(view.root.get_by_text("model is another object now")).to_have_count(0)
    assert (
        view.notebook.execute("print(inspector.subject.model is model, list(inspector.dashboard().views))") == "True []"
    )
    batch = view.go("Batch", "[role=gridcell]")
    expect(batch).to_be_visible()


def test_two_dashboards_stand_side_by_side_and_one_is_closed(lab: Any) -> None:
    """Each has views of its own; a closed one leaves its static page, and the other goes on."""
    second = "other = Inspector(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), loader, nn.CrossEntropyLoss())\nother"
    view = opened(lab, second)
    beside = View(view.notebook, 2)
    view.go("Batch", "[role=gridcell]")
    beside.go("Batch", "[role=gridcell]")
    assert view.root.locator(".nr-pane .nbinspect").count() == 1
    view.notebook.execute("inspector.dashboard().close()")
    page = view.notebook.output(1)
    expect(page.locator(".nbinspect-page").first).to_be_visible()
    expect(page).to_contain_text("Know the data")
    expect(page.locator(".nbinspect-batch")).to_be_visible()
    expect(page.locator(".nr-dashboard")).to_have_count(0)
    view.notebook.screenshot("dashboard-static", page)
    beside.go("Forward", "[role=tree]")
    view.notebook.execute("other.dashboard().views['batch'].close()")
    expect(beside.tabs.get_by_role("tab", name=re.compile("Batch"))).not_to_contain_text("32 samples")
    beside.go("Batch", "[role=gridcell]")
