from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from nbinspect import Inspector

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
hostile = "<img src=x onerror=alert(1)>"
x, y, val_x, val_y = images[:1400], labels[:1400], images[1400:], labels[1400:]
x = torch.cat([x, x[20:32], val_x[:5]])  # 12 copies, and 5 samples of the other split
y = torch.cat([y, y[20:32], val_y[:5]])

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(val_x, val_y), batch_size=256)
for _ in range(2):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(a), b).backward()
        optimizer.step()
names = [hostile, *"123456789"]
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), val_loader=val_loader, class_names=names)
"""
OPEN = "explorer = inspector.data()\nexplorer"


class View:
    """What a person sees of the data explorer in one cell's output."""

    def __init__(self, notebook: Any, cell: int = 1) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nbinspect")
        expect(self.root).to_be_visible()
        self.query = self.root.get_by_role("textbox", name="Query")
        self.rows = self.root.get_by_role("grid").get_by_role("row")
        self.shown = self.root.locator(".ne-toolbar, .ne-queryline").get_by_role("status").first

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(name)).first

    def tab(self, name: str) -> None:
        self.root.get_by_role("tab", name=re.compile(name)).click()

    def ask(self, query: str) -> None:
        self.query.fill(query)
        self.query.press("Enter")

    def says(self, text: str | re.Pattern[str], timeout: float = 60_000) -> None:
        expect(self.root).to_contain_text(text, timeout=timeout)


def opened(lab: Any, *code: str, prelude: str = PRELUDE, **options: str) -> View:
    notebook = lab.open(prelude, OPEN, *code, **options)
    notebook.start()
    view = View(notebook)
    view.says(re.compile(r"1,417 samples"))
    return view


def test_what_is_found_can_be_looked_at_marked_and_left_out(lab: Any) -> None:
    """A click on what was found shows those samples; selected and marked they are left out of the subset."""
    view = opened(lab)
    view.button("12 duplicates").click()
    view.says("12 of 1,417")
    assert view.query.input_value() == "duplicate.notna()"
    expect(view.rows.nth(1).locator("canvas, img").first).to_be_visible()
    view.button("[Ss]elect all").click()
    view.button(r"Exclude selected \(12\)").click()
    view.says("12 excluded")
    told = view.notebook.execute(
        "print(len(explorer.subset()), sorted(explorer.selected_indices) == list(range(1400, 1412)))"
    )
    assert told == "1405 True"
    view.query.press("Escape")
    view.says("1,417 samples")
    for theme in ("dark", "light"):
        view.notebook.theme(theme)
        expect(view.root.locator(".ne-scatter canvas").first).to_be_visible()
        view.notebook.screenshot(f"data-{theme}", view.root)


def test_a_query_is_answered_or_explained_and_never_run(lab: Any) -> None:
    """A condition filters, a mistake is explained below the field, and code in it is refused."""
    view = opened(lab)
    view.ask("label == '3' and mean > 0.3")
    count = view.notebook.execute("print(int(((y == 3) & (x.mean((1, 2, 3)) > 0.3)).sum()))")
    view.says(f"{int(count):,} of 1,417")
    view.ask("lable == 3")
    view.says("label")
    expect(view.root.get_by_role("alert").filter(has_text="lable")).to_be_visible()
    view.ask("@__import__('os').system('touch stolen')")
    expect(view.root.get_by_role("alert").filter(has_text="@")).to_be_visible()
    assert view.notebook.execute("import os; print(os.path.exists('stolen'))") == "False"


def test_the_network_is_asked_and_its_mistakes_come_first(lab: Any) -> None:
    """Predict adds the network's columns with the worst first; a cell of the confusion matrix filters."""
    view = opened(lab)
    view.button("^Predict").click()
    view.says("loss", timeout=60_000)
    expect(view.root.get_by_role("columnheader", name=re.compile("loss"))).to_be_visible(timeout=60_000)
    worst = view.notebook.execute(
        "with torch.no_grad(): print(int(nn.functional.cross_entropy(model(x), y, reduction='none').argmax()))"
    )
    expect(view.rows.nth(1)).to_contain_text(f"{int(worst):,}", timeout=60_000)
    expect(view.rows.nth(1)).to_contain_text("✕")
    view.tab("Confusion")
    matrix = view.root.get_by_role("region", name="Confusion", exact=True)
    assert matrix.evaluate("own => own.scrollWidth <= own.clientWidth"), "a long name must not push columns out"
    cell = view.root.locator(".ne-wrong-cell button").first
    expect(cell).to_be_visible(timeout=60_000)
    many = cell.inner_text().removeprefix("✕").strip()
    cell.click()
    view.says(f"{many} of 1,417")
    view.notebook.screenshot("data-confusion", view.root)


def test_a_person_labels_by_keyboard(lab: Any) -> None:
    """Samples are shown without their label and named by keys; the answers reach Python."""
    view = opened(lab)
    view.button("Human baseline").click()
    many = view.root.get_by_role("spinbutton", name="Samples to label")
    many.fill("3")
    view.button("Start|Begin").click()
    asked = view.root.get_by_role("region", name="Human baseline")
    expect(asked.locator("canvas").first).to_be_visible(timeout=60_000)
    for number in range(3):
        expect(asked).to_contain_text(f"{number + 1} of 3")
        expect(asked).not_to_have_attribute("aria-busy", "true")
        view.page.keyboard.press("3")
    view.says("right", timeout=60_000)
    view.notebook.screenshot("data-human", view.root)


SLOW = """
import time
class Slow(Dataset):
    def __len__(self):
        return 1417
    def __getitem__(self, index):
        time.sleep(0.02)
        if index == 7:
            raise ValueError("bad file <b>7</b>")
        return x[index], int(y[index])
inspector = Inspector(model, DataLoader(Slow(), batch_size=16), nn.CrossEntropyLoss())
"""


def test_a_scan_shows_its_progress_and_can_be_cancelled(lab: Any) -> None:
    """While it scans the view shows time left; Cancel keeps what was scanned, with samples that could not be read."""
    notebook = lab.open(PRELUDE + SLOW, OPEN)
    notebook.start()
    view = View(notebook)
    expect(view.root.get_by_role("progressbar")).to_be_visible(timeout=60_000)
    view.says("left", timeout=60_000)
    view.button("Cancel").click()
    expect(view.root.get_by_role("progressbar")).to_be_hidden(timeout=60_000)
    rows, complete = notebook.execute("print(explorer.record.rows, explorer.record.complete)").split()
    assert 0 < int(rows) < 1416
    assert complete == "False"


def test_a_frozen_view_needs_no_scripts(lab: Any) -> None:
    """Frozen, the cell shows pictures and figures of the data without a script, and hostile names as text."""
    view = opened(lab)
    view.notebook.execute("explorer.freeze()")
    page = view.notebook.output(1)
    expect(page).to_contain_text("12 samples equal an earlier one")
    expect(page.locator("img").first).to_be_visible()
    expect(page).to_contain_text("<img src=x")
    assert page.locator("script").count() == 0
