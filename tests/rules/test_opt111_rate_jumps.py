"""OPT111 rate jumps: when it speaks, when it is silent, when it is not assessed."""

from dataclasses import replace
from typing import Any

import pytest

from rules.facts import RateFacts
from rules.optimisation.opt111_rate_jumps import rate_jumps
from rules.vocabulary import Deed, Severity, Turned
from tests.rules.situations import assessed, knobs, missing_without

JUMPED = RateFacts(set=0.1, held=100 * 0.1, apart_since=480, jump=100.0)
CLIMBED = {"now": 3.0, "best": 0.29}


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        pytest.param({"rate": JUMPED, "loss": CLIMBED}, Severity.ERROR, id="a jump that has thrown the run"),
        pytest.param({"rate": JUMPED}, Severity.WARNING, id="a jump that the loss bears so far"),
        pytest.param({"rate": RateFacts(0.1, 0.001, 480), "loss": CLIMBED}, Severity.INFO, id="a fall to a hundredth"),
        pytest.param({"rate": RateFacts(0.1, 1.0, 10, jump=1.1)}, Severity.INFO, id="one cycle of the user's own"),
        pytest.param({"rate": RateFacts(0.1, 0.08, 480)}, Severity.INFO, id="a decay of the user's own"),
    ],
)
def test_it_speaks(changes: dict[str, Any], severity: Severity) -> None:
    finding = assessed(rate_jumps, changes)
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("OPT111", "rate_jumps", severity)
    assert finding.fixes[-1].deed is Deed.PERSON
    assert bool(finding.explains) is (severity is not Severity.INFO)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"loss": CLIMBED}, id="a climb at the rate that was set"),
        pytest.param({"rate": RateFacts(0.1, 0.1 + 1e-9, 480)}, id="rounding"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(rate_jumps, changes) is None


@pytest.mark.parametrize("group", ["task", "loss", "rate", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(rate_jumps, group) == (group,)


def test_the_run_goes_back_with_a_rate_whose_product_is_the_one_that_was_meant() -> None:
    finding = assessed(rate_jumps, {"rate": JUMPED, "loss": CLIMBED})
    assert finding is not None
    assert finding.fixes[0].deed is Deed.ROLLBACK
    assert finding.fixes[0].turns == (Turned(knob="lr", to=0.1 / 100),)


@pytest.mark.parametrize(
    "held",
    [
        pytest.param(replace(knobs(), confirmed=frozenset({"lr"})), id="the rate was turned already"),
        pytest.param(knobs(frozenset()), id="the rate cannot be turned"),
    ],
)
def test_nothing_is_turned_a_second_time(held: Any) -> None:
    finding = assessed(rate_jumps, {"rate": JUMPED, "loss": CLIMBED, "knobs": held})
    assert finding is not None
    assert [fix.deed for fix in finding.fixes] == [Deed.PERSON]
