from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.browser

PRELUDE = """
import time
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from nbinspect import Inspector

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images[:512], dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target[:512])
slow = 0.0

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        time.sleep(slow)
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.softmax(self.fc(x.flatten(1)), dim=1)

model = Net()
loader = DataLoader(TensorDataset(images, labels), batch_size=64, shuffle=True)
before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
inspector = Inspector(model, loader, nn.CrossEntropyLoss())
"""
OPEN = "view = inspector.sanity()\nview"
HEALTHY = PRELUDE.replace("F.softmax(self.fc(x.flatten(1)), dim=1)", "self.fc(x.flatten(1))")
DROPOUT = (
    HEALTHY.replace("self.fc(x.", "self.fc(self.drop(x.")
    .replace("flatten(1))", "flatten(1)))")
    .replace("        self.fc =", "        self.drop = nn.Dropout(0.3)\n        self.fc =")
    .replace(
        "nn.CrossEntropyLoss())",
        "nn.CrossEntropyLoss(), optimizer=torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-4))",
    )
)
UNCHANGED = "print(all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items()))"


class View:
    """What a person sees of the sanity view in one cell's output."""

    def __init__(self, notebook: Any, cell: int = -1) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root: Locator = notebook.output(cell).locator(".nbinspect")
        self.card = self.root.get_by_role("region", name="Diagnosis")
        self.evidence = self.root.get_by_role("region", name="Evidence")
        self.list = self.root.get_by_role("listbox", name="Checks")
        self.where = self.root.locator(".ns-where")
        expect(self.root).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=re.compile(f"^{name}"))

    def row(self, name: str) -> Locator:
        return self.list.get_by_role("option", name=re.compile(f"^{name}, "))

    def choose(self, menu: str, item: str) -> None:
        self.button(menu).click()
        self.root.get_by_role("menuitem", name=re.compile(f"^{item}")).click()

    def expect_ended(self) -> None:
        """No checks are running, and some have been."""
        expect(self.where).to_contain_text("checks ·", timeout=120_000)
        expect(self.button("Plain")).to_be_enabled()


def opened(lab: Any, code: str = OPEN, prelude: str = PRELUDE, **options: str) -> View:
    """A notebook that shows what `code` makes."""
    notebook = lab.open(prelude, code, **options)
    notebook.run()
    return View(notebook)


def test_run_all_names_the_cause(lab: Any) -> None:
    """One click runs every check, names the cause with its line and remedy, and leaves the weights unchanged."""
    view = opened(lab)
    expect(view.card).to_contain_text("Nothing has been run yet")
    view.button("Run all").click()
    view.expect_ended()
    expect(view.card).to_contain_text("Softmax before cross-entropy")
    line = PRELUDE[: PRELUDE.index("return F.softmax")].strip("\n").count("\n") + 1
    expect(view.card).to_contain_text(f"notebook cell:{line}")
    left = view.list.get_by_role("option", name=re.compile("not run yet"))
    expect(left).to_have_accessible_name(re.compile("^model-or-data, "))  # the swap, which is no check
    expect(view.row("loss-input")).to_have_attribute("aria-selected", "true")
    expect(view.evidence).to_contain_text("1.461")
    expect(view.evidence.locator("[data-kind=gone]")).to_contain_text("softmax")
    assert view.notebook.execute(UNCHANGED) == "True"
    told = json.loads(view.notebook.execute("import json; print(json.dumps([r.check for r in view.report.results]))"))
    expect(view.list.get_by_role("option")).to_have_count(len(told) + 1)


def test_a_stage_a_check_and_keys(lab: Any) -> None:
    """A stage runs alone, then a check from its row, then by key; answers of before stay."""
    view = opened(lab)
    view.choose("Run stage", "Init")
    view.expect_ended()
    expect(view.row("loss-at-init")).not_to_have_accessible_name(re.compile("not run"))
    expect(view.row("loss-input")).to_have_accessible_name(re.compile("not run yet"))
    view.row("loss-input").click()
    view.row("loss-input").locator(".ns-again").click()
    expect(view.row("loss-input")).to_have_accessible_name(re.compile("failed: probabilities"))
    expect(view.row("loss-at-init")).not_to_have_accessible_name(re.compile("not run"))
    view.row("loss-input").focus()
    view.page.keyboard.press("ArrowDown")
    expect(view.row("loss-target")).to_be_focused()
    view.page.keyboard.press("r")
    expect(view.row("loss-target")).to_have_accessible_name(re.compile("passed"))
    view.page.keyboard.press("Enter")
    expect(view.evidence).to_be_focused()
    assert view.notebook.page.locator(".jp-Notebook .jp-CodeCell").count() == 2, "no shortcut of the notebook's was hit"


def test_cancel_or_interrupt_ends_a_run(lab: Any, kernel: str) -> None:
    """Cancel ends a long run where its message can arrive; where not, the view says to interrupt, and that ends it."""
    view = opened(lab, kernel=kernel)
    view.notebook.execute("slow = 2")
    view.button("Run all").click()
    expect(view.row("nonfinite-data")).to_have_accessible_name(re.compile("passed"))
    expect(view.root.get_by_role("progressbar")).to_be_visible()
    view.button("Cancel").click()
    if kernel.startswith("6"):
        expect(view.where).to_contain_text("use Interrupt kernel")
        view.page.evaluate("() => jupyterapp.commands.execute('notebook:interrupt-kernel')")
    view.expect_ended()
    cut = view.notebook.execute("slow = 0; print(view.report.record.cut)")
    assert cut == ("interrupted" if kernel.startswith("6") else "cancelled")
    expect(view.root).to_contain_text(cut)
    expect(view.row("nonfinite-data")).to_have_accessible_name(re.compile("passed"))
    assert view.notebook.execute(UNCHANGED) == "True"
    view.button("Run all").click()
    expect(view.row("nondeterminism")).to_have_accessible_name(re.compile("passed"), timeout=120_000)


def test_an_interrupt_ends_a_run_from_a_click(lab: Any) -> None:
    """Interrupt kernel ends a run that a click began, keeps what was found, and the kernel lives on."""
    view = opened(lab)
    view.notebook.execute("slow = 2")
    view.button("Run all").click()
    expect(view.row("nonfinite-data")).to_have_accessible_name(re.compile("passed"))
    view.page.evaluate("() => jupyterapp.commands.execute('notebook:interrupt-kernel')")
    view.expect_ended()
    assert view.notebook.execute("print(view.report.record.cut, 6 * 7)") == "interrupted 42"


def test_a_click_waits_for_the_running_cell(lab: Any) -> None:
    """A click while a cell runs says that it waits, and the checks run once the cell has ended."""
    view = opened(lab)
    view.notebook.execute("from pathlib import Path; go = Path('go'); go.unlink(missing_ok=True)")
    view.page.evaluate(
        """code => void jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code })""",
        "while not go.exists(): time.sleep(0.05)",
    )
    view.button("Run all").click()
    expect(view.where).to_contain_text("waits for the running cell to end")
    (lab.server.home / "notebooks" / "go").touch()
    view.expect_ended()
    expect(view.card).to_contain_text("Softmax before cross-entropy")


def test_a_run_from_a_cell_is_on_the_page(lab: Any) -> None:
    """`view.run` in another cell shows its progress on the page, and its results."""
    view = opened(lab)
    view.notebook.execute("report = view.run(only=['data', 'runs'])")
    view.expect_ended()
    expect(view.row("runs")).to_have_accessible_name(re.compile("passed"))
    expect(view.card).to_contain_text("No defect was found by")
    assert view.notebook.execute("print(report is view.report)") == "True"


def test_a_healthy_program_is_told_so(lab: Any) -> None:
    """The healthy twin of the program has no finding, and the card says by how many checks."""
    view = opened(lab, prelude=HEALTHY)
    view.button("Run all").click()
    view.expect_ended()
    answered = view.notebook.execute(
        "print(sum(r.status in ('pass', 'inconclusive', 'waived') for r in view.report.results), view.report.failed)"
    )
    number, failed = answered.split(" ", 1)
    assert failed == "()"
    expect(view.card).to_contain_text(f"No defect was found by {number} checks")


def test_a_report_is_downloaded(lab: Any) -> None:
    """Export gives a file of each kind with the report, made in the page."""
    view = opened(lab, "view = inspector.sanity()\nreport = view.run(only=['runs', 'loss-input'])\nview")
    text = {}
    for item, name in (("HTML", "sanity.html"), ("JSON", "sanity.json"), ("JUnit", "sanity.xml")):
        with view.page.expect_download() as waiting:
            view.choose("Export", item)
        assert waiting.value.suggested_filename == name
        text[item] = waiting.value.path().read_text(encoding="utf-8")
        assert "Softmax before cross-entropy" in text[item]
    page = lab.browser.new_page()
    lab.watch(page)
    page.set_content(text["HTML"])
    expect(page.locator("body")).to_contain_text("✕")
    page.close()


def test_the_remedy_is_copied(lab: Any) -> None:
    """Copy puts the code as it is to be into the clipboard."""
    view = opened(lab, "view = inspector.sanity()\nreport = view.run(only=['loss-input'])\nview")
    view.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view.button("Copy").click()
    expect(view.button("Copied")).to_be_visible()
    copied = view.page.evaluate("() => navigator.clipboard.readText()")
    assert "self.fc(x.flatten(1))" in copied
    assert "softmax" not in copied


def test_names_from_the_program_are_text(lab: Any) -> None:
    """A class, a layer and an exception with markup in their names are shown, not run."""
    hostile = """
name = "<img src=x onerror=document.body.dataset.hacked=1>"

def fails(self, x):
    raise ValueError(name)

Evil = type(name, (nn.Linear,), {"forward": fails})
view = Inspector(nn.Sequential(nn.Flatten(), Evil(64, 10)), loader, nn.CrossEntropyLoss()).sanity()
view"""
    view = opened(lab, hostile)
    view.button("Run all").click()
    view.expect_ended()
    expect(view.root).to_contain_text("<img src=x")
    view.notebook.execute("view.freeze()")
    expect(view.notebook.output(1)).to_contain_text("<img src=x")
    assert view.page.locator("body").get_attribute("data-hacked") is None


def test_plain_and_ordinary_results_are_kept_apart(lab: Any) -> None:
    """The switch turns by key, a plain run says what was off, and each kind's results come back with the switch."""
    view = opened(lab, prelude=DROPOUT)
    switch = view.button("Plain")
    expect(switch).to_have_attribute("aria-pressed", "false")
    view.choose("Run stage", "Wiring")
    view.expect_ended()
    switch.focus()
    view.page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(view.card).to_contain_text("Nothing has been run plain yet")
    view.row("runs").click()
    view.button("Run$").click()
    expect(view.row("runs")).to_have_accessible_name(re.compile("passed"))
    expect(view.root).to_contain_text(re.compile("Plain run · switched off: .*weight decay"))
    expect(view.row("dtype")).to_have_accessible_name(re.compile("not run yet"))
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(view.row("dtype")).to_have_accessible_name(re.compile("passed"))
    expect(view.root.locator(".ns-about")).not_to_contain_text("Plain run")
    kinds = view.notebook.execute("print(view.report.record.plain, view.run(only='runs', plain=True).record.plain)")
    assert kinds == "False True"
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert view.notebook.execute(UNCHANGED) == "True"


def test_which_is_at_fault_is_told_by_a_click(lab: Any) -> None:
    """The button trains copies, shows who is at fault with curves, and can be cancelled; the weights stay unchanged."""
    view = opened(lab, prelude=DROPOUT)
    view.notebook.execute("slow = 0.5")
    view.button("Model or data").click()
    expect(view.where).to_contain_text("training 3 of at most 8")
    expect(view.row("model-or-data")).to_have_accessible_name(re.compile("running"))
    view.button("Cancel").click()
    expect(view.evidence).to_contain_text("It cannot be told")
    expect(view.evidence).to_contain_text("ancelled")
    view.notebook.execute("slow = 0")
    view.button("Run again").click()
    expect(view.where).to_contain_text("training")
    expect(view.where).not_to_contain_text("training", timeout=150_000)
    sentence = view.notebook.execute("print(view.shown.swap.sentence)")
    expect(view.evidence.locator(".ns-finding")).to_have_text(sentence.split(": ")[0])
    expect(view.evidence.get_by_role("img").first).to_be_visible()
    assert view.notebook.execute(UNCHANGED) == "True"
    view.notebook.execute("view.freeze()")
    expect(view.notebook.output(1)).to_contain_text(sentence)


def test_a_cancel_during_a_training_check_keeps_what_was_found(lab: Any) -> None:
    """While a check trains its row counts the steps; Cancel ends it there, and the answers before it stand."""
    view = opened(lab, prelude=DROPOUT)
    view.notebook.execute("slow = 0.2")
    view.row("runs").click()
    view.button("Run$").click()
    expect(view.row("runs")).to_have_accessible_name(re.compile("passed"))
    view.row("updates-not-applied").click()
    view.button("Run$").click()
    expect(view.row("updates-not-applied")).to_contain_text(re.compile("training step|steps"))
    view.button("Cancel").click()
    view.expect_ended()
    assert view.notebook.execute("slow = 0; print(view.report.record.cut)") == "cancelled"
    expect(view.row("updates-not-applied")).to_have_accessible_name(re.compile("skipped: not finished: cancelled"))
    expect(view.row("runs")).to_have_accessible_name(re.compile("passed"))
    assert view.notebook.execute(UNCHANGED) == "True"


def test_pictures_for_people(lab: Any) -> None:
    """The view looks as it should in both themes, wide and narrow; its pictures are kept to be looked at."""
    view = opened(lab)
    view.page.set_viewport_size({"width": 1500, "height": 1900})
    view.button("Run all").click()
    view.expect_ended()
    expect(view.card).to_contain_text("Softmax before cross-entropy")
    for theme in ("dark", "light"):
        view.notebook.theme(theme)
        for width in (1200, 700):
            view.root.evaluate("(root, width) => { root.style.width = `${width}px`; }", width)
            view.row("loss-input").click()
            expect(view.evidence).to_contain_text("1.461")
            assert view.root.evaluate("root => root.scrollWidth - root.clientWidth") == 0
            view.notebook.screenshot(f"sanity-{theme}{'' if width == 1200 else f'-{width}'}", view.root)
            view.row("updates-not-applied").click()
            view.notebook.screenshot(f"sanity-training-{theme}-{width}", view.root)


def test_a_frozen_view_is_a_page(lab: Any) -> None:
    """`freeze` leaves the report in the notebook, without scripts."""
    notebook = lab.open(PRELUDE, OPEN, "report = view.run(only=['runs', 'loss-input'])\nview.freeze()")
    notebook.run()
    frozen = notebook.output(1)
    expect(frozen).to_contain_text("Softmax before cross-entropy")
    expect(frozen.locator(".nbinspect")).to_have_count(0)
