"""DEV104 threads oversubscribed: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev104_threads_oversubscribed import threads_oversubscribed
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"knobs": knobs(threads=8)}, id="eight threads on four cores"),
        pytest.param({"knobs": knobs(threads=4, workers=6)}, id="threads and workers"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(threads_oversubscribed, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV104", "threads_oversubscribed")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"knobs": knobs(threads=0, workers=12)}, id="threads unknown"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(threads_oversubscribed, changes) is None


@pytest.mark.parametrize("group", ["run", "host", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(threads_oversubscribed, group) == (group,)
