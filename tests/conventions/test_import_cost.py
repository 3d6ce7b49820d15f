from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

VIEWS = {"ipywidgets", "anywidget", "IPython", "matplotlib", "pandas"}
TORCH = {"torch", "numpy"}


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in a fresh interpreter after `statement`."""
    script = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("layers", "unwanted"),
    [
        ({"__init__"}, VIEWS | TORCH),
        ({"errors", "records"}, VIEWS | {"torch"}),
        ({"inspector", "subject", "preserve", "capture", "decode", "sanity", "figures"}, VIEWS),
    ],
)
def test_import_stays_light(modules: dict[str, Path], layers: set[str], unwanted: set[str]) -> None:
    """A layer below the widgets imports without any package that only a view needs."""
    names = [f"nbinspect.{name}".removesuffix(".__init__") for name in modules if name.split(".")[0] in layers]
    assert not loaded_by("import " + ", ".join(names)) & unwanted


def test_the_lazy_public_name_loads_no_view() -> None:
    """`nbinspect.Inspector` brings torch, and nothing that draws."""
    loaded = loaded_by("import nbinspect; nbinspect.Inspector")
    assert "torch" in loaded
    assert not loaded & VIEWS
