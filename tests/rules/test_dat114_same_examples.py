"""DAT114 same examples: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat114_same_examples import same_examples
from tests.rules.situations import assessed, missing_without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"splits": {"duplicate_share": 0.96}}, "96% of the training examples", id="copies"),
        pytest.param({"splits": {"asked": 256, "distinct": 40}}, "40 different inputs came", id="the loader repeats"),
    ],
)
def test_it_speaks(changes: dict[str, Any], said: str) -> None:
    finding = assessed(same_examples, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT114", "same_examples")
    assert finding.message.startswith(said)
    assert finding.beyond_knobs
    assert "ARC113" in finding.explains, "a buffer that every item is written into deals batches of one example"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"splits": {"duplicate_share": 0.5}}, id="oversampled"),
        pytest.param(
            {"splits": {"duplicate_share": 0.96}, "task": {"inputs": "table"}, "inputs": {"features": 2}},
            id="two columns repeat by nature",
        ),
        pytest.param({"splits": {"asked": 256, "distinct": 250}}, id="a loader that delivers what it is asked for"),
        pytest.param({"splits": {"asked": 32, "distinct": 4}}, id="few were asked for"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(same_examples, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "inputs", "splits"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(same_examples, group) == (group,)
