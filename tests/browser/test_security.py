"""A model and data set whose every name is markup, in a real JupyterLab and as files in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.security.hostile import CANARY, HOSTILE, RAN

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TEXT = HOSTILE["img"]
PRELUDE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.security.programs import inspector, trained
opened = inspector({TEXT!r})
"""
VIEWS = {
    "batch": "batch = opened.batch()\nbatch.predict()\nbatch",
    "data": "data = opened.data()\ndata.predict()\ndata",
    "forward": "forward = opened.forward()\nforward.over()\nforward",
    "dynamics": "dynamics = opened.dynamics(size=4)\nwith dynamics:\n    trained(opened, 1)\ndynamics",
    "sanity": "sanity = opened.sanity()\nsanity.run(only=['label-range', 'unused-parameters'])\nsanity",
}
# Elements and attributes that run something or ask for something; pictures are in the page itself.
ALIVE = """roots => roots.flatMap(root => [...root.querySelectorAll('*')].flatMap(element => [
    ...(['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'BASE', 'LINK', 'META'].includes(element.tagName)
        ? [element.tagName] : []),
    ...[...element.attributes]
        .filter(({ name, value }) => name.startsWith('on') || (/^(src|href|xlink:href|action|srcdoc|formaction)$/
            .test(name) && !/^(data:image\\/|blob:|#)/.test(value)))
        .map(({ name, value }) => `${element.tagName} ${name}=${value}`),
]))"""


def test_nothing_runs_in_the_page(lab: Any) -> None:
    """All five views of hostile names show them as text: no script, no handler, no dialog and no request."""
    notebook = lab.open(PRELUDE, *VIEWS.values())
    notebook.run()
    for cell, name in enumerate(VIEWS, 1):
        root = notebook.output(cell).locator(".nbinspect").first
        expect(root).to_be_visible()
        words = root.evaluate(
            """root => [root.innerText, ...[...root.querySelectorAll('*')].flatMap(
                each => ['title', 'aria-label', 'alt'].map(name => each.getAttribute(name) ?? ''))].join(' ')"""
        )
        assert name == "sanity" or "<img src" in words, name  # healthy, so that no name is told there
        assert notebook.output(cell).locator(".nbinspect").evaluate_all(ALIVE) == [], name
    assert notebook.page.evaluate(f"window.{RAN} === undefined")
    assert not notebook.page.evaluate(
        f"performance.getEntriesByType('resource').some(r => r.name.includes('{CANARY}'))"
    )
    for name in VIEWS:
        notebook.execute(f"{name}.freeze()")
    expect(notebook.output(1)).to_contain_text("<img src")
    assert notebook.page.evaluate(f"window.{RAN} === undefined")


@pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning")
def test_nothing_runs_in_a_file(browser: Browser, tmp_path: Path) -> None:
    """Pages of hostile records, saved with the script for hovering, run nothing else and ask for nothing."""
    from nbinspect.figures.document import write_document
    from tests.security.exits import EXITS
    from tests.security.poisoned import turned

    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: asked.append(str(error)))
    for way in EXITS.values():
        if way.page is None:
            continue
        path = tmp_path / "page.html"
        write_document(path, HOSTILE["end of title"], *map(way.page, turned(way.make(), 1)))
        page.goto(path.as_uri())
        assert page.evaluate(f"window.{RAN} === undefined")
        assert page.title() == HOSTILE["end of title"]
        assert page.locator("body > .nbinspect-page").evaluate_all(ALIVE) == []
    page.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
