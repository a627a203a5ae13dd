"""RUN102 checkpoint slow: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from typing import Any

import pytest

from rules.upkeep.run102_checkpoint_slow import checkpoint_slow
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"phases": {"checkpoint_share": 0.1}}, id="a tenth of the time"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(checkpoint_slow, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN102", "checkpoint_slow")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {
                "phases": {"checkpoint_share": 0.1},
                "knobs": replace(knobs(), confirmed=frozenset({"async_checkpoints"})),
            },
            id="turned: the share still holds what was before",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(checkpoint_slow, changes) is None


@pytest.mark.parametrize("group", ["run", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(checkpoint_slow, group) == (group,)


def test_they_are_written_behind_the_training_first_and_less_often_only_by_a_person() -> None:
    slow = {"phases": {"checkpoint_share": 0.1}}
    finding = assessed(checkpoint_slow, slow)
    assert finding is not None
    assert [[turn.knob for turn in fix.turns] for fix in finding.fixes] == [["async_checkpoints"], []]
    already = assessed(checkpoint_slow, slow | {"knobs": knobs(async_checkpoints=True)})
    assert already is not None
    assert [fix.effect for fix in already.fixes] == ["needs_a_person"]
