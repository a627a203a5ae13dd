"""RUN106 stalled: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.upkeep.run106_stalled import stalled
from tests.rules.situations import assessed, missing_without

STANDS = {"silent_s": 12.0, "where": "train.py:12 (forward)", "doing": "takes a step"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "12 seconds without a step, 6,000 times the usual; it stands in train.py:12 (forward)", id="short"),
        pytest.param({"usual_s": 10.0, "silent_s": 300.0}, "5 minutes without a step, 30 times", id="long steps"),
        pytest.param({"where": "", "doing": "was stopped by a signal"}, "the usual; it was stopped by", id="no answer"),
    ],
)  # fmt: skip
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(stalled, {"stall": STANDS | changes})
    assert finding is not None
    assert (finding.code, finding.name) == ("RUN106", "stalled")
    assert said in finding.message


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"stall": {"silent_s": 9.0}}, id="a busy disk"),
        pytest.param({"stall": {"silent_s": 60.0, "usual_s": 4.0}}, id="fifteen steps"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(stalled, changes) is None


def test_it_is_not_assessed_without_its_group() -> None:
    assert missing_without(stalled, "stall") == ("stall",)


def test_the_line_where_it_stands_is_what_to_look_at() -> None:
    finding = assessed(stalled, {"stall": STANDS})
    assert finding is not None
    assert finding.fixes[0].name == "look at train.py:12 (forward)"
    finding = assessed(stalled, {"stall": STANDS | {"where": ""}})
    assert finding is not None
    assert "trainer.log" in finding.fixes[0].name
