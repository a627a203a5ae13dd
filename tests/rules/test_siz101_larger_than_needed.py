"""SIZ101 larger than needed: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.size.siz101_larger_than_needed import larger_than_needed
from rules.vocabulary import Deed, Effect, Guard
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"run": {"step": 1000, "finished": True}}, id="finished and good"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(larger_than_needed, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("SIZ101", "larger_than_needed")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"run": {"finished": True}, "model": {"parameters": 650}}, id="tiny"),
        pytest.param({"run": {"finished": True}, "validation": evaluations([2.3], [0.1])}, id="learned nothing"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(larger_than_needed, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "model", "validation"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(larger_than_needed, group) == (group,)


def test_both_ways_are_tried_on_a_copy() -> None:
    finding = assessed(larger_than_needed, {"run": {"finished": True}})
    assert finding is not None
    assert [fix.method for fix in finding.fixes] == ["int8", "prune"]
    assert all((fix.effect, fix.deed, fix.improves) == (Effect.FREE, Deed.COMPRESS, "bytes") for fix in finding.fixes)
    assert finding.fixes[0].guards == (Guard(metric="metric", tolerance=0.01, unit="relative"),)
