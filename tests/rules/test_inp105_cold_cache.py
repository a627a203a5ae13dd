"""INP105 cold cache: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp105_cold_cache import cold_cache
from tests.rules.situations import assessed, missing_without
from tests.rules.starved import LOADER, NOT_STALLED

STARVED: dict[str, Any] = {
    "loader": LOADER,
    "fetcher": {"own_share": 0.1, "asleep_share": 0.85, "read_bytes": 1e6, "disk_bytes": 1e6},
    "run": {"epoch": 0.5},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "1.0 MiB a batch come from storage for the first time", id="first epoch"),
        pytest.param(
            {"run": {"epoch": 2.0}, "fetch": {"first_s": 0.08, "last_s": 0.02}},
            "the first fetches took 4.0 times as long as now",
            id="afterwards",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(cold_cache, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP105", "cold_cache")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        *NOT_STALLED,
        pytest.param({"run": {"epoch": 2.0}}, id="as slow in later epochs"),
        pytest.param({"fetcher": {"asleep_share": 0.85, "read_bytes": 1e6, "disk_bytes": 0.0}}, id="from memory"),
        pytest.param(
            {"fetcher": {"asleep_share": 0.85, "read_bytes": 1e9, "disk_bytes": 1e9}}, id="will never fit into memory"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(cold_cache, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetch", "fetcher", "host", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(cold_cache, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("workers", 3), ("prefetch", 4)], id="more at a time"),
        pytest.param({"host": {"idle_cores": 0.0}}, [("prefetch", 4)], id="no core for the work in it"),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(cold_cache, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
