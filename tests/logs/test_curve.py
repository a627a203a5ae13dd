"""Curves keep their size, and lose no value that is not a number."""

from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.logs.curve import CHUNK_ROWS, Curve

VALUES = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([nan, inf, -inf]), min_size=1, max_size=300)


@given(VALUES)
def test_a_curve_counts_every_row_and_every_value_that_is_no_number(values: list[float]) -> None:
    curve = Curve(most=16)
    for at, value in enumerate(values):
        curve.add(at, value)
    points = curve.points
    assert len(points) <= 16
    assert sum(point.rows for point in points) == len(values)
    assert sum(point.non_finite for point in points) == sum(not isfinite(value) for value in values)
    first = next((at for at, value in enumerate(values) if not isfinite(value)), None)
    found = [point.non_finite_at for point in points if point.non_finite]
    assert (found[0] if found else None) == first


@given(VALUES)
def test_the_mean_of_a_curve_is_that_of_its_finite_values(values: list[float]) -> None:
    curve = Curve(most=8)
    curve.extend([float(at) for at in range(len(values))], values)
    total = sum(point.value * (point.rows - point.non_finite) for point in curve.points if isfinite(point.value))
    assert total == pytest.approx(sum(value for value in values if isfinite(value)), abs=1e-3)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_places_only_rise_whatever_a_log_repeats(places: list[int]) -> None:
    curve = Curve()
    for at in places:
        curve.add(at, 1.0)
    assert all(before.at <= after.at for before, after in pairwise(curve.points))
    assert curve.last_at == places[-1]
    assert curve.restarts == sum(after < before for before, after in pairwise(places))


def test_many_rows_at_once_are_the_same_as_one_by_one() -> None:
    count = 3 * CHUNK_ROWS + 17
    places, values = [float(at) for at in range(count)], [float(at % 97) for at in range(count)]
    one_by_one, at_once = Curve(), Curve()
    for at, value in zip(places, values, strict=True):
        one_by_one.add(at, value)
    at_once.extend(places, values)
    assert at_once.points == one_by_one.points


def test_huge_values_stay_finite() -> None:
    curve = Curve(most=2)
    for at in range(8):
        curve.add(at, 1e308)
    assert all(isfinite(point.value) and point.non_finite == 0 for point in curve.points)
