"""What can be wrong with the data of a training before it begins. The test split stays true, unless its inputs go the
same way through the user's own preparation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.faults.data import Array, Data, Part

RAW_PIXEL = 127.5
"""From [-1, 1] back to 0..255."""


def spoil(data: Data, flaws: dict[str, Any]) -> Data:
    """Return the data with all flaws in them that are flaws of data."""
    for name, amount in flaws.items():
        if name in SPOILS:
            data = SPOILS[name](data, amount)
    return data


def _everywhere(data: Data, change: Callable[[Array], Array]) -> Data:
    train, val, test = (
        Part(change(part.inputs).astype(np.float32), part.targets) for part in (data.train, data.val, data.test)
    )
    return replace(data, train=train, val=val, test=test)


def _raw_pixels(data: Data, amount: float) -> Data:
    """Pixels 0..255 times `amount`, as they come from a file."""
    return _everywhere(data, lambda inputs: (inputs + 1) * RAW_PIXEL * amount)


def _times(data: Data, factor: float) -> Data:
    """Every input is `factor` times as large."""
    return _everywhere(data, lambda inputs: inputs * factor)


def _raw_columns(data: Data, decades: float) -> Data:
    """Columns on scales that lie up to so many decades apart, with means to match."""
    scales = 10 ** np.linspace(0, decades, data.input_shape[0])
    return _everywhere(data, lambda inputs: (inputs + 2) * scales)


def _offset(data: Data, amount: float) -> Data:
    """Every input is shifted by `amount` of its spreads."""
    return _everywhere(data, lambda inputs: inputs + amount)


def _labels_shuffled(data: Data, share: float) -> Data:
    """So many examples have the target of another one: the two lists were shuffled apart."""
    random = np.random.default_rng(11)

    def apart(part: Part) -> Part:
        which = np.flatnonzero(random.random(len(part.targets)) < share)
        targets = part.targets.copy()
        targets[which] = targets[random.permutation(which)]
        return replace(part, targets=targets)

    return replace(data, train=apart(data.train), val=apart(data.val))


def _label_noise(data: Data, share: float) -> Data:
    """So many examples have a wrong class, drawn at random."""
    random = np.random.default_rng(12)

    def noisy(part: Part) -> Part:
        wrong = random.random(len(part.targets)) < share
        others = (part.targets + random.integers(1, data.outputs, len(part.targets))) % data.outputs
        return replace(part, targets=np.where(wrong, others, part.targets))

    return replace(data, train=noisy(data.train), val=noisy(data.val))


def _rare(data: Data, one_in: float) -> Data:
    """The upper half of the classes is kept one in so many, to train on."""
    random = np.random.default_rng(13)
    kept = (data.train.targets < (data.outputs + 1) // 2) | (random.random(len(data.train.targets)) < 1 / one_in)
    return replace(data, train=data.train.take(np.flatnonzero(kept)))


def _leak(data: Data, share: float) -> Data:
    """So much of the validation split is in the training split too."""
    count = round(share * len(data.val.targets))
    return replace(data, train=_joined(data.train, data.val.take(np.arange(count))))


def _duplicates(data: Data, share: float) -> Data:
    """So much of the training split are copies of a few of its examples."""
    random = np.random.default_rng(14)
    size = len(data.train.targets)
    copied = random.integers(0, max(size // 50, 4), round(share * size))
    return replace(data, train=_joined(data.train.take(np.arange(size - len(copied))), data.train.take(copied)))


def _conflicts(data: Data, share: float) -> Data:
    """So much of the training split is there a second time, with another class."""
    part = data.train.take(np.arange(round(share * len(data.train.targets))))
    other = replace(part, targets=(part.targets + 1) % data.outputs)
    return replace(data, train=_joined(data.train, other))


def _missing(data: Data, share: float) -> Data:
    """So many input values to train on are missing."""
    inputs = data.train.inputs.copy()
    inputs[np.random.default_rng(15).random(inputs.shape) < share] = np.nan
    return replace(data, train=replace(data.train, inputs=inputs))


def _broken(data: Data, share: float) -> Data:
    """So many examples to train on are two hundred times too large."""
    inputs = data.train.inputs.copy()
    inputs[np.random.default_rng(16).random(len(inputs)) < share] *= 200
    return replace(data, train=replace(data.train, inputs=inputs))


def _leaky_column(data: Data, noise: float) -> Data:
    """A further column tells the target, in all splits that were there when it was computed: not in the test."""
    random = np.random.default_rng(17)

    def with_column(part: Part, tells: bool) -> Part:
        told = part.targets if tells else random.permutation(part.targets)
        column = told + noise * random.normal(size=len(told))
        return replace(part, inputs=np.column_stack([part.inputs, column]).astype(np.float32))

    parts = (with_column(data.train, True), with_column(data.val, True), with_column(data.test, False))
    return Data(*parts, data.outputs)


def _constant_columns(data: Data, count: float) -> Data:
    """So many columns hold one value."""

    def flattened(inputs: Array) -> Array:
        changed = inputs.copy()
        changed[:, : int(count)] = 1.0
        return changed

    return _everywhere(data, flattened)


def _target_scale(data: Data, factor: float) -> Data:
    """The number to predict is in other units, with an offset to match."""
    train, val, test = (
        replace(part, targets=(part.targets * factor + 3 * factor).astype(np.float32))
        for part in (data.train, data.val, data.test)
    )
    return replace(data, train=train, val=val, test=test)


def _small_validation(data: Data, examples: float) -> Data:
    return replace(data, val=data.val.take(np.arange(int(examples))))


def _raw_validation(data: Data, factor: float) -> Data:
    """What is judged by is not scaled as the training examples are."""
    val, test = (
        replace(part, inputs=(part.inputs * factor + factor).astype(np.float32)) for part in (data.val, data.test)
    )
    return replace(data, val=val, test=test)


def _joined(one: Part, other: Part) -> Part:
    return Part(np.concatenate([one.inputs, other.inputs]), np.concatenate([one.targets, other.targets]))


SPOILS: dict[str, Callable[[Data, float], Data]] = {
    "raw_pixels": _raw_pixels,
    "times": _times,
    "raw_columns": _raw_columns,
    "offset": _offset,
    "labels_shuffled": _labels_shuffled,
    "label_noise": _label_noise,
    "rare": _rare,
    "leak": _leak,
    "duplicates": _duplicates,
    "conflicts": _conflicts,
    "missing": _missing,
    "broken": _broken,
    "leaky_column": _leaky_column,
    "constant_columns": _constant_columns,
    "target_scale": _target_scale,
    "small_validation": _small_validation,
    "raw_validation": _raw_validation,
}
