"""The survey: what the data look like before the first step, from a sample that is bounded by time.

Examples are looked at in a seeded random order until the time is up, so that what was seen stands for the whole. Where
only a share of the training split was seen, what was found of pairs (duplicates, overlap) is divided by that share.
"""

import hashlib
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.association import association
from trainer.data.fetch import Fetch, FetchError
from trainer.data.order import Order
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Column, Source, Split
from trainer.data.table import missing
from trainer.surgery.standardise import FAR_TIMES, reach_of, stands_out, within
from trainer.watching.neighbours import alike, same_label
from trainer.watching.relation import relatedness
from trainer.words import ColumnFacts, Survey

CHUNK_EXAMPLES = 256
"""Looked at between two looks at the clock."""

SCALE_EXAMPLES = 5000
"""Enough to know a spread to a per cent or two; the rest is only fingerprinted."""

TRAIN_TIME_SHARE = 0.6
"""Of the time, so much goes to the training split; validation and test share what is left."""

COLUMN_ROWS = 20_000
"""Columns of a longer table are judged by so many rows."""

TENSOR_COLUMNS = 100
"""Columns that a user's own table may have to be looked at one by one: more would make a long list that nobody reads."""

NEIGHBOURS = 20_000
"""Pairs of neighbours that are compared."""


@dataclass
class _Seen:
    """What was seen of one split."""

    examples: int = 0
    of: int = 0
    labels: dict[bytes, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))
    """Fingerprint of the input → targets that came with it."""
    inputs: list[torch.Tensor] = field(default_factory=list)
    """Some of them, as the model gets them."""
    targets: list[torch.Tensor] = field(default_factory=list)
    """Theirs."""
    broken: int = 0
    """Examples with a value, or a target, that is not a number."""
    missing: int = 0
    values: int = 0

    @property
    def share(self) -> float:
        """Share of the split that was seen."""
        return self.examples / max(self.of, 1)


def survey(source: Source, order: Order, limit_s: float = 10.0) -> Survey:
    """Return what the data look like; the random generators are left as they were.

    Args:
        source: The data.
        order: The order in which the training split will be drawn.
        limit_s: Stop looking at examples after so many seconds.
    """
    begin = time.perf_counter()
    with preserved_generators():
        seed_fetch(0, 0, 0)
        train = _look(source.train, source, begin + TRAIN_TIME_SHARE * limit_s)
        rest_s = (limit_s - (time.perf_counter() - begin)) / (2 if source.test else 1)
        val = _look(source.val, source, time.perf_counter() + rest_s)
        test = _look(source.test, source, time.perf_counter() + rest_s) if source.test else _Seen()
    numbers = source.kind == "regression"
    duplicates, conflicts = _pairs(train, numbers)
    missing_share = source.raw.missing_share or train.missing / max(train.values, 1)
    counts = _class_counts(source)
    related, behind = _relatedness(train, source)
    return Survey(
        examples=source.train.examples,
        sampled=train.examples,
        class_counts=counts,
        duplicate_share=duplicates,
        conflicting_share=conflicts,
        val_overlap_share=_overlap(val, train, numbers),
        test_overlap_share=_overlap(test, train, numbers),
        missing_share=missing_share,
        broken_share=train.broken / max(train.examples, 1),
        label_association=related,
        label_association_examples=behind,
        **_neighbours(source, order),
        unreadable=source.raw.unreadable_by_now,
        columns=_columns(source),
        **_scales(train.inputs, source),
        seconds=time.perf_counter() - begin,
    )


def _look(split: Split, source: Source, until: float) -> _Seen:
    """Look at examples in random order until the time is up; at one chunk at least."""
    seen = _Seen(of=split.examples)
    shuffled = np.random.default_rng(0).permutation(split.examples)
    fetch = Fetch(split.dataset, source.collate, seed=0)
    size = CHUNK_EXAMPLES if split.tensors is not None else CHUNK_EXAMPLES // 8
    for start in range(0, split.examples, size):
        if start and time.perf_counter() > until:
            break
        indices = shuffled[start : start + size]
        if split.tensors is not None:
            chosen = torch.from_numpy(indices)
            inputs, targets = split.tensors[0][chosen], split.tensors[1][chosen]
        else:
            try:
                inputs, targets = fetch.read(indices, transformed=False)
            except Exception as failed:
                # The user's data set: the same failure would meet the run, and is told by the feed.
                raise FetchError(f"the data set failed while it was surveyed: {failed}") from failed
        _take_in(seen, inputs, targets, len(indices))
    return seen


def _take_in(seen: _Seen, inputs: Any, targets: torch.Tensor, examples: int) -> None:
    seen.examples += examples
    if not isinstance(inputs, torch.Tensor) or len(inputs) != examples:
        return
    for row, target in zip(inputs.numpy(), targets.numpy(), strict=True):
        seen.labels[hashlib.blake2b(row.tobytes(), digest_size=12).digest()][target.tobytes()] += 1
    if inputs.is_floating_point():
        seen.missing += int((~torch.isfinite(inputs)).sum())
        seen.values += inputs.numel()
    seen.broken += int((_holed(inputs) | _holed(targets)).sum())
    if seen.examples <= SCALE_EXAMPLES:
        seen.inputs.append(inputs)
        seen.targets.append(targets)


def _holed(values: torch.Tensor) -> torch.Tensor:
    """Return which rows hold a value that is not a number, [B] bool."""
    return ~torch.isfinite(values).reshape(len(values), -1).all(1)


def _relatedness(train: _Seen, source: Source) -> tuple[float, int]:
    """Return how much inputs and targets go together, and the examples behind it."""
    if not train.inputs:
        return float("nan"), 0
    inputs, targets = torch.cat(train.inputs), torch.cat(train.targets)
    return relatedness(inputs, targets, classes=source.kind == "classification")


def _pairs(train: _Seen, numbers: bool) -> tuple[float, float]:
    """Return the shares of the training split that equal an earlier example, and another with a different label.

    Where numbers are to be predicted, equal inputs with other targets are measurements that were repeated: neither.
    """
    equal = train.labels.values()
    if numbers:
        copies, conflicting = sum(targets.total() - len(targets) for targets in equal), 0
    else:
        copies = sum(targets.total() - 1 for targets in equal)
        conflicting = sum(targets.total() for targets in equal if len(targets) > 1)
    scale = max(train.examples, 1) * max(train.share, 1e-9)
    return min(copies / scale, 1.0), min(conflicting / scale, 1.0)


def _overlap(held_out: _Seen, train: _Seen, numbers: bool) -> float:
    """Return the share of a held-out split that is in the training split too; of numbers to predict, target and all."""
    if not held_out.examples or not train.examples:
        return 0.0
    found = sum(
        count
        for print_, targets in held_out.labels.items()
        for target, count in targets.items()
        if print_ in train.labels and (not numbers or target in train.labels[print_])
    )
    return min(found / held_out.examples / train.share, 1.0)


def _class_counts(source: Source) -> tuple[int, ...]:
    targets = source.train.targets
    if source.kind != "classification" or targets is None or targets.ndim != 1:
        return ()
    return tuple(torch.bincount(targets, minlength=len(source.classes)).tolist())


def _neighbours(source: Source, order: Order) -> dict[str, float]:
    """Return how alike neighbours in the order of the first epoch are, by classes or by numbers; NaN for the other."""
    targets = source.train.targets
    if targets is None:
        return {"neighbour_label_match": nan}
    drawn = targets[torch.from_numpy(order.permutation(0)[: NEIGHBOURS + 1])]
    if source.kind == "classification":
        return {"neighbour_label_match": same_label(drawn)}
    return {"neighbour_label_match": nan, "neighbour_likeness": alike(drawn)}


def _scales(sample: list[torch.Tensor], source: Source) -> dict[str, Any]:
    """Return how large the inputs are, feature by feature: a channel of an image, a column of a table, else the whole.

    A few values far out are told apart, so that they do not stand for the spread of all. Told of are those that stand out
    of the other features too. Inputs that are no fractions (tokens, structures) have no scale: no features, and NaN.
    """
    if not sample or not sample[0].is_floating_point():
        unknown = dict.fromkeys(("input_mean", "input_std_low", "input_std_high", "input_abs_max"), float("nan"))
        return {**unknown, "constant_features": 0, "features": 0}
    inputs = torch.cat(sample)
    features = inputs.shape[1] if source.inputs == "image" else int(inputs[0].numel())
    if source.inputs != "image" and inputs.ndim == 2 and source.raw.numeric_features:
        inputs = inputs[:, list(source.raw.numeric_features)]
    over = within(source.inputs, inputs.ndim)
    reach = reach_of(inputs, over)
    far = reach > FAR_TIMES
    told = stands_out(inputs, over)
    finite = inputs.double().where(torch.isfinite(inputs), torch.nan)
    usual = finite.where(~far, torch.nan)
    means = usual.nanmean(dim=over, keepdim=True)
    spreads = ((usual - means) ** 2).nanmean(dim=over, keepdim=True).sqrt()
    largest = finite.nan_to_num(0.0).abs().amax(dim=over, keepdim=True)
    varied = spreads > 1e-7 * largest
    known = spreads[varied] if bool(varied.any()) else torch.zeros(1)
    return {
        "input_mean": float(means.nan_to_num(0.0).abs().max()),
        "input_std_low": float(known.min()),
        "input_std_high": float(known.max()),
        "input_abs_max": float(largest.max()),
        "input_outlying_share": float(told.flatten(1).any(1).float().mean()),
        "input_reach": float(reach.where(told, 0.0).max()),
        "constant_features": int((~varied).sum()),
        "features": features,
    }


def _columns(source: Source) -> tuple[ColumnFacts, ...]:
    targets = source.train.targets
    if targets is None or targets.ndim != 1:
        return ()
    rows = np.arange(source.train.examples)
    if len(rows) > COLUMN_ROWS:
        rows = np.random.default_rng(0).permutation(len(rows))[:COLUMN_ROWS]
    target = targets.numpy()[rows]
    columns = source.raw.columns or _of_tensor(source)
    return tuple(_column(one, rows, target, source.kind == "classification") for one in columns)


def _of_tensor(source: Source) -> tuple[Column, ...]:
    """Return the columns of a user's own table, a tensor [N, F], by their numbers; none of a very wide one."""
    inputs = source.train.tensors[0] if source.train.tensors is not None else None
    if source.inputs == "image" or inputs is None or inputs.ndim != 2 or inputs.shape[1] > TENSOR_COLUMNS:
        return ()
    if not inputs.is_floating_point():
        return ()
    return tuple(Column(str(place), values) for place, values in enumerate(inputs.T.double().numpy()))


def _column(column: Column, rows: npt.NDArray[np.int64], target: npt.NDArray[Any], classes: bool) -> ColumnFacts:
    """Return one raw column's facts; a column of texts has no mean and no spread: NaN."""
    values = column.values[rows]
    gone = missing(values)
    there = values[~gone]
    numeric = column.numeric and len(there) > 0
    return ColumnFacts(
        name=column.name,
        missing_share=float(gone.mean()) if len(gone) else 0.0,
        unique=len(np.unique(there if column.numeric else there.astype(str))),
        mean=float(there.mean()) if numeric else float("nan"),
        std=float(there.std()) if numeric else float("nan"),
        correlation=association(there, target[~gone], numeric=column.numeric, classes=classes),
    )
