"""INP108 lock held: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp108_lock_held import lock_held
from tests.rules.situations import assessed, knobs, missing_without

LOADER = {"wait_share": 0.5, "wait_s": 0.03, "fetch_s": 0.06, "workers": 2}
STARVED: dict[str, Any] = {"loader": LOADER, "fetcher": {"own_share": 0.5, "asleep_share": 0.5, "read_bytes": 300.0}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "50% of a fetch is sleep, and no disk is waited for: 2 workers take turns", id="two workers"),
        pytest.param({"probes": {"fetch_asleep_share": 0.0}}, "2 workers take turns", id="awake when alone"),
        pytest.param(
            {"fetcher": {"asleep_share": 0.28, "queued_share": 0.2, "read_bytes": 300.0}},
            "28% of a fetch",
            id="with few cores",
        ),
        pytest.param(
            {"fetcher": {"asleep_share": 0.5, "read_bytes": 1e6}, "probes": {"fetch_asleep_share": 0.05}},
            "2 workers take turns",
            id="they read under it",
        ),
        pytest.param(
            {
                "loader": {**LOADER, "workers": 0},
                "fetcher": {"asleep_share": 0.5, "read_bytes": 0.0, "others_share": 0.5},
            },
            "other threads of its process compute meanwhile",
            id="the interpreter's",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(lock_held, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP108", "lock_held")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loader": {"wait_share": 0.02, "wait_s": 0.001}}, id="the loop hardly waits"),
        pytest.param({"run": {"step": 995}}, id="nothing is left to be saved"),
        pytest.param({"run": {"step": 10}}, id="young"),
        pytest.param({"fetcher": {"asleep_share": 0.1}}, id="awake"),
        pytest.param({"fetcher": {"asleep_share": 0.5, "read_bytes": 1e6}}, id="they read"),
        pytest.param({"probes": {"fetch_asleep_share": 0.5}}, id="asleep alone, too"),
        pytest.param({"loader": {**LOADER, "fetch_s": 0.01}}, id="the workers keep up"),
        pytest.param({"loader": {**LOADER, "workers": 1}}, id="one worker"),
        pytest.param(
            {"fetcher": {"asleep_share": 0.3, "queued_share": 0.4, "read_bytes": 300.0}}, id="no core more than no lock"
        ),
        pytest.param(
            {"fetcher": {"asleep_share": 0.3, "read_bytes": 300.0}, "probes": {"fetch_asleep_share": 0.3}},
            id="half asleep alone",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(lock_held, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetcher", "host", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(lock_held, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("cache", True)], id="no lock for what is kept"),
        pytest.param({"knobs": knobs(frozenset({"workers"}))}, [], id="only a person"),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(lock_held, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
