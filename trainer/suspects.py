"""What single training examples look like, small enough for an event: a picture, or the row of a table.

A person who is told that a label may be wrong wants to see the example. Screens and reports never read the user's data;
they show what comes out here.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from trainer.data.fetch import Fetch
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import Column, Source
from trainer.words import Picture

SHOWN_MOST = 24
"""Examples of a reading that are shown: a page full. All of them stand in one event."""
SIDE_PIXELS = 16
"""Longest side of a picture on the wire: 8 lines of a terminal, and under a kilobyte in colour."""
COLUMNS_MOST = 12
"""Columns of a table's row on the wire."""


def pictures(source: Source, indices: Sequence[int]) -> tuple[Picture, ...]:
    """Return the first examples as pictures, in their order; none where inputs are no pictures, or cannot be read now.

    Args:
        source: The data; its training split is read without random transforms, and the generators are left as they were.
        indices: Of examples of the training split.
    """
    if source.inputs != "image" or not indices:
        return ()
    wanted = np.array(indices[:SHOWN_MOST], dtype=np.int64)
    split = source.train
    try:
        with preserved_generators():
            seed_fetch(0, 0, 0)
            inputs = (
                split.tensors[0][torch.from_numpy(wanted)]
                if split.tensors is not None
                else Fetch(split.dataset, split.collate or source.collate, seed=0).read(wanted, transformed=False)[0]
            )
            return tuple(_picture(one, source.preprocessing) for one in inputs)
    except Exception:  # the user's data set: what it cannot give is not shown, and the run goes on
        return ()


def rows(columns: Sequence[Column], indices: Sequence[int]) -> tuple[dict[str, float | str], ...]:
    """Return the first examples as rows of a table, by column; a missing value is left out.

    Args:
        columns: Of the training split, [N] each.
        indices: Of examples of the training split.
    """
    return tuple(
        {
            column.name: float(held) if column.numeric else str(held)
            for column in columns[:COLUMNS_MOST]
            if (held := column.values[index]) is not None and held == held
        }
        for index in (indices[:SHOWN_MOST] if columns else ())
    )


def _picture(example: Tensor, preprocessing: dict[str, Any]) -> Picture:
    """Return [C, H, W] model inputs as bytes: as they were before they were scaled, or spread over all that is there."""
    values = example.detach().cpu().float()[:3] if example.shape[0] >= 3 else example.detach().cpu().float()[:1]
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
