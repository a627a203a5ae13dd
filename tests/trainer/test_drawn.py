"""Weights as they were drawn, told from weights that were trained."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from trainer.watching.drawn import as_drawn, frozen_as_drawn


@given(
    st.sampled_from([(4, 8), (16, 3, 3, 3), (32, 64), (300, 400)]),
    st.sampled_from([nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_]),
    st.integers(0, 2**31),
)
def test_weights_of_the_usual_draws_are_as_drawn(shape: tuple[int, ...], draw: object, seed: int) -> None:
    torch.manual_seed(seed)
    assert as_drawn(draw(torch.empty(shape)))  # type: ignore[operator]


@pytest.mark.parametrize(
    "weight",
    [
        pytest.param(torch.full((16, 16), 0.1), id="all one value"),
        pytest.param(torch.zeros(16, 16), id="zeros"),
        pytest.param(torch.full((4, 4), torch.nan), id="no numbers"),
    ],
)
def test_weights_that_nobody_drew_are_not(weight: torch.Tensor) -> None:
    assert not as_drawn(weight)


def test_a_frozen_weight_of_packed_integers_is_not_looked_at() -> None:
    model = nn.Linear(8, 8)
    model.weight = nn.Parameter(torch.randint(-128, 127, (8, 8), dtype=torch.int8), requires_grad=False)
    assert frozen_as_drawn(model) == 0


def test_training_leaves_directions_and_what_learns_is_not_counted() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    assert frozen_as_drawn(model) == 0
    model.requires_grad_(False)
    assert frozen_as_drawn(model) == 20 * 64 + 64 * 64 + 64 * 3
    model.requires_grad_(True)
    inputs = torch.randn(512, 20)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    model.requires_grad_(False)
    assert frozen_as_drawn(model) < 64 * 64
