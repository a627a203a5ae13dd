"""Data sets that lie in memory: arrays in, a source with sliceable splits out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from trainer.config import DataConfig
from trainer.data.picture import PictureFormat, statistics
from trainer.data.source import Raw, Source, Split, TaskKind
from trainer.data.splitting import Ids, Parts, divide
from trainer.data.table import Columns, encode, fit, missing_share, numeric_features, raw_columns

CHUNK_EXAMPLES = 4096
"""Statistics are counted over so many pictures at once: a histogram widens bytes to eight."""


def picture_source(
    name: str,
    pixels: npt.NDArray[np.uint8],
    labels: Ids,
    classes: tuple[str, ...],
    data: DataConfig,
    *,
    divide_by: float,
    test: Ids | None = None,
    identities: Callable[[int], str] = "example {}".format,
) -> Source:
    """Return a source of pictures in memory.

    Args:
        name: What the user calls it.
        pixels: [N, C, H, W] bytes.
        labels: [N] class numbers.
        classes: Class names by number.
        data: The configuration of the data.
        divide_by: What makes the largest value 1.
        test: The examples of the official test split.
        identities: What the user knows an example by, from its number.
    """
    parts = divide(len(pixels), data, labels=labels, classes=classes, test=test)
    _, channels, height, width = pixels.shape
    picture = PictureFormat(channels, height, width, divide_by)
    if data.standardise:
        starts = range(0, len(parts.train), CHUNK_EXAMPLES)
        chunks = (pixels[parts.train[start : start + CHUNK_EXAMPLES]] for start in starts)
        mean, std = statistics(chunks, channels, divide_by)
        picture = PictureFormat(channels, height, width, divide_by, mean, std)
    targets = torch.from_numpy(labels)

    def part(ids: Ids) -> Split:
        inputs = picture.finish(torch.from_numpy(pixels[ids]))
        return in_memory(inputs, targets[torch.from_numpy(ids)], ids, identities)

    return Source(
        name=name,
        kind="classification",
        inputs="image",
        classes=classes,
        input_shape=picture.shape,
        preprocessing=picture.as_json(),
        **_splits(parts, part),
    )


def table_source(
    name: str,
    columns: Columns,
    targets: npt.NDArray[Any],
    kind: TaskKind,
    classes: tuple[str, ...],
    data: DataConfig,
    *,
    rows: Ids | None = None,
    dropped_targets: int = 0,
) -> Source:
    """Return a source of table rows in memory; the preprocessing is fitted on the training split only.

    Args:
        name: What the user calls it.
        columns: The raw input columns, each [N].
        targets: [N] class numbers or numbers.
        kind: What is learned.
        classes: Class names by number; empty for a regression.
        data: The configuration of the data.
        rows: [N] row numbers in the file, from 1; left out: 1 … N.
        dropped_targets: Rows that were left out because they have no target.
    """
    labels = targets.astype(np.int64) if kind == "classification" else None
    parts = divide(len(targets), data, labels=labels, classes=classes)
    train_columns = {column: values[parts.train] for column, values in columns.items()}
    preprocessing = fit(train_columns, standardise=data.standardise)
    all_targets = torch.from_numpy(labels if labels is not None else targets.astype(np.float32))
    numbers = np.arange(1, len(targets) + 1) if rows is None else rows

    def part(ids: Ids) -> Split:
        inputs = torch.from_numpy(encode(preprocessing, {key: values[ids] for key, values in columns.items()}))
        return in_memory(inputs, all_targets[torch.from_numpy(ids)], ids, lambda number: f"row {numbers[number]}")

    splits = _splits(parts, part)
    return Source(
        name=name,
        kind=kind,
        inputs="table",
        classes=classes,
        input_shape=tuple(splits["train"].tensors[0].shape[1:]),
        preprocessing=preprocessing,
        raw=Raw(
            columns=raw_columns(train_columns),
            missing_share=missing_share(columns),
            dropped_targets=dropped_targets,
            numeric_features=numeric_features(preprocessing),
        ),
        **splits,
    )


def in_memory(inputs: torch.Tensor, targets: torch.Tensor, ids: Ids, identities: Callable[[int], str]) -> Split:
    """Return a split of tensors; `ids` are the example numbers that `identities` knows."""
    return Split(
        examples=len(ids),
        identities=lambda index: identities(int(ids[index])),
        tensors=(inputs, targets),
        targets=targets,
    )


def _splits(parts: Parts, part: Callable[[Ids], Split]) -> dict[str, Any]:
    return {
        "train": part(parts.train),
        "val": part(parts.val),
        "test": None if parts.test is None else part(parts.test),
    }
