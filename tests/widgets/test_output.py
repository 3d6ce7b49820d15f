from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Inspector
from nbinspect.errors import InputError
from nbinspect.runlog.recorder import Recorder
from nbinspect.widgets.dynamics_follow import FollowView
from nbinspect.widgets.output import Output

pytestmark = pytest.mark.slow

LIVE = "application/vnd.jupyter.widget-view+json"
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


Net.__name__ = Net.__qualname__ = HOSTILE


def program() -> Inspector:
    """An inspector whose class names and model name try to become markup."""
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(TensorDataset(torch.rand(24, 1, 8, 8, generator=generator), torch.arange(24) % 4), batch_size=8)
    return Inspector(Net(), loader, nn.CrossEntropyLoss(), class_names=["cat", HOSTILE, "bird", "fish"])


def trained(inspector: Inspector) -> Any:
    """A dynamics view of a short run."""
    view, subject = inspector.dynamics(), inspector.subject
    optimizer = torch.optim.SGD(subject.model.parameters(), lr=0.1)
    with view:
        for x, y in subject.loader:
            optimizer.zero_grad()
            subject.loss_fn(subject.model(x), y).backward()
            optimizer.step()
    return view


def checked(inspector: Inspector) -> Any:
    """A sanity view that has run its checks of the wiring."""
    view = inspector.sanity()
    view.run(only=["runs", "loss-at-init"])
    return view


VIEWS: dict[str, Callable[[Inspector], Any]] = {
    "Batch": lambda inspector: inspector.batch(),
    "Data": lambda inspector: inspector.data(),
    "Forward": lambda inspector: inspector.forward(),
    "Sanity": checked,
    "Dynamics": trained,
}


class Read(HTMLParser):
    """What a browser would find in a file."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.named: set[str] = set()
        self.sources: set[str] = set()
        self.title = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.named |= {name for name, _ in attrs}
        self.sources |= {value or "" for name, value in attrs if name in ("src", "href")}

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["title"] and not self.title:
            self.title = data


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_written_as_one_file(name: str, tmp_path: Path) -> None:
    """Each view writes what it shows, open or closed: nothing to fetch, nothing that runs but what reads plots."""
    view = VIEWS[name](program())
    for hover, path in ((True, tmp_path / "open.html"), (False, str(tmp_path / "plain.html"))):
        assert view.to_html(path, hover=hover) == Path(path)
        read = Read(Path(path).read_text(encoding="utf-8"))
        assert read.title.startswith(f"{name} · ")
        assert read.tags.count("script") == hover
        assert not [attribute for attribute in read.named if attribute.startswith("on")]
        assert all(source.startswith("data:image/png;base64,") for source in read.sources)
    view.close()
    closed = view.to_html(tmp_path / "closed.html", hover=False).read_text(encoding="utf-8")
    assert "script>alert" not in closed
    assert f"nbinspect-{name.lower()}" in closed


@pytest.mark.parametrize("name", VIEWS)
def test_a_path_that_cannot_be_written_leaves_a_view_as_it_is(name: str, tmp_path: Path) -> None:
    """Every view refuses such a path with the same error, and goes on."""
    view = VIEWS[name](program())
    with pytest.raises(InputError, match=r"^to_html: .*cannot be written .*expected the path of a file"):
        view.to_html(tmp_path / "missing" / "page.html")
    assert view.to_html(tmp_path / "page.html").exists()
    view.close()


def test_a_followed_run_is_written_too(tmp_path: Path) -> None:
    """A run that is followed from its folder is written as any other, also before it has begun."""
    view = FollowView(tmp_path / HOSTILE.replace("/", "|"))
    assert "waiting for a run" in view.to_html(tmp_path / "before.html").read_text(encoding="utf-8")
    view.close()
    inspector = program()
    with Recorder(tmp_path / "a", inspector):
        trained(inspector)
    view = FollowView(tmp_path / "a")
    assert "3 steps" in view.to_html(tmp_path / "after.html").read_text(encoding="utf-8")
    view.close()


def test_writing_leaves_the_program_as_it_was(tmp_path: Path) -> None:
    """Weights and random states are the same before and after each view has been written."""
    inspector = program()
    views = {name: make(inspector) for name, make in VIEWS.items()}
    weights = {name: value.clone() for name, value in inspector.subject.model.state_dict().items()}
    state = torch.get_rng_state()
    for name, view in views.items():
        view.to_html(tmp_path / f"{name}.html")
        view.close()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in inspector.subject.model.state_dict().items())


@pytest.fixture
def published() -> Any:
    """What a notebook is given to show, in its order."""
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    yield shell.display_pub.outputs
    InteractiveShell.clear_instance()


def test_static_forms_are_renewed_once_where_they_are_outdated(published: list[Any]) -> None:
    """An output that was shown is renewed beside the live one, only when told, and only once each time."""
    told = ["first"]
    output = Output(lambda: f"<p>{told[-1]}</p>", lambda: told[-1])
    output.outdate()
    output.renew("id")
    assert published == []
    output.show("id")
    output.renew("id")
    told.append("second")
    output.outdate()
    output.renew("id")
    output.renew("id")
    assert [each["data"]["text/html"] for each in published] == ["<p>first</p>", "<p>second</p>"]
    assert [each.get("update", False) for each in published] == [False, True]
    assert all(each["data"][LIVE]["model_id"] == "id" for each in published)


def test_checks_that_ran_are_in_the_static_page_after_their_cell(published: list[Any]) -> None:
    """A sanity view shown before its run tells of the run at the end of the cell that ran it."""
    view = program().sanity()
    view._ipython_display_()
    assert "not run yet" in published[0]["data"]["text/plain"]
    view.run(only=["runs"])
    InteractiveShell.instance().events.trigger("post_run_cell", None)
    assert len(published) == 2
    assert "runs" in published[1]["data"]["text/html"]
    view.close()


def test_a_run_in_the_background_renews_the_static_page_at_its_end(published: list[Any]) -> None:
    """A run on a thread of its own brings the static page up to date when it ends, though no cell may follow."""
    inspector = program()
    subject = inspector.subject
    optimizer = torch.optim.SGD(subject.model.parameters(), lr=0.1)

    def train() -> None:
        for x, y in subject.loader:
            optimizer.zero_grad()
            subject.loss_fn(subject.model(x), y).backward()
            optimizer.step()

    view = inspector.dynamics()
    view._ipython_display_()
    view.run_in_background(train).wait(60)
    assert "3 steps" in published[-1]["data"]["text/plain"]
    assert LIVE in published[-1]["data"]
    view.close()


def test_a_followed_run_renews_the_static_page_when_it_is_over(
    published: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view of a run elsewhere has all of it in its static page once that run has ended."""
    monkeypatch.setattr("nbinspect.widgets.dynamics_follow._EVERY", 3600.0)
    view = FollowView(tmp_path / "a")
    view._ipython_display_()
    inspector = program()
    with Recorder(tmp_path / "a", inspector, report=False):
        trained(inspector)
    assert not any(each["update"] for each in published)
    view._look()
    view._look()
    (renewed,) = (each for each in published if each["update"])
    assert renewed["transient"] == published[0]["transient"]
    assert "3 steps" in renewed["data"]["text/plain"]
    view.close()


def test_a_batch_that_was_waited_for_is_in_the_static_page(published: list[Any]) -> None:
    """A view that waits for a forward pass has the batch in its static page at the end of the cell that brought it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    view = Inspector(model).batch(follow=True)
    view._ipython_display_()
    assert "nbinspect-page" in published[0]["data"]["text/html"]
    assert "Batch of 5" not in published[0]["data"]["text/plain"]
    model(torch.rand(5, 1, 8, 8))
    InteractiveShell.instance().events.trigger("post_run_cell", None)
    assert "Batch of 5" in published[-1]["data"]["text/plain"]
    view.close()


def test_a_followed_run_that_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the way of reading a log is shown in the view, and it is read on when that has gone."""
    view = FollowView(tmp_path / "a")
    read = view._follow.poll

    def refused() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(view._follow, "poll", refused)
    view._look()
    assert view.status["state"] == "error"
    assert "Permission denied" in view.status["text"]
    monkeypatch.setattr(view._follow, "poll", read)
    view._look()
    assert view.status["state"] == "error" or "waiting for a run" in view.status["text"]
    view.close()
