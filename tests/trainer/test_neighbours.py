"""How alike the targets of neighbours are tells a sorted order from a shuffled one, of classes and of numbers."""

from math import isnan, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.watching.neighbours import alike, same_label

RANDOM = torch.Generator().manual_seed(0)
SKEWED = torch.randn(400, generator=RANDOM).exp()


@pytest.mark.parametrize(
    ("targets", "share"),
    [
        pytest.param(torch.arange(4).repeat_interleave(50), 196 / 199, id="sorted"),
        pytest.param(torch.arange(200) % 4, 0.0, id="in turns"),
        pytest.param(torch.zeros(5, dtype=torch.int64), 1.0, id="one class"),
    ],
)
def test_neighbours_of_one_class_are_counted(targets: torch.Tensor, share: float) -> None:
    assert same_label(targets) == pytest.approx(share)
    assert isnan(alike(targets))


@pytest.mark.parametrize(
    ("targets", "low", "high"),
    [
        pytest.param(SKEWED.sort().values, 0.9, 1.0, id="sorted, a long tail"),
        pytest.param(SKEWED, -0.15, 0.15, id="shuffled"),
        pytest.param(torch.arange(32.0), 0.98, 1.0, id="one batch of a sorted order"),
        pytest.param(torch.stack([SKEWED.sort().values, SKEWED], 1), 0.4, 0.6, id="sorted by one column of two"),
        pytest.param(torch.tensor([0.0, 1.0] * 20), -1.1, -0.9, id="to and fro"),
    ],
)
def test_numbers_are_as_alike_as_their_steps_are_short(targets: torch.Tensor, low: float, high: float) -> None:
    assert low < alike(targets) < high
    assert alike(1000 * targets + 7) == pytest.approx(alike(targets), abs=1e-3), "whatever their unit"
    assert isnan(same_label(targets))


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=6))
def test_over_all_orders_the_mean_likeness_is_that_of_chance(values: list[float]) -> None:
    from itertools import permutations

    targets = torch.tensor(values)
    found = [alike(targets[list(order)]) for order in permutations(range(len(values)))]
    if float(targets.std()) > 1e-3:
        assert sum(found) / len(found) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("targets", [torch.ones(9), torch.ones(1), torch.tensor([1.0, nan, 2.0])])
def test_of_one_value_or_none_nothing_is_said(targets: torch.Tensor) -> None:
    assert isnan(alike(targets))
