"""DAT115 outlying inputs: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat115_outlying_inputs import outlying_inputs
from rules.vocabulary import Effect
from tests.rules.situations import KNOBS, assessed, missing_without

FAR = {"outlying_share": 0.007, "reach": 107.0}


def test_it_names_how_many_lie_how_far_out() -> None:
    finding = assessed(outlying_inputs, {"inputs": FAR, "loss": {"now": 2.0}})
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("DAT115", "outlying_inputs", "warning")
    assert "0.70% of the training examples" in finding.message
    assert "107 times" in finding.message
    assert "NUM103" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy, or nobody looked"),
        pytest.param({"inputs": {"outlying_share": 0.002, "reach": 9.1}}, id="log-normal columns"),
        pytest.param({"inputs": {"outlying_share": 0.0, "reach": 40.0}}, id="none of them is far"),
        pytest.param(
            {"inputs": FAR, "knobs": {"values": {**KNOBS, "standardise": True}}}, id="the model holds them back"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(outlying_inputs, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "inputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(outlying_inputs, group) == (group,)


@pytest.mark.parametrize(
    ("loss", "effect", "severity"),
    [
        ({"now": 2.0}, Effect.CHANGES_LEARNING, "warning"),
        ({"now": 0.4}, Effect.CHANGES_LEARNING, "info"),
        ({"non_finite_in_50": 3}, Effect.RESCUE, "info"),
        ({"highest_early": 13.0, "now": 2.0}, Effect.RESCUE, "warning"),
    ],
    ids=["high", "learns all the same", "not finite", "thrown up at once"],
)
def test_a_run_begins_anew_and_untried_only_when_it_is_lost(
    loss: dict[str, Any], effect: Effect, severity: str
) -> None:
    finding = assessed(outlying_inputs, {"inputs": FAR, "loss": loss, "run": {"step": 60}})
    assert finding is not None
    first = finding.fixes[0]
    assert (first.name, first.effect, finding.severity) == ("start over with standardised inputs", effect, severity)


def test_where_the_knob_cannot_turn_a_person_has_to_look() -> None:
    finding = assessed(outlying_inputs, {"inputs": FAR, "knobs": {"turnable": frozenset(KNOBS) - {"standardise"}}})
    assert finding is not None
    assert [fix.effect for fix in finding.fixes] == [Effect.NEEDS_A_PERSON]
