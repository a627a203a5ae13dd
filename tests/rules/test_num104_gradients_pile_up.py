"""NUM104 gradients pile up: when it speaks, when it is silent, when it is not assessed."""

from math import nan
from typing import Any

import pytest

from rules.numerics.num104_gradients_pile_up import gradients_pile_up
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": {"gradients_left": 6}}, id="gradients are there when a step begins"),
        pytest.param({"model": {"gradient_added": 1.0}}, id="the second gradient holds the first"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(gradients_pile_up, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("NUM104", "gradients_pile_up")
    assert finding.beyond_knobs
    assert "NUM102" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"model": {"gradient_added": 0.0}}, id="the same gradient twice"),
        pytest.param({"model": {"gradient_added": nan}}, id="nobody could tell"),
        pytest.param({"gradients": {"now": 1e9}}, id="large gradients alone"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(gradients_pile_up, changes) is None


@pytest.mark.parametrize("group", ["layers", "model"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(gradients_pile_up, group) == (group,)
