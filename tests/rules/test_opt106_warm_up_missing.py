"""OPT106 warm up missing: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt106_warm_up_missing import warm_up_missing
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loss": {"curve": ((10, 5.0), (50, 4.0), (300, 0.5))}}, id="a peak at the start"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(warm_up_missing, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT106", "warm_up_missing")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"loss": {"curve": ((10, 5.0),)}, "knobs": knobs(warmup=0.05)}, id="a warm-up is there"),
        pytest.param({"loss": {"curve": ((10, 2.5),)}}, id="no peak"),
        pytest.param({"loss": {"now": 2.5, "curve": ((10, 5.0),)}}, id="not come down yet"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(warm_up_missing, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(warm_up_missing, group) == (group,)
