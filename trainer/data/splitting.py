"""Which examples train, which validate, which test: stratified, seeded, and the same in every run."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.config import DataConfig
from trainer.data.source import DataError, nearest

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """The example numbers of each split, ascending."""

    train: Ids
    val: Ids
    test: Ids | None


def divide(
    examples: int,
    data: DataConfig,
    *,
    labels: Ids | None = None,
    classes: tuple[str, ...] = (),
    val: Ids | None = None,
    test: Ids | None = None,
    make_test: bool = True,
) -> Parts:
    """Divide examples 0..N-1: limit them, hold out what no split was stated for, make classes rare.

    Args:
        examples: How many there are, N.
        data: The fractions, the seed, `limit` and `rare`.
        labels: Class numbers [N], for a stratified division; left out where there are no classes.
        classes: Class names by number.
        val: Examples that the source itself holds out for validation.
        test: Examples that the source itself holds out for the test.
        make_test: Hold out a test split where none was stated.

    Raises:
        DataError: when nothing is left to train or validate on, or a class of `data.rare` is not there.
    """
    if examples == 0:
        raise DataError("the data set is empty: there is nothing to train on")
    random = np.random.default_rng(data.split_seed)
    taken = np.ones(examples, dtype=bool)
    if data.limit and data.limit < examples:
        taken[random.permutation(examples)[data.limit :]] = False
    train = taken.copy()
    for stated in (val, test):
        if stated is not None:
            train[stated] = False
    pool = np.flatnonzero(train)
    shares = (
        data.val_fraction if val is None else 0.0,
        data.test_fraction if test is None and make_test else 0.0,
    )
    made_val, made_test = _hold_out(pool, labels, shares, random)
    train[made_val] = train[made_test] = False
    kept = _keep_rare(np.flatnonzero(train), labels, classes, data, random)
    parts = Parts(
        train=kept,
        val=made_val if val is None else val[taken[val]],
        test=test[taken[test]] if test is not None else made_test if len(made_test) else None,
    )
    _check(parts, labels, classes)
    return parts


def _hold_out(
    pool: Ids, labels: Ids | None, shares: tuple[float, float], random: np.random.Generator
) -> tuple[Ids, Ids]:
    """Return the examples for validation and test; each class keeps at least one example to train on."""
    groups = [pool] if labels is None else [pool[labels[pool] == label] for label in np.unique(labels[pool])]
    held: tuple[list[Ids], list[Ids]] = ([], [])
    owed = [0.0, 0.0]
    for group in groups:
        shuffled = random.permutation(group)
        start = 0
        for which, share in enumerate(shares):
            owed[which] += share * len(group)
            count = max(min(round(owed[which]), len(group) - 1 - start), 0)
            owed[which] = min(owed[which] - count, 1.0)
            held[which].append(shuffled[start : start + count])
            start += count
    val, test = (np.sort(np.concatenate([*parts, pool[:0]])) for parts in held)
    if shares[0] > 0 and len(val) == 0 and len(pool) > 1:
        largest = max((np.setdiff1d(group, test) for group in groups), key=len)
        if len(largest) == 1 and len(test):  # each class has one example left to train on: the first of the test goes
            return test[:1], test[1:]
        val = np.sort(random.permutation(largest)[: max(1, min(round(shares[0] * len(pool)), len(largest) - 1))])
    return val, test


def _keep_rare(
    train: Ids, labels: Ids | None, classes: tuple[str, ...], data: DataConfig, random: np.random.Generator
) -> Ids:
    for name, share in data.rare.items():
        if labels is None or not classes:
            raise DataError("data.rare makes classes rare, but the target is a number: remove data.rare")
        if name not in classes:
            raise DataError(
                f"data.rare names a class {name!r} that is not there{nearest(name, classes)}: the classes are "
                f"{few(classes)}"
            )
        if not 0 < share <= 1:
            raise DataError(f"data.rare keeps a share of a class: write more than 0 and at most 1, not {share:g}")
        of_class = train[labels[train] == classes.index(name)]
        keep = random.permutation(of_class)[: max(1, round(share * len(of_class)))]
        train = np.sort(np.concatenate([np.setdiff1d(train, of_class), keep]))
    return train


def _check(parts: Parts, labels: Ids | None, classes: tuple[str, ...]) -> None:
    if len(parts.train) == 0:
        raise DataError("no example is left to train on: raise data.limit or lower the fractions held out")
    if len(parts.val) == 0:
        raise DataError("no example is left to validate on: give more data, or raise data.val_fraction or data.limit")
    if labels is not None and len(np.unique(labels[parts.train])) < 2:
        only = classes[int(labels[parts.train[0]])]
        raise DataError(f"all examples to train on are of one class, {only!r}: there is nothing to tell apart")


def few(names: tuple[str, ...], most: int = 12) -> str:
    """Return names for a message: the first ones, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
