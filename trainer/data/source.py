"""A source is a data set that was opened: its splits, what is learned from it, and how raw input becomes model input."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from trainer.config import Config
from trainer.data.sources import KINDS

TaskKind = Literal["classification", "regression", "multilabel"]
InputKind = Literal["image", "table", "other"]


class DataError(Exception):
    """The data cannot be used; the text is one line that says what to do."""


@dataclass
class Split:
    """One split. Either `tensors` (batches are sliced) or `dataset` (items are fetched one by one) is there."""

    examples: int
    identities: Callable[[int], str]
    """What the user knows an example by: a file name or a row number."""
    tensors: tuple[torch.Tensor, torch.Tensor] | None = None
    """Inputs [N, …] as the model gets them, and targets [N] int64, [N] float32 or [N, K] float32."""
    dataset: Dataset[Any] | None = None
    """Items `(input, target)`, or what the source's `collate` takes."""
    targets: torch.Tensor | None = None
    """All targets, where they are known without reading the inputs."""
    collate: Callable[[list[Any]], Any] | None = None
    """Makes a batch of items where another one does than the source's."""
    decoded_bytes: int = 0
    """Memory that all decoded items would take; 0 = in memory already, or not known."""
    order_matters: bool = False
    """The user says that neighbours belong together: never shuffled."""
    in_order: bool = False
    """The user's own loader gives the examples as they lie in the data set."""
    cache_refusal: str = ""
    """Why decoded items cannot be kept in memory; empty where they can. Size is judged when a cache is made."""

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The class of each example, [N]; nothing where targets are not known, or no plain numbers of classes."""
        targets = self.targets
        if targets is None or targets.ndim != 1 or targets.is_floating_point() or int(targets.min()) < 0:
            return None
        return targets.numpy()


@dataclass(frozen=True)
class Column:
    """One raw input column of the training split."""

    name: str
    values: npt.NDArray[Any]
    """[N] float64 with NaN for missing numbers, or [N] objects (texts) with None for missing ones."""

    @property
    def numeric(self) -> bool:
        """Tell whether the column holds numbers."""
        return self.values.dtype.kind == "f"


@dataclass
class Raw:
    """What was known of the data before they became model inputs; the survey reads it."""

    columns: tuple[Column, ...] = ()
    missing_share: float = 0.0
    """Share of all input values that were missing before they were filled."""
    dropped_targets: int = 0
    """Examples without a target, left out."""
    unreadable: int = 0
    """Items that could not be read when the source was opened, left out."""
    numeric_features: tuple[int, ...] | None = None
    """Which model inputs are scaled numbers (the rest are 0/1 of a category); None = all."""
    broken_later: tuple[torch.Tensor, ...] = ()
    """Flags [N] shared with the workers: items found broken while training, replaced by a neighbour of the class."""

    @property
    def unreadable_by_now(self) -> int:
        """Items that could not be read, those found while training included."""
        return self.unreadable + sum(int(flags.sum()) for flags in self.broken_later)


@dataclass
class Source:
    """An opened data set."""

    name: str
    kind: TaskKind
    inputs: InputKind
    classes: tuple[str, ...]
    """Class names by number; for several 0/1 columns the name of each; empty for a regression."""
    input_shape: tuple[int, ...]
    """One example, without the batch; empty where an input is a structure of tensors."""
    train: Split
    val: Split
    test: Split | None
    preprocessing: dict[str, Any]
    """JSON: all that `trainer.data.preprocess.apply` needs to make model inputs from raw ones."""
    raw: Raw = field(default_factory=Raw)
    collate: Callable[[list[Any]], Any] | None = None
    """Makes `(inputs, targets)` of a list of items; None = stack them."""


IMAGE_FOLDER_KEYS = ("size", "channels", "transforms")
"""Keys of [data] that only `images:` reads; elsewhere they would be silently without effect."""


def open_source(config: Config) -> Source:
    """Open the data set that `data.source` names.

    Raises:
        DataError: when it cannot be used: an unknown kind or name, a file that is not there, an empty data set, ….
    """
    kind, colon, place = config.data.source.partition(":")
    if not colon or kind not in KINDS:
        raise DataError(
            f"data.source {config.data.source!r} is of no known kind{nearest(kind, KINDS)}: write "
            "sklearn:NAME, idx:FOLDER, images:FOLDER or csv:FILE"
        )
    for key in IMAGE_FOLDER_KEYS:
        if kind != "images" and getattr(config.data, key):
            raise DataError(f"data.{key} has no effect on {kind}: data: remove it (train.augment augments any images)")
    if kind != "csv" and config.data.target:
        raise DataError(f"data.target is for csv:FILE; {kind}: data bring their own target: remove it")
    opened: Source = import_module(KINDS[kind]).open_source(place, config.data)
    return opened


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the known word nearest to `word`, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""
