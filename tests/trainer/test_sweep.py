"""What is read off the curve of a sweep that has no upper end."""

from math import isinf

import pytest

from trainer.probing.sweep import pick_rate

RATES = [1e-5 * 10 ** (place / 10) for place in range(60)]


def curve(since: int, to: float) -> list[float]:
    """Return losses that are 1 up to a step and fall from there in a line to `to`."""
    last = len(RATES) - 1
    return [1 - (1 - to) * max(place - since, 0) / (last - since) for place in range(len(RATES))]


def test_a_curve_that_only_falls_is_picked_where_it_came_down_to_a_half() -> None:
    pick, spread = pick_rate(RATES, curve(30, 0.01))
    assert pick is not None
    assert RATES[42] <= pick <= RATES[47]
    assert spread < 10


@pytest.mark.parametrize("to", [pytest.param(0.7, id="not as far as a half"), pytest.param(0.99, id="flat")])
def test_a_curve_that_hardly_falls_has_no_pick(to: float) -> None:
    assert pick_rate(RATES, curve(30, to))[0] is None


def test_three_steps_are_needed() -> None:
    pick, spread = pick_rate(RATES[:2], [1.0, 0.5])
    assert pick is None
    assert isinf(spread)


def cliff(at: int) -> list[float]:
    """Return losses that fall from 1 to 0.4 up to a step and shoot up behind it."""
    return [1 - 0.6 * place / at if place <= at else 3.0 for place in range(len(RATES))]


def test_a_pick_for_adam_is_drawn_down_towards_the_usual_rate() -> None:
    (sgd, _), (adam, _) = pick_rate(RATES, cliff(45)), pick_rate(RATES, cliff(45), "adam")
    assert sgd is not None
    assert adam is not None
    assert 3e-3 < adam < sgd
    assert pick_rate(RATES, cliff(30), "adamw") == pick_rate(RATES, cliff(30)), "what lies below it is left alone"


def test_the_long_first_steps_of_rmsprop_are_not_taken_for_those_of_a_run() -> None:
    (sgd, _), (early, _), (late, _) = (
        pick_rate(RATES, cliff(40)),
        pick_rate(RATES, cliff(10), "rmsprop"),
        pick_rate(RATES, cliff(40), "rmsprop"),
    )
    assert sgd is not None
    assert early is not None
    assert late is not None
    assert 1.5 * sgd < late < 2 * sgd
    assert early / pick_rate(RATES, cliff(10))[0] > late / sgd  # type: ignore[operator]
