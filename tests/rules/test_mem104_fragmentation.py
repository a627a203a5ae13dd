"""MEM104 fragmentation: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.memory.mem104_fragmentation import fragmentation
from rules.vocabulary import Severity
from tests.rules.situations import assessed, missing_without

GIB = 1 << 30


@pytest.mark.parametrize(
    ("reserved", "severity"),
    [pytest.param(14 * GIB, Severity.WARNING, id="nearly all"), pytest.param(8 * GIB, Severity.INFO, id="half")],
)
def test_it_speaks(reserved: int, severity: Severity) -> None:
    finding = assessed(fragmentation, {"allocator": {"reserved_bytes": reserved, "needed_bytes": 3 * GIB}})
    assert finding is not None
    assert (finding.code, finding.name, finding.severity) == ("MEM104", "fragmentation", severity)
    assert finding.nursery
    assert f"{reserved / (3 * GIB):.1f} times what tensors have needed" in finding.message
    assert "expandable_segments" in finding.fixes[0].name


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"allocator": {"reserved_bytes": 6 * GIB, "needed_bytes": 3 * GIB}}, id="twice is usual"),
        pytest.param({"allocator": {"reserved_bytes": 2 * GIB, "needed_bytes": 1 << 20}}, id="in nobody's way"),
        pytest.param({"run": {"step": 10}, "allocator": {"reserved_bytes": 14 * GIB, "needed_bytes": GIB}}, id="young"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(fragmentation, changes) is None


@pytest.mark.parametrize("group", ["run", "allocator"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(fragmentation, group) == (group,)
