"""Windows of steps: their median, what a rollback cuts off, and their size."""

from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.signals.windows import StepWindow, median_of


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 40))
def test_a_window_has_the_median_of_its_last_values(values: list[float], span: int) -> None:
    window = StepWindow(span)
    for step, value in enumerate(values, start=1):
        window.push(step, value)
    assert window.median == median_of(values[-span:])


@given(st.lists(st.floats(0, 10), min_size=5, max_size=60), st.integers(0, 60))
def test_a_cut_window_is_as_if_the_rest_had_never_been(values: list[float], cut: int) -> None:
    cut_one, short = StepWindow(100), StepWindow(100)
    for step, value in enumerate(values, start=1):
        cut_one.push(step, value)
        if step <= cut:
            short.push(step, value)
    cut_one.cut(cut)
    assert cut_one.values == short.values
    assert cut_one.median == short.median or isnan(short.median)


def test_a_window_of_a_very_long_run_stays_small() -> None:
    window = StepWindow(10_000)
    for step in range(1, 30_001):
        window.push(step, float(step))
    assert len(window) <= 600
    assert window.median == pytest.approx(25_000, rel=0.01)
