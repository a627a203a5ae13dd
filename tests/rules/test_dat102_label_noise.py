"""DAT102 label noise: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.data.dat102_label_noise import label_noise
from tests.rules.situations import assessed, evaluations, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"labels": {"noise_share": 0.12}}, id="one in eight"),
        pytest.param({"labels": {"noise_share": 0.07}}, id="one in fifteen"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(label_noise, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DAT102", "label_noise")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"labels": {"noise_share": 0.2, "epochs": 2}}, id="too soon"),
        pytest.param({"labels": {"noise_share": 0.02}}, id="within the estimate's error"),
        pytest.param({"labels": {"noise_share": float("nan")}}, id="the net is no witness"),
        pytest.param(
            {"labels": {"noise_share": 0.2}, "validation": evaluations([2.0] * 5, [0.1, 0.2, 0.6, 0.1, 0.1])},
            id="a net thrown about",
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(label_noise, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "validation", "labels", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(label_noise, group) == (group,)


def test_no_label_is_ever_touched() -> None:
    finding = assessed(label_noise, {"labels": {"noise_share": 0.12}})
    assert finding is not None
    assert finding.message == "12% of the training labels look wrong (about 768 of 6400)"
    assert [turn.knob for fix in finding.fixes for turn in fix.turns] == ["label_smoothing"]
