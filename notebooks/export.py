"""Execute a copy of a notebook and write it as one HTML page that shows everything without scripts or network.

Usage: python notebooks/export.py notebooks/00_tour.ipynb build/tour.html
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> nbformat.NotebookNode:
    """Run the notebook at `path` from top to bottom beside itself; leaves the file unchanged."""
    notebook = nbformat.read(path, as_version=4)
    quiet = ["--log-level=ERROR"]  # else the kernel warns of its unencrypted port, which is on this machine alone
    beside = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, resources=beside, extra_arguments=quiet).execute()
    return notebook


def static_page(notebook: nbformat.NotebookNode, title: str) -> str:
    """The notebook as HTML in which each widget is shown by its own static form."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.title = title
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(_WIDGET_VIEW, None)
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    return re.sub(r"<script\b.*?</script\s*>", "", page, flags=re.DOTALL | re.IGNORECASE)


def main(source: Path, target: Path) -> None:
    """Write the executed `source` to `target` and say where it is."""
    page = static_page(execute(source), source.stem)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    print(f"{source} was executed from top to bottom; open {target.resolve().as_uri()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
