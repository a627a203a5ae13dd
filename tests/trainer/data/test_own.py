"""A user's own data become a source, and what is learned is read off the targets."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)
from torch.utils.data.distributed import DistributedSampler

from trainer.config import parse
from trainer.data.feed import CacheRefused, open_feed
from trainer.data.order import Order
from trainer.data.own import open_task
from trainer.data.source import DataError, Source, Split
from trainer.task import Task

INPUTS = np.random.default_rng(0).normal(size=(60, 4))
LABELS = np.arange(60) % 3
CPU = torch.device("cpu")


def opened(train: Any = (INPUTS, LABELS), data: dict[str, Any] | None = None, **task: Any) -> Source:
    config = parse({"task": {"factory": "mine.py:make"}, "data": data or {}}, "test")
    return open_task(Task(model=nn.Linear(4, 3), train=train, **task), config)


class Items(Dataset[Any]):
    """Sixty items; `form` says what each of them is."""

    def __init__(self, form: str = "tuple", **shown: Any) -> None:
        self.form = form
        for name, value in shown.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> Any:
        inputs, label = torch.from_numpy(INPUTS[index]), int(LABELS[index])
        if self.form == "raises":
            raise RuntimeError("cannot open shard 7")
        return {
            "tuple": (inputs, label),
            "dict": {"x": inputs, "y": label},
            "long dict": {"input": inputs, "target": label},
            "other dict": {"image": inputs, "label": label},
            "three": (inputs, label, index),
            "alone": inputs,
            "text": (inputs, "cat"),
            "structure": ({"a": inputs, "b": inputs[:2]}, label),
            "uneven": (inputs[: 1 + index % 2], label),
        }[self.form]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([(torch.zeros(4), 0)])


@pytest.mark.parametrize(
    ("targets", "kind", "classes", "dtype"),
    [
        pytest.param(LABELS, "classification", ("0", "1", "2"), torch.int64, id="whole numbers"),
        pytest.param(LABELS.tolist(), "classification", ("0", "1", "2"), torch.int64, id="a list"),
        pytest.param(LABELS[:, None], "classification", ("0", "1", "2"), torch.int64, id="a column of whole numbers"),
        pytest.param(LABELS > 0, "classification", ("0", "1"), torch.int64, id="switches"),
        pytest.param(LABELS * 0.5, "regression", (), torch.float32, id="fractions"),
        pytest.param(INPUTS[:, :2], "regression", (), torch.float32, id="several fractions"),
        pytest.param(np.eye(3)[LABELS], "multilabel", ("0", "1", "2"), torch.float32, id="several 0/1 columns"),
        pytest.param(np.eye(3, dtype=int)[LABELS], "multilabel", ("0", "1", "2"), torch.float32, id="… as integers"),
    ],
)
def test_targets_say_what_is_learned(targets: Any, kind: str, classes: tuple[str, ...], dtype: torch.dtype) -> None:
    source = opened((INPUTS, targets))
    assert (source.kind, source.classes, source.inputs) == (kind, classes, "table")
    assert source.train.tensors is not None
    assert source.train.tensors[0].dtype == torch.float32
    assert source.train.tensors[1].dtype == dtype
    assert source.train.examples + source.val.examples == 60
    assert source.test is None


def test_a_test_split_is_made_only_when_it_is_asked_for() -> None:
    assert opened(data={"test_fraction": 0.1}).test is not None
    assert opened(test=(INPUTS[:6], LABELS[:6])).test is not None
    assert opened(data={"test_fraction": 0.0}).test is None


def test_given_splits_are_kept_as_they_are() -> None:
    source = opened(val=(INPUTS[:9], LABELS[:9]))
    assert (source.train.examples, source.val.examples) == (60, 9)
    assert source.val.identities(3) == "val[3]"


@pytest.mark.parametrize("form", ["tuple", "dict", "long dict"])
def test_items_may_be_tuples_or_dicts(form: str) -> None:
    source = opened(Items(form))
    assert (source.kind, source.classes, source.input_shape) == ("classification", ("0", "1", "2"), (4,))
    feed = open_feed(source.train, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
    batch = next(feed.batches(Order(source.train.examples, 10, 0).tickets(0, 0)))
    assert batch.inputs.dtype == torch.float32
    rows = [int(source.train.identities(int(index)).split("[")[1][:-1]) for index in batch.ticket.indices]
    assert batch.inputs.numpy() == pytest.approx(INPUTS[rows].astype(np.float32))
    assert batch.targets.tolist() == LABELS[rows].tolist()


def test_inputs_may_be_a_structure_of_tensors() -> None:
    source = opened(Items("structure"))
    assert (source.inputs, source.input_shape) == ("other", ())
    feed = open_feed(source.train, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
    assert set(next(feed.batches(Order(10, 5, 0).tickets(0, 0))).inputs) == {"a", "b"}


def test_the_users_collate_makes_the_batch() -> None:
    def padded(items: list[Any]) -> Any:
        longest = max(len(inputs) for inputs, _ in items)
        rows = [nn.functional.pad(inputs, (0, longest - len(inputs))) for inputs, _ in items]
        return torch.stack(rows), torch.tensor([label for _, label in items])

    source = opened(Items("uneven"), collate=padded)
    feed = open_feed(source.train, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
    assert next(feed.batches(Order(48, 8, 0).tickets(0, 0))).inputs.shape == (8, 2)


@pytest.mark.parametrize(
    "train",
    [
        pytest.param(TensorDataset(torch.from_numpy(INPUTS), torch.from_numpy(LABELS)), id="a TensorDataset"),
        pytest.param((torch.from_numpy(INPUTS), torch.from_numpy(LABELS)), id="tensors"),
    ],
)
def test_data_in_memory_take_the_batch_wise_path(train: Any) -> None:
    assert opened(train).train.tensors is not None


def test_shown_targets_are_not_read_item_by_item() -> None:
    shown = Items("raises", targets=LABELS.tolist())
    with pytest.raises(DataError, match="cannot be made a batch: RuntimeError: cannot open shard 7"):
        opened(shown)
    whole = Subset(Items(targets=torch.from_numpy(LABELS)), range(30))
    source = opened(ConcatDataset([whole, Subset(whole, range(5))]))
    assert source.train.targets is not None
    assert source.train.examples + source.val.examples == 35


def test_made_splits_of_shown_targets_are_stratified() -> None:
    source = opened(Items(targets=LABELS), data={"val_fraction": 0.2})
    assert source.val.targets is not None
    assert torch.bincount(source.val.targets).tolist() == [4, 4, 4]


def test_items_are_cached_only_when_they_are_said_to_be_the_same_every_time() -> None:
    source = opened(Items())
    with pytest.raises(CacheRefused, match="deterministic_items = True"):
        open_feed(source.train, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=True)
    steady = opened(Items(deterministic_items=True), val=(INPUTS[:9], LABELS[:9]))
    tickets = list(islice(Order(60, 10, 0).tickets(0, 0), 6))
    plain, cached = (
        open_feed(steady.train, steady.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=cache)
        for cache in (False, True)
    )
    for one, other in zip(plain.batches(tickets), cached.batches(tickets), strict=True):
        assert torch.equal(one.inputs, other.inputs)


def test_missing_values_in_memory_are_counted_and_examples_without_a_target_dropped() -> None:
    inputs = INPUTS.copy()
    inputs[::2, 1] = np.nan
    targets = LABELS * 0.5
    targets[[3, 4]] = np.nan
    source = opened((inputs, targets), val=(INPUTS, LABELS * 0.5))
    assert source.raw.dropped_targets == 2
    assert source.raw.missing_share == pytest.approx(29 / (58 * 4))
    assert source.train.examples == 58


def test_images_and_tokens_are_told_apart_from_tables() -> None:
    assert opened((np.zeros((60, 3, 8, 8), dtype=np.uint8), LABELS)).inputs == "image"
    assert opened((np.zeros((60, 12), dtype=np.int64), LABELS)).inputs == "other"


def test_with_a_loss_of_their_own_users_may_give_class_maps() -> None:
    maps = np.tile(LABELS[:, None, None], (1, 8, 8))
    with pytest.raises(DataError, match="give a class number"):
        opened((np.zeros((60, 3, 8, 8)), maps))
    source = opened((np.zeros((60, 3, 8, 8)), maps), loss=nn.CrossEntropyLoss())
    assert (source.kind, len(source.classes)) == ("classification", 3)


@pytest.mark.parametrize(
    ("train", "task", "says"),
    [
        pytest.param(None, {}, "no training data", id="nothing"),
        pytest.param(Stream(), {}, "map-style", id="a stream"),
        pytest.param(42, {}, "is a int", id="no data set"),
        pytest.param((INPUTS, LABELS[:7]), {}, "60 inputs and 7 targets", id="uneven pair"),
        pytest.param((INPUTS[:0], LABELS[:0]), {}, "is empty", id="no examples"),
        pytest.param((INPUTS, LABELS * 0), {}, "nothing to tell apart", id="one class"),
        pytest.param((INPUTS, LABELS - 1), {}, "start at 0", id="negative class"),
        pytest.param((INPUTS, np.tile(LABELS[:, None] + 5, (1, 4))), {}, "give a class number", id="rows of numbers"),
        pytest.param((INPUTS, ["cat"] * 60), {}, "encode texts", id="texts"),
        pytest.param((INPUTS, LABELS), {"classes": ("a",)}, "names 1 classes", id="too few names"),
        pytest.param((INPUTS, LABELS), {"val": (INPUTS, LABELS * 0.5)}, "make them alike", id="other kind in val"),
        pytest.param((INPUTS, LABELS), {"val": (INPUTS[:, :2], LABELS)}, r"shape \[2\]", id="other shape in val"),
        pytest.param(Items("raises"), {}, "cannot open shard 7 .*test_own.py", id="items that raise"),
        pytest.param(Items("three"), {}, r"tuple of 3: return \(input, target\)", id="three of each"),
        pytest.param(Items("alone"), {}, "return", id="inputs only"),
        pytest.param(Items("other dict"), {}, "name them x and y", id="other keys"),
        pytest.param(Items("text"), {}, "not numbers of one shape", id="texts as targets"),
        pytest.param(Items("uneven"), {}, "cannot be made a batch", id="uneven items"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(train: Any, task: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        opened(train, **task)
    assert "\n" not in str(raised.value)


# ---------------------------------------------------------------- what is taken over of a DataLoader


class Backwards(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(59, -1, -1))

    def __len__(self) -> int:
        return 60


PAIR = TensorDataset(torch.from_numpy(INPUTS).float(), torch.from_numpy(LABELS))


@pytest.mark.parametrize(
    ("loader", "in_order"),
    [
        pytest.param(DataLoader(PAIR, batch_size=4), True, id="in order"),
        pytest.param(DataLoader(PAIR, batch_size=4, shuffle=True), False, id="shuffled"),
        pytest.param(DataLoader(Items(), shuffle=False), True, id="items in order"),
        pytest.param(DataLoader(Subset(PAIR, list(range(59, -1, -1)))), True, id="a subset in its own order"),
        pytest.param(DataLoader(PAIR, sampler=DistributedSampler(PAIR, 2, 0)), False, id="one of several processes"),
    ],
)
def test_a_loader_gives_its_data_and_whether_it_shuffles(loader: DataLoader[Any], in_order: bool) -> None:
    source = opened(loader, val=DataLoader(PAIR))
    assert (source.train.examples, source.train.in_order) == (60, in_order)
    assert source.val.examples == 60
    assert opened((INPUTS, LABELS)).train.in_order is False


def test_a_loader_of_a_part_gives_that_part_alone() -> None:
    parts = [DataLoader(PAIR, sampler=SubsetRandomSampler(list(range(*span)))) for span in ((0, 40), (40, 60))]
    source = opened(parts[0], val=parts[1])
    assert (source.train.examples, source.val.examples, source.train.in_order) == (40, 20, False)


def test_each_loader_collates_by_its_own_function() -> None:
    def doubled(items: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, targets = default_collate(items)
        return 2 * inputs, targets

    def first(source: Source, split: Split) -> torch.Tensor:
        feed = open_feed(split, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
        return next(iter(feed.batches(Order(60, 4, 0, shuffle=False).tickets(0, 0)))).inputs

    plain, twice = DataLoader(Items()), DataLoader(Items(), collate_fn=doubled)
    once = torch.from_numpy(INPUTS[:4]).float()
    for train, val, times in ((twice, plain, (2, 1)), (plain, twice, (1, 2)), (twice, Items(), (2, 2))):
        source = opened(train, val=val)
        assert torch.equal(first(source, source.train), times[0] * once)
        assert torch.equal(first(source, source.val), times[1] * once)


def test_a_loaders_collate_function_makes_the_batches() -> None:
    def doubled(items: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        return 2 * torch.stack([one for one, _ in items]), torch.tensor([label for _, label in items])

    source = opened(DataLoader(Items(), shuffle=True, collate_fn=doubled))
    feed = open_feed(source.train, source.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
    batch = next(feed.batches(Order(source.train.examples, 4, 0, shuffle=False).tickets(0, 0)))
    plain = opened(DataLoader(Items(), shuffle=True))
    feed = open_feed(plain.train, plain.collate, device=CPU, seed=0, workers=0, prefetch=2, cache=False)
    other = next(feed.batches(Order(plain.train.examples, 4, 0, shuffle=False).tickets(0, 0)))
    assert torch.equal(batch.inputs, 2 * other.inputs)


@pytest.mark.parametrize(
    ("loader", "said"),
    [
        pytest.param(
            DataLoader(PAIR, sampler=WeightedRandomSampler([1.0] * 60, 60)),
            "WeightedRandomSampler: give its",
            id="weights",
        ),
        pytest.param(
            DataLoader(PAIR, sampler=RandomSampler(PAIR, num_samples=20)),
            "draws 20 of 60 examples an epoch",
            id="fewer",
        ),
        pytest.param(DataLoader(PAIR, sampler=Backwards()), "a Backwards: give its data set; train.shuffle", id="own"),
        pytest.param(DataLoader(PAIR, batch_size=None), "the batch is train.batch_size", id="whole batches"),
        pytest.param(DataLoader(Stream()), "a map-style Dataset is needed", id="a stream"),
    ],
)
def test_a_loader_that_draws_in_its_own_way_is_refused_with_what_to_do(loader: DataLoader[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        opened(loader)
