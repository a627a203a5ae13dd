"""Each recorded run, heard again, gives the findings that its ledger holds."""

import pytest

from rules.vocabulary import Severity
from tests.runs.recording import HERE, appearances, judge, ledger, names
from tests.runs.setups import ALL, HEALTHY

SIZE_LIMIT_BYTES = 2_760_000
"""Of all recordings: they travel with every copy of the repository."""
FEWEST_HEALTHY = 8
"""Ways to train soundly that the rules must leave alone."""


@pytest.mark.parametrize("name", names())
def test_a_recorded_run_gives_its_ledger(name: str) -> None:
    entries, mind = judge(name)
    assert not mind.diagnosis.newest.errors
    assert appearances(entries) == appearances(ledger(name)), "python -m tests.runs.record --judge, if that is meant"


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_gives_no_alarm(name: str) -> None:
    entries, _ = judge(name)
    found = [entry.finding for entry in entries if entry.kind == "found"]
    assert [finding.message for finding in found if finding.severity is not Severity.INFO] == []


def test_what_is_recorded_is_what_is_set_up() -> None:
    assert set(names()) == set(ALL)
    assert len(HEALTHY) >= FEWEST_HEALTHY


def test_the_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.suffix in (".jsonl", ".json")) < SIZE_LIMIT_BYTES
