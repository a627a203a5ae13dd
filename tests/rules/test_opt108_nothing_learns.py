"""OPT108 nothing learns: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.optimisation.opt108_nothing_learns import nothing_learns
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"layers": {"unchanged": ("head.weight",)}}, id="a head that never moves"),
        pytest.param(
            {"run": {"step": 5}, "layers": {"left_out": ("0.weight",), "checks": 1}}, id="not in the optimizer"
        ),
        pytest.param({"run": {"step": 5}, "layers": {"idle": ("0.weight",), "checks": 1}}, id="a group at rate 0"),
        pytest.param({"model": {"frozen": 30_000}, "loss": {"now": 1.9}}, id="frozen, and stuck"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(nothing_learns, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("OPT108", "nothing_learns")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"layers": {"unchanged": ("head.weight",), "checks": 1}}, id="one check"),
        pytest.param({"run": {"step": 950}, "layers": {"unchanged": ("head.weight",)}}, id="the tail of a schedule"),
        pytest.param({"model": {"frozen": 30_000}}, id="frozen, and learning"),
        pytest.param({"model": {"frozen": 500}, "loss": {"now": 1.9}}, id="a frozen norm"),
        pytest.param({"model": {"frozen": 30_000}, "loss": {"now": 1.9}, "run": {"step": 100}}, id="frozen, too early"),
        pytest.param({"loss": {"now": 0.01}, "layers": {"left_out": ("0.weight",)}}, id="converged without it"),
        pytest.param({"loss": {"now": 0.01}, "layers": {"unchanged": ("head.weight",)}}, id="converged"),
        pytest.param(
            {"run": {"step": 100}, "knobs": knobs(warmup=0.2), "layers": {"unchanged": ("head.weight",)}},
            id="warming up",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(nothing_learns, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "layers", "model", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(nothing_learns, group) == (group,)
