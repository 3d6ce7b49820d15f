from __future__ import annotations

import threading
from typing import Any

import pytest
from ipywidgets import Widget


@pytest.fixture(autouse=True)
def _closed():
    yield
    Widget.close_all()


@pytest.fixture
def ask() -> Any:
    """Sends a request as the page does, and gives its answer with the buffers."""

    def request(view: Any, method: str, **params: Any) -> Any:
        answers = []
        answered = threading.Event()

        def send(content: Any, buffers: Any = None) -> None:
            answers.append((content, buffers or []))
            answered.set()

        view.send = send
        view._handle_custom_msg({"id": "1", "method": method, "params": params}, [])
        assert answered.wait(60)
        (answer,) = answers
        return answer

    return request
