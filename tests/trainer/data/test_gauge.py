"""What a fetch costs is counted by the kernel, in whichever process it is made."""

import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, Subset

from trainer.data import gauge
from trainer.data.feed import LoaderFeed
from trainer.data.fetch import Fetch
from trainer.data.gauge import FetchCost, Gauge
from trainer.data.order import Order
from trainer.data.parts import take_apart
from trainer.data.place import file_system, store_of
from trainer.data.source import Split
from trainer.watching.fetching import evenly, fetching

NAP_S = 0.004
FILE_BYTES = 20_000


class Napping(Dataset[Any]):
    """Items that are read from a file, and slept for; their transform works."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        (folder / "items").write_bytes(bytes(FILE_BYTES))
        self.transform = lambda value: value + sum(range(20_000)) % 2

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        time.sleep(NAP_S)
        return torch.tensor([float(self.transform((self.root / "items").read_bytes()[index]))]), 0


@pytest.mark.parametrize("workers", [0, 1])
def test_sleep_and_reads_of_a_fetch_are_told_apart_from_its_work(tmp_path: Path, workers: int) -> None:
    items = Napping(tmp_path)
    feed = LoaderFeed(Split(examples=8, identities=str, dataset=items), seed=0, workers=workers)
    first = next(iter(list(feed.batches(islice(Order(8, 4, 0).tickets(0, 0), 2)))))
    feed.close()
    cost = first.cost
    assert cost is not None
    assert first.fetch_s == cost.seconds
    assert cost.seconds >= 4 * NAP_S
    assert cost.own_s + cost.queued_s <= cost.seconds - 3 * NAP_S
    assert cost.read_bytes >= 4 * FILE_BYTES
    assert cost.read_calls >= 4


def test_without_the_kernels_word_only_the_seconds_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gauge, "SCHEDULED", str(tmp_path / "none"))
    monkeypatch.setattr(gauge, "_COUNTERS", gauge._Counters())
    measured = Gauge()
    measured.begin()
    told = fetching([measured.end()])
    assert told is not None
    assert (told.batches, told.counted) == (1, 0)
    assert told.busy_s != told.busy_s


def test_a_kernel_that_counts_nothing_is_taken_for_one_that_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "schedstat").write_text("0 0 0\n")
    monkeypatch.setattr(gauge, "SCHEDULED", str(tmp_path / "schedstat"))
    assert gauge._Counters().read() is None


def test_short_fetches_are_counted_now_and_then_only() -> None:
    measured = Gauge()
    costs = []
    for _ in range(20):
        measured.begin()
        costs.append(measured.end())
    assert costs[0].own_s == costs[0].own_s
    assert sum(one.own_s == one.own_s for one in costs) < len(costs)


def test_a_beat_tells_the_spread_of_many_fetches_and_the_means_of_those_that_were_counted() -> None:
    costs = [FetchCost(seconds=0.001 * place) for place in range(1, 101)]
    costs[0] = FetchCost(0.5, busy_s=0.2, own_s=0.1, queued_s=0.1, read_bytes=10, disk_bytes=0, read_calls=2)
    told = fetching(costs)
    assert told is not None
    assert len(told.seconds) == 16
    assert list(told.seconds) == sorted(told.seconds)
    assert 0.04 < told.seconds[8] < 0.06
    assert (told.counted, told.counted_s, told.own_s) == (1, 0.5, 0.1)
    assert evenly([3.0, 1.0]) == (1.0, 3.0)
    assert fetching([]) is None


def test_a_fetch_is_taken_apart_and_the_data_set_is_left_as_it_was(tmp_path: Path) -> None:
    items = Napping(tmp_path)
    own = items.transform
    tickets = list(islice(Order(4, 2, 0).tickets(0, 0), 2))
    parts = take_apart(Fetch(Subset(items, [0, 1, 2, 3]), None, 0), tickets)
    assert items.transform is own
    assert parts["alone_s"] >= 2 * NAP_S
    assert parts["asleep_share"] > 0.2
    assert 0 < parts["transform_share"] < 1
    assert 0 < parts["collate_share"] < 1


def test_a_data_set_without_a_transform_of_its_own_does_not_tell_its_share() -> None:
    items = [(torch.ones(2), 0)] * 4
    parts = take_apart(Fetch(items, None, 0), list(islice(Order(4, 2, 0).tickets(0, 0), 1)))
    assert parts["transform_share"] != parts["transform_share"]


def test_the_file_system_of_the_items_is_found_through_parts_of_data_sets(tmp_path: Path) -> None:
    assert store_of(Subset(Napping(tmp_path), [0])) == file_system(tmp_path) != ""
    assert store_of([1, 2]) == ""


class Odd(list[int]):
    """A data set whose attributes are all of them there, and of no use."""

    def __getattr__(self, name: str) -> Any:
        if name == "paths":
            raise RuntimeError("not opened yet")
        return self


def test_a_data_set_that_makes_up_its_attributes_has_no_place() -> None:
    assert store_of(Odd()) == ""
