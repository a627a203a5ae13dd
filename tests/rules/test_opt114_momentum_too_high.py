"""OPT114 momentum too high: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt114_momentum_too_high import momentum_too_high
from rules.vocabulary import Deed, Severity, Turned
from tests.rules.situations import assessed, knobs, missing_without

HEAVY = knobs(optimizer="momentum", momentum=0.999)
CLIMBS = {"loss": {"now": 1.5, "best": 0.6, "above_best_steps": 15}, "knobs": HEAVY}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(CLIMBS, id="it climbs"),
        pytest.param({"loss": {"outliers_in_50": 4}, "knobs": HEAVY}, id="steps stand out"),
        pytest.param({"loss": {"now": 2.0, "highest_early": 20.0}, "knobs": HEAVY}, id="it was thrown up"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(momentum_too_high, changes)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("OPT114", "momentum_too_high", Severity.ERROR)
    assert finding.message.startswith("a momentum of 0.999 remembers 1000 steps")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"knobs": HEAVY}, id="it falls steadily"),
        pytest.param({**CLIMBS, "knobs": knobs(optimizer="momentum", momentum=0.95)}, id="a usual momentum"),
        pytest.param({**CLIMBS, "knobs": knobs(optimizer="sgd", momentum=0.999)}, id="no momentum in use"),
        pytest.param({**CLIMBS, "run": {"step": 30}}, id="young"),
        pytest.param({**CLIMBS, "loss": {"now": 0.05, "best": 0.02, "above_best_steps": 15}}, id="noise near zero"),
        pytest.param({**CLIMBS, "run": {"step": 20_000, "steps_total": 40_000}}, id="a run long enough for it"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(momentum_too_high, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(momentum_too_high, group) == (group,)


@pytest.mark.parametrize(
    ("step", "deed"),
    [pytest.param(100, Deed.START_OVER, id="early"), pytest.param(700, Deed.TURN, id="late")],
)
def test_the_momentum_goes_to_the_customary_one(step: int, deed: Deed) -> None:
    finding = assessed(momentum_too_high, {**CLIMBS, "run": {"step": step}})
    assert finding is not None
    assert finding.fixes[0].deed is deed
    assert finding.fixes[0].turns == (Turned(knob="momentum", to=0.9),)


@pytest.mark.parametrize(
    ("steps_total", "speaks"),
    [pytest.param(1000, True, id="a quarter of the run"), pytest.param(10_000, False, id="a tenth of the run")],
)
def test_a_memory_of_much_of_the_run_needs_no_steep_climb(steps_total: int, speaks: bool) -> None:
    gentle = {"loss": {"now": 0.9, "best": 0.6, "above_best_steps": 0}, "knobs": HEAVY}
    finding = assessed(momentum_too_high, {**gentle, "run": {"step": 300, "steps_total": steps_total}})
    assert (finding is not None) is speaks
