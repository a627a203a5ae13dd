"""ARC102 exploding gradients: when it speaks, when it is silent, when it is not assessed."""

from typing import Any

import pytest

from rules.architecture.arc102_exploding_gradients import exploding_gradients
from tests.rules.situations import assessed, layers, missing_without


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"loss": {"now": 2.0, "fall_share": 0.0}, "gradients": {"now": 5e4}}, id="a huge norm"),
        pytest.param(
            {"loss": {"now": 2.0, "fall_share": 0.0}, "layers": {"layers": layers(100.0, 1.0)}}, id="a steep ratio"
        ),
    ],
)
def test_it_speaks(changes: dict[str, Any]) -> None:
    finding = assessed(exploding_gradients, changes)
    assert finding is not None
    assert (finding.code, finding.name) == ("ARC102", "exploding_gradients")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="healthy"),
        pytest.param({"gradients": {"now": 5e4}}, id="it learns"),
        pytest.param({"loss": {"now": 2.0, "fall_share": 0.0}}, id="usual"),
    ],
)
def test_it_is_silent(changes: dict[str, Any]) -> None:
    assert assessed(exploding_gradients, changes) is None


@pytest.mark.parametrize("group", ["run", "task", "loss", "gradients", "layers", "knobs"])
def test_it_is_not_assessed_without_a_group(group: str) -> None:
    assert missing_without(exploding_gradients, group) == (group,)


def test_the_clip_is_bounded() -> None:
    finding = assessed(
        exploding_gradients, {"loss": {"now": 2.0, "fall_share": 0.0}, "gradients": {"now": 5e3, "p90": 900.0}}
    )
    assert finding is not None
    assert finding.fixes[0].turns[0].to == 10.0


def test_an_explosion_is_not_clipped_at_its_own_norm() -> None:
    finding = assessed(
        exploding_gradients, {"loss": {"now": 2.0, "fall_share": 0.0}, "gradients": {"now": 1e9, "p90": 1e17}}
    )
    assert finding is not None
    assert finding.fixes[0].name == "clip gradients at 1"
