"""DEV103 batch too small: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev103_batch_too_small import batch_too_small
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"phases": {"step_s": 0.1, "shares": {"forward": 0.2, "backward": 0.3, "optimizer": 0.3, "other": 0.2}}},
            id="half a step is fixed cost",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(batch_too_small, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV103", "batch_too_small")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {
                "phases": {"step_s": 0.1, "shares": {"forward": 0.2, "backward": 0.3, "optimizer": 0.3, "other": 0.2}},
                "memory": {"peak_share": 0.8},
            },
            id="memory is full",
        ),
        pytest.param(
            {
                "phases": {"step_s": 0.1, "shares": {"forward": 0.2, "backward": 0.3, "optimizer": 0.3, "other": 0.2}},
                "task": {"train_examples": 640},
            },
            id="few data",
        ),
        pytest.param({"phases": {"step_s": 0.001, "shares": {"optimizer": 0.5}}}, id="a short run"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(batch_too_small, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "device", "phases", "memory", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(batch_too_small, group) == (group,)


def test_the_rate_goes_with_the_batch() -> None:
    fixed = {"phases": {"step_s": 0.1, "shares": {"optimizer": 0.3, "other": 0.2}}}
    sgd, adam = assessed(batch_too_small, fixed), assessed(batch_too_small, {**fixed, "knobs": knobs(optimizer="adam")})
    assert sgd is not None
    assert adam is not None
    assert sgd.fixes[0].name == "start with train.batch_size = 128 and train.lr = 0.2"
    assert adam.fixes[0].name == "start with train.batch_size = 128 and train.lr = 0.14"
