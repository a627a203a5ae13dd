"""OPT105 oscillation: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt105_oscillation import oscillation
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"validation": evaluations([0.5] * 6, [0.8, 0.9, 0.79, 0.9, 0.78, 0.91])}, id="ten points up and down"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(oscillation, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT105", "oscillation")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"validation": evaluations([0.5] * 6, [0.5, 0.6, 0.7, 0.8, 0.85, 0.9])}, id="a trend"),
        pytest.param({"validation": evaluations([0.5] * 6, [0.9, 0.91, 0.9, 0.91, 0.9, 0.91])}, id="small swings"),
        pytest.param(
            {"validation": evaluations([0.5] * 6, [0.8, 0.9, 0.8, 0.9, 0.8, 0.9], error=0.06)},
            id="a tiny validation split",
        ),
        pytest.param(
            {"run": {"step": 400}, "validation": evaluations([0.5] * 6, [0.8, 0.9, 0.79, 0.9, 0.78, 0.91])},
            id="the first half",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(oscillation, changes) is None


@pytest.mark.parametrize("group", ["run", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(oscillation, group) == (group,)
