from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def maker(root: Path) -> Any:
    """The script that writes the pages of the checks."""
    spec = importlib.util.spec_from_file_location("make_checks", root / "docs" / "make_checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date(root: Path, maker: Any) -> None:
    """The pages of the checks are those that the checks themselves give, no more and no less."""
    found = {path.name: path.read_text(encoding="utf-8") for path in (root / "docs" / "checks").glob("*.md")}
    wanted = maker.pages()
    old = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    assert not old, f"out of date: {', '.join(old)}; run python docs/make_checks.py"


def test_every_page_leads_somewhere(root: Path, maker: Any) -> None:
    """Links between the pages have a target, and the index has every check once."""
    pages = maker.pages()
    links = {name: re.findall(r"\]\(([\w-]+\.md)\)", text) for name, text in pages.items()}
    assert {target for targets in links.values() for target in targets} <= pages.keys()
    assert sorted(links["README.md"]) == sorted(pages.keys() - {"README.md"})


def test_examples_are_whole(maker: Any) -> None:
    """Every example is Python that defines or imports each name that it uses."""
    for name, text in maker.pages().items():
        for code in re.findall(r"```python\n(import.*?|from.*?)```", text, re.DOTALL):
            tree = ast.parse(code)
            nodes = list(ast.walk(tree))
            known = {each for node in tree.body for each in maker.names_of(node)}
            known |= set(dir(builtins))
            known |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
            known |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            used = {node.id for node in nodes if isinstance(node, ast.Name)}
            assert used <= known, f"{name}: {used - known}"
