from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from nbinspect.recipe.catalogue import CHAPTERS, advice_of
from nbinspect.sanity.registry import CHECKS

STEPS = [advice for _, steps in CHAPTERS for advice in steps]
IDS = re.compile(r"^\| ((?:[KSDT]-[\w-]+(?:, )?)+) \|", re.MULTILINE)


def test_every_check_answers_exactly_one_step() -> None:
    """No check is left out of the recipe, none stands twice, and none is named that there is not."""
    named = Counter(name for advice in STEPS for name in advice.checks)
    assert set(named.values()) == {1}
    assert set(named) == {check.name for check in CHECKS}


def test_steps_are_stated_in_full() -> None:
    """Each step has an id of its own, a title that says what to do, one sentence of advice, and its sources."""
    assert len({advice.id for advice in STEPS}) == len(STEPS)
    for advice in STEPS:
        assert advice.title[0].isupper()
        assert not advice.title.endswith(".")
        assert advice.advice.endswith(".")
        assert re.search(r"[a-z]\. [A-Z]", advice.advice) is None
        assert advice.sources
        assert (advice.room == "sanity") <= (bool(advice.checks) or advice.action is None)
        assert advice_of(advice.id) is advice
        assert set(advice.deciding) <= set(advice.checks)
    assert advice_of("nothing") is None


def test_sources_are_those_of_the_recipe(root_of_docs: Path) -> None:
    """Every source is an id of the page that lists the advice."""
    listed = {each for group in IDS.findall(root_of_docs.read_text(encoding="utf-8")) for each in group.split(", ")}
    assert listed
    assert {source for advice in STEPS for source in advice.sources} <= listed
