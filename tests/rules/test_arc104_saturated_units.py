"""ARC104 saturated units: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc104_saturated_units import saturated_units
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, saturated=0.8)}}, id="flat ends"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(saturated_units, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC104", "saturated_units")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"layers": layers(0.1, saturated=0.8)}}, id="it learns"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(0.1, saturated=0.3)}}, id="some"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(saturated_units, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(saturated_units, group) == (group,)
