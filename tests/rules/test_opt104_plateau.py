"""OPT104 plateau: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt104_plateau import plateau
from tests.rules.situations import assessed, evaluations, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {
                "loss": {"now": 1.0, "fall_share": 0.0},
                "validation": evaluations([1.5, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2], [0.6] * 7, every=70),
            },
            id="flat at half the way",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(plateau, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT104", "plateau")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"loss": {"now": 0.1, "fall_share": 0.0}, "validation": evaluations([1.2] * 7, [0.8] * 7, every=70)},
            id="converged",
        ),
        pytest.param(
            {"loss": {"now": 1.0, "fall_share": 0.0}, "validation": evaluations([1.2] * 7, [0.95] * 7, every=70)},
            id="a good metric",
        ),
        pytest.param(
            {
                "loss": {"now": 1.0, "fall_share": 0.0},
                "validation": evaluations([1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9], [0.6] * 7, every=70),
            },
            id="validation still gains",
        ),
        pytest.param(
            {"loss": {"now": 2.3, "fall_share": 0.0}, "validation": evaluations([2.3] * 7, [0.1] * 7, every=70)},
            id="at chance is another matter",
        ),
        pytest.param(
            {
                "run": {"step": 950},
                "loss": {"now": 1.0, "fall_share": 0.0},
                "validation": evaluations([1.5, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2], [0.6] * 7, every=70),
            },
            id="nearly over",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(plateau, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "validation", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(plateau, group) == (group,)


def test_a_constant_rate_decays_first_and_a_decaying_one_is_cut() -> None:
    flat = {"loss": {"now": 1.0, "fall_share": 0.0}, "validation": evaluations([1.2] * 7, [0.6] * 7, every=70)}
    constant = assessed(plateau, flat)
    decaying = assessed(plateau, {**flat, "knobs": knobs(schedule="cosine")})
    assert constant is not None
    assert decaying is not None
    assert [fix.name for fix in constant.fixes] == ["start the decay of the rate", "cut lr to 0.03"]
    assert [fix.name for fix in decaying.fixes] == ["cut lr to 0.03"]
