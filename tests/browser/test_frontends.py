from __future__ import annotations

import re
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect
from sklearn.datasets import load_digits

pytestmark = pytest.mark.browser

TARGET = load_digits().target[:256]
NAMES = ["<i>zero</i>", *"123456789"]
PRELUDE = f"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from nbinspect import Inspector

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images[:256], dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target[:256])
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))
loader = DataLoader(TensorDataset(images, labels), batch_size=64)
inspector = Inspector(model, loader, nn.CrossEntropyLoss(), class_names={NAMES})
"""
MARIMO = ("marimo", "edit", "digits.py", "--headless", "--no-token", "--host=127.0.0.1")
CELLS = ("inspector.batch()", "inspector.sanity()", "inspector.data()", "inspector.batch().freeze()")
# Headings, buttons and the like that are cut off, or have a word that is broken over two lines.
UNREADABLE = """root => [...root.querySelectorAll('button, dt, th, h3, h4, [role=tab], [role=columnheader]')]
    .filter(element => element.checkVisibility() && element.textContent.trim())
    .filter(element => {
        const cut = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === 'hidden'
            && getComputedStyle(element).textOverflow !== 'ellipsis';
        const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        let torn = false;
        while (texts.nextNode()) {
            for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
                const range = document.createRange();
                range.setStart(texts.currentNode, word.index);
                range.setEnd(texts.currentNode, word.index + word[0].length);
                torn ||= new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1;
            }
        }
        return cut || torn;
    }).map(element => `${element.tagName} ${element.textContent}`)"""
# What front ends do wrong by themselves: Notebook 7.6 raises once when it opens any notebook, also an empty one; Voilà
# 0.5 asks the Internet for a font of icons, and loads what Notebook adds to a newer JupyterLab than its own.
HARMLESS = ("exception: Cannot read properties of undefined (reading 'schema')", "fontawesome-free", "#RUNTIME-012")


@pytest.fixture
def serve(frontends: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a front end in a folder of its own, for this machine alone, and gives its address."""
    running = []

    def start(module: str, *arguments: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", module, *arguments, f"--port={port}"]
        with (tmp_path / "log").open("w") as log:
            running.append(subprocess.Popen(command, cwd=tmp_path, env=frontends, stdout=log, stderr=log))
        while running[-1].poll() is None:
            with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
                return f"http://127.0.0.1:{port}"
        pytest.fail(f"{module} did not start:\n{(tmp_path / 'log').read_text()}")

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty window; at its end nothing may have gone wrong in it, and nothing have been asked of other machines."""
    opened = browser.new_page(viewport={"width": 1500, "height": 1100}, color_scheme="light")
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request(request: Request) -> None:
        if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", request.url):
            wrong.append(f"request to {request.url}")

    opened.on("console", on_console)
    opened.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    opened.on("request", on_request)
    yield opened
    opened.close()
    assert not [line for line in wrong if not any(known in line for known in HARMLESS)]


def write_notebook(path: Path) -> None:
    """The views as a notebook of Jupyter's, and the dashboard below them."""
    codes = (PRELUDE, *CELLS, "inspector")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    notebook.metadata.kernelspec = {"name": "ipykernel-current", "display_name": "current", "language": "python"}
    nbformat.write(notebook, path)


def write_marimo(path: Path, codes: Sequence[str] = CELLS) -> None:
    """The views as a notebook of marimo's."""
    cells = [f"@app.cell\ndef _():\n{textwrap.indent(PRELUDE, '    ')}    return (inspector,)\n"]
    cells += [f"@app.cell\ndef _(inspector):\n    {code}\n    return\n" for code in codes]
    path.write_text("import marimo\n\napp = marimo.App()\n\n" + "\n".join(cells), encoding="utf-8")


def expect_views(page: Page) -> list[Locator]:
    """Three views are drawn and can be read, and the frozen one is pictures and text."""
    views = page.locator(".nbinspect:not(.nr-dashboard, .nr-dashboard *)")
    expect(views).to_have_count(3, timeout=90_000)
    expect(views.nth(2)).to_contain_text("256 samples", timeout=60_000)
    expect(page.locator("img[alt*='label']")).to_have_count(64)
    assert [unreadable for at in range(3) for unreadable in views.nth(at).evaluate(UNREADABLE)] == []
    return [views.nth(at) for at in range(3)]


def expect_answers(page: Page, batch: Locator, sanity: Locator, data: Locator) -> None:
    """A click in each view reaches Python and its answer the page; keys do what clicks do."""
    label = batch.locator(".nb-cell[data-at='0'] .nb-line span").nth(1)
    expect(label).to_have_text(NAMES[TARGET[0]])
    batch.get_by_role("button", name="Next batch").click()
    expect(label).to_have_text(NAMES[TARGET[64]])
    batch.locator(".nb-cell[data-at='0']").click()
    page.keyboard.press("ArrowRight")
    expect(batch.locator(".nb-cell:focus")).to_have_attribute("data-at", "1")
    page.keyboard.press("n")
    expect(label).to_have_text(NAMES[TARGET[128]])

    check = sanity.get_by_role("option", name=re.compile("^loss-input, "))
    check.click()
    check.locator(".ns-again").click()
    expect(check).to_have_accessible_name(re.compile("failed: probabilities"))

    query = data.get_by_role("textbox", name="Query")
    query.fill("label == '3'")
    query.press("Enter")
    expect(data).to_contain_text(f"{(TARGET == 3).sum()} of 256")


def expect_look(views: list[Locator], theme: str, name: str) -> None:
    """The views have the theme, and no text in them is cut off; pictures are kept for people to look at."""
    (Path(__file__).parent / "screenshots").mkdir(exist_ok=True)
    for view, what in zip(views, ("batch", "sanity", "data"), strict=True):
        expect(view).to_have_attribute("data-theme", theme)
        view.screenshot(path=Path(__file__).parent / "screenshots" / f"{name}-{what}-{theme}.png")
        assert view.evaluate(UNREADABLE) == []


def expect_dashboard(page: Page, theme: str, name: str) -> None:
    """A tab of the dashboard opens a view inside of it, which answers."""
    dashboard = page.locator(".nr-dashboard")
    dashboard.get_by_role("tab", name="Batch").click()
    batch = dashboard.get_by_role("tabpanel", name="Batch")
    expect(batch.get_by_role("gridcell").first).to_be_visible(timeout=30_000)
    batch.get_by_role("gridcell").nth(1).click()
    expect(dashboard.get_by_role("button", name="Let go of this sample")).to_be_visible()
    expect(dashboard).to_have_attribute("data-theme", theme)
    dashboard.screenshot(path=Path(__file__).parent / "screenshots" / f"{name}-dashboard-{theme}.png")
    assert dashboard.evaluate(UNREADABLE) == []


def test_notebook_7_shows_the_views(serve: Any, page: Page, tmp_path: Path) -> None:
    """In Notebook 7 the views and the dashboard are drawn in both themes, answer clicks and keys, and freeze."""
    write_notebook(tmp_path / "digits.ipynb")
    address = serve(
        *("notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--ServerApp.root_dir={tmp_path}"),
        *("--IdentityProvider.token=", "--JupyterNotebookApp.expose_app_in_browser=True"),
    )
    page.goto(f"{address}/notebooks/digits.ipynb")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; }")
    page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")
    views = expect_views(page)
    expect_answers(page, *views)
    expect_look(views, "light", "notebook")
    page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    expect_look(views, "dark", "notebook")
    expect_dashboard(page, "dark", "notebook")
    for key in "ab":
        views[0].locator(".nb-cell[data-at='0']").click()
        page.keyboard.press(key)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(CELLS) + 2)


def test_voila_shows_the_views_without_code(serve: Any, page: Page, tmp_path: Path) -> None:
    """In a dark Voilà app the views and the dashboard are drawn without code, answer clicks and keys, and freeze."""
    write_notebook(tmp_path / "digits.ipynb")
    page.goto(serve("voila", "digits.ipynb", "--no-browser", "--Voila.ip=127.0.0.1", "--theme=dark"))
    views = expect_views(page)
    expect_answers(page, *views)
    expect_look(views, "dark", "voila")
    expect_dashboard(page, "dark", "voila")
    expect(page.get_by_text("load_digits")).to_have_count(0)


def test_marimo_shows_the_views_inside_shadow_roots(serve: Any, page: Page, tmp_path: Path) -> None:
    """In a dark marimo on a light system the views are drawn in shadow roots, answer clicks and keys, and freeze."""
    write_marimo(tmp_path / "digits.py")
    settings = "[tool.marimo]\nruntime.auto_instantiate = true\ndisplay.theme = 'dark'\n"
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    page.goto(serve(*MARIMO))
    views = expect_views(page)
    assert all(view.evaluate("view => view.getRootNode() instanceof ShadowRoot") for view in views)
    expect_answers(page, *views)
    cells = page.locator("[data-testid=cell]")
    before = cells.count()
    for key in "ab":
        views[0].locator(".nb-cell[data-at='0']").click()
        page.keyboard.press(key)
    expect(cells).to_have_count(before)
    expect_look(views, "dark", "marimo")


def test_a_dashboard_in_marimo_says_how_to_see_its_views(serve: Any, page: Page, tmp_path: Path) -> None:
    """Where no view can be shown inside another, and none is made by a click, tabs and steps say what to do instead."""
    write_marimo(tmp_path / "digits.py", ["inspector"])
    (tmp_path / "pyproject.toml").write_text("[tool.marimo]\nruntime.auto_instantiate = true\n", encoding="utf-8")
    page.goto(serve(*MARIMO))
    dashboard = page.locator(".nr-dashboard")
    dashboard.get_by_role("tab", name="Batch").click(timeout=90_000)
    expect(dashboard.get_by_role("tabpanel", name="Batch")).to_contain_text(
        "Run inspector.batch() in a cell of its own"
    )
    dashboard.get_by_role("tab", name="Recipe").click()
    dashboard.locator(".nr-go").click()
    expect(dashboard.get_by_role("alert")).to_contain_text("run inspector.data() in a cell of its own")
    assert dashboard.evaluate(UNREADABLE) == []
