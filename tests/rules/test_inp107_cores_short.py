"""INP107 cores short: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp107_cores_short import cores_short
from tests.rules.situations import assessed, knobs, missing_without

LOADER = {"wait_share": 0.5, "wait_s": 0.03, "fetch_s": 0.06, "workers": 2}
STARVED: dict[str, Any] = {"loader": LOADER, "fetcher": {"own_share": 0.5, "queued_share": 0.45, "asleep_share": 0.05}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {}, "45% of a fetch passes in the queue for a core: 2 threads and 2 workers share 4", id="its own threads"
        ),
        pytest.param({"host": {"others_cores": 2.5}}, "other programs keep 2.5 of 4 busy", id="other programs"),
        pytest.param(
            {"host": {"others_cores": float("nan")}}, "2 threads and 2 workers share 4", id="nobody knows of others"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(cores_short, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP107", "cores_short")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loader": {"wait_share": 0.02, "wait_s": 0.001}}, id="the loop hardly waits"),
        pytest.param({"run": {"step": 995}}, id="nothing is left to be saved"),
        pytest.param({"run": {"step": 10}}, id="young"),
        pytest.param({"fetcher": {"queued_share": 0.1}}, id="hardly queued"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(cores_short, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetcher", "host", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(cores_short, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("cache", True)], id="as many as cores"),
        pytest.param(
            {"loader": {**LOADER, "workers": 8}, "knobs": knobs(workers=8, threads=4)},
            [("cache", True), ("threads", 1), ("workers", 3)],
            id="far more than cores",
        ),
        pytest.param(
            {"host": {"others_cores": 2.5}, "loader": {**LOADER, "workers": 8}},
            [("cache", True)],
            id="not its own fault",
        ),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(cores_short, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
