"""GEN102 early stop due: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.facts import ValidationFacts
from rules.generalisation.gen102_early_stop_due import early_stop_due
from rules.vocabulary import Deed, Effect, Severity
from tests.rules.situations import assessed, evaluations, knobs, missing_without

LATE = {"step": 620}


def standing(*, rest: list[float] | None = None, losses: list[float] | None = None, **how: Any) -> ValidationFacts:
    """Return twelve evaluations, 50 steps apart, that gain nothing from the third on."""
    how = {"every": 50} | how
    return evaluations(losses or [0.5] * 12, [0.7, 0.8, *(rest or [0.9] * 10)], **how)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"run": LATE, "validation": standing()}, id="two fifths of the run without a gain"),
        pytest.param(
            {
                "run": {"step": 520},
                "validation": evaluations(
                    [0.5, 0.45, 0.4, 0.4, 0.41, 0.44, 0.46, 0.48, 0.5, 0.52], [0.7, 0.8] + [0.9] * 8, every=50
                ),
            },
            id="three tenths of it, and the validation loss rises",
        ),
        pytest.param(
            {"run": LATE, "knobs": knobs(schedule="cosine"), "validation": standing()}, id="a schedule that has decayed"
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
            {"run": {"step": 520}, "validation": evaluations([0.5] * 10, [0.7, 0.8] + [0.9] * 8, every=50)},
            id="three tenths of the run, and the validation loss stands",
        ),
        pytest.param(
            {"run": LATE, "validation": standing(rest=[0.9, 0.8, 0.87, 0.8, 0.89, 0.8, 0.85, 0.8, 0.88, 0.8])},
            id="a metric that swings",
        ),
        pytest.param(
            {"run": LATE, "validation": evaluations([0.5] * 12, [0.1, 0.12] + [0.15] * 10, every=50, error=0.04)},
            id="hardly above a constant",
        ),
        pytest.param(
            {"run": LATE, "validation": standing(rest=[0.9 + 0.001 * place for place in range(10)])},
            id="a metric that creeps up within its error",
        ),
        pytest.param(
            {"run": {"step": 545}, "knobs": knobs(schedule="cosine"), "validation": standing(every=45)},
            id="the schedule has not decayed",
        ),
        pytest.param(
            {"run": LATE, "knobs": knobs(early_stop=True), "validation": standing()},
            id="stops by itself",
        ),
        pytest.param({"run": LATE | {"last_turn_step": 450}, "validation": standing()}, id="a fresh change"),
        pytest.param(
            {
                "run": {"step": 620, "last_turn_step": 480},
                "validation": evaluations([0.5] * 31, [0.7, 0.8] + [0.9] * 29, every=20),
            },
            id="a change that has had a seventh of the run",
        ),
        pytest.param(
            {"run": LATE, "validation": standing(losses=[0.9 - 0.05 * place for place in range(12)])},
            id="the loss still falls",
        ),
        pytest.param(
            {"run": LATE, "loss": {"now": 2.3}, "validation": evaluations([2.3] * 12, [0.1] * 12, every=50)},
            id="learned nothing",
        ),
        pytest.param({"run": {"step": 970}, "validation": standing()}, id="nearly over"),
        pytest.param({"run": LATE | {"finished": True}, "validation": standing()}, id="finished"),
        pytest.param(
            {
                "run": LATE,
                "validation": evaluations([0.5] * 12, [0.78 + 0.01 * place for place in range(12)], every=50),
            },
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
    finding = assessed(early_stop_due, {"run": LATE, "validation": standing()})
    assert finding is not None
    assert finding.severity is Severity.INFO
    (fix,) = finding.fixes
    assert (fix.effect, fix.deed, fix.improves, fix.expected) == (Effect.FREE, Deed.STOP, "time", pytest.approx(0.38))
