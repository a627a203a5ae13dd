"""DEV101 amp not used: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.device.dev101_amp_not_used import amp_not_used
from rules.vocabulary import Effect
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"phases": {"step_s": 0.05}}, id="long steps in full precision"),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(amp_not_used, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("DEV101", "amp_not_used")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"phases": {"step_s": 0.05}, "knobs": knobs(amp="bf16")}, id="on already"),
        pytest.param({"phases": {"step_s": 0.05}, "device": {"amp_dtypes": ()}}, id="no half type"),
        pytest.param(
            {"phases": {"step_s": 0.05, "shares": {"input_wait": 0.7, "forward": 0.3}}}, id="waits rather than computes"
        ),
        pytest.param({"phases": {"step_s": 0.05}, "model": {"parameters": 500}}, id="tiny net"),
        pytest.param({"phases": {"step_s": 0.05}, "knobs": knobs(frozenset())}, id="cannot be turned"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(amp_not_used, changes) is None


@pytest.mark.parametrize("group", ["run", "device", "model", "phases", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(amp_not_used, group) == (group,)


def test_it_expects_little_of_a_processor_and_more_of_tensor_cores() -> None:
    host = assessed(amp_not_used, {"phases": {"step_s": 0.05}})
    card = assessed(amp_not_used, {"phases": {"step_s": 0.05}, "device": {"type": "cuda", "name": "a card"}})
    assert host is not None
    assert card is not None
    assert host.fixes[0].effect is Effect.OTHER_ROUNDING
    assert host.fixes[0].expected < 0.05 < card.fixes[0].expected
