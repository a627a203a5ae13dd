"""DST101 idle devices: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.distribution.dst101_idle_devices import idle_devices
from tests.rules.situations import assessed, knobs, missing_without

LONG = {"run": {"step": 5_000, "steps_total": 100_000}, "phases": {"step_s": 0.05}}
IDLE = {"neighbours": {"devices": 4, "idle": 3, "looks": 6}}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param(IDLE, 4, id="all others idle"),
        pytest.param({"neighbours": {"devices": 2, "idle": 1, "looks": 3}}, 2, id="one other"),
    ],
)
def test_it_speaks(changes: dict[str, Any], wanted: int) -> None:
    finding = assessed(idle_devices, LONG | changes)
    assert finding is not None
    assert finding.nursery
    assert [(turn.knob, turn.to) for turn in finding.fixes[0].turns] == [("replicas", wanted)]


def test_where_others_use_some_devices_it_only_advises() -> None:
    finding = assessed(idle_devices, LONG | {"neighbours": {"devices": 4, "idle": 1, "looks": 6}})
    assert finding is not None
    assert finding.message == "1 of the 4 GPUs that this run sees idle beside it"
    assert not finding.fixes[0].turns
    assert "the 2 devices that are free" in finding.fixes[0].name


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(LONG, id="nobody idles"),
        pytest.param(IDLE | LONG | {"run": {"step": 50, "steps_total": 100}}, id="too short to pay"),
        pytest.param(LONG | {"neighbours": {"devices": 4, "idle": 3, "looks": 2}}, id="not looked at for long"),
        pytest.param(LONG | IDLE | {"knobs": knobs(batch_size=31)}, id="too few examples each"),
        pytest.param(LONG | IDLE | {"knobs": knobs(frozenset())}, id="cannot be dealt out here"),
        pytest.param(LONG | IDLE | {"phases": {"step_s": 0.05, "shares": {"input_wait": 0.8}}}, id="it mostly waits"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(idle_devices, changes) is None


@pytest.mark.parametrize("group", ["run", "neighbours", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(idle_devices, group) == (group,)
