"""Verdicts on rounds of a fix that is there for memory."""

import pytest

from advisor.trials.judge_memory import judge_memory


@pytest.mark.parametrize(
    ("spared", "gains", "outcome", "why"),
    [
        pytest.param(
            [0.4] * 6, [-0.3] * 6, "kept", "40% lower in 6 rounds; examples take 30% more time", id="pays in memory"
        ),
        pytest.param(
            [0.4] * 5 + [0.01], [-0.3] * 6, "rolled_back", "5% would be worth a turn", id="one round spares little"
        ),
        pytest.param([0.4] * 6, [-0.9] * 6, "rolled_back", "90% more time: more than 75%", id="too slow"),
        pytest.param([], [-0.3] * 6, "undecided", "memory was counted in only 0 of 6 rounds", id="nobody counts"),
        pytest.param([0.4] * 3, [-0.3] * 3, "undecided", "only 3 of 6 rounds", id="broken off"),
        pytest.param([-0.2] * 6, [0.1] * 6, "rolled_back", "20% higher", id="more memory"),
    ],
)
def test_memory_must_fall_in_every_round_and_time_may_not_double(
    spared: list[float], gains: list[float], outcome: str, why: str
) -> None:
    verdict = judge_memory(spared, gains, 6)
    assert verdict.outcome == outcome
    assert why in verdict.why
