"""DAT104 unscaled inputs: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat104_unscaled_inputs import unscaled_inputs
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"inputs": {"std_high": 85.0, "mean_abs": 60.0}}, id="pixels to 255"),
        pytest.param(
            {"task": {"inputs": "table"}, "inputs": {"std_low": 0.1, "std_high": 300.0, "mean_abs": 2.0}},
            id="raw columns",
        ),
        pytest.param({"inputs": {"mean_abs": 40.0}}, id="far from zero"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(unscaled_inputs, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT104", "unscaled_inputs")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"task": {"inputs": "table"}, "inputs": {"std_low": 1.0, "abs_max": 30.0}}, id="standardised"),
        pytest.param({"task": {"inputs": "other"}, "inputs": {"std_low": 0.001, "std_high": 0.4}}, id="rare pixels"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(unscaled_inputs, changes) is None


@pytest.mark.parametrize("group", ["task", "inputs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(unscaled_inputs, group) == (group,)
