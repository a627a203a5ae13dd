"""NUM105 loss below zero: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.numerics.num105_loss_below_zero import loss_below_zero
from rules.vocabulary import Deed, Effect
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"outputs": {"loss_factor": -1.0, "loss": -2.3}}, "minus sign", id="a minus sign too many"),
        pytest.param({"outputs": {"loss_factor": -0.5, "loss_kind": "squared"}}, "minus sign", id="of a squared error"),
        pytest.param({"outputs": {"loss_kind": "likelihood", "loss": -0.04}}, "log_softmax", id="NLLLoss on logits"),
        pytest.param(
            {
                "task": {"kind": "regression"},
                "outputs": {"loss_kind": "binary_cross_entropy", "target_low": 0.0, "target_high": 5.0},
            },
            "into 0 to 1",
            id="binary cross entropy of no probabilities",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(loss_below_zero, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("NUM105", "loss_below_zero")
    assert said in finding.fixes[0].name
    assert {"NUM101", "NUM102", "OPT101"} <= set(finding.explains)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="cross entropy"),
        pytest.param({"outputs": {"loss_kind": "", "loss_factor": float("nan"), "loss": -3.0}}, id="a density"),
        pytest.param(
            {"outputs": {"loss_kind": "likelihood", "reach_low": 0.0, "reach_high": 1.0}},
            id="of probabilities: ARC107's",
        ),
        pytest.param(
            {
                "task": {"kind": "regression"},
                "outputs": {"loss_kind": "binary_cross_entropy", "target_low": 0.0, "target_high": 1.0},
            },
            id="yes and no as floats",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(loss_below_zero, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "outputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(loss_below_zero, group) == (group,)


@pytest.mark.parametrize(
    ("step", "deed", "effect"),
    [
        pytest.param(60, Deed.START_OVER, Effect.RESCUE, id="early"),
        pytest.param(700, Deed.TURN, Effect.CHANGES_LEARNING, id="late"),
    ],
)
def test_what_was_learned_from_it_so_far_is_given_up_in_the_first_half(step: int, deed: Deed, effect: Effect) -> None:
    finding = assessed(loss_below_zero, {"run": {"step": step}, "outputs": {"loss_factor": -1.0}})
    assert finding is not None
    assert [(fix.deed, fix.effect) for fix in finding.fixes if fix.turns] == [(deed, effect)]
