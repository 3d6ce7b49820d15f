from __future__ import annotations

import pytest

from nbinspect.sanity.evidence.source.edits import without_call


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return torch.softmax(self.fc(x), 1)", "return self.fc(x)"),
        ("return self.fc(x).softmax(1)", "return self.fc(x)"),
        ("x = self.softmax(x) * 2", "x = x * 2"),
        ("return torch.nn.functional.softmax(x, dim=-1)", "return x"),
        ("return nn.Softmax(dim=1)(self.fc(x))", "return self.fc(x)"),
        ("return self.logits.softmax(1)", "return self.logits"),
        ("return x.softmax(dim=1).view(-1)", "return x.view(-1)"),
    ],
)
def test_the_call_goes_and_what_it_was_given_stays(line: str, expected: str) -> None:
    """Functions, methods and modules are taken out of a line."""
    assert without_call(line, "softmax") == expected


@pytest.mark.parametrize(
    "line", ["return self.net(x)", "if softmax(x):", "softmax(softmax(x))", "y = softmax('é')", "", "softmax()"]
)
def test_an_uncertain_line_is_left_alone(line: str) -> None:
    """A line without the call, with several, or that is no statement by itself gives nothing."""
    assert without_call(line, "softmax") == ""
