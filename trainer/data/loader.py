"""A user's own DataLoader: what is taken over of it is its data set, its collate function, and whether it shuffles."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    default_collate,
)
from torch.utils.data.distributed import DistributedSampler

from trainer.data.source import DataError


@dataclass(frozen=True)
class TakenOver:
    """What was given for a split, in the form that the trainer works with."""

    data: Any
    """A data set, or a pair of arrays."""
    collate: Callable[[list[Any]], Any] | None = None
    loader: bool = False
    """It was a loader: it collates by `collate`, or as torch does."""
    in_order: bool = False
    """It was a loader that does not shuffle."""


def take_over(given: Any, split: str) -> TakenOver:
    """Return what a split is made of; what is no DataLoader is returned as it is.

    Args:
        given: Of the task.
        split: Its name, for the message.

    Raises:
        DataError: when a loader draws or batches its examples in a way that has no like here.
    """
    if not isinstance(given, DataLoader):
        return TakenOver(given)
    data, sampler = given.dataset, given.sampler
    if isinstance(data, IterableDataset):
        return TakenOver(data)
    if type(given.batch_sampler) is not BatchSampler:
        raise DataError(
            f"Task({split}=…) is a DataLoader that leaves the batches to its data set or to a batch sampler: give the data "
            "set of single examples; the batch is train.batch_size"
        )
    collate = None if given.collate_fn is default_collate else given.collate_fn
    match sampler:
        case SequentialSampler():
            return TakenOver(data, collate, loader=True, in_order=True)
        case DistributedSampler():
            return TakenOver(data, collate, loader=True, in_order=not sampler.shuffle)
        case SubsetRandomSampler():
            return TakenOver(Subset(data, list(sampler.indices)), collate, loader=True)
        case RandomSampler() if not sampler.replacement and sampler.num_samples == len(sampler.data_source):
            return TakenOver(data, collate, loader=True)
        case RandomSampler() if not sampler.replacement:
            raise DataError(
                f"Task({split}=…) is a DataLoader that draws {sampler.num_samples} of {len(sampler.data_source)} examples an "
                "epoch: give its data set, and say in train.epochs how long the run is to be (a fraction of an epoch will do)"
            )
    raise DataError(
        f"Task({split}=…) is a DataLoader with a {type(sampler).__name__}: give its data set; train.shuffle is whether it is "
        "shuffled, and train.sampler ('sqrt', 'balanced') draws rare classes more often"
    )
