from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import threading
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from nbinspect import Inspector

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images[:64], dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target[:64])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))

model = Net()
before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
inspector = Inspector(model, [(images, labels)], nn.CrossEntropyLoss())
"""
UNCHANGED = "print(all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()))"


class View:
    """What a person sees of the forward view in one cell's output."""

    def __init__(self, notebook: Any, cell: int = -1) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nbinspect")
        self.tree = self.root.get_by_role("tree", name="Steps")
        self.current = self.tree.locator("[aria-current=step]")
        self.line = self.root.locator(".nf-coderow[aria-current=step] code")
        self.tensor = self.root.get_by_role("region", name="Tensor")
        self.effect = self.root.locator(".nf-effect")
        self.said = self.root.locator(".nf-said")
        expect(self.root).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(f"^(⟲ )?{name}"))

    def drag(self, canvas: Locator, start: tuple[int, int], end: tuple[int, int], size: int) -> None:
        """Draw a rectangle from the middle of one pixel to that of another, (row, column) of a square picture."""
        box = canvas.bounding_box()
        assert box
        places = [
            (box["x"] + (column + 0.5) / size * box["width"], box["y"] + (row + 0.5) / size * box["height"])
            for row, column in (start, end)
        ]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        self.page.mouse.move(*places[1], steps=4)
        self.page.mouse.up()

    def expect_at(self, what: str, shape: str, line: str) -> None:
        """The cursor is at a step, its shape is shown, and its line of the source is marked."""
        expect(self.current).to_contain_text(what)
        expect(self.tensor).to_contain_text(shape)
        expect(self.line).to_have_text(line)


def opened(lab: Any, code: str = "view = inspector.forward()\nview", **options: str) -> View:
    """A notebook that shows what `code` makes."""
    notebook = lab.open(PRELUDE, code, **options)
    notebook.run()
    return View(notebook)


FIRST, SECOND, LAST = (
    "x = F.relu(self.conv1(x))",
    "x = F.max_pool2d(F.relu(self.conv2(x)), 2)",
    "return self.fc(x.flatten(1))",
)


def test_over_into_out_and_back(lab: Any, kernel: str) -> None:
    """Clicks and keys of a debugger move the cursor, the marked line and the tensor, on each ipykernel."""
    view = opened(lab, kernel=kernel)
    view.button("Over").click()
    view.expect_at("Conv2d", "(64, 8, 8, 8)", FIRST)
    view.button("Over").click()
    view.expect_at("F.relu", "(64, 8, 8, 8)", FIRST)
    view.page.keyboard.press("F11")
    view.expect_at("F.conv2d", "(64, 16, 8, 8)", SECOND)
    view.page.keyboard.press("Shift+F11")
    view.expect_at("Conv2d", "(64, 16, 8, 8)", SECOND)
    view.page.keyboard.press("F10")
    view.expect_at("F.relu", "(64, 16, 8, 8)", SECOND)
    view.page.keyboard.press("F5")
    expect(view.root.locator(".nf-where")).to_contain_text("finished")
    view.button("Restart").click()
    expect(view.root.locator(".nf-where")).to_contain_text("ready")
    assert view.notebook.execute(UNCHANGED) == "True"


def test_quick_clicks_are_all_followed(lab: Any) -> None:
    """Four clicks on Over, one at the heels of the other, are four steps."""
    view = opened(lab)
    view.button("Over").evaluate("button => { for (let i = 0; i < 4; i++) button.click(); }")
    view.expect_at("F.relu", "(64, 16, 8, 8)", SECOND)


def test_the_notebook_is_free_while_the_pass_is_suspended(lab: Any) -> None:
    """Cells run while a pass waits at the cursor: `view.tensor` is the tensor shown, a step from a cell is shown."""
    view = opened(lab)
    view.button("Over").click()
    view.expect_at("Conv2d", "(64, 8, 8, 8)", FIRST)
    assert view.notebook.execute("print(torch.equal(view.tensor, model.conv1(images)))") == "True"
    view.notebook.execute("step = view.over()")
    view.expect_at("F.relu", "(64, 8, 8, 8)", FIRST)


def test_a_condition_stops_the_pass(lab: Any) -> None:
    """Break on non-finite stops where NaN is made, says so, and Continue goes on to the end."""
    view = opened(
        lab, "with torch.no_grad():\n    model.conv2.bias[3] = float('nan')\nview = inspector.forward()\nview"
    )
    view.button("Break on").click()
    condition = view.root.get_by_role("checkbox", name="NaN or infinite values")
    condition.click()
    expect(condition).to_be_checked()
    view.page.keyboard.press("Escape")
    view.button("Continue").click()
    view.expect_at("F.conv2d", "(64, 16, 8, 8)", SECOND)
    expect(view.said).to_contain_text("4,096 NaN of 65,536 values")
    view.button("Continue").click()
    expect(view.root.locator(".nf-where")).to_contain_text("finished")


def test_a_line_stops_the_pass(lab: Any) -> None:
    """A click on a line's number sets a breakpoint there, which the next click removes."""
    view = opened(lab)
    gutter = view.root.locator(".nf-coderow", has_text="return self.fc").get_by_role("button")
    gutter.click()
    expect(gutter).to_have_attribute("aria-pressed", "true")
    view.button("Continue").click()
    view.expect_at("Tensor.flatten", "(64, 256)", LAST)
    gutter.click()
    expect(gutter).to_have_attribute("aria-pressed", "false")
    view.button("Continue").click()
    expect(view.root.locator(".nf-where")).to_contain_text("finished")


def test_a_tensor_is_replaced_and_the_pass_goes_on(lab: Any) -> None:
    """Zero this, then Continue: the effect on loss and predictions is that of a forward with that activation zero."""
    view = opened(lab)
    for _ in range(2):
        view.button("Over").click()
    view.expect_at("F.relu", "(64, 8, 8, 8)", FIRST)
    view.button("Zero this").click()
    view.button("Continue").click()
    expect(view.effect).to_contain_text("predictions change")
    told = view.notebook.execute(
        """
with torch.no_grad():
    logits = model.fc(F.max_pool2d(F.relu(model.conv2(torch.zeros(64, 8, 8, 8))), 2).flatten(1))
    print(f"{int((logits.argmax(1) != model(images).argmax(1)).sum())} of 64 predictions change")"""
    )
    expect(view.effect).to_contain_text(told)
    assert view.notebook.execute(UNCHANGED) == "True"


def test_the_input_is_edited_and_the_pass_resumed(lab: Any) -> None:
    """A rectangle drawn on the input and set to zero begins the pass again with it; the user's batch is unchanged."""
    view = opened(lab)
    view.notebook.execute("kept = images.clone()")
    view.tree.get_by_role("treeitem", name=re.compile("^input")).click()
    view.drag(view.tensor.locator(".nf-maps canvas").first, (2, 1), (5, 6), 8)
    view.root.get_by_role("button", name="Zero", exact=True).click()
    expect(view.root).to_contain_text("input edited")
    view.button("Continue").click()
    expect(view.effect).to_contain_text("predictions change")
    told = view.notebook.execute(
        """
edited = kept.clone()
edited[0, :, 2:6, 1:7] = 0
print(torch.equal(kept, images), torch.equal(view.stepper.runs.batches.current[0], edited))"""
    )
    assert told == "True True"
    expect(view.tree.locator(".nf-moved").first).to_be_visible()


def test_a_token_is_changed(lab: Any) -> None:
    """A click on a token of the input and a number put another token in its place, in that sample alone."""
    tokens = """
class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.EmbeddingBag(50, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, ids):
        return self.fc(self.embedding(ids))

ids = torch.randint(50, (5, 6))
view = Inspector(Bag(), [(ids, torch.arange(5) % 3)], nn.CrossEntropyLoss()).forward()
view"""
    view = opened(lab, tokens)
    view.tree.get_by_role("treeitem", name=re.compile("^input")).click()
    plane = view.tensor.locator("canvas").first
    box = plane.bounding_box()
    assert box
    plane.click(position={"x": box["width"] * 3.5 / 6, "y": box["height"] * 1.5 / 5})
    view.root.get_by_label("New value").fill("42")
    view.root.get_by_role("button", name="Set", exact=True).click()
    expect(view.root).to_contain_text("input edited")
    told = view.notebook.execute(
        "edited = ids.clone(); edited[1, 3] = 42; print(torch.equal(view.stepper.runs.batches.current[0], edited))"
    )
    assert told == "True"


def test_a_unit_is_traced_to_the_input(lab: Any) -> None:
    """A click on a unit of a feature map tells its value, the samples that excite its channel, and its window."""
    view = opened(lab)
    view.button("Over").click()
    view.expect_at("Conv2d", "(64, 8, 8, 8)", FIRST)
    plane = view.tensor.locator(".nf-maps canvas").nth(2)
    box = plane.bounding_box()
    assert box
    plane.click(position={"x": box["width"] * 4.5 / 8, "y": box["height"] * 3.5 / 8})
    channel = view.root.get_by_role("group", name="channel 2")
    expect(channel).to_contain_text("unit (3, 4) =")
    excited = view.notebook.execute("print(view.tensor[:, 2].flatten(1).max(1).values.argmax().item())")
    expect(channel.locator(".nf-sample").first).to_have_accessible_name(re.compile(f"^Sample {excited},"))
    channel.get_by_role("button", name="Receptive field").click()
    expect(channel).to_contain_text("rows 2–4 and columns 3–5 of the input")


def test_the_same_step_is_compared_with_another_pass(lab: Any) -> None:
    """Compared with eval mode, a step shows the difference; so it does with what it was before a training step."""
    view = opened(
        lab, "model.fc = nn.Sequential(nn.Dropout(0.9), nn.Linear(256, 10))\nview = inspector.forward()\nview"
    )
    for _ in range(3):
        view.button("Over").click()
    compare = view.root.get_by_label("Compare with")
    view.root.get_by_role("button", name="Keep", exact=True).click()
    view.notebook.execute("with torch.no_grad(): model.conv2.bias += 1")
    view.button("Restart").click()
    for _ in range(3):
        view.button("Over").click()
    view.expect_at("Conv2d", "(64, 16, 8, 8)", SECOND)
    compare.select_option("before")
    expect(view.tensor).to_contain_text("the parameters kept before")
    assert float(view.notebook.execute("print(view.look(compare='before').planes.mean().round(4))")) == 1.0


def test_a_forward_that_never_returns_is_stopped(lab: Any) -> None:
    """A loop without end leaves the kernel free; Stop ends it, and the view says so."""
    endless = """
class Endless(nn.Module):
    def forward(self, x):
        x = x * 2
        while not go.is_set():
            pass
        return x + 1

go = threading.Event()
go.set()
view = Inspector(Endless(), [(images, labels)]).forward()
go.clear()
view"""
    view = opened(lab, endless)
    view.button("Over").click()
    expect(view.tensor).to_contain_text("(64, 1, 8, 8)")
    view.button("Continue").click()
    expect(view.root.locator(".nf-where")).to_contain_text("running")
    assert view.notebook.execute("print(6 * 7)") == "42"
    view.root.get_by_role("button", name="Stop").click()
    expect(view.root.locator(".nf-where")).to_contain_text("stopped")
    assert view.notebook.execute("print([t.name for t in threading.enumerate() if t.name == 'nbinspect-pass'])") == "[]"


def test_a_forward_that_fails_is_explained(lab: Any) -> None:
    """The failing line is marked, with the shapes that did not fit, and nothing is raised in the notebook."""
    view = opened(lab, "model.fc = nn.Linear(128, 10)\nview = inspector.forward()\nview")
    view.button("Continue").click()
    failing = view.root.locator(".nf-coderow[data-tone=bad]")
    expect(failing).to_contain_text(LAST)
    expect(failing).to_contain_text("256")
    expect(failing).to_contain_text("128")


def test_names_from_the_model_are_text(lab: Any) -> None:
    """A class and an exception with markup in their names are shown, not run."""
    hostile = """
name = "<img src=x onerror=document.body.dataset.hacked=1>"
Evil = type(name, (nn.Module,), {"forward": lambda self, x: x * 2})
model = nn.Sequential(Evil())
view = Inspector(model, [(images, labels)]).forward()
view"""
    view = opened(lab, hostile)
    view.button("Continue").click()
    expect(view.tree).to_contain_text("<img src=x")
    assert view.page.locator("body").get_attribute("data-hacked") is None


def test_pictures_for_people(lab: Any) -> None:
    """The view looks as it should in both themes; its pictures are kept to be looked at."""
    view = opened(lab, "with torch.no_grad():\n    model.conv2.bias[:6] = -2\nview = inspector.forward()\nview")
    view.notebook.execute("step = view.run_to('Tensor.flatten'); step = view.back(); step = view.back()")
    view.notebook.execute("view.gradients()")
    expect(view.root).to_contain_text("dead")
    for theme in ("dark", "light"):
        view.notebook.theme(theme)
        view.notebook.screenshot(f"forward-{theme}", view.root)


def test_a_frozen_view_is_a_page(lab: Any) -> None:
    """`freeze` leaves the steps and the figure in the notebook, without scripts."""
    notebook = lab.open(PRELUDE, "view = inspector.forward()\nview", "view.freeze()")
    notebook.run()
    frozen = notebook.output(1)
    expect(frozen).to_contain_text("F.max_pool2d")
    expect(frozen.locator(".nbinspect")).to_have_count(0)
    expect(frozen.locator("img").first).to_be_visible()
