import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.tui.series import Series, smoothed

values = st.lists(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")) | st.just(float("inf")), min_size=1, max_size=40),
    min_size=1,
    max_size=30,
)


def filled(beats: list[list[float]], capacity: int = 16) -> Series:
    series, step = Series(capacity), 0
    for beat in beats:
        series.append([step + place + 1.0 for place in range(len(beat))], beat)
        step += len(beat)
    return series


@given(values)
@settings(max_examples=60, deadline=None)
def test_merging_loses_neither_the_least_nor_the_greatest_value(beats: list[list[float]]) -> None:
    series = filled(beats)
    kept = series.all()
    told = np.array([one for beat in beats for one in beat])
    finite = told[np.isfinite(told)]
    if len(finite):
        assert np.nanmin(kept.low) == finite.min()
        assert np.nanmax(kept.high) == finite.max()
    assert bool(kept.holes.any()) == bool(len(finite) < len(told))
    assert kept.x[-1] == len(told)


@given(values)
@settings(max_examples=30, deadline=None)
def test_memory_is_flat_and_steps_ascend(beats: list[list[float]]) -> None:
    series = filled(beats)
    assert series.length <= series.capacity
    assert len(series.all()) <= series.capacity + series.stride
    assert (np.diff(series.all().x) > 0).all()


def test_a_nan_is_a_hole_and_never_a_zero() -> None:
    kept = filled([[1.0, float("nan"), 3.0]]).all()
    assert np.isnan(kept.low[1])
    assert kept.holes.tolist() == [False, True, False]


def test_a_rollback_leaves_an_abandoned_branch() -> None:
    series = filled([[float(one) for one in range(12)]])
    series.turn_back(8)
    assert series.all().x.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert series.abandoned[0].x.tolist() == [9, 10, 11, 12]


def test_a_step_that_was_taken_before_turns_the_series_back_by_itself() -> None:
    series = filled([[1.0] * 10])
    series.append([6.0, 7.0], [5.0, 5.0])
    assert series.all().x.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(series.abandoned) == 1


def test_only_the_last_branches_are_kept() -> None:
    series = filled([[1.0] * 10])
    for _ in range(9):
        series.append([5.0, 6.0], [1.0, 1.0])
    assert len(series.abandoned) == 3


def test_the_smoothed_line_follows_a_constant_exactly_and_bridges_gaps() -> None:
    line = smoothed(np.array([2.0, np.nan, 2.0, 2.0]), memory=5)
    assert line[[0, 2, 3]].tolist() == pytest.approx([2.0, 2.0, 2.0])
    assert np.isnan(line[1])
