"""Memory over time: what creeps, and what only rises: a heap that settles, a cache that fills, a state that is kept."""

from itertools import pairwise
from math import exp
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.gathering.gather import gather
from advisor.sensors.sample import HostSample, Sample
from advisor.signals.growth import POINTS_LEAST, slope
from advisor.signals.memory import POINTS_MOST, SETTLING_STEPS, MemorySeries, MemorySignal, Reading
from advisor.signals.signals import Signals
from rules.facts import AllocatorFacts, GrowthFacts
from tests.advisor.literal import beat as literal_beat
from tests.advisor.literal import beats, started, told
from trainer.wire import BeatTaken, KnobsTurned, Probed
from trainer.words import Change, Held

MIB = float(1 << 20)
STEPS = range(0, 4000, 10)


def test_an_even_rise_is_found_through_noise_and_peaks() -> None:
    draw = Random(0)
    points = [(float(step), step * 0.5 * MIB + draw.gauss(0, 20 * MIB)) for step in STEPS]
    points[100] = (points[100][0], 100_000 * MIB)
    found = slope(points)
    assert found is not None
    assert found.ordered
    assert found.bytes_per_step == pytest.approx(0.5 * MIB, rel=0.05)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda step: 100 * MIB, id="flat"),
        pytest.param(lambda step: 100 * MIB * (1 - exp(-step / 400)), id="a heap that settles"),
        pytest.param(lambda step: min(step, 1500) * MIB, id="a cache that is full"),
        pytest.param(lambda step: MIB * 100 * (step // 1300), id="states that are kept, one after another"),
        pytest.param(lambda step: MIB * (step % 500), id="garbage that is collected now and then"),
        pytest.param(lambda step: -step * MIB, id="a heap that shrinks"),
    ],
)
def test_what_is_no_creep_is_not_ordered(shape: object) -> None:
    assert callable(shape)
    found = slope([(float(step), shape(step)) for step in STEPS])
    assert found is not None
    assert not found.ordered


@given(st.lists(st.floats(0, 1e12), max_size=200))
def test_any_series_has_a_slope_within_its_steepest_rise(values: list[float]) -> None:
    found = slope([(float(place), value) for place, value in enumerate(values)])
    assert (found is None) == (len(values) < POINTS_LEAST)
    if found is not None:
        assert abs(found.bytes_per_step) <= max(values) - min(values)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=2000))
def test_a_series_is_bounded_and_keeps_its_ends(strides: list[int]) -> None:
    series, step = MemorySeries(), 0
    for stride in strides:
        step += stride
        series.push(Reading(step=step, t=float(step), epoch=0.0, held_bytes=step))
    kept = series.readings
    assert len(kept) < POINTS_MOST
    assert kept[-1].step == step
    assert kept[0].held_bytes == strides[0], "of a stretch the least is kept"
    assert all(early.step < late.step for early, late in pairwise(kept))


def beat(step: int, steps: int = 10, trial: str = "", held: Held | None = None) -> BeatTaken:
    return BeatTaken(
        t=float(step), step=step, samples=step, steps=steps, seconds=1.0, epoch=step / 100, lr=0.1, loss=(), grad_norm=(),
        step_s=(), phases={}, loader_cpu_s=0.0, peak_bytes=0, eta_s=0.0, trial=trial,
        held=held or Held(device_bytes=5, host_bytes=step),
    )  # fmt: skip


def test_readings_begin_when_the_allocator_has_settled_and_leave_trials_out() -> None:
    signal = MemorySignal()
    for step in range(10, 10 * SETTLING_STEPS, 10):
        signal.hear(beat(step, trial="7" if step == 50 else ""))
    steps = [one.step for one in signal.series["host"].readings]
    assert steps[0] == SETTLING_STEPS
    assert 50 not in steps
    assert signal.series["device"].readings[0].held_bytes == 5


def test_a_run_that_goes_back_takes_further_steps() -> None:
    signal = MemorySignal()
    for step in (40, 50, 30, 40):
        signal.hear(beat(step, steps=20))
    assert [one.step for one in signal.series["host"].readings] == [20, 40, 60, 80]


def test_what_nobody_reads_has_no_series() -> None:
    signal = MemorySignal()
    signal.hear(beat(100, steps=100, held=Held()))
    signal.sense(1.0, HostSample(cores=1, busy_share=0, idle_cores=1, memory_bytes=8, memory_free_bytes=4))
    assert signal.series == {}


def test_another_process_begins_with_empty_caches() -> None:
    signal = MemorySignal()
    signal.hear(beat(100, steps=100))
    signal.start(1.5)
    assert (signal.series, signal.pass_began) == ({}, 1.5)


def creeping(
    until: int, per_step: float = 0.5 * MIB, limit: int = 16 << 30, free: int = 8 << 30, **task: Any
) -> Signals:
    """Return the signals of a run of 0.01 s a step whose memory grows with each."""
    signals = told(started(steps_total=200_000, **task))
    signals.sense(
        Sample(t=0.0, host=HostSample(cores=1, busy_share=0, idle_cores=1, memory_bytes=limit, memory_free_bytes=free))
    )
    for step in range(10, until, 10):
        signals.hear(literal_beat(step, held=Held(host_bytes=round(1e9 + step * per_step))))
    return signals


def test_growth_is_told_with_what_is_left_and_when_that_ends() -> None:
    facts = gather(creeping(1000)).groups["growth"]
    assert isinstance(facts, GrowthFacts)
    (one,) = facts.growths
    assert (one.of, one.ordered, one.limit_bytes, one.free_bytes) == ("host", True, 16 << 30, 8 << 30)
    assert one.bytes_per_step == pytest.approx(0.5 * MIB, rel=0.01)
    assert one.steps_left == pytest.approx((8 << 30) / (0.5 * MIB), rel=0.01)
    assert one.seconds_left == pytest.approx(0.01 * one.steps_left, rel=0.05)


def test_during_the_first_pass_what_is_left_of_it_is_told() -> None:
    facts = gather(creeping(191)).groups["growth"]
    assert isinstance(facts, GrowthFacts)
    assert facts.growths[0].pass_steps_left == pytest.approx(10, abs=1)
    after = gather(creeping(600)).groups["growth"]
    assert isinstance(after, GrowthFacts)
    assert after.growths[0].pass_steps_left == 0
    assert after.growths[0].steps <= 400, "the first pass is no part of it"


def test_a_turn_that_changes_what_is_held_begins_anew() -> None:
    signals = creeping(1000)
    change = Change(knob="batch_size", old=32, new=64)
    signals.hear(KnobsTurned(step=1000, t=10.0, changes=(change,), probation=False, by="user"))
    assert "growth" not in gather(signals).groups


def test_what_the_probe_found_is_told_with_it() -> None:
    signals = creeping(1000)
    holder = {"where": "Loss.history", "kind": "list", "length": 40, "added": 8, "holds": "Tensor", "graphs": 40,
              "tensor_bytes": 160, "unknown": 1}  # fmt: skip
    answer = {"steps": 8, "growing": [holder], "graphs_before": 0, "graphs_after": 16}
    signals.hear(Probed(step=1000, t=10.0, probe="memory_holders", seconds=1.0, result=answer))
    facts = gather(signals).groups["growth"]
    assert isinstance(facts, GrowthFacts)
    assert (facts.holders[0].where, facts.graphs_added) == ("Loss.history", 2.0)


def test_an_allocator_is_told_of_on_an_accelerator_only() -> None:
    kept = beats(200)[-1].model_copy(update={"reserved_bytes": 6 << 30, "peak_bytes": 2 << 30})
    assert "allocator" not in gather(told(started(), kept)).groups
    facts = gather(told(started(device="cuda"), kept)).groups["allocator"]
    assert facts == AllocatorFacts(reserved_bytes=6 << 30, needed_bytes=2 << 30, memory_bytes=8 << 30)
