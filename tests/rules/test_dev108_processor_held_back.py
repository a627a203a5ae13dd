"""DEV108 processor held back: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.device.dev108_processor_held_back import processor_held_back
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    ("held_back", "said", "answer"),
    [
        pytest.param({"quota_share": 0.6}, "60% of the time the container's quota of 4 cores is used up", "grant", id="quota"),
        pytest.param({"quota_share": nan, "hot_share": 0.2}, "20% of the time a processor core slows", "air", id="heat"),
    ],
)  # fmt: skip
def test_it_speaks(held_back: dict[str, Any], said: str, answer: str) -> None:
    finding = assessed(processor_held_back, {"held_back": held_back})
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV108", "processor_held_back")
    assert finding.nursery
    assert said in finding.message
    assert answer in finding.fixes[0].name


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"held_back": {"quota_share": 0.6}, "run": {"step": 10}}, id="young"),
        pytest.param({"held_back": {"quota_share": 0.2}}, id="bursts"),
        pytest.param({"held_back": {"hot_share": 0.05}}, id="a moment of heat"),
        pytest.param({"held_back": {"quota_share": nan, "hot_share": nan}}, id="nobody counts"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(processor_held_back, changes) is None


@pytest.mark.parametrize("group", ["run", "held_back"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(processor_held_back, group) == (group,)
