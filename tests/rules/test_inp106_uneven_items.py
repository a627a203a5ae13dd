"""INP106 uneven items: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp106_uneven_items import uneven_items
from tests.rules.situations import assessed, missing_without
from tests.rules.starved import NOT_STALLED

LOADER = {"wait_share": 0.3, "wait_s": 0.006, "fetch_s": 0.012, "workers": 2}
STARVED: dict[str, Any] = {"loader": LOADER, "fetch": {"median_s": 0.005, "p95_s": 0.1}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "one batch in twenty takes 100.0 ms or more, the usual one 5.0 ms", id="late batches"),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(uneven_items, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP106", "uneven_items")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        *NOT_STALLED,
        pytest.param({"fetch": {"median_s": 0.005, "p95_s": 0.009}}, id="even"),
        pytest.param(
            {"fetch": {"median_s": 0.005, "p95_s": 0.1, "first_s": 0.08, "last_s": 0.005}}, id="a cache was cold"
        ),
        pytest.param({"fetch": {"median_s": 0.001, "p95_s": 0.01}}, id="a late one is no longer than a step"),
        pytest.param({"loader": {**LOADER, "workers": 0}}, id="without workers all are waited for"),
        pytest.param({"loader": {**LOADER, "fetch_s": 0.05}}, id="too slow on average"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(uneven_items, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetch", "host", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(uneven_items, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("prefetch", 8), ("cache", True)], id="further ahead"),
        pytest.param({"loader": {**LOADER, "prefetch": 8, "cached": True}}, [("prefetch", 16)], id="deep already"),
        pytest.param(
            {"fetch": {"median_s": 0.005, "p95_s": 3.0}, "loader": {**LOADER, "cached": True}},
            [("prefetch", 16)],
            id="there is an end",
        ),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(uneven_items, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
