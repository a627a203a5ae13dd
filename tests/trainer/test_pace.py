"""Steps that take far longer than the others: which are told, and what they met."""

import gc
from time import perf_counter, sleep

import pytest

from trainer.watching.pace import KNOWN_STEPS, WARM_UP_STEPS, Collector, Pace
from trainer.words import SlowSteps

USUAL_S = 0.001


def steady(*, on_host: bool = True, usual_s: float = USUAL_S) -> Pace:
    """Return a pace that knows what is usual."""
    pace = Pace(on_host=on_host)
    for place in range(WARM_UP_STEPS + KNOWN_STEPS):
        pace.step(usual_s * (1 + 0.1 * (place % 3)), 0.0, looked=False)
    assert pace.take() is None
    return pace


def met(pace: Pace) -> dict[str, int]:
    told = pace.take()
    return told.met if told is not None else {}


def test_a_steady_run_tells_nothing() -> None:
    pace = steady()
    for place in range(500):
        pace.step(USUAL_S * (1 + 0.1 * (place % 3)), 0.0, looked=False)
    assert pace.take() is None


def test_nothing_is_told_before_it_is_known_what_is_usual() -> None:
    pace = Pace(on_host=True)
    for _ in range(WARM_UP_STEPS):
        pace.step(1.0, 0.0, looked=False)
    pace.step(USUAL_S, 0.0, looked=False)
    pace.step(1.0, 0.0, looked=False)
    assert pace.take() is None


def test_slow_steps_are_counted_with_what_they_took_beyond_the_usual() -> None:
    pace = steady()
    pace.step(0.011, 0.0, looked=False)
    pace.step(0.021, 0.0, looked=False)
    told = pace.take()
    assert isinstance(told, SlowSteps)
    assert (told.count, told.worst_s) == (2, 0.021)
    assert told.usual_s == pytest.approx(1.1 * USUAL_S)
    assert told.excess_s == pytest.approx(0.032 - 2 * told.usual_s)
    assert pace.take() is None, "each is told once"


def test_a_step_that_waited_for_input_met_input() -> None:
    pace = steady()
    pace.step(USUAL_S, 0.002, looked=False)
    pace.step(0.01, 0.010, looked=False)
    assert met(pace) == {"input": 1}


def test_waits_of_earlier_steps_explain_no_later_one() -> None:
    pace = steady()
    pace.step(USUAL_S, 0.5, looked=False)
    pace.step(0.01, 0.5, looked=False)
    assert "input" not in met(pace)


@pytest.mark.parametrize("before", ["evaluation", "checkpoint"])
def test_a_slow_step_after_something_else_met_that(before: str) -> None:
    pace = steady()
    pace.resume(before)
    pace.step(0.01, 0.0, looked=False)
    pace.step(0.01, 0.0, looked=False)
    assert met(pace)[before] == 1


def test_a_step_during_which_garbage_was_collected_met_the_collector() -> None:
    pace = steady()
    kept = [[] for _ in range(200_000)]
    begun = perf_counter()
    gc.collect()
    pace.step(USUAL_S + perf_counter() - begun, 0.0, looked=False)
    assert met(pace) == {"collection": 1}
    assert len(kept) == 200_000


def test_a_thread_that_slept_did_not_run_and_one_that_computed_did() -> None:
    pace = steady()
    sleep(0.03)
    pace.step(0.03, 0.0, looked=False)
    assert met(pace) == {"waiting": 1}
    pace = steady()
    begun = perf_counter()
    sum(range(2_000_000))
    pace.step(min(perf_counter() - begun, 0.02), 0.0, looked=False)
    assert met(pace) == {"work": 1}


def test_a_look_at_the_layers_is_the_trainers_own_doing() -> None:
    pace = steady()
    pace.step(0.05, 0.0, looked=True)
    assert pace.take() is None


def test_beside_an_asynchronous_device_a_full_queue_is_no_fault() -> None:
    pace = steady(on_host=False)
    sleep(0.03)
    pace.step(0.03, 0.0, looked=False)
    assert pace.take() is None
    pace.step(0.03, 0.03, looked=False)
    assert met(pace) == {"input": 1}


def test_after_a_turn_another_step_is_usual() -> None:
    pace = steady()
    pace.renew()
    for _ in range(WARM_UP_STEPS + KNOWN_STEPS):
        pace.step(10 * USUAL_S, 0.0, looked=False)
    assert pace.take() is None


def test_a_listener_to_the_collector_goes_with_whoever_held_it() -> None:
    gc.collect()
    before = len(gc.callbacks)
    collector = Collector()
    assert len(gc.callbacks) == before + 1
    gc.collect()
    assert collector.seconds > 0
    del collector
    assert len(gc.callbacks) == before
