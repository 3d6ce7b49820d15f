from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sklearn.datasets import load_digits

from tests.browser.conftest import Lab, Notebook
from tests.figures.stripped import stripped

pytestmark = pytest.mark.browser

EXPORT = Path(__file__).parents[2] / "notebooks" / "export.py"
SHOTS = Path(__file__).parent / "screenshots"
VIEW = "application/vnd.jupyter.widget-view+json"
CODE = """
import torch
from torch import nn
from sklearn.datasets import load_digits
from nbinspect import Inspector

digits = load_digits()
x, y = torch.tensor(digits.images[:64]).float().unsqueeze(1), torch.tensor(digits.target[:64])
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
Inspector(model, [(x, y)], nn.CrossEntropyLoss(), class_names=["<b>zero</b>", *range(1, 10)]).batch()
"""
RUNS = "</title></style></script><script>window.ran=1</script><img src=x onerror=window.ran=1>"
"""Sets a mark in the page, wherever it is more than text."""
PROGRAM = f"""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from nbinspect import Inspector

digits = load_digits()
x, y = torch.tensor(digits.images[:128]).float().unsqueeze(1) / 16, torch.tensor(digits.target[:128])
HOSTILE = {RUNS!r}
net = type(HOSTILE, (nn.Sequential,), {{}})
torch.manual_seed(0)
model = net(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
loader = DataLoader(TensorDataset(x, y), batch_size=32)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
names = [HOSTILE, *(f"digit {{n}}" for n in range(1, 10))]
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), optimizer=optimizer, class_names=names)
"""
TRAIN = """
dynamics = inspector.dynamics()
with dynamics:
    for _ in range(5):
        for a, b in loader:
            optimizer.zero_grad()
            inspector.subject.loss_fn(model(a), b).backward()
            optimizer.step()
"""
CELLS = [
    PROGRAM,
    "batch = inspector.batch(); batch",
    "data = inspector.data(); data",
    "forward = inspector.forward(); forward",
    "sanity = inspector.sanity(); sanity",
    "sanity.run(only=['runs', 'loss-at-init', 'input-scale']); None",
    TRAIN,
    "dashboard = inspector.dashboard(); dashboard.open('batch'); dashboard",
]
"""Each view is shown by the cell of its name; the last one by the loop that it watches, which shows it by itself."""
FREEZE = "[view.freeze() for view in (dashboard, batch, data, forward, sanity, dynamics)]; None"
KINDS = ("batch", "data", "forward", "sanity", "dynamics", "recipe")


def test_an_exported_page_shows_the_batch_without_scripts(browser: Browser, tmp_path: Path) -> None:
    """With JavaScript off, a page made from a notebook shows pictures, labels and statistics."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "digits.ipynb")
    page_file = tmp_path / "digits.html"
    subprocess.run([sys.executable, str(EXPORT), str(tmp_path / "digits.ipynb"), str(page_file)], check=True)

    context = browser.new_context(java_script_enabled=False, viewport={"width": 1200, "height": 1400})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(page_file.as_uri())
    output = page.locator(".jp-OutputArea-output").last
    pictures = output.locator("img[alt*='label']")
    assert pictures.count() >= 64
    for picture in (pictures.first, pictures.last):
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box
        assert box["width"] > 24
    expect(output).to_contain_text("<b>zero</b>")
    expect(output).to_contain_text("▲ not normalised: std 6")
    expect(output).to_contain_text(f"{load_digits().images[:64].mean():.4g}")
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "export.png")
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def notebook_of(*cells: str) -> nbformat.NotebookNode:
    """A notebook of these cells, not run yet."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

source, live, frozen = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(notebook, extra_arguments=["--log-level=ERROR"])
client.reset_execution_trackers()
with client.setup_kernel():
    for at, cell in enumerate(notebook.cells):
        if cell is notebook.cells[-1]:
            client.set_widgets_metadata()
            nbformat.write(notebook, live)
        client.execute_cell(cell, at)
    client.set_widgets_metadata()
nbformat.write(notebook, frozen)
"""
"""What ``nbconvert --execute`` does, with a copy of what there was before the last cell."""


@pytest.fixture(scope="module")
def executions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every view in a notebook that was run without a page, with the state of widgets; before it froze and after."""
    folder = tmp_path_factory.mktemp("executed")
    files = {name: folder / f"{name}.ipynb" for name in ("views", "live", "frozen")}
    nbformat.write(notebook_of(*CELLS, FREEZE), files["views"])
    subprocess.run([sys.executable, "-c", EXECUTE, *map(str, files.values())], check=True)
    return files


@pytest.fixture(params=["live", "frozen"])
def executed(request: pytest.FixtureRequest, executions: dict[str, Path]) -> tuple[str, Path]:
    """One of both, by its name."""
    return request.param, executions[request.param]


def test_the_command_of_nbconvert_executes_and_shows_the_view(still: BrowserContext, tmp_path: Path) -> None:
    """``nbconvert --execute --to html`` without state makes a page that can be read with JavaScript off."""
    nbformat.write(notebook_of(CODE), tmp_path / "digits.ipynb")
    convert = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "--log-level=ERROR"]
    convert += ["--ExecutePreprocessor.store_widget_state=False"]
    subprocess.run([*convert, str(tmp_path / "digits.ipynb")], check=True)
    looks_whole(opened(still, (tmp_path / "digits.html").read_text(), tmp_path / "page.html"), ("batch",))


@pytest.fixture
def still(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with JavaScript off that reaches nothing but files."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1200, "height": 900}, offline=True)
    yield context
    context.close()


def opened(context: BrowserContext, text: str, file: Path) -> Page:
    """The page that this HTML makes."""
    file.write_text(text, encoding="utf-8")
    page = context.new_page()
    page.goto(file.as_uri())
    return page


def looks_whole(page: Page, kinds: tuple[str, ...]) -> None:
    """Each static page is there, with words, and every picture in it has been decoded and has its width."""
    for kind in kinds:
        shown = page.locator(f".nbinspect-{kind}").first
        expect(shown).to_be_visible()
        assert len(shown.inner_text().split()) > 8, kind
    pictures = page.locator(".nbinspect-page img:visible").evaluate_all(
        "images => images.map(image => [image.complete, image.naturalWidth, image.getBoundingClientRect().width])"
    )
    assert all(complete and natural > 0 and width > 8 for complete, natural, width in pictures)


def without_state(notebook: nbformat.NotebookNode) -> str:
    """The notebook as HTML, with no state of widgets."""
    notebook.metadata.pop("widgets", None)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    return page


def test_executed_without_state_a_page_shows_every_view(
    executed: tuple[str, Path], still: BrowserContext, tmp_path: Path
) -> None:
    """Where the state of widgets was not kept, a page has each view's static form, and needs no JavaScript."""
    name, file = executed
    page = opened(still, without_state(nbformat.read(file, as_version=4)), tmp_path / "page.html")
    looks_whole(page, KINDS)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"nbconvert-{name}.png", full_page=True)


def test_a_page_with_state_runs_nothing_of_its_text(
    executed: tuple[str, Path], browser: Browser, tmp_path: Path
) -> None:
    """With the state of widgets within, hostile names stay text; frozen views can be read, live ones want a library."""
    name, file = executed
    notebook = nbformat.read(file, as_version=4)
    assert notebook.metadata.widgets
    text, _ = HTMLExporter().from_notebook_node(notebook)
    context = browser.new_context(offline=True)
    page = opened(context, text, tmp_path / "page.html")
    page.wait_for_load_state("load")
    assert page.evaluate("window.ran") is None
    if name == "frozen":
        looks_whole(page, KINDS)
    context.close()


def test_what_github_keeps_is_readable(executed: tuple[str, Path], still: BrowserContext, tmp_path: Path) -> None:
    """Without styles, classes and scripts each output has its words, and every picture is its own."""
    name, file = executed
    outputs = [output for cell in nbformat.read(file, as_version=4).cells for output in cell.get("outputs", ())]
    shown = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(shown) >= len(KINDS)
    page = opened(
        still, "<!doctype html><meta charset=utf-8>" + "<hr>".join(map(stripped, shown)), tmp_path / "page.html"
    )
    text = page.locator("body").inner_text()
    for words in ("Batch", "as fed", "Data", "Forward", "steps", "Sanity", "Dynamics", "Probe batch", "✓"):
        assert words in text
    assert RUNS[:30] in text
    assert page.locator("img").count() >= 64
    assert page.locator("body *:not(img)[src], script, style").count() == 0
    page.screenshot(path=SHOTS / f"github-{name}.png", full_page=True)


def as_saved(notebook: Notebook, home: Path) -> nbformat.NotebookNode:
    """The notebook as JupyterLab saves it."""
    name = notebook.page.evaluate(
        """async () => {
            await jupyterapp.commands.execute('docmanager:save');
            return jupyterapp.shell.currentWidget.context.path;
        }"""
    )
    return nbformat.read(home / "notebooks" / name, as_version=4)


@pytest.fixture(scope="module")
def saved(windows: Lab) -> dict[str, nbformat.NotebookNode]:
    """Every view in a notebook that was run and saved in JupyterLab, before they were frozen and after."""
    notebook = windows.open(*CELLS)
    notebook.run()
    live = as_saved(notebook, windows.server.home)
    notebook.execute(FREEZE)
    expect(notebook.page.locator(".jp-Notebook .nbinspect")).to_have_count(0)
    frozen = as_saved(notebook, windows.server.home)
    windows.close(passed=True)
    return {"live": live, "frozen": frozen}


def reopened(lab: Lab, notebook: nbformat.NotebookNode, *, trusted: bool) -> Page:
    """The notebook opened again, as one that is trusted or as one from somebody else."""
    notebook = deepcopy(notebook)
    name = f"reopened-{len(list((lab.server.home / 'notebooks').iterdir()))}.ipynb"
    if not trusted:
        notebook.cells[0].source += "\n# from somebody else"
    nbformat.write(notebook, lab.server.home / "notebooks" / name)
    page = lab.shown(name)
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.ready; }")
    lab.notebooks.append(Notebook(page, True))
    return page


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
@pytest.mark.parametrize("name", ["frozen", "live"])
def test_a_notebook_is_reopened_in_jupyterlab(
    lab: Lab, saved: dict[str, nbformat.NotebookNode], name: str, trusted: bool
) -> None:
    """Frozen it shows every view, trusted or not; live it does where it is not trusted, else it waits for a kernel."""
    page = reopened(lab, saved[name], trusted=trusted)
    outputs = page.locator(".jp-Notebook .jp-OutputArea-output")
    expect(outputs.first).to_be_visible()
    if name == "frozen" or not trusted:
        for words in ("as fed", "128 samples", "Forward", "Sanity", "Probe batch"):
            expect(outputs.filter(has_text=words).first).to_be_visible()
        assert page.locator(".jp-OutputArea-output img[src^='data:image/png']").count() >= 64
        assert page.locator(".jp-OutputArea-output script").count() == 0
    assert page.evaluate("window.ran") is None
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"reopened-{name}-{'trusted' if trusted else 'untrusted'}.png")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file that each view writes, and that a recorder leaves."""
    folder = tmp_path_factory.mktemp("written")
    code = [PROGRAM, TRAIN, "inspector.batch().to_html('batch.html')", "inspector.data().to_html('data.html')"]
    code += ["inspector.forward().to_html('forward.html')", "dynamics.to_html('dynamics.html')"]
    code += [
        "sanity = inspector.sanity()",
        "sanity.run(only=['runs', 'loss-at-init', 'input-scale'])",
        "sanity.to_html('sanity.html')",
    ]
    code += ["inspector.dashboard().to_html('dashboard.html')"]
    code += [
        "from nbinspect.runlog.recorder import Recorder",
        "with Recorder('.', inspector):",
        *TRAIN.splitlines()[3:],
    ]
    (folder / "program.py").write_text("\n".join(code), encoding="utf-8")
    subprocess.run([sys.executable, "program.py"], cwd=folder, check=True)
    return folder


FILES = ("batch", "data", "forward", "sanity", "dynamics", "dashboard", "report")


def sticks_out(page: Page) -> list[str]:
    """What is wider than the window, or cut off, though nothing scrolls there."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(element => {
            const box = element.getBoundingClientRect();
            if (!box.width || element.closest('.scroll, .statistics, .sources, details:not([open])')) return false;
            return box.right > innerWidth + 1;
        }).map(element => `${element.tagName}.${element.className}`)"""
    )
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_with_javascript_off(name: str, written: Path, browser: Browser) -> None:
    """In both themes, wide and narrow, a file shows its words and pictures, and nothing sticks out of the window."""
    SHOTS.mkdir(exist_ok=True)
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 600)):
        how: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
        context = browser.new_context(java_script_enabled=False, offline=True, **how)
        page = context.new_page()
        page.goto((written / f"{name}.html").as_uri())
        looks_whole(page, ({"report": "dynamics", "dashboard": "recipe"}.get(name, name),))
        assert sticks_out(page) == []
        page.screenshot(path=SHOTS / f"file-{name}-{scheme}-{width}.png", full_page=True)
        context.close()


@pytest.mark.parametrize("name", FILES)
def test_a_file_runs_nothing_of_its_text(name: str, written: Path, browser: Browser) -> None:
    """Opened with JavaScript on, a file asks for nothing, and its policy has nothing to refuse, for all is text."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto((written / f"{name}.html").as_uri())
    page.locator("summary").evaluate_all("all => all.forEach(each => each.click())")
    assert page.evaluate("window.ran") is None
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
    assert said == []
    assert RUNS[:30] in page.locator("body").inner_text()
    context.close()


def pointed_at(page: Page, part: Locator, across: float, down: float) -> str:
    """What is told where the pointer is, as shares of a part."""
    part.scroll_into_view_if_needed()
    box = part.bounding_box()
    assert box
    page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
    return page.locator(".nbinspect-hover").inner_text()


def test_a_file_is_read_under_the_pointer(written: Path, browser: Browser) -> None:
    """In a written file a plot tells its step and values, and a thumbnail is enlarged, until Escape."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((written / "dynamics.html").as_uri())
    told = pointed_at(page, page.locator("img[data-plots]").first, 0.5, 0.2)
    assert re.search(r"^\d+\n■ train: \d", told), told
    pointed_at(page, page.locator(".cells img").first, 0.5, 0.5)
    large = page.locator(".nbinspect-hover img")
    expect(large).to_be_visible()
    box = large.bounding_box()
    assert box
    assert max(box["width"], box["height"]) == 320
    page.screenshot(path=SHOTS / "hover.png")
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    page.close()
