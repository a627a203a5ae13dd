"""ARC101 vanishing gradients: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.architecture.arc101_vanishing_gradients import vanishing_gradients
from rules.vocabulary import Deed, Effect
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(1e-8, 1e-4, 0.1)}}, id="gone"
        ),
        pytest.param(
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "layers": {"layers": layers(1e-8, 1e-4, 0.1), "at_start": layers(5e-5, 1e-2, 0.5)},
            },
            id="gone from the start",
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
            {
                "loss": {"now": 2.0, "fall_share": 0.0},
                "layers": {"layers": layers(1e-8, 1e-4, 0.1), "at_start": layers(0.2, 0.2, 0.5)},
            },
            id="killed since the first step",
        ),
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


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(vanishing_gradients, group) == (group,)


@pytest.mark.parametrize(
    ("saturated", "first"),
    [
        pytest.param(0.0, "use ReLU and He initialisation", id="squashing"),
        pytest.param(nan, "use He initialisation", id="others"),
    ],
)
def test_surgery_follows_the_advice_and_relu_comes_first_where_the_layers_squash(saturated: float, first: str) -> None:
    gone = {
        "loss": {"now": 2.0, "fall_share": 0.0},
        "layers": {"layers": layers(1e-8, 1e-4, 0.1, saturated=saturated)},
    }
    finding = assessed(vanishing_gradients, gone)
    assert finding is not None
    assert finding.fixes[1].name.startswith(first)
    assert not [fix for fix in finding.fixes if fix.turns and fix.effect is not Effect.CHANGES_LEARNING]


@pytest.mark.parametrize(
    ("count", "second"),
    [pytest.param(3, "normalise", id="shallow"), pytest.param(20, "add shortcuts and normalise", id="deep")],
)
def test_a_deep_net_is_not_normalised_without_shortcuts_first(count: int, second: str) -> None:
    gone = {
        "loss": {"now": 2.0, "fall_share": 0.0},
        "layers": {"layers": layers(1e-8, *[1e-4] * (count - 2), 0.1, saturated=nan)},
    }
    finding = assessed(vanishing_gradients, gone)
    assert finding is not None
    assert finding.fixes[2].name.startswith(second)


def test_a_young_run_that_has_learned_nothing_begins_anew_with_it() -> None:
    gone = {"loss": {"now": 2.3, "fall_share": 0.0}, "layers": {"layers": layers(1e-8, 1e-4, 0.1)}}
    young, old = assessed(vanishing_gradients, {**gone, "run": {"step": 60}}), assessed(vanishing_gradients, gone)
    assert young is not None
    assert old is not None
    assert {fix.deed for fix in young.fixes[1:]} == {Deed.START_OVER}
    assert {fix.deed for fix in old.fixes[1:]} == {Deed.TURN}


@pytest.mark.parametrize(
    ("largest", "explained"),
    [pytest.param(2.4, True, id="flat from the start"), pytest.param(9.0, False, id="after a rise")],
)
def test_a_suspected_rate_waits_unless_the_loss_has_risen(largest: float, explained: bool) -> None:
    gone = {
        "loss": {"now": 2.3, "fall_share": 0.0, "curve": ((10, 2.4), (50, largest), (100, 2.3))},
        "layers": {"layers": layers(1e-8, 1e-4, 0.1)},
    }
    finding = assessed(vanishing_gradients, gone)
    assert finding is not None
    assert ("OPT101" in finding.explains) is explained
