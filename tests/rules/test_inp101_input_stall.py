"""INP101 input stall: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp101_input_stall import input_stall
from rules.vocabulary import Severity
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


@pytest.mark.parametrize("group", ["run", "phases", "loader", "host", "knobs", "probes"])
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
    assert finding.message == "40% of each step is spent waiting for data (20.0 of 50.0 ms, 10 s of what is left)"
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
    assert all(fix.expected <= 0.4 for fix in finding.fixes)


def test_a_large_share_of_a_small_step_is_no_warning() -> None:
    small = {"wait_share": 0.27, "wait_s": 0.00076, "fetch_s": 0.001}
    finding = assessed(input_stall, {"loader": small, "run": {"step": 500, "steps_total": 5000}})
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert "0.8 of 2.8 ms, 3 s of what is left" in finding.message
    long = assessed(input_stall, {"loader": small, "run": {"step": 5000, "steps_total": 50_000}})
    assert long is not None
    assert long.severity is Severity.WARNING


def test_the_ceiling_is_told_where_it_was_measured_and_asked_for_where_that_pays() -> None:
    stalled = {"loader": STALLED, "phases": {"step_s": 0.05}}
    finding = assessed(input_stall, {**stalled, "probes": {"cached_step_s": 0.025}})
    assert finding is not None
    assert finding.message.endswith("on a batch that is there a step takes 25.0 ms")
    assert finding.fixes[-1].expected == pytest.approx(0.5)
    assert "cached_batch" not in finding.probes
    long = assessed(input_stall, {**stalled, "run": {"step": 1000, "steps_total": 10_000}})
    assert long is not None
    assert "cached_batch" in long.probes
