from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nbinspect
from nbinspect import records
from nbinspect.sanity.registry import CHECKS

pytestmark = pytest.mark.slow

LOADED = re.compile(
    r"""(?:<(?:script|img|iframe|source|video)\b[^>]*?\bsrc|<link\b(?![^>]*rel="canonical")[^>]*?\bhref)\s*=\s*["']?(?:https?:)?//[^"'\s>]*""",
    re.IGNORECASE,
)
SOURCE = re.compile(r"\b[KSDT]-[a-z]+(?:-[a-z]+)*\b")
ROW = re.compile(r"^\| \[`([\w-]+)`\]\(checks/\1\.md\) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **proxies, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def text(site: Path, name: str) -> str:
    """The page of that name, as it was built."""
    return (site / name).read_text(encoding="utf-8")


def test_the_site_builds_without_a_warning(site: Path) -> None:
    """Every page is in the navigation, every link and anchor has its target, and no network is needed."""
    assert {"index.html", "start.html", "symptoms.html", "support.html"} <= {path.name for path in site.glob("*.html")}
    assert len(list((site / "checks").glob("*.html"))) == len(CHECKS) + 1
    assert list((site / "notebooks").glob("*.ipynb"))


def test_pages_ask_no_other_host(site: Path) -> None:
    """Neither a page nor a style sheet loads a script, a font, a picture or a style from elsewhere."""
    asked = [f"{path.name}: {hit}" for path in site.rglob("*.html") for hit in LOADED.findall(path.read_text("utf-8"))]
    asked += [
        f"{path.name}: {hit}"
        for path in site.rglob("*.css")
        for hit in re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']*", path.read_text("utf-8"))
    ]
    drawn = [path.name for path in site.rglob("*.html") if 'class="mermaid"' in path.read_text("utf-8")]
    assert not asked
    assert not drawn  # the theme fetches the library for diagrams


def test_every_public_name_has_its_place(site: Path) -> None:
    """The reference has each public name, each assertion for tests, each view and each record."""
    pages = "".join(text(site, f"api/{name}.html") for name in ("index", "views", "testing", "records"))
    testing = importlib.import_module("nbinspect.testing")
    wanted = [f"nbinspect.{name}" for name in nbinspect.__all__ if name != "__version__"]
    wanted += [f"nbinspect.testing.{name}" for name in vars(testing) if name.startswith("assert_")]
    kinds = [value for value in vars(records).values() if inspect.isclass(value) and dataclasses.is_dataclass(value)]
    wanted += [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]
    opened = re.findall(r"-> (?:[A-Za-z]+ \| )?(\w+View|Dashboard)\b", inspect.getsource(nbinspect.Inspector))
    assert opened
    missing = [name for name in wanted if f'id="{name}"' not in pages]
    missing += [name for name in opened if f'.{name}"' not in pages]
    assert not missing


def test_every_check_stands_under_a_symptom(root: Path) -> None:
    """The guide that starts from the symptom names each check, with the check's own sources beside it."""
    page = (root / "docs" / "symptoms.md").read_text(encoding="utf-8")
    own = {check.name: ", ".join(check.sources) for check in CHECKS}
    rows = ROW.findall(page)
    assert len(rows) > len(CHECKS)
    assert [(name, sources) for name, sources in rows if own[name] != sources] == []
    assert own.keys() == set(re.findall(r"\]\(checks/([\w-]+)\.md\)", page))


def test_every_source_is_in_the_recipe(root: Path) -> None:
    """What checks and pages cite as a source is a row of the recipe."""
    recipe = (root / "docs" / "recipe.md").read_text(encoding="utf-8")
    known = {
        source for row in re.findall(r"^\| ([KSDT]-[^|]+) \|", recipe, re.MULTILINE) for source in SOURCE.findall(row)
    }
    cited = {source: check.name for check in CHECKS for source in check.sources}
    for path in (root / "docs").rglob("*.md"):
        cited |= dict.fromkeys(SOURCE.findall(path.read_text(encoding="utf-8")), path.name)
    assert {source: place for source, place in cited.items() if source not in known} == {}


@pytest.mark.parametrize(
    ("page", "folder", "pattern"),
    [
        ("docs/decisions/README.md", "docs/decisions", "[0-9]*.md"),
        ("docs/notebooks.md", "notebooks", "*.ipynb"),
    ],
)
def test_an_index_has_all_that_it_lists(root: Path, page: str, folder: str, pattern: str) -> None:
    """The index of a folder links to each of its files."""
    linked = {Path(link).name for link in re.findall(r"\]\(([^)]+)\)", (root / page).read_text(encoding="utf-8"))}
    assert {path.name for path in (root / folder).glob(pattern)} <= linked


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_front_page_lead_somewhere(root: Path, name: str) -> None:
    """Every file that the pages at the root link to is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (root / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (root / link).exists()] == []
