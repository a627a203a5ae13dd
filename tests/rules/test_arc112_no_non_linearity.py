"""ARC112 no non-linearity: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc112_no_non_linearity import no_non_linearity
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"model": {"straight": ("1", "2"), "layers": 3}}, id="three in a row"),
        pytest.param({"model": {"straight": ("1",), "layers": 2}, "run": {"step": 60}}, id="two, early"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(no_non_linearity, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC112", "no_non_linearity")
    assert [turn.to for fix in finding.fixes for turn in fix.turns] == ["relu", "he"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"model": {"straight": (), "layers": 1}}, id="a linear model"),
        pytest.param({"model": {"straight": ("1",), "layers": 3}}, id="an activation elsewhere"),
        pytest.param(
            {"model": {"straight": ("1", "2"), "layers": 3}, "loss": {"now": 0.1}}, id="nothing left to learn"
        ),
        pytest.param({"model": {"straight": ("1", "2"), "layers": 3}, "run": {"step": 10}}, id="not warm"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(no_non_linearity, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "model", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(no_non_linearity, group) == (group,)
