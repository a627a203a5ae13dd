"""The schedule is a function of samples: it warms up, falls, and never leaves its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.stepping.schedule import factor, rewarm

SCHEDULES = ("constant", "step", "cosine", "one-cycle")


@given(schedule=st.sampled_from(SCHEDULES), progress=st.floats(-1, 2), warmup=st.floats(0, 0.99))
def test_the_factor_is_always_above_zero_and_at_most_one(schedule: str, progress: float, warmup: float) -> None:
    assert 0 < factor(schedule, progress, warmup) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        pytest.param("constant", 0.5, 1.0, id="constant"),
        pytest.param("step", 0.49, 1.0, id="step, before"),
        pytest.param("step", 0.5, 0.1, id="step, first"),
        pytest.param("step", 0.8, 0.01, id="step, second"),
        pytest.param("cosine", 0.0, 1.0, id="cosine, start"),
        pytest.param("cosine", 0.5, 0.505, id="cosine, middle"),
        pytest.param("cosine", 1.0, 0.01, id="cosine, end"),
        pytest.param("one-cycle", 0.0, 0.04, id="one-cycle, start"),
        pytest.param("one-cycle", 0.3, 1.0, id="one-cycle, top"),
    ],
)
def test_schedules_by_name(schedule: str, progress: float, expected: float) -> None:
    assert factor(schedule, progress, 0.0) == pytest.approx(expected)


def test_warm_up_rises_linearly() -> None:
    assert [factor("cosine", p, 0.1) for p in (0.025, 0.05)] == pytest.approx([0.25, 0.5])


def test_a_rewarm_rises_from_its_beginning_and_ends() -> None:
    assert rewarm(150, 100, 100) == pytest.approx(0.5)
    assert rewarm(200, 100, 100) == 1.0
    assert rewarm(150, 100, 0) == 1.0
