"""Facts about the fetching of batches: what beats tell becomes shares, thirds and tails; what they do not tell is absent."""

from math import isnan

import pytest

from advisor.gathering.gather import gather
from advisor.sensors.sample import HostSample, Sample
from advisor.signals.signals import Signals
from rules.facts import FetcherFacts, FetchFacts, HostFacts, ProbeFacts
from tests.advisor.literal import beat, started
from trainer.wire import KnobsConfirmed, KnobsTurned, Probed, RunStarted
from trainer.words import Change, Fetching


def fetching(seconds: float = 0.01, **fields: float) -> Fetching:
    counted = {
        "counted": 10, "counted_s": seconds, "own_s": 0.2 * seconds, "busy_s": 0.5 * seconds, "queued_s": 0.1 * seconds,
        "read_bytes": 1000.0, "disk_bytes": 0.0, "read_calls": 4.0,
    }  # fmt: skip
    return Fetching.model_validate({"batches": 10, "seconds": (seconds,) * 10, **counted, **fields})


def heard(*told: Fetching | None, store: str = "ext4") -> Signals:
    """Signals of a run that has told these fetches, beat by beat."""
    signals = Signals()
    begun = started(in_memory=False)
    assert isinstance(begun, RunStarted)
    signals.hear(begun.model_copy(update={"task": begun.task.model_copy(update={"store": store})}))
    for place, one in enumerate(told):
        signals.hear(beat(30 + 10 * place, fetching=one))
    return signals


def facts(signals: Signals, name: str) -> object:
    return gather(signals).groups.get(name)


def test_what_the_kernel_counts_becomes_shares_of_a_fetch() -> None:
    told = facts(heard(*[fetching()] * 10), "fetcher")
    assert isinstance(told, FetcherFacts)
    assert told.own_share == pytest.approx(0.2)
    assert told.queued_share == pytest.approx(0.1)
    assert told.asleep_share == pytest.approx(0.7)
    assert told.others_share == pytest.approx(0.3)


def test_where_nothing_is_counted_the_times_are_facts_and_the_rest_is_absent() -> None:
    uncounted = fetching(counted=0)
    groups = gather(heard(*[uncounted] * 10)).groups
    assert "fetcher" not in groups
    told = groups["fetch"]
    assert isinstance(told, FetchFacts)
    assert told.store == "ext4"
    assert told.median_s == pytest.approx(0.01)
    assert "fetch" not in gather(heard(*[None] * 10)).groups


def test_late_fetches_are_in_the_tail_and_early_ones_in_the_first_third() -> None:
    late = fetching().model_copy(update={"seconds": (*(0.01,) * 9, 0.2)})
    told = facts(heard(*[fetching(0.05)] * 10, *[late] * 20), "fetch")
    assert isinstance(told, FetchFacts)
    assert told.p95_s == pytest.approx(0.2)
    assert told.first_s == pytest.approx(0.05)
    assert told.last_s == pytest.approx(0.01)


def test_thirds_are_counted_anew_when_other_batches_are_fetched() -> None:
    signals = heard(*[fetching(0.05)] * 12)
    change = (Change(knob="cache", old=False, new=True),)
    signals.hear(KnobsTurned(step=160, changes=change, probation=False))
    assert all(isnan(one) for one in signals.fetches.thirds())


def test_a_long_run_keeps_few_of_its_fetches_and_still_its_thirds() -> None:
    signals = heard(*[fetching(0.05)] * 1000, *[fetching(0.01)] * 2000)
    assert signals.fetches.thirds() == (pytest.approx(0.05), pytest.approx(0.01))
    assert len(signals.fetches._points) < 400


def test_what_other_programs_use_is_known_only_where_the_trainer_is() -> None:
    signals = heard()
    for used in (-1.0, 0.5, 0.5):
        host = HostSample(
            cores=4, busy_share=0.75, idle_cores=1.0, memory_bytes=8, memory_free_bytes=4, trainer_cores=used
        )
        signals.sense(Sample(t=1.0, host=host))
    told = facts(signals, "host")
    assert isinstance(told, HostFacts)
    assert told.others_cores == pytest.approx(2.5)
    assert isnan(told.io_stall_share)


def test_a_probe_of_the_fetch_is_told_and_that_of_the_step_forgotten_when_a_step_becomes_another() -> None:
    signals = heard(fetching())
    signals.hear(Probed(probe="fetched_batch", seconds=1.0, result={"alone_s": 0.02, "asleep_share": "NaN"}))
    signals.hear(Probed(probe="cached_batch", seconds=1.0, result={"step_s": 0.01}))
    told = facts(signals, "probes")
    assert isinstance(told, ProbeFacts)
    assert (told.fetch_alone_s, told.cached_step_s) == (0.02, 0.01)
    assert isnan(told.fetch_asleep_share)
    signals.hear(KnobsConfirmed(step=50, changes=(Change(knob="amp", old="off", new="bf16"),)))
    after = facts(signals, "probes")
    assert isinstance(after, ProbeFacts)
    assert isnan(after.cached_step_s)
    assert after.fetch_alone_s == 0.02
