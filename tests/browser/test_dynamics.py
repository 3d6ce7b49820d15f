from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import time
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from nbinspect import Inspector, Recorder

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
hostile = "<img src=x onerror=alert(1)>"

def program(rate=0.03):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(512, 10)
    )
    return model, torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)

model, optimizer = program()
loader = DataLoader(TensorDataset(images[:1200], labels[:1200]), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(images[1200:], labels[1200:]), batch_size=300)
loss_fn = nn.CrossEntropyLoss()
names = [hostile, *"123456789"]
inspector = Inspector(model, loader, loss_fn, optimizer=optimizer, val_loader=val_loader, class_names=names)
losses = []

def train(epochs=3, until=lambda: False, model=model, optimizer=optimizer):
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if until():
                return
"""
OPEN = "view = inspector.dynamics('stratified', budget=0.5)\nview"


class View:
    """What a person sees of the dynamics view in one cell's output."""

    def __init__(self, notebook: Any, cell: int = 1) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nbinspect")
        expect(self.root).to_be_visible()
        self.live = self.root.locator(".nd-live")
        self.chip = self.root.locator(".nd-header .nd-chip")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(name))

    def step(self) -> int:
        """The step that the header shows."""
        return int(re.sub(r"\D", "", self.chip.inner_text()) or 0)

    def expect_more_steps(self) -> None:
        """Steps go on on the page."""
        before = self.chip.inner_text()
        expect(self.chip).not_to_have_text(before, timeout=60_000)


def opened(lab: Any, *code: str, **options: str) -> View:
    """A notebook that has shown the view; the cells after it are not run yet."""
    notebook = lab.open(PRELUDE, OPEN, *code, **options)
    return View(started(notebook))


def started(notebook: Any) -> Any:
    notebook.start()
    return notebook


def steered(view: View) -> None:
    """Pause a running training, change its rate, make one step, let it go on, pin, and stop it: by clicks."""
    view.expect_more_steps()
    expect(view.live).to_contain_text("on", timeout=60_000)
    view.button("Pause").click()
    expect(view.button("Resume")).to_be_visible(timeout=60_000)
    at = view.step()
    view.root.get_by_role("textbox", name="Learning rate").fill("0.003")
    view.button("Apply").click()
    expect(view.root).to_contain_text("0.03 → 0.003", timeout=60_000)
    view.button("Step").click()
    expect(view.chip).to_contain_text(f"{at + 1:,}", timeout=60_000)
    view.button("Pin").click()
    expect(view.root).to_contain_text(f"pinned step {at + 1:,}", timeout=60_000)
    view.button("Resume").click()
    view.expect_more_steps()
    view.button("Stop").click()
    expect(view.button("Stop")).to_be_disabled(timeout=60_000)


@pytest.mark.parametrize("version", ["current", "7.3.0"])
def test_a_plain_loop_is_steered_while_its_cell_runs(lab: Any, version: str) -> None:
    """Clicks pause, step, change the rate, pin and stop a plain loop in a running cell; the loop is not edited."""
    view = opened(lab, "with view:\n    train(10**9)", kernel=version)
    steered(view)
    assert view.notebook.execute("print(optimizer.param_groups[0]['lr'])") == "0.003"
    assert (
        view.notebook.execute("print(view.record.steps == len(losses) or view.record.steps == len(losses) + 1)")
        == "True"
    )


def test_training_on_its_own_thread_is_steered_on_an_old_kernel(lab: Any) -> None:
    """On ipykernel 6 the same clicks steer a run on a thread of its own."""
    view = opened(lab, "run = view.run_in_background(lambda: train(10**9))", kernel="6.31.0")
    steered(view)
    told = view.notebook.execute("run.wait(60); print(optimizer.param_groups[0]['lr'], run.running)")
    assert told == "0.003 False"


def test_where_clicks_do_not_arrive_the_page_says_so(lab: Any) -> None:
    """In a plain loop on ipykernel 6 the page says that clicks wait and what to use, and the pause is greyed out."""
    view = opened(lab, "with view:\n    train(10**9)", kernel="6.31.0")
    view.expect_more_steps()
    expect(view.root).to_contain_text("run_in_background")
    expect(view.button("Pause")).to_be_disabled()


def test_history_is_scrubbed_without_a_kernel_that_answers(lab: Any) -> None:
    """While a cell is busy and after a run, scrubbing, sorting and looking at a sample need no answer of the kernel."""
    view = opened(lab, "with view:\n    train(6)\ntime.sleep(20)")
    expect(view.chip).to_contain_text("228", timeout=60_000)
    slider = view.root.get_by_role("slider", name=re.compile("[Ss]tep|[Mm]oment|[Rr]eading"))
    slider.focus()
    view.page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"\b0\b"))
    grid = view.root.get_by_role("grid")
    grid.get_by_role("gridcell").nth(2).click()
    expect(view.root.get_by_role("region", name=re.compile("[Ss]ample|[Tt]rajectory"))).to_be_visible()
    expect(view.root).to_contain_text("<img src=x onerror=alert(1)>")


def test_a_reload_brings_the_history_back(lab: Any) -> None:
    """After the page is reloaded the run is there from its first step."""
    view = opened(lab, "with view:\n    train(4)")
    expect(view.chip).to_contain_text("152", timeout=60_000)
    view.notebook.reload()
    again = View(view.notebook)
    expect(again.chip).to_contain_text("152", timeout=60_000)
    expect(again.root.get_by_role("gridcell").first).to_be_visible()


def test_what_was_chosen_outlives_the_end_of_a_run(lab: Any) -> None:
    """When a run ends its output is drawn anew, still live, with scrubber, sorting and sample as they were chosen."""
    waiting = "while not os.path.exists('go'):\n        time.sleep(0.05)"
    notebook = lab.open(PRELUDE, OPEN, f"import os\nwith view:\n    train(6)\n    {waiting}")
    view = View(started(notebook))
    expect(view.chip).to_contain_text(re.compile("2[0-9]{2}"), timeout=60_000)  # as far as it was told
    before = view.root.element_handle()
    slider = view.root.get_by_role("slider", name=re.compile("[Rr]eading"))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"of ([2-9]|\d\d)"))
    slider.focus()
    view.page.keyboard.press("Home")
    view.root.get_by_role("combobox", name="Sort").select_option("loss")
    view.root.get_by_role("grid").get_by_role("gridcell").nth(2).click()
    (lab.server.home / "notebooks" / "go").touch()
    view.page.wait_for_function("one => !one.isConnected", arg=before)
    expect(view.chip).to_contain_text("228")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"step 0,"))
    expect(view.root.get_by_role("combobox", name="Sort")).to_have_value("loss")
    expect(view.root.get_by_role("region", name=re.compile("[Ss]ample|[Tt]rajectory"))).to_be_visible()
    notebook.execute("with view:\n    train(1)")
    expect(view.chip).to_contain_text("266")
    view.page.wait_for_function("one => !one.parentNode", arg=before)


def test_two_views_show_one_run(lab: Any) -> None:
    """The same view shown in two cells moves in both."""
    notebook = lab.open(PRELUDE, OPEN, "view", "with view:\n    train(3)")
    notebook.run()
    for cell in (1, 2):
        expect(View(notebook, cell).chip).to_contain_text("114", timeout=60_000)


def test_a_run_elsewhere_is_followed(lab: Any) -> None:
    """A run that a recorder writes from another process is shown as it goes, and where it ended."""
    write = "import subprocess, sys\nopen('trainer.py', 'w').write(code)\n"
    script = f"{write}subprocess.run([sys.executable, 'trainer.py'], check=True)"
    body = PRELUDE + "\nwith Recorder('runs/a', inspector):\n    train(4)\n"
    follow = "followed = inspector.dynamics(follow='runs/a')\nfollowed"
    notebook = lab.open(PRELUDE, follow, f"code = {body!r}\n{script}")
    notebook.run()
    view = View(notebook)
    expect(view.chip).to_contain_text("152", timeout=60_000)
    expect(view.root).to_contain_text("ended at step 152", timeout=60_000)
    expect(view.root.get_by_role("gridcell").first).to_be_visible()


def test_it_looks_right(lab: Any) -> None:
    """A picture of a run whose rate was multiplied by thirty, for people to look at, in both themes and narrow."""
    code = "with view:\n    train(8)\n    optimizer.param_groups[0]['lr'] *= 30\n    train(8)"
    notebook = lab.open(PRELUDE.replace("hostile, *", "'0', *"), OPEN, code)
    notebook.run()
    view = View(notebook)
    expect(view.chip).to_contain_text("608", timeout=120_000)
    for theme in ("dark", "light"):
        notebook.theme(theme)
        view.page.set_viewport_size({"width": 1500, "height": 1100})
        notebook.screenshot(f"dynamics-{theme}", view.root)
        view.page.set_viewport_size({"width": 900, "height": 1100})
        notebook.screenshot(f"dynamics-{theme}-narrow", view.root)
