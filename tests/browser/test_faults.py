from __future__ import annotations

import itertools
import re
import statistics
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import time
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from nbinspect import Inspector

class Samples(Dataset):
    seconds = 0.0

    def __len__(self):
        return 24

    def __getitem__(self, index):
        return torch.full((4,), float(index)), index // 8

def collated(samples):
    time.sleep(Samples.seconds)
    return torch.utils.data.default_collate(samples)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(Samples(), batch_size=8, collate_fn=collated)
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, val_loader=loader)
"""
OPEN = "view = inspector.batch()\nview"
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
SLOW = "view._browser.close()\nSamples.seconds = {}"
"""Slow from now on: workers that run already know of no change."""


class Batches:
    """What a person sees of a batch view; the label of all samples is the number of their batch."""

    def __init__(self, notebook: Any) -> None:
        self.root: Locator = notebook.output(1).locator(".nbinspect").first
        self.next = self.root.get_by_role("button", name=re.compile("^Next batch"))
        self.told = self.root.get_by_role("alert")

    def shows(self, number: int) -> None:
        """The batch of this number is shown, and nothing is waited for."""
        expect(self.root).to_contain_text(f"Sample 0 · label {number}")
        expect(self.root.locator(".nb-progress")).to_be_hidden()
        expect(self.next).to_be_enabled()


def opened(lab: Any) -> tuple[Any, Batches]:
    """A notebook that shows a batch view."""
    notebook = lab.open(PRELUDE, OPEN)
    notebook.run()
    view = Batches(notebook)
    view.shows(0)
    return notebook, view


def test_no_click_is_lost_with_the_network_and_the_page(lab: Any) -> None:
    """A click without a network is answered when there is one again, and a page that is reloaded has its live view."""
    notebook, view = opened(lab)
    page = notebook.page
    told = page.locator(".jp-Dialog")  # JupyterLab's own word on the server, where it asks it in the meantime
    page.add_locator_handler(told, lambda dialog: dialog.locator(".jp-Dialog-footer button").last.click())
    page.context.set_offline(True)
    page.evaluate(f"() => {KERNEL}._ws.close()")
    view.next.click()
    expect(view.root).to_contain_text("waiting for the kernel")
    page.context.set_offline(False)
    page.evaluate(f"() => void {KERNEL}.reconnect()")
    view.shows(1)

    page.remove_locator_handler(told)
    notebook.reload()
    view.shows(1)
    view.next.click()
    view.shows(2)
    lab.wrong[:] = [line for line in lab.wrong if "ERR_INTERNET_DISCONNECTED" not in line]


def test_a_view_outlives_the_kernel_of_its_cell(lab: Any) -> None:
    """After a restart a view can be read, a click says that it cannot be sent, and its cell shows a new one."""
    notebook, view = opened(lab)
    notebook.page.evaluate(f"async () => {{ await {KERNEL}.restart(); }}")
    view.shows(0)
    view.next.click()
    expect(view.told).to_contain_text("was restarted")
    view.shows(0)
    notebook.run()
    view.shows(0)
    expect(view.told).to_have_count(0)
    view.next.click()
    view.shows(1)


def test_a_restart_ends_what_a_view_waits_for(lab: Any) -> None:
    """A view whose click was under way when the kernel was restarted waits no longer, and says why."""
    notebook, view = opened(lab)
    notebook.execute(SLOW.format(60))
    view.next.click()
    expect(view.root).to_contain_text("reads the next batch")
    notebook.page.evaluate(f"async () => {{ await {KERNEL}.restart(); }}")
    expect(view.root.locator(".nb-progress")).to_be_hidden(timeout=3000)
    expect(view.told).to_contain_text("kernel")


def test_an_interrupt_in_the_middle_of_a_views_work_leaves_it_at_work(lab: Any) -> None:
    """Interrupt kernel ends what a click has a view do; the view says so, and does the next thing asked."""
    notebook, view = opened(lab)
    page = notebook.page
    notebook.execute(SLOW.format(60))
    view.next.click()
    expect(view.root).to_contain_text("reads the next batch")
    page.evaluate("() => jupyterapp.commands.execute('notebook:interrupt-kernel')")
    expect(view.root).to_contain_text("interrupted")
    notebook.execute(SLOW.format(0))
    view.next.click()
    view.shows(0)


ROUNDS, KINDS = 7, 8
# A view; of the heap, a browser keeps each module that a view was loaded from.
LIMITS = {"Nodes": 4, "JSEventListeners": 2, "JSHeapUsedSize": 1e6}
MANY = """
from IPython.display import display
opens = (inspector.batch, lambda: inspector.batch(follow=True), inspector.forward, inspector.sanity, inspector.data)
views = [each() for each in (*opens, inspector.dynamics, inspector.dashboard, inspector.batch)]
for each in views:
    display(each)
"""
LEFT = """
import gc
from ipywidgets.widgets.widget import _instances
for each in views:
    each.close()
del each, views
gc.collect()
shell = get_ipython()
print(len(_instances), len(shell.kernel.comm_manager.comms), len(shell.events.callbacks['post_run_cell']))
"""


def test_fifty_views_leave_nothing_in_the_page(lab: Any, record_property: Any) -> None:
    """Of 56 views of every kind that were shown and closed the page keeps their code alone, and the kernel nothing."""
    notebook = lab.open(PRELUDE, MANY)
    found, left = [], []
    for _ in range(ROUNDS):
        notebook.run()
        shown = notebook.output(1).locator(".jp-OutputArea-child")
        expect(shown).to_have_count(KINDS)
        for place in range(KINDS):
            expect(shown.nth(place).locator(".nbinspect, .nr-dashboard").first).to_be_visible()
        left.append([int(number) for number in notebook.execute(LEFT).split()])
        found.append(metrics(notebook.page))
    record_property("page", found)
    record_property("kernel", left)
    # what a view leaves comes with every round; JupyterLab's own comes once, and a browser lets go late at times
    for name, limit in LIMITS.items():
        grown = [(after[name] - before[name]) / KINDS for before, after in itertools.pairwise(found)]
        assert statistics.median(grown) < limit, name
    widgets, comms, callbacks = (last - first for first, last in zip(left[0], left[-1], strict=True))
    assert max(widgets, comms) < ROUNDS, "a dashboard may leave the widget of its layout"
    assert callbacks == 0


def metrics(page: Page) -> dict[str, int]:
    """What the page holds after a collection of garbage."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: int(one["value"]) for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {name: told[name] for name in LIMITS}
