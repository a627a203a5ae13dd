"""How inputs and targets go together, on real and generated data."""

from math import isnan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rules.data.dat112_labels_do_not_belong import ASSOCIATION_LIMIT
from tests.faults.data import load
from trainer.watching.relation import EXAMPLES_LEAST, Relation, relatedness

SETS = ("digits", "breast", "diabetes", "friedman", "tangle", "text", "circles", "moons")


def examples(name: str) -> tuple[Tensor, Tensor, bool]:
    data = load(name)
    return torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.targets), not data.regression


@pytest.mark.parametrize("name", SETS)
def test_targets_that_belong_stand_far_out_and_shuffled_ones_do_not(name: str) -> None:
    inputs, targets, classes = examples(name)
    related, behind = relatedness(inputs, targets, classes=classes)
    assert related > 2 * ASSOCIATION_LIMIT
    assert behind >= 200
    shuffled = targets[torch.from_numpy(np.random.default_rng(3).permutation(len(targets)))]
    assert relatedness(inputs, shuffled, classes=classes)[0] < ASSOCIATION_LIMIT


def test_labels_that_are_off_by_one_do_not_belong() -> None:
    inputs, targets, classes = examples("digits")
    assert relatedness(inputs, targets.roll(1), classes=classes)[0] < ASSOCIATION_LIMIT


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        pytest.param(torch.randn(20, 3), torch.arange(20) % 2, id="too few examples"),
        pytest.param(torch.randn(200, 3), torch.zeros(200, dtype=torch.int64), id="one class"),
        pytest.param(torch.ones(200, 3), torch.arange(200) % 2, id="inputs that do not vary"),
        pytest.param(torch.empty(200, 0), torch.arange(200) % 2, id="empty inputs"),
    ],
)
def test_where_nobody_can_say_there_is_no_number(inputs: Tensor, targets: Tensor) -> None:
    related, behind = relatedness(inputs, targets, classes=True)
    assert isnan(related)
    assert behind == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([torch.float32, torch.float64, torch.int64]))
def test_numbers_of_any_size_and_kind_give_a_number(seed: int, kind: torch.dtype) -> None:
    random = torch.Generator().manual_seed(seed)
    inputs = (torch.randn(EXAMPLES_LEAST, 4, generator=random) * 10.0 ** (seed % 9)).to(kind)
    inputs[0] = torch.nan if kind.is_floating_point else -1
    related, _ = relatedness(inputs, torch.arange(EXAMPLES_LEAST) % 3, classes=True)
    assert isnan(related) or abs(related) < 100


def test_it_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    relatedness(*examples("moons")[:2], classes=True)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["digits", "friedman", "text"])
def test_what_fits_to_the_others_say_of_an_example_is_what_the_fit_says_of_unseen_ones(name: str) -> None:
    inputs, targets, classes = examples(name)
    relation = Relation.fitted(inputs[:400], targets[:400], classes=classes)
    assert relation is not None
    assert relation.left_out is not None
    unseen, by_heart = relation.agreement(inputs[400:], targets[400:]), relation.agreement(inputs[:400], targets[:400])
    assert unseen is not None
    assert by_heart is not None
    assert abs(relation.left_out - unseen) < 0.06
    assert relation.left_out < by_heart


@pytest.mark.parametrize("name", ["digits", "friedman", "text"])
def test_a_batch_agrees_with_the_first_examples_until_its_targets_are_those_of_others(name: str) -> None:
    inputs, targets, classes = examples(name)
    relation = Relation.fitted(inputs[:400], targets[:400], classes=classes)
    assert relation is not None
    later = inputs[400:500], targets[400:500]
    right, wrong = relation.agreement(*later), relation.agreement(later[0], later[1].roll(7))
    assert right is not None
    assert wrong is not None
    assert right > 0.6
    assert wrong < 0.45


def test_inputs_of_another_shape_are_not_judged() -> None:
    inputs, targets, _ = examples("digits")
    relation = Relation.fitted(inputs[:400], targets[:400], classes=True)
    assert relation is not None
    assert relation.agreement(inputs[:10, :, :4], targets[:10]) is None
    assert relation.agreement(inputs[:10], targets[:9]) is None
    assert Relation.fitted(inputs[:10], targets[:10], classes=True) is None


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        pytest.param(torch.arange(200 * 30).reshape(200, 30, 1) % 5, True, id="a map of classes"),
        pytest.param(torch.arange(200) * 10_000, True, id="a class for each example"),
        pytest.param(torch.arange(200 * 999.0).reshape(200, 999), False, id="very many numbers"),
        pytest.param(torch.full((200, 2), torch.nan), False, id="targets that are no numbers"),
    ],
)
def test_unusual_targets_are_taken_or_left_and_never_break(targets: Tensor, classes: bool) -> None:
    inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) * 1e30
    relatedness(inputs, targets, classes=classes)
    relation = Relation.fitted(inputs, targets, classes=classes)
    if relation is not None:
        relation.agreement(inputs[:8], targets[:8])
