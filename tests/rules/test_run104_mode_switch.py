"""RUN104 mode switch: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.upkeep.run104_mode_switch import mode_switch
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"left_training": 2}, "2 dropout or batch norm modules stay", id="modules stay in training"),
        pytest.param({"evaluation_difference": 0.3}, "30% is the difference", id="dropout that is not told the mode"),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(mode_switch, {"model": changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN104", "mode_switch")
    assert finding.message.startswith(said)
    assert finding.beyond_knobs


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"evaluation_difference": 1e-6}, id="kernels without a fixed order"),
        pytest.param({"evaluation_difference": nan}, id="nobody tried"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(mode_switch, {"model": changes}) is None


def test_it_is_not_assessed_without_a_group() -> None:
    assert missing_without(mode_switch, "model") == ("model",)
