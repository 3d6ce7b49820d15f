"""A real JupyterLab and a real Chromium, driven as a person would: open, run, look, click, type."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

HERE = Path(__file__).parent
OVERLAYS = HERE.parents[1] / ".kernels"
FRONTENDS = HERE.parents[1] / ".frontends"
VIEWPORT: ViewportSize = {"width": 1500, "height": 1100}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
QUIET_CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# ipykernel 7.0 to 7.3 may leave a request unread until another client connects (ipython/ipykernel#1529, mended in 7.4).
DEAF = ("7.3.0",)
KNOCK = """() => { window.knocking = setInterval(() => {
    const kernel = jupyterapp.shell.currentWidget?.sessionContext.session?.kernel;
    if (!kernel) return;
    const another = new WebSocket(`${kernel.serverSettings.wsUrl}api/kernels/${kernel.id}/channels`);
    another.onopen = () => setTimeout(() => another.close(), 1000);
}, 5000); }"""
# Else each window has two programs started, which see whether JupyterLab could be built anew.
UNBUILT = {"page_config_data": {"buildAvailable": False, "buildCheck": False}}
# What JupyterLab itself writes to the console as errors, and why it does not matter here.
HARMLESS: tuple[str, ...] = ()


def missing(what: str, remedy: str) -> None:
    """Skip the test for want of `what`; under CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing: {remedy}")
    pytest.skip(f"{what} is missing: {remedy}")


def kernelspec(version: str, forks: str) -> dict[str, Any]:
    """A kernel of this interpreter, with ipykernel of `version` (the installed one for ``current``)."""
    path = {} if version == "current" else {"PYTHONPATH": str(OVERLAYS / f"ipykernel-{version}")}
    return {
        "argv": [sys.executable, "-SE", str(HERE / "kernels.py"), "start", forks, "-f", "{connection_file}"],
        "display_name": f"ipykernel {version}",
        "language": "python",
        "env": {"OMP_NUM_THREADS": "1", **path},
    }


@contextmanager
def forked(place: Path) -> Iterator[str]:
    """Where kernels are asked for, which saves each the import of PyTorch and scikit-learn."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        forking = subprocess.Popen(
            [sys.executable, str(HERE / "kernels.py"), "serve", str(listening.fileno())],
            pass_fds=[listening.fileno()],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        yield str(place)
    finally:
        forking.terminate()
        forking.wait(30)


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the kernels of all browser tests are asked for."""
    with forked(tmp_path_factory.mktemp("forks") / "socket") as place:
        yield place


ENDED = ("Canceled future for create_subshell_request", "Disposed")
"""JupyterLab's own, where a kernel ends while a subshell is made for a comm, or a notebook is closed as it connects."""


@dataclass
class Server:
    """JupyterLab on this machine alone, with its folders in `home`."""

    home: Path
    url: str
    ending: ThreadPoolExecutor
    """Kernels end here, which takes each a second or two that no test waits for."""

    def end(self, kernel: str | None) -> None:
        """Begin to end the kernel of this id."""
        if kernel is not None:
            asked = urllib.request.Request(f"{self.url}/api/kernels/{kernel}", method="DELETE")
            self.ending.submit(lambda: urllib.request.urlopen(asked).close())

    def settings(self, plugin: str, values: dict[str, Any]) -> None:
        """Keep `values` as the user's own settings; pages that are opened afterwards have them."""
        package, name = plugin.split(":")
        path = self.home / "settings" / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def environment(home: Path) -> dict[str, str]:
    """Everything that Jupyter would look for in the user's own folders lies in `home`."""
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {**os.environ, **{name: str(home / folder) for name, folder in places.items()}}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, forks: str) -> Iterator[Server]:
    """One JupyterLab for all tests, which asks nothing at its start."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "notebooks").mkdir()
    for version in ("current", *(path.name.removeprefix("ipykernel-") for path in OVERLAYS.glob("ipykernel-*[0-9]"))):
        folder = home / "data" / "kernels" / f"ipykernel-{version}"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(kernelspec(version, forks)), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--ServerApp.root_dir={home / 'notebooks'}", "--IdentityProvider.token=", "--ServerApp.port_retries=0"),
        *("--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True"),
        *("--LabApp.extension_manager=readonly", f"--ServerApp.tornado_settings={UNBUILT}"),
    ]
    process = subprocess.Popen(
        command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    log = []
    for line in process.stdout:
        log.append(line)
        if "is running at" in line:
            break
    else:
        pytest.fail("JupyterLab did not start:\n" + "".join(log))
    reader = threading.Thread(target=log.extend, args=(process.stdout,))
    reader.start()
    started = Server(home, f"http://127.0.0.1:{port}", ThreadPoolExecutor(2))
    # Every cell is drawn, also those out of sight, so that a test finds what it looks for.
    started.settings("@jupyterlab/notebook-extension:tracker", {"windowingMode": "none"})
    started.settings("@jupyterlab/apputils-extension:notification", {"checkForUpdates": False, "fetchNews": "false"})
    yield started
    started.ending.shutdown()
    process.terminate()
    process.wait(30)
    reader.join(30)
    process.stdout.close()


@pytest.fixture(scope="session")
def frontends(server: Server) -> dict[str, str]:
    """The variables with which this interpreter has Notebook, Voilà and marimo too, and the kernels of `server`."""
    if not FRONTENDS.is_dir():
        missing("what Notebook, Voilà and marimo need", "make .frontends")
    share = FRONTENDS / "share" / "jupyter"
    found = {"PYTHONPATH": str(FRONTENDS), "JUPYTER_PATH": str(share), "JUPYTERLAB_DIR": str(share / "lab")}
    own = {name: str(server.home / "xdg") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    return {**environment(server.home), **found, **own}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("Chromium", "make chromium")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=QUIET_CHROMIUM)
        yield running
        running.close()


@dataclass
class Notebook:
    """A notebook open in JupyterLab."""

    page: Page
    reusable: bool
    """The window will do for another notebook."""

    def start(self) -> None:
        """Set all cells running, and return at once."""
        self.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")

    def run(self) -> None:
        """Run all cells; a cell that raises fails the test."""
        self.page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells'); }")
        raised = self.page.locator('.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]')
        assert not raised.count(), raised.first.inner_text()

    def execute(self, code: str) -> str:
        """Run `code` in the kernel beside the notebook's cells and give back what it printed."""
        return self.page.evaluate(
            """async code => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = '';
                future.onIOPub = ({ header, content }) => {
                    if (header.msg_type === 'stream') text += content.text;
                    if (header.msg_type === 'error') text += content.traceback.join('\\n');
                };
                await future.done;
                return text;
            }""",
            code,
        ).strip()

    def reload(self) -> None:
        """Reload the page once the cells have run and all that they show is saved."""
        self.execute("")  # answered after the cells
        self.page.evaluate(
            """async () => {
                const { context } = jupyterapp.shell.currentWidget;
                do await context.save(); while (context.model.dirty);
            }"""
        )
        self.page.reload()
        self.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
        self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; }")

    def output(self, cell: int = -1) -> Locator:
        """The output area of the cell at this position."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-OutputArea").first

    def screenshot(self, name: str, part: Locator | None = None) -> None:
        """Keep a picture of `part`, or of the page, for people to look at."""
        (HERE / "screenshots").mkdir(exist_ok=True)
        (part or self.page).screenshot(path=HERE / "screenshots" / f"{name}.png")

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme, as its settings menu does."""
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", THEMES[name])
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", str(name == "light").lower())

    def leave(self) -> str | None:
        """Close the notebook but not its window; gives the id of the kernel, which lives on."""
        return self.page.evaluate(
            """() => {
                const shown = jupyterapp.shell.currentWidget;
                const kernel = shown?.sessionContext.session?.kernel?.id;
                clearInterval(window.knocking);
                shown?.dispose();
                return kernel;
            }"""
        )

    def close(self) -> str | None:
        """Close the window; gives the id of the kernel, which lives on."""
        kernel = self.leave()
        self.page.close()
        return kernel


@dataclass
class Lab:
    """JupyterLab in the browser, and all that went wrong in its pages."""

    server: Server
    browser: Browser
    notebooks: list[Notebook] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    idle: list[Page] = field(default_factory=list)
    """Windows without a notebook, each as good as new."""

    def open(self, *cells: str, kernel: str = "current", theme: str = "light") -> Notebook:
        """A new notebook with these cells and a kernel of its own, nothing run yet, alone in its window."""
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        content.metadata.kernelspec = {"name": f"ipykernel-{kernel}", "display_name": kernel, "language": "python"}
        name = f"{len(list((self.server.home / 'notebooks').iterdir()))}.ipynb"
        nbformat.write(content, self.server.home / "notebooks" / name)
        page = self.shown(name, theme)
        if kernel in DEAF:
            page.evaluate(KNOCK)
        page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; }")
        self.notebooks.append(Notebook(page, theme == "light"))
        return self.notebooks[-1]

    def shown(self, name: str, theme: str = "light") -> Page:
        """The notebook of this name in a window that is as good as new."""
        return self.reused(name) if theme == "light" and self.idle else self.window(name, theme)

    def window(self, name: str, theme: str) -> Page:
        """The notebook of this name in a new window, which JupyterLab begins in."""
        self.server.settings("@jupyterlab/apputils-extension:themes", {"theme": THEMES[theme]})
        page = self.browser.new_page(viewport=VIEWPORT, base_url=self.server.url)
        page.set_default_timeout(60_000)
        self.watch(page)
        page.goto(f"/doc/tree/{name}")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
        return page

    def reused(self, name: str) -> Page:
        """The notebook of this name in a window that an earlier test has left."""
        page = self.idle.pop()
        page.set_viewport_size(VIEWPORT)
        page.mouse.move(0, 0)
        page.evaluate(
            """async path => {
                performance.clearResourceTimings();
                const opened = await jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
                await opened.context.ready;
            }""",
            name,
        )
        page.wait_for_function("name => jupyterapp.shell.currentWidget?.context.path === name", arg=name)
        return page

    def watch(self, page: Page) -> None:
        """Note errors in the console, exceptions, dialogs, and every request that leaves this machine."""

        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(known in message.text for known in HARMLESS):
                self.wrong.append(f"console: {message.text} ({message.location.get('url', '')})")

        def on_exception(error: Error) -> None:
            if not any(known in str(error) for known in ENDED):
                self.wrong.append(f"exception: {error}")

        def on_request(request: Request) -> None:
            if not request.url.startswith((self.server.url, "data:", "blob:", self.server.url.replace("http", "ws"))):
                self.wrong.append(f"request to {request.url}")

        def on_dialog(dialog: Dialog) -> None:
            if dialog.type == "beforeunload":  # an output that came after the save; to dismiss it is to stay
                dialog.accept()
            else:
                self.wrong.append(f"dialog: {dialog.message}")
                dialog.dismiss()

        page.on("console", on_console)
        page.on("pageerror", on_exception)
        page.on("dialog", on_dialog)
        page.on("request", on_request)

    def close(self, passed: bool) -> None:
        """End all kernels and close all notebooks; fails the test on anything that went wrong in them."""
        for notebook in self.notebooks:
            asked = notebook.page.locator(".jp-Dialog")
            self.wrong += [f"dialog: {text}" for text in asked.all_inner_texts()]
        wrong = list(self.wrong)
        for notebook in self.notebooks:
            if passed and not wrong and notebook.reusable:
                self.server.end(notebook.leave())
                self.idle.append(notebook.page)
            else:
                self.server.end(notebook.close())
        self.notebooks.clear()
        self.wrong.clear()
        assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def windows(server: Server, browser: Browser) -> Lab:
    """JupyterLab in the browser for all tests."""
    return Lab(server, browser)


@pytest.fixture
def lab(windows: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Opens notebooks; the console must have stayed free of errors at the end of the test."""
    failed = request.session.testsfailed
    yield windows
    windows.close(passed=request.session.testsfailed == failed)


@pytest.fixture(params=["current", "6.31.0", "7.3.0"])
def kernel(request: pytest.FixtureRequest) -> str:
    """Each ipykernel that behaves differently: the installed one, the last 6, the last before 7.4."""
    version: str = request.param
    if version != "current" and not (OVERLAYS / f"ipykernel-{version}").is_dir():
        missing(f"ipykernel {version}", f"make .kernels/ipykernel-{version}")
    return version
