"""DEV105 not compiled: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev105_not_compiled import not_compiled
from tests.rules.situations import assessed, knobs, missing_without

LONG = {"run": {"step": 5_000, "steps_total": 100_000}}
STEPS = {"phases": {"step_s": 0.05}}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(LONG | STEPS | {"device": {"type": "cuda"}}, id="an hour of an accelerator"),
        pytest.param(LONG | {"phases": {"step_s": 0.2}}, id="hours of a processor"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(not_compiled, changes)
    assert finding is not None
    assert [(turn.knob, turn.to) for turn in finding.fixes[0].turns] == [("compile", "default")]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(STEPS | {"device": {"type": "cuda"}}, id="too short to pay"),
        pytest.param(LONG | STEPS | {"device": {"type": "mps"}}, id="a device of which nothing is known"),
        pytest.param(LONG | {"phases": {"step_s": 0.2}, "knobs": knobs(compile="default")}, id="compiled already"),
        pytest.param(LONG | {"phases": {"step_s": 0.2}, "knobs": knobs(frozenset())}, id="cannot be compiled here"),
        pytest.param(LONG | {"phases": {"step_s": 0.2, "shares": {"input_wait": 0.8}}}, id="it mostly waits"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(not_compiled, changes) is None


@pytest.mark.parametrize("group", ["run", "device", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(not_compiled, group) == (group,)
