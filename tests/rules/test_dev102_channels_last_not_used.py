"""DEV102 channels last not used: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev102_channels_last_not_used import channels_last_not_used
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"phases": {"step_s": 0.05}}, id="convolutions in long steps"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(channels_last_not_used, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV102", "channels_last_not_used")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"phases": {"step_s": 0.05}, "model": {"has_conv": False}}, id="no convolution"),
        pytest.param({"phases": {"step_s": 0.05}, "knobs": knobs(channels_last=True)}, id="on already"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(channels_last_not_used, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "model", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(channels_last_not_used, group) == (group,)
