"""ARC108 output bounded: when it speaks, when it is silent, when it is not assessed."""

from math import inf, nan
from typing import Any

import pytest

from rules.architecture.arc108_output_bounded import output_bounded
from tests.rules.situations import assessed, missing_without

CUT = {"behind": ("relu",), "reach_low": 0.0, "zero_share": 0.4}
NUMBER = {"shape": (), "loss_kind": "squared", "target_low": -2.5, "target_high": 2.9}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"outputs": CUT}, "40% of the logits are 0", id="a relu on the logits"),
        pytest.param({"outputs": CUT | {"behind": ()}}, "something behind", id="cut off by a clamp of its own"),
        pytest.param(
            {"outputs": {"behind": ("sigmoid",), "reach_low": 0.0, "reach_high": 1.0, "floor_share": 0.63}},
            "63% of the loss of guessing",
            id="a sigmoid before cross entropy",
        ),
        pytest.param(
            {"outputs": NUMBER | {"behind": ("tanh",), "reach_low": -1.0, "reach_high": 1.0, "floor_share": 0.14}},
            "go from -2.5 to 2.9",
            id="a tanh before a wider target",
        ),
        pytest.param(
            {"outputs": NUMBER | {"behind": ("relu",), "reach_low": 0.0, "floor_share": 0.47, "zero_share": 0.9}},
            "a relu behind the last layer",
            id="a relu before a target of both signs",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], words: str) -> None:
    finding = assessed(output_bounded, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC108", "output_bounded")
    assert words in finding.message
    assert [fix.turns[0].knob for fix in finding.fixes if fix.turns] == ["output"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="raw outputs"),
        pytest.param({"outputs": NUMBER | CUT | {"floor_share": 0.0, "target_low": 0.0}}, id="a relu before counts"),
        pytest.param(
            {"outputs": {"behind": ("sigmoid",), "reach_low": 0.0, "reach_high": 1.0, "floor_share": 0.0,
                         "loss_kind": "binary_cross_entropy_of_probabilities"}},
            id="a sigmoid before its own loss",
        ),
        pytest.param({"outputs": NUMBER | {"reach_low": -1.0, "reach_high": 1.0, "floor_share": 0.01}}, id="hardly a target beyond"),
        pytest.param({"outputs": NUMBER | {"reach_low": -1.0, "reach_high": 1.0, "floor_share": nan}}, id="a loss that does not answer"),
        pytest.param({"outputs": {"sums_to_one": True, "reach_low": 0.0, "reach_high": 1.0, "floor_share": 0.64}}, id="a softmax is ARC106's"),
        pytest.param({"outputs": {"zero_share": 1.0, "reach_low": -inf}}, id="a head that begins at zero"),
    ],
)  # fmt: skip
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(output_bounded, changes) is None


@pytest.mark.parametrize("group", ["outputs", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(output_bounded, group) == (group,)
