"""A hook of MkDocs: what the site takes from outside ``docs/``, and the navigation of its generated folders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages of the repository's root by their place on the site; notebooks keep theirs."""
LINK = re.compile(r"(?<=\]\()(?:\.\./)+(?:notebooks/|[A-Z]+\.md)")


def on_config(config: MkDocsConfig) -> None:
    """Put the pages of the folders `checks` and `decisions` where the navigation names them."""
    folders = {"checks": _checks(), "decisions": _decisions()}
    config.nav = _filled(config.nav, folders)


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages and notebooks that lie beside ``docs/``."""
    notebooks = {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    for source, place in {**OUTSIDE, **notebooks}.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links that leave ``docs/`` on disk, as they must in the repository, stay within the site."""
    up = "../" * page.file.src_uri.count("/")

    def within(link: re.Match[str]) -> str:
        name = link[0].rsplit("../", 1)[1]
        return up + OUTSIDE.get(name, name)

    return LINK.sub(within, markdown)


def _filled(nav: Any, folders: dict[str, Any]) -> Any:
    if isinstance(nav, list):
        return [_filled(entry, folders) for entry in nav]
    if isinstance(nav, dict):
        return {title: _filled(entry, folders) for title, entry in nav.items()}
    return folders.get(nav, nav)


def _checks() -> list[Any]:
    """The index of the checks, and a section a stage in the order of the index."""
    nav: list[Any] = ["checks/README.md"]
    text = (ROOT / "docs" / "checks" / "README.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        names = re.findall(r"\]\(([\w-]+)\.md\)", section)
        nav.append({section.partition(":")[0].capitalize(): [{name: f"checks/{name}.md"} for name in names]})
    return nav


def _decisions() -> list[str]:
    folder = ROOT / "docs" / "decisions"
    return ["decisions/README.md", *(f"decisions/{path.name}" for path in sorted(folder.glob("[0-9]*.md")))]
