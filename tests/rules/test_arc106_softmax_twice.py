"""ARC106 softmax twice: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc106_softmax_twice import softmax_twice
from tests.rules.situations import assessed, knobs, missing_without

PROBABILITIES = {"sums_to_one": True, "reach_low": 0.0, "reach_high": 1.0, "behind": ("softmax",)}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        pytest.param({"outputs": PROBABILITIES | {"floor_share": 0.64}}, "in the model", id="ten classes"),
        pytest.param(
            {"outputs": PROBABILITIES | {"floor_share": 0.45, "shape": (2,)}}, "in the model", id="two classes"
        ),
        pytest.param(
            {"outputs": PROBABILITIES | {"floor_share": 0.64, "behind": (), "loss_kind": ""}},
            "in the model",
            id="a division in its own forward, a loss that nobody knows",
        ),
        pytest.param({"outputs": {"loss_kind": "cross_entropy_of_softmax"}}, "in the loss", id="a softmax in the loss"),
    ],
)
def test_it_speaks(changes: dict[str, Any], cause: str) -> None:
    finding = assessed(softmax_twice, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC106", "softmax_twice")
    assert cause in finding.causes[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="logits"),
        pytest.param({"outputs": PROBABILITIES | {"floor_share": 0.0, "loss_kind": "log_likelihood"}}, id="a loss of probabilities"),
        pytest.param({"outputs": PROBABILITIES | {"floor_share": 0.15}}, id="such a loss with smoothed labels"),
        pytest.param({"outputs": PROBABILITIES | {"floor_share": float("nan")}}, id="a loss that does not answer"),
        pytest.param({"outputs": PROBABILITIES | {"floor_share": 1.0, "shape": (1,)}}, id="one unit"),
        pytest.param({"outputs": PROBABILITIES | {"floor_share": 0.6}, "task": {"kind": "regression"}}, id="shares that are predicted"),
        pytest.param({"outputs": {"behind": ("log_softmax",), "reach_high": 0.0}}, id="a log-softmax twice is one"),
    ],
)  # fmt: skip
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(softmax_twice, changes) is None


def test_the_softmax_is_left_out_on_trial_where_that_can_be_done() -> None:
    twice = {"outputs": PROBABILITIES | {"floor_share": 0.64}}
    able, unable = assessed(softmax_twice, twice), assessed(softmax_twice, twice | {"knobs": knobs(frozenset({"lr"}))})
    assert able is not None
    assert unable is not None
    assert [fix.turns[0].knob for fix in able.fixes if fix.turns] == ["output"]
    within = assessed(softmax_twice, {"outputs": {"loss_kind": "cross_entropy_of_softmax"}})
    assert within is not None
    assert [fix.turns[0].knob for fix in within.fixes if fix.turns] == ["loss"]
    assert not [fix for fix in unable.fixes if fix.turns]


@pytest.mark.parametrize("group", ["task", "outputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(softmax_twice, group) == (group,)
