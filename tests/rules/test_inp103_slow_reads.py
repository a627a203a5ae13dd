"""INP103 slow reads: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp103_slow_reads import slow_reads
from tests.rules.situations import assessed, missing_without

LOADER = {"wait_share": 0.5, "wait_s": 0.03, "fetch_s": 0.06, "workers": 1}
STARVED: dict[str, Any] = {
    "loader": LOADER,
    "fetcher": {"own_share": 0.1, "queued_share": 0.02, "asleep_share": 0.88, "read_bytes": 6.4e6},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "88% of a fetch is sleep, reading 0.1 MiB an item", id="a slow disk"),
        pytest.param(
            {"fetcher": {"asleep_share": 0.8, "read_bytes": 64 * 2000.0}},
            "reading 2.0 KiB an item: many small reads",
            id="small files",
        ),
        pytest.param({"fetch": {"store": "nfs4"}}, "on a network store (nfs4)", id="network"),
        pytest.param({"fetch": {"store": "fuse.sshfs"}}, "on a network store (fuse.sshfs)", id="served by a program"),
        pytest.param(
            {"fetcher": {"asleep_share": 0.8, "read_bytes": 100.0}}, "for an answer that no file gives", id="a server"
        ),
        pytest.param(
            {"host": {"io_stall_share": float("nan")}},
            "how busy the disk is, this machine does not tell",
            id="no pressure told",
        ),
        pytest.param(
            {"loader": {**LOADER, "workers": 2}, "probes": {"fetch_asleep_share": 0.8}},
            "88% of a fetch is sleep",
            id="asleep alone, too",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(slow_reads, {**STARVED, **changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("INP103", "slow_reads")
    assert said in finding.message
    assert "INP101" in finding.explains


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loader": {"wait_share": 0.02, "wait_s": 0.001}}, id="the loop hardly waits"),
        pytest.param({"run": {"step": 995}}, id="nothing is left to be saved"),
        pytest.param({"run": {"step": 10}}, id="young"),
        pytest.param({"fetcher": {"asleep_share": 0.2}}, id="awake"),
        pytest.param(
            {"loader": {**LOADER, "workers": 2}, "probes": {"fetch_asleep_share": 0.1}}, id="awake when alone: a lock"
        ),
        pytest.param({"loader": {**LOADER, "workers": 4}}, id="the workers keep up"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(slow_reads, {**STARVED, **changes}) is None


@pytest.mark.parametrize("group", ["run", "loader", "fetch", "fetcher", "host", "knobs", "probes"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(slow_reads, group) == (group,)


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        pytest.param({}, [("cache", True), ("workers", 3), ("prefetch", 4)], id="all that helps"),
        pytest.param(
            {"host": {"idle_cores": 0.4}}, [("cache", True), ("workers", 3), ("prefetch", 4)], id="sleep takes no core"
        ),
        pytest.param(
            {"loader": {**LOADER, "decoded_bytes": 4 << 30}, "host": {"idle_cores": 0.0}},
            [("prefetch", 4)],
            id="no room at all",
        ),
        pytest.param(
            {"loader": {**LOADER, "batch_bytes": 1 << 20}, "host": {"shm_free_bytes": 8 << 20}},
            [("cache", True), ("workers", 2), ("prefetch", 4)],
            id="little shared memory",
        ),
    ],
)
def test_it_offers_what_fits_the_cause(changes: dict[str, Any], turns: list[tuple[str, int]]) -> None:
    finding = assessed(slow_reads, {**STARVED, **changes})
    assert finding is not None
    assert [(turn.knob, turn.to) for fix in finding.fixes for turn in fix.turns] == turns
