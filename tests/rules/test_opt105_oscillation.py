"""OPT105 oscillation: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt105_oscillation import oscillation
from rules.vocabulary import Severity
from tests.rules.situations import assessed, evaluations, missing_without

WIDE = [0.6, 0.75, 0.59, 0.74, 0.58, 0.72]
ALONG = [0.9, 0.6, 0.92, 0.61, 0.95, 0.62]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"validation": evaluations([0.5, 0.3] * 3, [0.8, 0.9, 0.79, 0.9, 0.78, 0.91])}, id="ten points up and down"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(oscillation, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT105", "oscillation")


@pytest.mark.parametrize(
    ("losses", "metrics", "severity"),
    [
        pytest.param(ALONG, WIDE, Severity.WARNING, id="fifteen points, for nothing"),
        pytest.param(
            [1.2, 1.1, 1.0, 1.1, 1.0, 1.1, *ALONG], [0.5] * 6 + WIDE, Severity.INFO, id="the best model is a new one"
        ),
        pytest.param([1.1, 0.5] * 3 + ALONG, [0.3, 0.75] * 3 + WIDE, Severity.INFO, id="the swings shrink"),
        pytest.param([0.9, 0.6] * 3 + ALONG, [0.59, 0.75] * 3 + WIDE, Severity.WARNING, id="as wide as before"),
        pytest.param([0.9, 0.1] * 3, [0.7, 0.97] * 3, Severity.INFO, id="a good model"),
    ],
)
def test_it_warns_of_swings_that_neither_shrink_nor_lead_anywhere(
    losses: list[float], metrics: list[float], severity: Severity
) -> None:
    run = {"step": 100 * len(losses), "steps_total": 200 * len(losses)}
    finding = assessed(oscillation, {"run": run, "validation": evaluations(losses, metrics)})
    assert finding is not None
    assert finding.severity is severity


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {
                "validation": evaluations(
                    [0.104, 0.102, 0.1, 0.1006, 0.0985, 0.0983], [-1.1, -1.3, -0.5, -0.57, -0.56, -0.36]
                )
            },
            id="an R² far below zero, and the loss falls",
        ),
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


@pytest.mark.parametrize("group", ["run", "task", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(oscillation, group) == (group,)
