from __future__ import annotations

import json

import pytest

from nbinspect import Report
from nbinspect.errors import InputError
from nbinspect.journal.revived import revived
from tests.figures.sanity_runs import healthy, run, sick
from tests.journal.programs import HOSTILE


@pytest.mark.parametrize("record", [sick(), healthy(), run(), sick(HOSTILE)], ids=["sick", "healthy", "empty", "odd"])
def test_a_report_comes_back_whole(record):
    """What is read back writes the same JSON, shows the same text, and draws the same page."""
    report = Report(record)
    again = revived(report.to_json())
    assert again.to_json() == report.to_json()
    assert str(again) == str(report)
    assert again._repr_html_() == report._repr_html_()
    assert [type(result) for result in again.results] == [type(result) for result in report.results]


def test_a_field_that_is_not_known_yet_is_left_out():
    """JSON of a later nbinspect with one more field is read."""
    found = json.loads(Report(sick()).to_json())
    found["mood"] = found["results"][0]["mood"] = "fine"
    assert str(revived(json.dumps(found))) == str(Report(sick()))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"version": 99}, "form 99"), ({"results": [3]}, "not as nbinspect writes it"), ({"seconds": "x"}, "not as")],
)
def test_another_form_is_refused(change, message):
    """JSON of another version, or with values of another kind, gives one clear error."""
    with pytest.raises(InputError, match=message):
        revived(json.dumps(json.loads(Report(sick()).to_json()) | change))
