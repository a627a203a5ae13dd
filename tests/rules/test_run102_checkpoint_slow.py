"""RUN102 checkpoint slow: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.upkeep.run102_checkpoint_slow import checkpoint_slow
from tests.rules.situations import assessed, missing_without


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
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(checkpoint_slow, changes) is None


@pytest.mark.parametrize("group", ["run", "phases"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(checkpoint_slow, group) == (group,)
