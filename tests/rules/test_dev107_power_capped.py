"""DEV107 power capped: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.device.dev107_power_capped import power_capped
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without

CAPPED = {"capped_share": 0.9, "clock_share": 0.6, "power_limit_w": 200.0}


def test_it_speaks() -> None:
    finding = assessed(power_capped, {"cooling": CAPPED})
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("DEV107", "power_capped", Severity.INFO)
    assert finding.nursery
    assert finding.message == (
        "90% of the time a processor stands at its power cap of 200 W; its clock is at 60% of the highest"
    )
    assert not finding.fixes


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"cooling": CAPPED, "run": {"step": 10}}, id="young"),
        pytest.param({"cooling": CAPPED | {"capped_share": 0.5}}, id="half the time"),
        pytest.param({"cooling": CAPPED | {"clock_share": 0.9}}, id="near its highest clock"),
        pytest.param({"cooling": CAPPED | {"capped_share": nan}}, id="no reasons are told"),
        pytest.param({"cooling": CAPPED | {"clock_share": nan}}, id="no clock is told"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(power_capped, changes) is None


@pytest.mark.parametrize("group", ["run", "device", "cooling"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(power_capped, group) == (group,)
