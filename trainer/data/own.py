"""The user's own data: a `trainer.Task` becomes a source, and what is learned is read off its targets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset, default_collate

from trainer.config import Config, DataConfig
from trainer.data.fetch import Collate, where
from trainer.data.loader import take_over
from trainer.data.seeding import preserved_generators, seed_fetch
from trainer.data.source import DataError, InputKind, Raw, Source, Split, TaskKind
from trainer.data.splitting import Ids, divide
from trainer.data.targets import as_targets, is_plain, known_targets, sampled_targets, unpack, what_is_learned
from trainer.task import Task

IMAGE_CHANNELS = (1, 3, 4)
"""An input [C, H, W] with so many channels is an image."""


@dataclass
class _Part:
    """One split as the user gave it: tensors, or a data set with what is known of its targets."""

    tensors: tuple[torch.Tensor, torch.Tensor] | None = None
    dataset: Dataset[Any] | None = None
    examples: int = 0
    targets: torch.Tensor | None = None
    """All of them, where they are known."""
    sample: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    """Some of them, always."""


class OwnCollate:
    """Collates items of tuples or dicts to `(inputs, targets)`, with the targets in the form that their kind has."""

    def __init__(self, collate: Collate | None, kind: TaskKind) -> None:
        self.collate = collate
        self.kind = kind

    def __call__(self, items: list[Any]) -> tuple[Any, torch.Tensor]:
        """Return inputs and targets of one batch."""
        inputs, targets = unpack((self.collate or default_collate)(items))
        return as_inputs(inputs), as_targets(targets, self.kind)


def open_task(task: Task, config: Config) -> Source:
    """Return the source of a user's task.

    Without `val`, a validation split is made of `train`; without `test`, one is made only where the configuration sets
    `data.test_fraction` to more than 0.

    Raises:
        DataError: when the data cannot be used; the text says what to give instead.
    """
    given = {
        split: take_over(getattr(task, split), split)
        for split in ("train", "val", "test")
        if getattr(task, split) is not None
    }
    if "train" not in given:
        raise DataError("the task has no training data: give Task(train=…) a Dataset or a pair (inputs, targets)")
    collates = {split: task.collate or (one if one.loader else given["train"]).collate for split, one in given.items()}
    parts = {split: _open(one.data, split, collates[split]) for split, one in given.items()}
    samples = {split: part.sample for split, part in parts.items()}
    kind, classes = what_is_learned(samples, tuple(task.classes), own_loss=task.loss is not None)
    raw = Raw(**_missing(parts))
    parts = {split: _with_targets(part, kind) for split, part in parts.items()}
    collate = OwnCollate(collates["train"], kind)
    splits = _divide(parts, config.data, kind, classes)
    for split in given.keys() - {"train"}:
        splits[split].collate = OwnCollate(collates[split], kind)
    splits["train"].order_matters = task.order_matters
    splits["train"].in_order = task.order_matters or given["train"].in_order
    shape, inputs = _look_at_inputs(splits["train"], collate)
    _same_shape(splits, shape, collate)
    return Source(
        name=f"task:{Path(config.task.factory.rpartition(':')[0]).name}",
        kind=kind,
        inputs=inputs,
        classes=classes,
        input_shape=shape,
        train=splits["train"],
        val=splits["val"],
        test=splits.get("test"),
        preprocessing={"kind": "own", "shape": list(shape)},
        raw=raw,
        collate=collate,
    )


def as_inputs(inputs: Any) -> Any:
    """Return inputs as torch models take them: doubles, halves, bytes and booleans become float32; others stay."""
    if isinstance(inputs, np.ndarray):
        inputs = torch.from_numpy(inputs)
    narrow = (torch.float64, torch.float16, torch.uint8, torch.bool)
    return inputs.float() if isinstance(inputs, torch.Tensor) and inputs.dtype in narrow else inputs


def _open(given: Any, split: str, collate: Callable[[list[Any]], Any] | None) -> _Part:
    if isinstance(given, IterableDataset):
        raise DataError(
            f"Task({split}=…) is an IterableDataset: a map-style Dataset is needed, with __len__ and __getitem__, so "
            "that batches can be repeated and shuffled"
        )
    if isinstance(given, TensorDataset) and len(given.tensors) == 2:
        given = tuple(given.tensors)
    if isinstance(given, tuple | list) and len(given) == 2:
        inputs, targets = (_tensor(one, split, what) for one, what in zip(given, ("inputs", "targets"), strict=True))
        if len(inputs) != len(targets):
            raise DataError(f"Task({split}=…) has {len(inputs)} inputs and {len(targets)} targets: give one each")
        if len(inputs) == 0:
            raise DataError(f"Task({split}=…) is empty: give it at least two examples")
        if collate is None:
            return _Part((as_inputs(inputs), targets), None, len(inputs), targets, targets)
        given = TensorDataset(inputs, targets)
    if not hasattr(given, "__getitem__") or not hasattr(given, "__len__"):
        raise DataError(
            f"Task({split}=…) is a {type(given).__name__}: give a torch Dataset, a DataLoader or a pair (inputs, targets) of arrays"
        )
    if len(given) == 0:
        raise DataError(f"Task({split}=…) is empty: give it at least two examples")
    known = known_targets(given)
    return _Part(None, given, len(given), known, sampled_targets(given, split) if known is None else known)


def _tensor(values: Any, split: str, what: str) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        return values.detach()
    try:
        array = np.asarray(values)
        return torch.from_numpy(np.ascontiguousarray(array))
    except (TypeError, ValueError):
        raise DataError(f"the {what} of Task({split}=…) are not all numbers: encode texts as numbers first") from None


def _missing(parts: dict[str, _Part]) -> dict[str, Any]:
    """Count what is missing in tensors: values of the training inputs, and targets (whose examples are left out)."""
    dropped = 0
    for split, part in parts.items():
        if part.tensors is None or not part.tensors[1].is_floating_point():
            continue
        inputs, targets = part.tensors
        there = torch.isfinite(targets).reshape(len(targets), -1).all(dim=1)
        if not bool(there.any()):
            raise DataError(f"no target of Task({split}=…) is a finite number: give real targets")
        dropped += int((~there).sum())
        if not bool(there.all()):
            parts[split] = _Part(
                (inputs[there], targets[there]), None, int(there.sum()), targets[there], targets[there]
            )
    train = parts["train"].tensors
    share = 0.0
    if train is not None and train[0].is_floating_point():
        share = float((~torch.isfinite(train[0])).float().mean())
    return {"missing_share": share, "dropped_targets": dropped}


def _with_targets(part: _Part, kind: TaskKind) -> _Part:
    targets = None if part.targets is None else as_targets(part.targets, kind)
    tensors = None if part.tensors is None or targets is None else (part.tensors[0], targets)
    return _Part(tensors, part.dataset, part.examples, targets, part.sample)


def _divide(parts: dict[str, _Part], data: DataConfig, kind: TaskKind, classes: tuple[str, ...]) -> dict[str, Split]:
    """Return the splits; numbers of the three given parts are counted through, as if they were one."""
    order = [split for split in ("train", "val", "test") if split in parts]
    starts = dict(zip(order, np.cumsum([0, *(parts[split].examples for split in order)]), strict=False))
    stated = {split: starts[split] + np.arange(parts[split].examples) for split in order}
    known = [targets for split in order if (targets := parts[split].targets) is not None]
    plain = kind == "classification" and len(known) == len(order) and all(is_plain(one) for one in known)
    labels = torch.cat(known).numpy() if plain else None
    wants_test = "test_fraction" in data.model_fields_set and data.test_fraction > 0
    divided = divide(
        sum(parts[split].examples for split in order),
        data,
        labels=labels,
        classes=classes,
        val=stated.get("val"),
        test=stated.get("test"),
        make_test=wants_test,
    )
    splits: dict[str, Split] = {}
    for split, ids in (("train", divided.train), ("val", divided.val), ("test", divided.test)):
        if ids is not None:
            home = split if split in parts else "train"
            splits[split] = _split(parts[home], ids - starts[home], home)
    return splits


def _split(part: _Part, ids: Ids, home: str) -> Split:
    chosen = torch.from_numpy(ids)
    whole = len(ids) == part.examples
    targets = None if part.targets is None else part.targets if whole else part.targets[chosen]

    def identity(index: int) -> str:
        return f"{home}[{int(ids[index])}]"

    if part.tensors is not None and targets is not None:
        inputs = part.tensors[0] if whole else part.tensors[0][chosen]
        return Split(len(ids), identity, tensors=(inputs, targets), targets=targets)
    dataset: Any = part.dataset
    steady = bool(getattr(dataset, "deterministic_items", False))
    return Split(
        len(ids),
        identity,
        dataset=dataset if whole else Subset(dataset, ids.tolist()),
        targets=targets,
        decoded_bytes=_item_bytes(dataset) * len(ids) if steady else 0,
        cache_refusal=""
        if steady
        else "the data set does not say that its items are always the same: set deterministic_items = True on it if so",
    )


def _item_bytes(dataset: Any) -> int:
    with preserved_generators():
        parts = unpack(dataset[0])
    return sum(torch.as_tensor(one).nbytes if not isinstance(one, dict) else 0 for one in parts)


def _look_at_inputs(split: Split, collate: OwnCollate) -> tuple[tuple[int, ...], InputKind]:
    shape, floating = _shape(split, collate)
    if len(shape) == 3 and shape[0] in IMAGE_CHANNELS and floating:
        return shape, "image"
    return shape, "table" if len(shape) == 1 and floating else "other"


def _shape(split: Split, collate: OwnCollate) -> tuple[tuple[int, ...], bool]:
    """Return the shape of one input, empty for a structure of tensors, and whether it holds fractions."""
    if split.tensors is not None:
        inputs: Any = split.tensors[0]
    else:
        dataset: Any = split.dataset
        with preserved_generators():
            seed_fetch(0, 0, 0)
            try:
                inputs = collate([dataset[index] for index in range(min(2, split.examples))])[0]
            except DataError:
                raise
            except Exception as failed:
                # The user's code: whatever it raises is told as one line.
                raise DataError(f"two items of the task's data cannot be made a batch: {where(failed)}") from None
    if not isinstance(inputs, torch.Tensor):
        return (), False
    return tuple(inputs.shape[1:]), inputs.is_floating_point()


def _same_shape(splits: dict[str, Split], shape: tuple[int, ...], collate: OwnCollate) -> None:
    """Refuse splits whose inputs differ in shape; where the user collates, a batch may have the shape it likes."""
    if collate.collate is not None:
        return
    for name, split in splits.items():
        if isinstance(split.collate, OwnCollate) and split.collate.collate is not None:
            continue
        other = _shape(split, collate)[0]
        if other != shape:
            raise DataError(
                f"inputs of {name} have the shape {list(other)}, those of train {list(shape)}: make them alike"
            )
