"""MEM102 out of memory: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.memory.mem102_out_of_memory import out_of_memory
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"memory": {"ran_out": 1, "micro_batch": 32}}, id="once"),
        pytest.param({"memory": {"ran_out": 5}}, id="again and again"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(out_of_memory, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("MEM102", "out_of_memory")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(out_of_memory, changes) is None


@pytest.mark.parametrize("group", ["device", "memory"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(out_of_memory, group) == (group,)


def test_it_quotes_what_was_measured_on_the_device_and_not_what_was_counted_on_the_host() -> None:
    memory = {"ran_out": 1, "micro_batch": 16, "largest_batch": 24}
    measured = assessed(out_of_memory, {"memory": memory})
    counted = assessed(out_of_memory, {"memory": {**memory, "counted": True}})
    assert measured is not None
    assert counted is not None
    assert "24 have been measured to fit" in measured.message
    assert "24" not in counted.message
