from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect
from sklearn.datasets import load_digits

pytestmark = pytest.mark.browser

EXPORT = Path(__file__).parents[2] / "notebooks" / "export.py"
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
    (Path(__file__).parent / "screenshots").mkdir(exist_ok=True)
    page.screenshot(path=Path(__file__).parent / "screenshots" / "export.png")
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
