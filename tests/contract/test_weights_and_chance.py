"""The chance loss that the advisor holds a weighted training loss against is the trainer's own."""

from math import isnan
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advisor.gathering.chance import focal_chance, weighed_chance
from trainer.stepping.objective import Objective


@given(
    counts=st.lists(st.integers(1, 2000), min_size=2, max_size=12),
    scheme=st.sampled_from(["sqrt", "balanced"]),
)
def test_no_constant_has_a_smaller_weighted_loss(counts: list[int], scheme: Literal["sqrt", "balanced"]) -> None:
    objective = Objective("classification", None, tuple(counts))
    objective.class_weights = scheme
    targets = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    least = weighed_chance(tuple(counts), root=scheme == "sqrt")
    weights = torch.stack(
        [objective(torch.zeros(1, len(counts)), torch.tensor([place])) for place in range(len(counts))]
    )
    best = (weights * torch.tensor(counts)).log()
    assert float(objective(best.expand(len(targets), -1), targets)) == pytest.approx(least, rel=1e-4)
    for shift in (0.3, -0.3):
        other = best.clone()
        other[0] += shift
        assert float(objective(other.expand(len(targets), -1), targets)) >= least - 1e-5


@pytest.mark.parametrize(
    ("counts", "focal", "adjustment"),
    [((10, 300, 30), 2.0, 0.0), ((700, 700, 10, 10), 0.5, 1.0), ((5, 40), 5.0, 0.0), ((3, 3, 3), 1.0, 0.0)],
)
def test_no_constant_has_a_smaller_focal_loss_and_one_comes_close(
    counts: tuple[int, ...], focal: float, adjustment: float
) -> None:
    objective = Objective("classification", None, counts)
    objective.focal, objective.logit_adjustment = focal, adjustment
    frequencies = torch.tensor(counts) / sum(counts)

    def of(constant: torch.Tensor) -> torch.Tensor:
        each = [objective(constant[None], torch.tensor([place])) for place in range(len(counts))]
        return (torch.stack(each) * frequencies).sum()

    least = focal_chance(counts, focal)
    for drawn in torch.randn(50, len(counts), generator=torch.Generator().manual_seed(0)) * 3:
        assert float(of(drawn)) >= least * (1 - 1e-4) - 1e-6
    best = torch.zeros(len(counts), requires_grad=True)
    search = torch.optim.Adam([best], lr=0.1)
    for _ in range(200):
        search.zero_grad()
        of(best).backward()  # type: ignore[no-untyped-call]
        search.step()
    assert float(of(best).detach()) == pytest.approx(least, rel=1e-2)


def test_the_loss_of_all_classes_alike_is_the_mean_of_their_means() -> None:
    objective = Objective("classification", None, (90, 10, 0))
    outputs = torch.tensor([[2.0, 0.0, 0.0]]).expand(100, -1)
    targets = torch.tensor([0] * 90 + [1] * 10)
    right, wrong = (-float(outputs[0].log_softmax(0)[place]) for place in (0, 1))
    assert objective.balanced(outputs, targets) == pytest.approx((right + wrong) / 2, rel=1e-5)
    assert isnan(Objective("regression").balanced(torch.zeros(3), torch.zeros(3)))
