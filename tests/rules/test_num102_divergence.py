"""NUM102 divergence: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.numerics.num102_divergence import divergence
from rules.vocabulary import Deed, Turned
from tests.rules.situations import assessed, missing_without

CLIMB = {"loss": {"now": 1.5, "best": 0.5, "best_step": 400, "above_best_steps": 60}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(CLIMB, id="a climb of sixty steps"),
        pytest.param(
            {"run": {"step": 25}, "loss": {"now": 50.0, "best": 2.4, "best_step": 1, "above_best_steps": 20}},
            id="twice an untrained net, soon",
        ),
        pytest.param(
            {"run": {"step": 150}, "loss": {"now": 1.5, "best": 0.5, "best_step": 120, "above_best_steps": 25}},
            id="twenty steps in the first fifth",
        ),
        pytest.param(
            {"loss": {"now": 1.5, "best": 0.5, "best_step": 400, "above_best_steps": 25, "outliers_in_50": 3}},
            id="a climb that began with a burst of outliers",
        ),
        pytest.param(
            {
                "task": {"baseline_loss": 0.2},
                "loss": {"at_start": 1.1, "now": 0.9, "best": -0.4, "best_step": 400, "above_best_steps": 60},
            },
            id="most of what a loss about zero had fallen",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(divergence, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("NUM102", "divergence")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"loss": {"now": 0.02, "best": 0.005, "best_step": 400, "above_best_steps": 80}}, id="converged near zero"
        ),
        pytest.param(
            {"loss": {"now": 1.5, "best": 0.5, "best_step": 400, "above_best_steps": 30}}, id="too short a climb"
        ),
        pytest.param(
            {"loss": {"now": 0.6, "best": 0.3, "best_step": 400, "above_best_steps": 80, "noise_share": 0.5}},
            id="within the noise of the batches",
        ),
        pytest.param(
            {
                "run": {"last_turn_step": 450},
                "loss": {"now": 1.0, "best": 0.5, "best_step": 440, "above_best_steps": 60},
            },
            id="the loss was made another",
        ),
        pytest.param(
            {"task": {"baseline_loss": -0.33}, "loss": {"at_start": -0.32, "now": -0.5, "best": -0.5}},
            id="a loss below zero that falls",
        ),
        pytest.param(
            {
                "run": {"step": 600},
                "task": {"baseline_loss": 0.2},
                "loss": {"at_start": 1.1, "now": -0.07, "best": -0.37, "above_best_steps": 80, "noise_share": 5.0},
            },
            id="a loss below zero, and noisier than it climbs",
        ),
        pytest.param(
            {
                "run": {"step": 600},
                "task": {"baseline_loss": 0.2},
                "loss": {"at_start": 1.1, "now": 0.13, "best": -0.37, "above_best_steps": 80, "noise_share": 1.5},
            },
            id="a loss about zero, and a part of what it fell",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(divergence, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs", "probes", "branch"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(divergence, group) == (group,)


def test_a_late_climb_is_rolled_back_and_clipped() -> None:
    finding = assessed(divergence, {**CLIMB, "branch": {"clip_norm": 2.5}})
    assert finding is not None
    assert finding.message == "the training loss is 1.5, up from 0.5 at step 400"
    assert finding.fixes[0].deed is Deed.ROLLBACK
    assert finding.fixes[0].turns == (Turned(knob="clip", to=2.5),)
