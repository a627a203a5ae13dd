"""DAT110 order not shuffled: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.data.dat110_order_not_shuffled import order_not_shuffled
from rules.vocabulary import Deed, Severity
from tests.rules.situations import KNOBS, assessed, knobs, missing_without

UNSHUFFLED = knobs(shuffle=False)
NUMBERS = {"classes": False, "by_chance": 0.0}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"order": {"alike": 0.99}}, id="sorted by label"),
        pytest.param({"order": {"alike": 0.97, **NUMBERS}}, id="sorted by a number"),
        pytest.param({"order": {"alike": 0.99, "neighbours": 124}}, id="seen in four batches of 32"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(order_not_shuffled, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT110", "order_not_shuffled")
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"order": {"alike": 0.15}}, id="by chance"),
        pytest.param({"order": {"alike": -0.2, **NUMBERS}}, id="numbers by chance"),
        pytest.param({"order": {"alike": 0.35, "neighbours": 120, **NUMBERS}}, id="few numbers, by chance"),
        pytest.param({"order": {"alike": 0.83, "by_chance": 0.82}}, id="imbalanced and shuffled"),
        pytest.param({"order": {"alike": 0.93, "by_chance": 0.893, "neighbours": 123}}, id="a few neighbours more"),
        pytest.param(
            {"order": {"alike": 0.83, "by_chance": 0.74, "thrice_by_chance": 0.61, "neighbours": 500}},
            id="of a rare class some fewer by chance, and each parts two pairs",
        ),
        pytest.param({"order": {"alike": 1.0, "by_chance": 1.0}}, id="one class"),
        pytest.param({"order": {"alike": 0.99, "neighbours": 60}}, id="too few to tell"),
        pytest.param({"order": {"alike": nan}}, id="unknown"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(order_not_shuffled, changes) is None


@pytest.mark.parametrize("group", ["run", "order", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(order_not_shuffled, group) == (group,)


@pytest.mark.parametrize(
    ("step", "deeds"),
    [
        pytest.param(20, [Deed.TURN, Deed.START_OVER, Deed.PERSON], id="young"),
        pytest.param(900, [Deed.TURN, Deed.PERSON], id="a new start would not pay"),
    ],
)
def test_shuffling_is_tried_from_now_and_while_the_run_is_young_from_its_start(step: int, deeds: list[Deed]) -> None:
    finding = assessed(
        order_not_shuffled, {"order": {"alike": 0.99}, "knobs": UNSHUFFLED, "run": {"step": step, "steps_total": 1000}}
    )
    assert finding is not None
    assert [fix.deed for fix in finding.fixes] == deeds
    assert not finding.beyond_knobs


def test_a_data_set_that_deals_in_its_own_order_is_a_matter_for_a_person() -> None:
    finding = assessed(order_not_shuffled, {"order": {"alike": 0.99}})
    assert finding is not None
    assert "whatever index it is asked for" in finding.message
    assert finding.beyond_knobs


def test_of_an_order_that_matters_only_information_is_given() -> None:
    fixed = knobs(frozenset(KNOBS) - {"shuffle", "sampler"}, shuffle=False)
    finding = assessed(order_not_shuffled, {"order": {"alike": 0.99, "by_design": True}, "knobs": fixed})
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert [fix.deed for fix in finding.fixes] == [Deed.PERSON]
