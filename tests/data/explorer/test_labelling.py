from __future__ import annotations

import pytest
from torch import nn

from nbinspect.data.explorer.explorer import Explorer
from nbinspect.data.explorer.labelling import human, human_result
from nbinspect.errors import InputError
from nbinspect.subject import Subject
from tests.data.records_of_data import animals, column, record_of


def explorer(record):
    own = Explorer(Subject(nn.Identity(), [1]))
    own.take("train", record)
    return own


def test_a_person_is_compared_with_the_network_on_the_same_samples():
    """Answers are compared with the labels, and beside them stands whether the network is right."""
    own = explorer(animals(30))
    asked = human(own, n=12, twice=0.0, path=None)
    rows = []
    while (question := asked.next()) is not None:
        rows.append(question.row)
        asked.answer(question.row % 3 if question.place else None)
    found = human_result(own, asked, "train")
    assert (found.samples, found.right, found.unknown) == (12, 11, 1)
    assert found.network.network == pytest.approx(sum(row % 2 for row in rows) / 12)


def test_without_classes_there_is_nothing_to_label():
    """A data set without labels, or with numbers, is refused."""
    for record in (record_of(column("mean", "number", [1])), record_of(column("label", "number", [1], "target"))):
        with pytest.raises(InputError, match="expected a class"):
            human(explorer(record), n=1, twice=0.0, path=None)


def test_a_network_that_has_not_predicted_is_left_out():
    """Without predictions the person stands alone."""
    own = explorer(record_of(column("label", "class", [0, 1], "target", ("a", "b"))))
    asked = human(own, n=2, twice=0.0, path=None)
    asked.answer(0)
    assert human_result(own, asked, "train").network is None
