"""Targets of the user's own data: how to get at them without reading the inputs, and what is learned from them."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from trainer.data.fetch import where
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import DataError, TaskKind

READ_ALL_LIMIT = 2000
"""Targets of a data set that does not show them are read item by item up to this length; a count, not a time, since
the split must be the same in every run."""

SAMPLE_ITEMS = 500
"""Of a longer one, so many evenly spaced items are read, to see what is learned."""

INPUT_KEYS, TARGET_KEYS = ("x", "input"), ("y", "target")
"""The keys of items that are dicts."""


def unpack(item: Any) -> tuple[Any, Any]:
    """Return input and target of an item or a batch that is a tuple, a list or a dict.

    Raises:
        DataError: when it is none of these.
    """
    if isinstance(item, dict):
        inputs = next((key for key in INPUT_KEYS if key in item), None)
        targets = next((key for key in TARGET_KEYS if key in item), None)
        if inputs is None or targets is None:
            raise DataError(f"items are dicts with the keys {sorted(map(str, item))}: name them x and y")
        return item[inputs], item[targets]
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    what = f"{type(item).__name__} of {len(item)}" if isinstance(item, tuple | list) else type(item).__name__
    raise DataError(f"items are each a {what}: return (input, target), or a dict with the keys x and y")


def as_targets(targets: Any, kind: TaskKind) -> torch.Tensor:
    """Return targets as int64 [B] for classes, else float32."""
    tensor = torch.as_tensor(targets)
    if kind == "classification":
        return (tensor[:, 0] if tensor.ndim == 2 and tensor.shape[1] == 1 else tensor).long()
    return tensor.float()


def known_targets(dataset: Any) -> torch.Tensor | None:
    """Return all targets of a data set that shows them, without reading an input; subsets and joins are looked into."""
    if isinstance(dataset, Subset):
        whole = known_targets(dataset.dataset)
        return None if whole is None else whole[torch.as_tensor(list(dataset.indices))]
    if isinstance(dataset, ConcatDataset):
        joined = [known_targets(one) for one in dataset.datasets]
        known = [one for one in joined if one is not None]
        return torch.cat(known) if len(known) == len(joined) else None
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[-1]
    if getattr(dataset, "target_transform", None) is not None:
        return None
    for name in ("targets", "labels", "y"):
        values = getattr(dataset, name, None)
        if isinstance(values, list | tuple | np.ndarray | torch.Tensor) and len(values) == len(dataset):
            try:
                return torch.as_tensor(np.asarray(values) if isinstance(values, list | tuple) else values)
            except (TypeError, ValueError):
                return None
    return None


def sampled_targets(dataset: Any, split: str) -> torch.Tensor:
    """Return the targets of all items of a short data set, of evenly spaced ones of a long one."""
    examples = len(dataset)
    chosen = range(examples) if examples <= READ_ALL_LIMIT else np.linspace(0, examples - 1, SAMPLE_ITEMS).astype(int)
    found = []
    with preserved_generators():
        seed_fetch(0, 0, 0)
        for index in chosen:
            try:
                item = dataset[int(index)]
            except Exception as failed:
                # The user's code: whatever it raises is told as one line.
                raise DataError(f"Task({split}=…)[{int(index)}] failed: {where(failed)}") from None
            found.append(unpack(item)[1])
    try:
        return torch.stack([torch.as_tensor(one) for one in found])
    except (TypeError, ValueError, RuntimeError):
        raise DataError(
            f"the targets of Task({split}=…) are not numbers of one shape: give a class number, a number, or a row"
        ) from None


def what_is_learned(
    samples: dict[str, torch.Tensor], names: tuple[str, ...], *, own_loss: bool
) -> tuple[TaskKind, tuple[str, ...]]:
    """Return what is learned, and the class names.

    Args:
        samples: Targets by split, at least of `train`.
        names: The class names that the user gave; empty = the numbers.
        own_loss: The user brings a loss, and with it may give class maps and numbers to be ignored.

    Raises:
        DataError: when the targets fit no kind, or the splits do not fit one another.
    """
    kinds = {split: _kind(sample, own_loss) for split, sample in samples.items()}
    kind = kinds["train"]
    for split, other in kinds.items():
        if other != kind and not {other, kind} <= {"multilabel", "regression"}:
            raise DataError(f"the targets of Task({split}=…) are a {other}, those of train a {kind}: make them alike")
    if kind == "regression":
        return kind, ()
    if kind == "multilabel":
        width = samples["train"].shape[1]
    else:
        least = min(int(sample.min()) for sample in samples.values())
        if least < 0 and not own_loss:
            raise DataError(f"class numbers start at 0, but there is a {least}: renumber the classes")
        width = max(int(sample.max()) for sample in samples.values()) + 1
        if len(torch.unique(samples["train"])) < 2:
            raise DataError(f"all targets of Task(train=…) are {width - 1}: there is nothing to tell apart")
    if names and len(names) < width:
        raise DataError(f"Task(classes=…) names {len(names)} classes, but the targets have {width}: name them all")
    return kind, names or tuple(str(one) for one in range(width))


def _kind(targets: torch.Tensor, own_loss: bool) -> TaskKind:
    whole = not targets.is_floating_point()
    if targets.ndim == 1 or (targets.ndim == 2 and targets.shape[1] == 1):
        return "classification" if whole else "regression"
    if targets.ndim == 2 and bool(((targets == 0) | (targets == 1)).all()):
        return "multilabel"
    if targets.ndim == 2 and not whole:
        return "regression"
    if own_loss:
        return "classification" if whole else "regression"
    raise DataError(
        f"one target has the shape {list(targets.shape[1:])}: give a class number, a number, a row of numbers, or a row "
        "of 0 and 1"
    )


def is_plain(targets: torch.Tensor) -> bool:
    """Tell whether targets are one class number each."""
    return targets.ndim == 1 and bool((targets >= 0).all())
