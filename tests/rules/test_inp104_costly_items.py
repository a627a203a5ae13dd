"""INP104 costly items: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp104_costly_items import costly_items
from tests.rules.situations import assessed, knobs, missing_without
from tests.rules.starved import LOADER, NOT_STALLED

STARVED: dict[str, Any] = {"loader": LOADER, "fetcher": {"own_share": 0.95, "asleep_share": 0.02}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {},
            "a batch takes 60.0 ms of work; the loop waits for it 50% of the time (30.0 of 60.0 ms, 15 s of what is left)",
            id="decoding",
        ),
        pytest.param({"probes": {"fetch_transform_share": 0.7}}, "70% of it transforms", id="transforms"),
        pytest.param({"probes": {"fetch_collate_share": 0.4}}, "40% of it collating", id="collating"),
        pytest.param(
            {"fetcher": {"own_share": 0.95, "asleep_share": 0.02, "others_share": 2.0}},
            "on 3.0 cores",
            id="threads of its own",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(costly_items, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP104", "costly_items")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        *NOT_STALLED,
        pytest.param({"fetcher": {"own_share": 0.3, "asleep_share": 0.6}}, id="asleep"),
        pytest.param({"fetcher": {"own_share": 0.55, "queued_share": 0.4}}, id="no core"),
        pytest.param(
            {"loader": {**LOADER, "workers": 2}, "fetcher": {"own_share": 0.6, "asleep_share": 0.3, "read_bytes": 0.0}},
            id="two take turns",
        ),
        pytest.param({"loader": {**LOADER, "workers": 4}}, id="the workers keep up"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(costly_items, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetcher", "host", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(costly_items, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("cache", True), ("workers", 3)], id="room for all"),
        pytest.param({"knobs": knobs(frozenset({"workers"}))}, [("workers", 3)], id="items are drawn anew"),
        pytest.param({"host": {"idle_cores": 0.5}}, [("cache", True)], id="no idle core"),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(costly_items, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
