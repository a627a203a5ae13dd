"""RUN101 evaluation too often: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from typing import Any

import pytest

from rules.upkeep.run101_evaluation_too_often import evaluation_too_often
from rules.vocabulary import Turned
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"run": {"steps_total": 10_000, "step": 600}, "phases": {"evaluation_share": 0.2, "step_s": 0.01}},
            id="a fifth of the time",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(evaluation_too_often, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN101", "evaluation_too_often")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"phases": {"evaluation_share": 0.2, "step_s": 1.0}}, id="few are left"),
        pytest.param(
            {"run": {"steps_total": 10_000, "step": 600}, "phases": {"evaluation_share": 0.2, "step_s": 0.001}},
            id="two seconds to be saved",
        ),
        pytest.param(
            {
                "run": {"steps_total": 10_000, "step": 600},
                "phases": {"evaluation_share": 0.2, "step_s": 0.01},
                "knobs": replace(knobs(eval_every=8.0), confirmed=frozenset({"eval_every"})),
            },
            id="changed already",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(evaluation_too_often, changes) is None


@pytest.mark.parametrize("group", ["run", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(evaluation_too_often, group) == (group,)


@pytest.mark.parametrize(
    ("steps_total", "share", "interval", "gain"),
    [
        pytest.param(100_000, 0.2, 16.0, 0.185, id="a fifth comes down to one and a half per cent at once"),
        pytest.param(100_000, 0.5, 65.0, 0.485, id="so does a half"),
        pytest.param(4_600, 0.5, 4.0, 0.3, id="ten evaluations must come"),
        pytest.param(1_600, 0.06, 1.5, 0.02, id="ten evaluations in a short run"),
    ],
)
def test_the_interval_is_found_at_once(steps_total: int, share: float, interval: float, gain: float) -> None:
    finding = assessed(
        evaluation_too_often,
        {
            "run": {"steps_total": steps_total, "step": steps_total // 20},
            "phases": {"evaluation_share": share, "step_s": 1.0},
        },
    )
    assert finding is not None
    assert finding.fixes[0].turns == (Turned(knob="eval_every", to=interval),)
    assert finding.fixes[0].expected == pytest.approx(gain, abs=0.006)
