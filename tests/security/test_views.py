from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget

from nbinspect import Inspector, Journal, Recorder
from nbinspect.errors import NbinspectError
from nbinspect.figures.document import write_document
from nbinspect.figures.words import clean
from nbinspect.runlog.follow import Follow
from tests.security.hostile import HOSTILE
from tests.security.markup import Walked
from tests.security.programs import as_name, inspector, trained
from tests.security.running import obeyed, refused_plainly

pytestmark = pytest.mark.slow

TEXTS = {kind: HOSTILE[kind] for kind in ("img", "end of style", "whole mathtext")}
TEXTS["ansi and surrogate"] = HOSTILE["ansi"] + HOSTILE["surrogate"]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    Widget.close_all()


def batch(opened: Inspector, _: Path) -> Any:
    view = opened.batch()
    view.predict()
    return view


def data(opened: Inspector, _: Path) -> Any:
    view = opened.data()
    view.predict()
    return view


def forward(opened: Inspector, _: Path) -> Any:
    view = opened.forward()
    view.over()
    view.run()
    return view


def dynamics(opened: Inspector, _: Path) -> Any:
    view = opened.dynamics(size=4)
    with view:
        trained(opened, 1)
    return view


def follow(opened: Inspector, folder: Path) -> Any:
    with Recorder(folder / "run", opened, size=4):
        trained(opened, 1)
    return opened.dynamics(follow=folder / "run")


def sanity(opened: Inspector, _: Path) -> Any:
    view = opened.sanity()
    view.run(only=["label-range", "unused-parameters", "dtype"])
    return view


def dashboard(opened: Inspector, _: Path) -> Any:
    view = opened.dashboard()
    view.open("batch")
    view.select(1)
    return view


VIEWS: dict[str, Callable[[Inspector, Path], Any]] = {
    "BatchView": batch,
    "DataView": data,
    "ForwardView": forward,
    "DynamicsView": dynamics,
    "FollowView": follow,
    "SanityView": sanity,
    "Dashboard": dashboard,
}
# A run that is followed, and a dashboard, show what the other views show by the same code.
ASKED = [(name, kind) for name in VIEWS for kind in TEXTS if kind == "img" or name not in {"FollowView", "Dashboard"}]


def strings(value: Any) -> Iterator[str]:
    """Every text in values of JSON, keys as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from (*strings(key), *strings(part))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings(part)


def sendable(view: Any) -> None:
    """Fail unless all that the page is sent is JSON in UTF-8, beside bytes."""
    state = {name: value for name, value in view.get_state().items() if name not in ("_esm", "_css")}
    for text in strings(state):
        text.encode("utf-8")
    json.dumps(state, default=lambda part: None if isinstance(part, memoryview | bytes) else 1 / 0, allow_nan=False)


@pytest.mark.parametrize(("name", "kind"), ASKED)
@pytest.mark.filterwarnings("ignore:Glyph .* missing from:UserWarning")
def test_a_program_of_hostile_names_is_shown_as_text(name: str, kind: str, tmp_path: Path) -> None:
    """Notebook page, file, text and messages of a view hold names of classes, modules, labels, and its status."""
    text = TEXTS[kind]
    opened = inspector(text)
    view = VIEWS[name](opened, tmp_path)
    assert not obeyed(repr(opened))
    bundle = view._repr_mimebundle_()
    page = Walked(bundle["text/html"])
    assert not page.wrong
    assert any(clean(name, 9)[:-1] in page.words for name in (text, as_name(text)))
    assert not obeyed(bundle["text/plain"])
    assert not obeyed(repr(view))
    view.status = {**view.status, "text": text}
    sendable(view)
    file = Walked(view.to_html(tmp_path / "page.html").read_text(encoding="utf-8"), whole=True)
    assert not file.wrong
    assert len(file.scripts) == 1


class HostileError(Exception):
    """What a user's code raises."""


class Raising:
    """A loader that gives no batch."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[Any]:
        yield from ()
        raise HostileError(self.text)


def opened_on(text: str, name: str) -> Any:
    """A view of a program whose loader raises."""
    subject = inspector("x").subject
    view = getattr(Inspector(subject.model, Raising(text), subject.loss_fn), name)()
    with contextlib.suppress(HostileError, NbinspectError):
        if name == "batch":
            view.next()
        elif name == "sanity":
            view.run(only="label-range")
    return view


@pytest.mark.parametrize("kind", ["img", "ansi", "surrogate", "long"])
@pytest.mark.parametrize("name", ["batch", "data", "forward", "sanity"])
def test_an_exception_is_shown_as_text(name: str, kind: str) -> None:
    """What a loader raises is text in the notebook, the terminal and the message to the page; so is what we raise."""
    with refused_plainly(NbinspectError):
        view = opened_on(HOSTILE[kind], name)
        bundle = view._repr_mimebundle_()
        assert not Walked(bundle["text/html"]).wrong
        assert not obeyed(bundle["text/plain"])
        assert len(bundle["text/plain"]) < 50_000
        sendable(view)


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_and_a_fact_can_be_sent(kind: str) -> None:
    """What a request is refused with, and the name of a loss, reach the page whatever characters are in them."""

    def loss(outputs: Any, targets: Any) -> Any:
        return outputs.sum() + targets.sum()

    loss.__name__ = HOSTILE[kind]
    opened, answers = inspector("x").subject, list[dict[str, Any]]()
    view = Inspector(opened.model, opened.loader, loss).dashboard()
    view.send = answers.append
    view._handle_custom_msg({"id": "1", "method": "open", "params": {HOSTILE[kind]: 1}}, [])
    (answer,) = answers
    assert not answer["ok"]
    assert HOSTILE[kind][:20].encode("utf-8", "backslashreplace").decode() in answer["error"]
    for text in strings(answer):
        text.encode("utf-8")
    sendable(view)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_path_from_anywhere_is_named_in_plain_text(kind: str, tmp_path: Path) -> None:
    """A file that cannot be opened is named in an error without a character that a terminal obeys."""
    with refused_plainly(NbinspectError):
        Journal(f"{tmp_path}/no/{HOSTILE[kind]}")
    with refused_plainly(NbinspectError):
        write_document(f"{tmp_path}/no/{HOSTILE[kind]}", HOSTILE[kind])
    with refused_plainly(NbinspectError):
        Follow(f"{tmp_path}/no/{HOSTILE[kind][:100]}").poll()
