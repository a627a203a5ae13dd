"""A feed delivers the same batches whoever fetches them, and loses none."""

import os
import pickle
import random
import signal
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from tests.trainer.data.written import configured
from trainer.data.cache import CacheRefused, CacheTooLarge
from trainer.data.feed import LoaderFeed, MemoryFeed, WorkerDied, open_feed
from trainer.data.fetch import FetchError
from trainer.data.order import Order
from trainer.data.source import Source, Split, open_source
from trainer.supply import Supply

CPU = torch.device("cpu")
TRANSFORMS = ["rotate:10", "crop:2", "flip", "blur:1"]


@pytest.fixture
def source(pictures: Path) -> Source:
    return open_source(configured(f"images:{pictures}", transforms=TRANSFORMS))


def loader(source: Source, **settings: Any) -> LoaderFeed:
    return LoaderFeed(source.train, seed=7, collate=source.collate, **settings)


def batches(feed: LoaderFeed, examples: int, count: int = 8, offset: int = 0) -> list[torch.Tensor]:
    order = Order(examples, 10, 1)
    return [one.inputs for one in islice(feed.batches(order.tickets(0, offset)), count)]


class NoisyItems(Dataset[Any]):
    """Items with noise from all three generators; index 9 of the unlucky kinds fails in its own way."""

    def __init__(self, unlucky: str = "") -> None:
        self.unlucky = unlucky

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if self.unlucky == "raises" and index == 9:
            raise KeyError("no label for it")
        if self.unlucky == "dies" and index == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        noise = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        return torch.tensor([index, *noise]), index % 2


def own_split(dataset: Any) -> Split:
    return Split(examples=len(dataset), identities=str, dataset=dataset)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing_in_transformed_pictures(source: Source, workers: int) -> None:
    here, there = loader(source), loader(source, workers=workers)
    for one, other in zip(batches(here, source.train.examples), batches(there, source.train.examples), strict=True):
        assert torch.equal(one, other)
    there.close()


def test_workers_change_nothing_in_a_data_set_that_uses_all_generators() -> None:
    kinds = [LoaderFeed(own_split(NoisyItems()), seed=3, workers=workers) for workers in (0, 1, 2)]
    first, *others = [torch.cat(batches(feed, 40, count=6)) for feed in kinds]
    assert all(torch.equal(first, other) for other in others)
    assert len(set(first[:, 1].tolist())) == len(first), "noise must differ between items and epochs"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_look_ahead_in_the_middle_of_an_epoch_leaves_the_supply_as_it_was(workers: int) -> None:
    split, settings = own_split(NoisyItems()), {"shuffle": True, "workers": workers, "prefetch": 2, "cache": False}
    supply = Supply(split, None, device=CPU, seed=3, batch_size=10, sampler="none", **settings)
    supply.take()
    seen = next(supply.look_ahead(1))
    taken = supply.take()
    supply.close()
    assert torch.equal(seen.inputs, taken.inputs)


@pytest.mark.slow
def test_spawned_workers_deliver_the_same(source: Source) -> None:
    here, spawned = loader(source), loader(source, workers=1, start="spawn", cache=True)
    assert torch.equal(torch.cat(batches(here, 72, 3)), torch.cat(batches(spawned, 72, 3)))
    spawned.close()


def test_spawned_workers_find_the_module_of_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_data_module.py").write_text(
        "import torch\n"
        "class Items(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 20\n"
        "    def __getitem__(self, index): return torch.tensor([float(index)]), 0\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    from users_data_module import Items  # type: ignore[import-not-found]

    feed = LoaderFeed(own_split(Items()), seed=0, workers=1, start="spawn")
    assert sorted(torch.cat(batches(feed, 20, 2)).flatten().tolist()) == list(range(20))
    feed.close()


def test_a_cache_changes_nothing_but_the_time(source: Source) -> None:
    plain, cached = loader(source), loader(source, cache=True)
    assert cached.fill_s > 0
    for one, other in zip(batches(plain, 72), batches(cached, 72), strict=True):
        assert torch.equal(one, other)
    epochs = [torch.cat(batches(cached, 72, 8, offset)) for offset in (0, 72)]
    assert not torch.equal(*(one.sort(dim=0).values for one in epochs)), "transforms are drawn afresh"


def test_fetching_leaves_the_generators_alone(source: Source) -> None:
    for workers in (0, 1):
        before = (random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state())
        feed = loader(source, workers=workers)
        batches(feed, 72, 2)
        feed.close()
        assert random.getstate() == before[0]
        assert pickle.dumps(np.random.get_state()) == before[1]
        assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_feed_goes_on_without_a_loss(source: Source, workers: int) -> None:
    whole = batches(loader(source), 72, 8)
    feed = loader(source, workers=workers, prefetch=3)
    order = Order(72, 10, 1)
    pieces = []
    place = (0, 0)
    for count in (1, 3, 4):
        running = feed.batches(order.tickets(*place))
        for batch in islice(running, count):
            pieces.append(batch.inputs)
            place = (batch.ticket.epoch, batch.ticket.offset + len(batch.ticket.indices))
        running.close()
    feed.close()
    assert all(torch.equal(one, other) for one, other in zip(whole, pieces, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_finite_series_runs_dry(source: Source, workers: int) -> None:
    feed = loader(source, workers=workers)
    tickets = list(islice(Order(72, 10, 1).tickets(0, 0), 5))
    for _ in range(2):
        taken = list(feed.batches(tickets))
        assert [one.ticket.offset for one in taken] == [0, 10, 20, 30, 40]
        assert all(one.fetch_s > 0 for one in taken)
        assert all(torch.equal(one.targets, source.train.dataset.targets[one.ticket.indices]) for one in taken)
    feed.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_set_that_raises_is_told_in_one_line(workers: int) -> None:
    feed = LoaderFeed(own_split(NoisyItems("raises")), seed=0, workers=workers)
    with pytest.raises(FetchError, match=r"KeyError: 'no label for it' \(.*test_feed.py:\d+\)") as raised:
        batches(feed, 40, 4)
    assert "\n" not in str(raised.value)
    feed.close()


def test_a_worker_that_is_killed_is_told_in_one_line() -> None:
    before = signal.getsignal(signal.SIGCHLD)
    feed = LoaderFeed(own_split(NoisyItems("dies")), seed=0, workers=1)
    with pytest.raises(WorkerDied, match=r"lower train\.workers") as raised:
        batches(feed, 40, 4)
    assert "\n" not in str(raised.value)
    assert signal.getsignal(signal.SIGCHLD) == before
    feed.close()


def test_a_data_set_that_cannot_be_sent_to_a_spawned_worker_is_told() -> None:
    dataset = NoisyItems()
    dataset.unlucky = lambda: None  # type: ignore[assignment]
    feed = LoaderFeed(own_split(dataset), seed=0, workers=1, start="spawn")
    with pytest.raises(WorkerDied, match=r"set train\.workers to 0"):
        batches(feed, 40, 1)


def test_a_picture_that_breaks_later_is_replaced_by_one_of_its_class_and_counted(source: Source) -> None:
    items: Any = source.train.dataset
    Path(items.paths[5]).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    for workers in (1, 0):
        feed = loader(source, workers=workers)
        assert source.raw.unreadable_by_now == 1 - workers, "known from the worker that met it first"
        taken = list(feed.batches(islice(Order(72, 10, 1, shuffle=False).tickets(0, 0), 2)))
        assert torch.isfinite(torch.cat([one.inputs for one in taken])).all()
        feed.close()
    assert source.raw.unreadable_by_now == 1
    same_class = [index for index in range(72) if items.targets[index] == items.targets[5]]
    assert torch.equal(items.decode(5), items.decode(same_class[same_class.index(5) + 1]))


def test_a_cache_that_does_not_fit_is_refused(source: Source) -> None:
    source.train.decoded_bytes = 1 << 60
    with pytest.raises(CacheTooLarge, match="quarter"):
        loader(source, cache=True)


def test_items_that_may_differ_are_not_cached() -> None:
    split = own_split(NoisyItems())
    split.cache_refusal = "items may differ"
    with pytest.raises(CacheRefused, match="may differ"):
        LoaderFeed(split, seed=0, cache=True)


def test_slices_of_memory_are_the_examples_of_the_ticket() -> None:
    source = open_source(configured("sklearn:digits"))
    feed = open_feed(source.train, None, device=CPU, seed=0, workers=4, prefetch=2, cache=True)
    assert isinstance(feed, MemoryFeed)
    assert source.train.tensors is not None
    for batch in islice(feed.batches(Order(source.train.examples, 64, 0).tickets(0, 0)), 3):
        assert torch.equal(batch.inputs, source.train.tensors[0][batch.ticket.indices])
        assert torch.equal(batch.targets, source.train.tensors[1][batch.ticket.indices])


def test_small_batches_that_are_gathered_together_are_those_of_their_tickets_and_none_is_lost() -> None:
    source = open_source(configured("sklearn:digits"))
    supply = Supply(
        source.train,
        None,
        device=CPU,
        seed=0,
        batch_size=7,
        shuffle=True,
        sampler="none",
        workers=0,
        prefetch=2,
        cache=False,
    )
    assert source.train.tensors is not None
    seen: list[int] = []
    for count in (3, 40, 1, 200):
        for batch in (supply.take() for _ in range(count)):
            assert torch.equal(batch.inputs, source.train.tensors[0][batch.ticket.indices])
            assert torch.equal(batch.targets, source.train.tensors[1][batch.ticket.indices])
            seen += batch.ticket.indices.tolist()
        supply.drop_ahead()
    examples = source.train.examples
    assert sorted(seen[:examples]) == list(range(examples))
