"""DEV106 device too hot: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.device.dev106_device_too_hot import device_too_hot
from tests.rules.situations import assessed, missing_without

HOT = {"heat_share": 0.4, "temperature_c": 88.0, "clock_share": 0.7}
UNTOLD = {"heat_share": nan, "brake_share": nan, "capped_share": nan}


@pytest.mark.parametrize(
    ("cooling", "said", "answer"),
    [
        pytest.param(HOT, "40% of the time a processor slows down for heat; its clock is at 70%", "more air", id="told"),
        pytest.param({"heat_share": 0.4, "brake_share": 0.4}, "for too little power", "power supply", id="power brake"),
        pytest.param(HOT | UNTOLD, "the temperature of a processor is 88 °C; its clock is at 70%", "more air", id="no reasons"),
        pytest.param({"heat_share": 0.4, "clock_share": nan}, "slows down for heat", "more air", id="no clock"),
    ],
)  # fmt: skip
def test_it_speaks(cooling: dict[str, Any], said: str, answer: str) -> None:
    finding = assessed(device_too_hot, {"cooling": cooling})
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV106", "device_too_hot")
    assert finding.nursery
    assert said in finding.message
    assert answer in finding.fixes[0].name


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"cooling": HOT, "run": {"step": 10}}, id="young"),
        pytest.param({"cooling": {"heat_share": 0.04}}, id="a single moment"),
        pytest.param({"cooling": {"temperature_c": 88.0}}, id="hot at full clock"),
        pytest.param({"cooling": {"clock_share": 0.7}}, id="slow and cool"),
        pytest.param({"cooling": HOT | {"heat_share": 0.0, "capped_share": 0.9}}, id="at its power cap"),
        pytest.param({"cooling": UNTOLD | {"temperature_c": nan, "clock_share": nan}}, id="nothing is told"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(device_too_hot, changes) is None


@pytest.mark.parametrize("group", ["run", "device", "cooling"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(device_too_hot, group) == (group,)
