"""Splits are stratified, seeded, disjoint, and complete."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.config import DataConfig
from trainer.data.source import DataError
from trainer.data.splitting import divide


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=8),
    val=st.floats(0.05, 0.45),
    test=st.floats(0.0, 0.45),
    seed=st.integers(0, 3),
)
def test_splits_are_disjoint_and_complete_and_each_class_can_be_learned(
    counts: list[int], val: float, test: float, seed: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(map(str, range(len(counts))))
    data = DataConfig(val_fraction=val, test_fraction=test, split_seed=seed)
    try:
        parts = divide(len(labels), data, labels=labels, classes=names)
    except DataError:
        assert max(counts) == 1, "with two examples of a class one can be held out"
        return
    together = np.concatenate([parts.train, parts.val, parts.test if parts.test is not None else parts.val[:0]])
    assert sorted(together) == list(range(len(labels)))
    again = divide(len(labels), data, labels=labels, classes=names)
    assert np.array_equal(parts.train, again.train)
    if min(counts) > 1:
        assert set(labels[parts.train]) == set(range(len(counts)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("counts", [(1, 2), (2, 2), (1, 3)])
def test_what_is_held_out_of_a_handful_is_in_one_split_only(counts: tuple[int, int], seed: int) -> None:
    labels = np.repeat([0, 1], counts)
    data = DataConfig(val_fraction=0.125, test_fraction=0.25, split_seed=seed)
    parts = divide(len(labels), data, labels=labels, classes=("a", "b"))
    held = [] if parts.test is None else parts.test.tolist()
    assert sorted([*parts.train.tolist(), *parts.val.tolist(), *held]) == list(range(len(labels)))


def test_shares_of_classes_are_the_same_in_every_split() -> None:
    labels = np.repeat([0, 1], [900, 100])
    parts = divide(1000, DataConfig(val_fraction=0.2, test_fraction=0.1), labels=labels, classes=("a", "b"))
    assert np.bincount(labels[parts.val]).tolist() == [180, 20]
    assert parts.test is not None
    assert np.bincount(labels[parts.test]).tolist() == [90, 10]


def test_a_class_with_one_example_is_trained_on() -> None:
    labels = np.array([0] * 50 + [1] * 50 + [2])
    parts = divide(101, DataConfig(), labels=labels, classes=("a", "b", "c"))
    assert 100 in parts.train


def test_rare_classes_are_thinned_in_the_training_split_only() -> None:
    labels = np.repeat([0, 1], 100)
    plain = divide(200, DataConfig(), labels=labels, classes=("0", "1"))
    thinned = divide(200, DataConfig(rare={"1": 0.1}), labels=labels, classes=("0", "1"))
    assert np.bincount(labels[thinned.train]).tolist() == [60, 6]
    assert np.array_equal(plain.val, thinned.val)


def test_a_limit_is_shared_between_stated_splits() -> None:
    labels = np.tile([0, 1], 100)
    parts = divide(
        200, DataConfig(limit=100), labels=labels, classes=("a", "b"), test=np.arange(100, 200), make_test=False
    )
    assert parts.test is not None
    assert len(parts.train) + len(parts.val) + len(parts.test) == 100
    assert 30 < len(parts.test) < 70


@pytest.mark.parametrize(
    ("data", "labels", "says"),
    [
        pytest.param({}, [], "empty", id="no example"),
        pytest.param({}, [0] * 20, "of one class, 'a'", id="one class"),
        pytest.param({"rare": {"c": 0.5}}, [0, 1] * 20, "did you mean|the classes are a, b", id="unknown rare class"),
        pytest.param({"rare": {"a": 1.5}}, [0, 1] * 20, "at most 1", id="rare share too large"),
        pytest.param({}, [0], "validate", id="one example"),
    ],
)
def test_what_cannot_be_divided_is_said(data: dict[str, object], labels: list[int], says: str) -> None:
    with pytest.raises(DataError, match=says):
        divide(len(labels), DataConfig.model_validate(data), labels=np.array(labels, dtype=int), classes=("a", "b"))


def test_a_number_as_target_has_no_rare_classes() -> None:
    with pytest.raises(DataError, match=r"remove data\.rare"):
        divide(40, DataConfig(rare={"a": 0.5}))
