"""INP101 input stall: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp101_input_stall import input_stall
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loader": {"wait_share": 0.4, "wait_s": 0.02, "fetch_s": 0.04}}, id="waits for two fifths"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(input_stall, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("INP101", "input_stall")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"loader": {"wait_share": 0.4, "wait_s": 0.0001}}, id="nothing worth saving"),
        pytest.param({"run": {"step": 30}, "loader": {"wait_share": 0.4, "wait_s": 0.02, "fetch_s": 0.04}}, id="young"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(input_stall, changes) is None


@pytest.mark.parametrize("group", ["run", "loader", "host", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(input_stall, group) == (group,)


STALLED = {"wait_share": 0.4, "wait_s": 0.02, "fetch_s": 0.04, "workers": 1}


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({"loader": STALLED}, [("cache", True), ("workers", 3), ("prefetch", 4)], id="room for all"),
        pytest.param(
            {"loader": {**STALLED, "decoded_bytes": 4 << 30}},
            [("workers", 3), ("prefetch", 4)],
            id="too large to cache",
        ),
        pytest.param(
            {"loader": {**STALLED, "cached": True, "workers": 0}, "host": {"idle_cores": 0.4}}, [], id="no idle core"
        ),
        pytest.param(
            {"loader": STALLED, "knobs": knobs(frozenset({"workers"}))}, [("workers", 3)], id="only workers turn here"
        ),
    ],
)
def test_it_offers_what_there_is_room_for(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(input_stall, changes)
    assert finding is not None
    assert finding.message == "40% of each step is spent waiting for data (20.0 ms)"
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
    assert all(fix.expected <= 0.4 for fix in finding.fixes)
