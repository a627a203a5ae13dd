"""GEN102 early stop due: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.generalisation.gen102_early_stop_due import early_stop_due
from rules.vocabulary import Deed, Effect, Severity
from tests.rules.situations import assessed, evaluations, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50)},
            id="six evaluations without a gain",
        ),
        pytest.param(
            {
                "run": {"step": 650},
                "knobs": knobs(schedule="cosine"),
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="a schedule that has decayed",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(early_stop_due, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("GEN102", "early_stop_due")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.8, 0.87, 0.8, 0.89, 0.8, 0.85], every=50)},
            id="six evaluations of a metric that swings",
        ),
        pytest.param(
            {
                "validation": evaluations(
                    [0.5] * 9, [0.1, 0.12, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15], every=50, error=0.04
                )
            },
            id="hardly above a constant",
        ),
        pytest.param(
            {"validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.901, 0.903, 0.905, 0.907, 0.909], every=50)},
            id="a metric that creeps up within its error",
        ),
        pytest.param(
            {"validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.901, 0.9], every=50)},
            id="a best that has only just come",
        ),
        pytest.param(
            {
                "run": {"step": 400},
                "knobs": knobs(schedule="cosine"),
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="the schedule has not decayed",
        ),
        pytest.param(
            {
                "knobs": knobs(early_stop=True),
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="stops by itself",
        ),
        pytest.param(
            {
                "run": {"last_turn_step": 300},
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="a fresh change",
        ),
        pytest.param(
            {
                "validation": evaluations(
                    [0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35], [0.7, 0.8] + [0.9] * 7, every=50
                )
            },
            id="the loss still falls",
        ),
        pytest.param(
            {"loss": {"now": 2.3}, "validation": evaluations([2.3] * 9, [0.1] * 9, every=50)}, id="learned nothing"
        ),
        pytest.param(
            {
                "run": {"step": 970},
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="nearly over",
        ),
        pytest.param(
            {
                "run": {"finished": True},
                "validation": evaluations([0.5] * 9, [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], every=50),
            },
            id="finished",
        ),
        pytest.param(
            {"validation": evaluations([0.5] * 9, [0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87, 0.88], every=50)},
            id="small gains add up",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(early_stop_due, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(early_stop_due, group) == (group,)


def test_it_stops_at_the_best_and_saves_what_is_left() -> None:
    metrics = [0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    finding = assessed(early_stop_due, {"validation": evaluations([0.5] * 9, metrics, every=50)})
    assert finding is not None
    assert finding.severity is Severity.INFO
    (fix,) = finding.fixes
    assert (fix.effect, fix.deed, fix.improves, fix.expected) == (Effect.FREE, Deed.STOP, "time", 0.5)
