"""ARC105 symmetric units: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc105_symmetric_units import symmetric_units
from rules.facts import LayerFact
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": {"first_rows_identical": True}}, id="identical rows"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(symmetric_units, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC105", "symmetric_units")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"layers": {"first_rows_identical": True, "layers": (LayerFact("a", "Linear", 0.1, 1e-5, 0.1),)}},
            id="decayed to nothing",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(symmetric_units, changes) is None


@pytest.mark.parametrize("group", ["layers"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(symmetric_units, group) == (group,)
