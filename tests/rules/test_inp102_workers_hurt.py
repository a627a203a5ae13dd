"""INP102 workers hurt: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.input.inp102_workers_hurt import workers_hurt
from rules.vocabulary import Turned
from tests.rules.situations import assessed, knobs, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            {"loader": {"wait_share": 0.3, "wait_s": 0.003, "fetch_s": 0.0005, "workers": 2}},
            id="sending costs more than making",
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(workers_hurt, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("INP102", "workers_hurt")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param(
            {"loader": {"wait_share": 0.3, "wait_s": 0.003, "fetch_s": 0.02, "workers": 2}}, id="workers help"
        ),
        pytest.param(
            {"loader": {"wait_share": 0.3, "wait_s": 0.003, "fetch_s": 0.0005, "workers": 0}}, id="no workers"
        ),
        pytest.param(
            {"loader": {"wait_share": 0.01, "wait_s": 0.0002, "fetch_s": 0.0001, "workers": 2}}, id="too little to see"
        ),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(workers_hurt, changes) is None


@pytest.mark.parametrize("group", ["run", "loader", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(workers_hurt, group) == (group,)


def test_it_fetches_in_the_trainer() -> None:
    hurt = {"wait_share": 0.3, "wait_s": 0.003, "fetch_s": 0.0005, "workers": 2}
    finding = assessed(workers_hurt, {"loader": hurt, "knobs": knobs(workers=2)})
    assert finding is not None
    assert finding.explains == ("INP101",)
    assert finding.fixes[0].turns == (Turned(knob="workers", to=0),)
    assert finding.fixes[0].expected == pytest.approx(0.25)
