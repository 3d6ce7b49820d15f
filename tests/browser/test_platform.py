from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_widget_reaches_the_page(lab: Any, kernel: str) -> None:
    """JupyterLab shows an ipywidgets label and follows its value, on the very ipykernel that was asked for."""
    notebook = lab.open(
        "import ipykernel\nfrom ipywidgets import Label\nlabel = Label(ipykernel.__version__)\nlabel", kernel=kernel
    )
    notebook.run()
    shown = notebook.output(0).locator(".widget-label")
    expect(shown).to_have_text(version("ipykernel") if kernel == "current" else kernel)
    notebook.execute("label.value = 'changed'")
    expect(shown).to_have_text("changed")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_open_without_a_question(lab: Any, theme: str) -> None:
    """JupyterLab opens a notebook in the asked theme with no dialog and an idle kernel."""
    notebook = lab.open("1 + 1", theme=theme)
    notebook.run()
    expect(notebook.output(0).locator(".jp-RenderedText")).to_have_text("2")
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "light").lower())
    notebook.screenshot(f"platform-{theme}")


def test_what_goes_wrong_in_a_page_is_noticed(lab: Any) -> None:
    """An error in the console, an exception, an alert and a request to another machine are each noted."""
    notebook = lab.open("1")
    page = notebook.page
    with page.expect_event("pageerror"):
        page.evaluate(
            """() => {
                console.error('planted error');
                alert('planted alert');
                new Image().src = 'http://planted.invalid/';
                setTimeout(() => { throw Error('planted exception'); });
            }"""
        )
    planted = (
        *("console: planted error", "dialog: planted alert"),
        *("request to http://planted.invalid/", "exception: planted exception"),
    )
    assert all(any(line.startswith(kind) for line in lab.wrong) for kind in planted), lab.wrong
    lab.server.end(notebook.close())
    lab.notebooks.clear()
    lab.wrong.clear()
