"""DAT116 validation differs: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.data.dat116_validation_differs import validation_differs
from rules.vocabulary import Effect
from tests.rules.situations import assessed, evaluations, missing_without

ASTRAY = evaluations([30.3, 318.0], [0.41, 0.38], train=0.3)


def test_it_speaks_and_turns_nothing() -> None:
    finding = assessed(validation_differs, {"validation": ASTRAY})
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT116", "validation_differs")
    assert finding.message.startswith("the validation loss is 318, 138 times that of guessing")
    assert [fix.effect for fix in finding.fixes] == [Effect.NEEDS_A_PERSON]
    assert "GEN101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"validation": evaluations([30.0], [0.4], train=0.3)}, id="one evaluation"),
        pytest.param({"validation": evaluations([1.9, 6.0, 9.0], [0.4] * 3, train=0.01)}, id="it overfits"),
        pytest.param({"validation": evaluations([30.0, 125.0], [0.1, 0.1], train=40.0)}, id="all of it has exploded"),
        pytest.param({"validation": evaluations([5.1, 6.0], [0.4] * 2, train=2.0)}, id="it has hardly learned yet"),
        pytest.param({"validation": evaluations([30.0, 8.0], [0.4] * 2, train=0.3)}, id="it comes down from far off"),
        pytest.param(
            {"validation": evaluations([1.9, 2.2], [0.4] * 2, train=0.05), "task": {"baseline_loss": 0.2}},
            id="a class is rare in training and frequent here",
        ),
        pytest.param({"validation": ASTRAY, "task": {"baseline_loss": -0.3}}, id="a loss that begins below zero"),
        pytest.param({"validation": ASTRAY, "task": {"baseline_loss": nan}}, id="nobody could guess"),
        pytest.param({"validation": evaluations([30.0, 125.0], train=nan)}, id="no training examples were judged"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(validation_differs, changes) is None


@pytest.mark.parametrize("group", ["task", "validation"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(validation_differs, group) == (group,)
