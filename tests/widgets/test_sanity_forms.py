from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from torch import nn

from nbinspect.subject import make_subject
from nbinspect.widgets.sanity_forms import Shown
from nbinspect.widgets.sanity_state import so_far
from tests.widgets.swaps import RECORD, RUN

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("form", ["html", "json", "junit", "text"])
def test_every_form_contains_the_swap(form):
    """Files have its sentence and its trainings, also where no check was run, with names as text."""
    hostile = replace(RECORD, sentence=f"{RECORD.sentence} {HOSTILE}", runs=(replace(RUN, optimizer=HOSTILE),))
    shown = Shown(so_far(make_subject(nn.Linear(6, 3), None, None), (), 0, 0.0), hostile)
    text = shown.file(form)["text"]
    assert "Your model is at fault: the reference model comes 80 % of the way" in text
    if form == "json":
        assert json.loads(text)["swap"]["runs"][0]["losses"] == [2.3, 2.2]
        assert json.loads(text)["format"] == "nbinspect.sanity"
    if form == "junit":
        assert ElementTree.fromstring(text).find("testsuite")[0].tag == "properties"
    if form == "html":
        assert text.lower().startswith("<!doctype html>")
        assert text.rstrip().endswith("</html>")
        assert HOSTILE not in text
        assert HOSTILE not in shown.html
