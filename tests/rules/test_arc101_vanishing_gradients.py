"""ARC101 vanishing gradients: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc101_vanishing_gradients import vanishing_gradients
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(1e-8, 1e-4, 0.1)}}, id="gone"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(vanishing_gradients, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC101", "vanishing_gradients")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"layers": layers(1e-8, 1e-4, 0.1)}}, id="it learns"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(1e-5, 1e-5, 1e-4)}},
            id="small everywhere",
        ),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(1e-8, 0.1), "checks": 1}},
            id="one check",
        ),
        pytest.param({"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(1e-8)}}, id="one layer"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(vanishing_gradients, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(vanishing_gradients, group) == (group,)
