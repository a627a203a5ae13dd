"""DAT106 conflicting labels: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat106_conflicting_labels import conflicting_labels
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"splits": {"conflicting_share": 0.01}}, id="contradictions"),
        pytest.param({"splits": {"duplicate_share": 0.1}}, id="duplicates"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(conflicting_labels, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT106", "conflicting_labels")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"splits": {"duplicate_share": 0.01}}, id="a few doubles"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(conflicting_labels, changes) is None


@pytest.mark.parametrize(
    ("splits", "severity", "explains"),
    [
        pytest.param({"duplicate_share": 0.1}, Severity.INFO, (), id="some copies"),
        pytest.param({"duplicate_share": 0.8}, Severity.WARNING, ("GEN101",), id="mostly copies"),
        pytest.param(
            {"conflicting_share": 0.1}, Severity.WARNING, ("DAT102", "OPT105", "GEN101", "GEN102"), id="contradictions"
        ),
    ],
)
def test_what_copies_and_contradictions_lead_to_is_told(
    splits: dict[str, float], severity: Severity, explains: tuple[str, ...]
) -> None:
    finding = assessed(conflicting_labels, {"splits": splits})
    assert finding is not None
    assert (finding.severity, finding.explains) == (severity, explains)


@pytest.mark.parametrize("group", ["splits"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(conflicting_labels, group) == (group,)
