from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PROGRAM = """
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from nbinspect import Inspector

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images[:512], dtype=torch.float32).unsqueeze(1) / 16
images[7] = images[3]
labels = torch.tensor(digits.target[:512])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.softmax(self.fc(x.flatten(1)), dim=1)

model = Net()
loader = DataLoader(TensorDataset(images[:400], labels[:400]), batch_size=64, shuffle=True)
held_out = DataLoader(TensorDataset(images[400:], labels[400:]), batch_size=64)
optimizer = torch.optim.Adam(model.parameters(), 3e-3)
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, val_loader=held_out)
"""
FULL = """
board = inspector.dashboard()
data, batch, forward = (board.open(room) for room in ("data", "batch", "forward"))
sanity, dynamics = (board.open(room) for room in ("sanity", "dynamics"))
data.predict()
batch.predict()
for _ in range(6):
    forward.over()
for stage in ("data", "wiring", "init"):
    sanity.run(stage)
with dynamics:
    for _ in range(4):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
board.select(5)
board.open("recipe")
"""
ROOMS = ("Recipe", "Data", "Batch", "Forward", "Sanity", "Dynamics")
CHECK = """async (root, only) => {
    // The name of a cell or a row says in words what it shows in marks, pictures and columns.
    const rules = { 'label-content-name-mismatch': { enabled: false } };
    const runOnly = only ? { runOnly: only } : {};
    const found = await axe.run(root, { rules, resultTypes: ['violations'], ...runOnly });
    if (![...found.passes, ...found.violations].some(({ id }) => id === 'color-contrast')) return ['no text was seen'];
    return found.violations.flatMap(({ id, nodes }) => nodes.map(node =>
        `${id}: ${node.target.join(' ')} ${node.html.slice(0, 160)} (${node.failureSummary.split('\\n')[1]?.trim()})`));
}"""


def violations(root: Locator, only: list[str] | None = None) -> list[str]:
    """What axe finds wrong in what is shown, each with its rule, one of `only` if given, and its element."""
    found: list[str] = root.evaluate(CHECK, only)
    return found


def entered(root: Locator, room: str) -> Locator:
    """Go to a room by its tab; gives its panel when the view is there."""
    root.get_by_role("tab", name=re.compile(f"^{room}")).click()
    panel = root.get_by_role("tabpanel", name=re.compile(f"^{room}"))
    expect(panel.locator(".nr-recipe, .nbinspect").first).to_be_visible()
    return panel


@pytest.fixture
def board(lab: Any) -> Any:
    """A notebook whose dashboard has every room open, each with something to see in it."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make frontend")
    notebook = lab.open(PROGRAM, FULL, "inspector")
    notebook.reusable = False  # its window has axe in it
    notebook.page.add_script_tag(path=AXE)
    notebook.run()
    return notebook


def test_every_room_has_names_roles_and_contrast(board: Any) -> None:
    """The dashboard and all five views, with real content, in light and dark: axe finds nothing wrong."""
    root = board.output().locator(".nr-dashboard")
    # What is scrolled out of sight, or in a body of no height as JupyterLab's, counts as hidden, and is not looked at.
    board.page.add_style_tag(content="body { overflow: visible !important; }")
    board.page.set_viewport_size({"width": 1500, "height": 3200})
    wrong = []
    for theme, only in (("light", None), ("dark", ["color-contrast"])):  # all else is the same in both
        board.theme(theme)
        for room in ROOMS:
            panel = entered(root, room)
            expect(root).to_be_in_viewport(ratio=1)
            wrong += [f"{theme} {room}: {one}" for one in violations(root, only)]
            if room == "Data" and theme == "light":
                charts = panel.get_by_role("region", name="Charts and findings")
                for tab in charts.get_by_role("tab").all():
                    tab.click()
                    wrong += [f"{tab.inner_text()}: {one}" for one in violations(charts)]
    board.theme("light")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def test_the_keyboard_reaches_everything_and_keeps_its_place(lab: Any) -> None:
    """Rooms are opened, and a sample picked and carried, by keys alone; no redraw loses the focus; nothing moves."""
    notebook = lab.open(PROGRAM, "inspector")
    notebook.page.emulate_media(reduced_motion="reduce")
    notebook.run()
    root, press = notebook.output().locator(".nr-dashboard"), notebook.page.keyboard.press
    root.get_by_role("tab", name="Recipe").focus()
    for key, room in (("ArrowRight", "Data"), ("ArrowRight", "Batch")):
        press(key)
        expect(root.get_by_role("tab", name=re.compile(f"^{room}"))).to_be_focused()
    press("Enter")
    grid = root.get_by_role("grid", name="Samples of the batch")
    expect(grid).to_be_visible()
    expect(root.get_by_role("tab", name=re.compile("^Batch"))).to_be_focused()
    grid.get_by_role("gridcell").first.focus()
    press("ArrowRight")
    press("Enter")
    strip = root.get_by_role("region", name="Selected sample")
    expect(strip).to_contain_text("train")
    expect(grid.get_by_role("gridcell").nth(1)).to_be_focused()
    carry = strip.get_by_role("button", name="Forward")
    carry.focus()
    press("Enter")
    expect(root.get_by_role("tab", name=re.compile("^Forward"))).to_have_attribute("aria-selected", "true")
    expect(root.get_by_role("spinbutton", name="Sample", exact=True)).to_have_value("1")
    expect(carry).to_be_focused()
    release = strip.get_by_role("button", name="Let go of this sample")
    release.focus()
    press("Enter")
    expect(root.get_by_role("tab", name=re.compile("^Forward"))).to_be_focused()
    moving = "root => root.getAnimations({ subtree: true }).filter(one => one.playState === 'running').length"
    assert root.evaluate(moving) == 0
    notebook.page.emulate_media(reduced_motion="no-preference")
