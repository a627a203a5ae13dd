"""What single training examples look like, small enough for an event: a picture, or the row of a table.

A person who is told that a label may be wrong wants to see the example. Screens and reports never read the user's data;
they show what comes out here.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from trainer.data.fetch import Fetch
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Column, Source, Split
from trainer.data.table import CATEGORIES_LIMIT, CATEGORY_EXAMPLES_MIN
from trainer.words import Picture

SHOWN_MOST = 24
"""Examples of a reading that are shown: a page full. All of them stand in one event."""
SIDE_PIXELS = 16
"""Longest side of a picture on the wire: 8 lines of a terminal, and under a kilobyte in colour."""
COLUMNS_MOST = 12
"""Columns of a table's row on the wire."""
TEXT_MOST = 80
"""Characters of a text on the wire."""
READING_S = 1.0
"""After that no more pictures are read: the training waits meanwhile."""
BLANK = Picture(width=1, height=1, channels=1, pixels=b64encode(b"\x80").decode())
"""Stands in the place of a picture that cannot be read, so that those behind it keep theirs."""


def pictures(source: Source, indices: Sequence[int]) -> tuple[Picture, ...]:
    """Return the first examples as pictures, in their order; none where inputs are no pictures, or cannot be read now.

    They are read one by one, for there may be little memory beside the run, and as many as there is time for. One that
    cannot be read is blank.

    Args:
        source: The data; its training split is read without random transforms, and the generators are left as they were.
        indices: Of examples of the training split.
    """
    if source.inputs != "image":
        return ()
    begun, shown, readable = perf_counter(), list[Picture](), 0
    with preserved_generators():
        for index in indices[:SHOWN_MOST]:
            try:
                shown.append(_picture(_read(source, source.train, index), source.preprocessing))
                readable = len(shown)
            except Exception:  # the user's data set: what it cannot give is not shown, and the run goes on
                shown.append(BLANK)
            if perf_counter() - begun > READING_S:
                break
    return tuple(shown[:readable])


def _read(source: Source, split: Split, index: int) -> Tensor:
    """Return the model input of one example, [C, H, W]."""
    if split.tensors is not None:
        return split.tensors[0][index]
    seed_fetch(0, 0, 0)
    fetch = Fetch(split.dataset, split.collate or source.collate, seed=0)
    inputs: Tensor = fetch.read(np.array([index], dtype=np.int64), transformed=False)[0]
    return inputs[0]


def rows(columns: Sequence[Column], indices: Sequence[int]) -> tuple[dict[str, float | str], ...]:
    """Return the first examples as rows of a table, by column; a missing value is left out.

    So is a text that the model has no input for: names, letters and dates say nothing of what it has learned.

    Args:
        columns: Of the training split, [N] each.
        indices: Of examples of the training split.
    """
    if not columns or not indices:
        return ()
    fitted = ((column, _categories(column)) for column in columns)
    held = list(islice(((one, texts) for one, texts in fitted if one.numeric or texts), COLUMNS_MOST))
    return tuple(
        {
            column.name: float(value) if column.numeric else value[:TEXT_MOST]
            for column, texts in held
            if (value := column.values[index]) == value and (column.numeric or value in texts)
        }
        for index in indices[:SHOWN_MOST]
    )


def _categories(column: Column) -> frozenset[str]:
    """Return the texts of a column that are inputs of their own (`trainer.data.table.fit`)."""
    if column.numeric:
        return frozenset()
    counted = Counter(column.values.tolist())
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0] or ""))[:CATEGORIES_LIMIT]
    return frozenset(text for text, count in ranked if text is not None and count >= CATEGORY_EXAMPLES_MIN)


def _picture(example: Tensor, preprocessing: dict[str, Any]) -> Picture:
    """Return [C, H, W] model inputs as bytes: as they were before they were scaled, or spread over all that is there."""
    values = example[: 3 if example.shape[0] >= 3 else 1].detach().cpu().float()
    channels, height, width = values.shape
    scale = SIDE_PIXELS / max(height, width, SIDE_PIXELS)
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    small = interpolate(values[None].nan_to_num(0.0), size=size, mode="area")[0]
    if preprocessing.get("kind") == "image" and len(preprocessing["mean"]) == channels:
        mean, std = (torch.tensor(preprocessing[name]).view(-1, 1, 1) for name in ("mean", "std"))
        small = small * std + mean
    else:
        low, high = float(small.min()), float(small.max())
        small = (small - low) / max(high - low, 1e-12)
    pixels = (small.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()
    return Picture(
        width=size[1], height=size[0], channels=channels, pixels=b64encode(pixels.numpy().tobytes()).decode()
    )
