from math import inf, isinf, isnan, log, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.gathering.gather import OF_WALL_TIME, gather
from advisor.sensors.sample import HostSample, NeighbourSample, Sample
from advisor.signals.signals import Signals
from rules.facts import (
    GROUPS,
    BranchFacts,
    LossFacts,
    NeighbourFacts,
    OutputFacts,
    RunFacts,
    TaskFacts,
    ValidationFacts,
)
from tests.advisor.literal import beat, beats, evaluated, knobs, looked_at, started, survey, told
from trainer.wire import (
    Event,
    GuardActed,
    KnobsConfirmed,
    KnobsReverted,
    KnobsTurned,
    LayersMeasured,
    RolledBack,
    SnapshotTaken,
    Surveyed,
)
from trainer.words import Change, Fetching, Layer, Stream


def test_smoothed_loss_is_the_median_of_the_last_twenty_steps() -> None:
    signals = told(started(), *beats(100, 2.0), *beats(120, 1.0, since=100))
    assert signals.loss.now == 1.0
    assert signals.loss.best == 1.0
    assert signals.loss.at_start == 2.0


def test_a_single_early_step_is_known_however_it_is_smoothed_away() -> None:
    thrown = (1.0, 40.0, *(1.0,) * 8)
    signals = told(started(), beat(10, loss=thrown), *beats(300, 1.0, since=10), beat(310, loss=(90.0,) * 10))
    assert (signals.loss.highest_early, signals.loss.curve[0][1]) == (40.0, 1.0)


def test_a_new_start_forgets_what_its_first_steps_did() -> None:
    signals = told(started(), beat(10, loss=(1.0, 40.0, *(1.0,) * 8)))
    signals.hear(RolledBack(step=0, from_step=10, skipped_batches=0, trial="t1"))
    signals.hear(beat(10, loss=2.0))
    assert signals.loss.highest_early == 2.0


@pytest.mark.parametrize(
    ("rates", "since"),
    [
        pytest.param([(0.1, 0.1), (0.1, 0.1)], 0, id="one hand"),
        pytest.param([(0.1, 0.1), (0.1, 10.0), (0.1, 10.0)], 11, id="a second hand from step 11 on"),
        pytest.param([(0.1, 10.0), (0.1, 0.1)], 0, id="it has stopped"),
        pytest.param([(0.1, 0.1 * (1 + 1e-6))], 0, id="rounding"),
    ],
)
def test_the_step_is_known_from_which_another_hand_sets_the_rate(rates: list[tuple[float, float]], since: int) -> None:
    told_so = [beat(10 * place, lr_set=wanted, lr=held) for place, (wanted, held) in enumerate(rates, start=1)]
    assert told(started(), *told_so).rate.apart_since == since


def test_a_rate_that_another_hand_raises_slowly_has_not_jumped() -> None:
    slowly = [beat(10 * place, lr_set=0.1, lr=0.1 * 1.1**place) for place in range(1, 20)]
    at_once = [beat(10, lr_set=0.1, lr=0.1), beat(20, lr_set=0.1, lr=10.0)]
    assert told(started(), *slowly).rate.jump == pytest.approx(1.1)
    assert told(started(), *at_once).rate.jump == pytest.approx(100.0)


def test_a_trainer_that_tells_no_rate_that_it_set_gives_no_such_fact() -> None:
    assert "rate" not in gather(told(started(), *beats(100))).groups


def test_after_another_batch_size_the_steps_of_the_run_are_counted_anew() -> None:
    signals = told(started(steps_total=20, steps_per_epoch=1), *beats(10))
    changes = (Change(knob="batch_size", old=1024, new=32),)
    signals.hear(RolledBack(step=0, from_step=10, skipped_batches=0, trial="t1"))
    signals.hear(KnobsTurned(step=0, changes=changes, trial="t1", probation=False))
    assert signals.started is not None
    assert (signals.started.steps_total, signals.started.steps_per_epoch) == (640, 32)
    assert signals.loss.steps_total == 640


def test_steps_above_the_best_are_counted_and_forgotten_when_it_falls_again() -> None:
    signals = told(started(), *beats(100, 1.0), *beats(200, 5.0, since=100))
    assert 70 <= signals.loss.above_best_steps <= 100
    for event in beats(260, 1.0, since=200):
        signals.hear(event)
    assert signals.loss.above_best_steps == 0


def test_a_loss_near_zero_may_double_without_being_above_its_best() -> None:
    signals = told(started(), *beats(20, 2.0), *beats(100, 0.001, since=20), *beats(200, 0.003, since=100))
    assert signals.loss.above_best_steps == 0


def test_a_non_finite_loss_is_counted_with_its_onset_and_does_not_poison_the_median() -> None:
    signals = told(started(), *beats(100, 1.0), beat(110, loss=(1.0,) * 4 + (nan,) * 6))
    assert signals.loss.non_finite_steps == 6
    assert signals.loss.onset == 105
    assert signals.loss.now == 1.0


def test_a_non_finite_gradient_counts_like_a_non_finite_loss() -> None:
    signals = told(started(), beat(10, loss=1.0, grad_norm=(1.0,) * 9 + (inf,)))
    assert signals.loss.non_finite_steps == 1


def test_a_run_that_is_never_finite_has_loss_facts_all_the_same() -> None:
    loss = gather(told(started(), beat(10, loss=nan))).groups["loss"]
    assert isinstance(loss, LossFacts)
    assert isinf(loss.now)
    assert loss.non_finite_steps == 10


def test_a_rollback_takes_back_losses_evaluations_and_troubles_behind_its_step() -> None:
    signals = told(
        started(), *beats(100, 1.0), evaluated(100), *beats(200, 0.5, since=100), evaluated(200, 0.2),
        beat(210, loss=nan), GuardActed(step=210, why="loss_outlier", deed="skipped", value=9.0),
        RolledBack(step=100, from_step=210, skipped_batches=11),
    )  # fmt: skip
    assert signals.step == 100
    assert signals.loss.best == 1.0
    assert signals.loss.non_finite_steps == 0
    assert signals.loss.outliers_in_50() == 0
    assert [one.step for one in signals.validation.evaluations] == [100]
    branch = gather(signals).groups["branch"]
    assert isinstance(branch, BranchFacts)
    assert (branch.rollbacks, branch.last_rollback_step) == (1, 100)


def test_a_start_over_begins_the_loss_anew() -> None:
    signals = told(
        started(), *beats(100, 50.0), RolledBack(step=0, from_step=100, skipped_batches=0), beat(10, loss=2.0)
    )
    assert signals.loss.at_start == 2.0
    assert signals.loss.best == 2.0


def test_a_turn_that_changes_what_the_loss_means_begins_its_smoothing_anew() -> None:
    turn = KnobsTurned(
        step=100, changes=(Change(knob="class_weights", old="none", new="balanced"),), probation=False, trial="t1"
    )
    signals = told(started(), *beats(100, 0.1), turn, *beats(140, 2.0, since=100))
    assert signals.loss.now == 2.0
    assert signals.loss.above_best_steps == 0
    assert signals.knobs["class_weights"].value == "balanced"


@pytest.mark.parametrize(("counts", "smallest"), [((), 0), ((500, 0, 7), 7)], ids=["a regression", "an empty class"])
def test_the_smallest_class_is_one_that_has_examples(counts: tuple[int, ...], smallest: int) -> None:
    assert _task(started()).smallest_class == 0, "nobody has counted"
    assert (
        _task(started(), Surveyed(survey=survey().model_copy(update={"class_counts": counts}))).smallest_class
        == smallest
    )


def _task(*events: Event) -> TaskFacts:
    found = gather(told(*events)).groups["task"]
    assert isinstance(found, TaskFacts)
    return found


@pytest.mark.parametrize("focal", [0.0, 2.0])
def test_the_loss_of_guessing_is_that_of_the_focal_loss_in_use(focal: float) -> None:
    turn = KnobsTurned(step=0, changes=(Change(knob="focal", old=0.0, new=focal),), probation=False)
    even = Surveyed(survey=survey().model_copy(update={"class_counts": (50, 50, 50, 50)}))
    plain = _task(started(), even).baseline_loss
    if focal:
        assert _task(started(), even, turn).baseline_loss == pytest.approx(0.75**focal * log(4), rel=1e-6)
    else:
        assert _task(started(), even, turn).baseline_loss == plain


def test_a_turn_of_the_loader_begins_the_times_anew() -> None:
    turn = KnobsTurned(step=200, changes=(Change(knob="workers", old=0, new=2),), probation=True)
    signals = told(started(), *beats(200), turn)
    assert "phases" not in gather(signals).groups
    for event in beats(300, since=200):
        signals.hear(event)
    assert "phases" in gather(signals).groups


def test_confirmed_knobs_are_remembered_and_forgotten_when_reverted() -> None:
    change = (Change(knob="lr", old=0.1, new=0.01),)
    signals = told(started(), *beats(50), KnobsConfirmed(step=50, changes=change))
    assert signals.confirmed == {"lr"}
    assert signals.last_turn_step == 50
    signals.hear(KnobsReverted(step=60, changes=(Change(knob="lr", old=0.01, new=0.1),), why="a test"))
    assert signals.confirmed == set()
    assert signals.knobs["lr"].value == 0.1


def test_beats_of_rounds_say_nothing_about_the_steady_state() -> None:
    signals = told(started(), *beats(40), *[beat(step, trial="t1") for step in range(50, 200, 10)])
    assert signals.times.steps == 20


def test_phases_are_shares_that_sum_to_one() -> None:
    phases = gather(told(started(), *beats(200))).groups["phases"]
    assert sum(phases.shares.values()) == pytest.approx(1)  # type: ignore[attr-defined]
    assert phases.shares["input_wait"] == pytest.approx(0.2)  # type: ignore[attr-defined]
    assert phases.step_s == pytest.approx(0.01)  # type: ignore[attr-defined]


def test_in_memory_data_have_no_loader() -> None:
    assert "loader" not in gather(told(started(in_memory=True), *beats(200))).groups
    assert "loader" in gather(told(started(in_memory=False), *beats(200))).groups


def test_groups_that_nobody_gathered_are_absent() -> None:
    groups = set(gather(told(started())).groups)
    assert groups == {"run", "task", "device", "model", "knobs", "probes", "branch"}
    assert gather(Signals()).groups == {}


FETCHING = Fetching(
    batches=2, seconds=(0.01, 0.02), counted=1, counted_s=0.01, busy_s=0.01, own_s=0.01, queued_s=0.0,
    read_bytes=0.0, disk_bytes=0.0, read_calls=0.0,
)  # fmt: skip


def test_every_group_has_the_type_that_rules_expect() -> None:
    layer = Layer(name="0", kind="Linear", grad_norm=1.0, weight_norm=1.0, update_ratio=1e-3)
    stream = Stream(mean=0.0, std=1.0, broken_share=0.0, alike=False)
    signals = told(
        started(in_memory=False), Surveyed(survey=survey()), *beats(200), evaluated(200),
        LayersMeasured(step=200, layers=(layer,), stream=stream), looked_at(),
        beat(210, peak_bytes=1 << 20, lr_set=0.1, fetching=FETCHING),
    )  # fmt: skip
    signals.sense(
        Sample(t=1.0, host=HostSample(cores=2, busy_share=0.5, idle_cores=1.0, memory_bytes=8, memory_free_bytes=4))
    )
    groups = gather(signals).groups
    assert all(isinstance(group, GROUPS[name]) for name, group in groups.items())
    assert set(GROUPS) - set(groups) == {
        "labels", "utilisation", "neighbours", "table", "cooling", "held_back", "growth", "allocator"
    }  # fmt: skip


def beside(*busy_and_held: tuple[float, int]) -> tuple[NeighbourSample, ...]:
    return tuple(
        NeighbourSample(index=index, busy_share=busy, memory_bytes=1000, memory_used_bytes=held)
        for index, (busy, held) in enumerate(busy_and_held, start=1)
    )


@pytest.mark.parametrize(
    ("looks", "idle"),
    [
        pytest.param([((0.0, 10), (0.0, 10))] * 3, 2, id="nobody there"),
        pytest.param([((0.0, 10), (0.0, 900))] * 3, 1, id="somebody waits with its memory full"),
        pytest.param([((0.0, 10), (0.0, 10)), ((0.9, 10), (0.0, 10)), ((0.0, 10), (0.0, 10))], 1, id="now and then"),
        pytest.param([((nan, 10), (0.0, 10))] * 3, 1, id="one does not tell"),
    ],
)
def test_a_device_idles_if_no_look_of_half_a_minute_saw_anybody(looks: list[Any], idle: int) -> None:
    signals = told(started(device="cuda"))
    signals.sense(Sample(t=-100.0, neighbours=beside((0.9, 900), (0.9, 900))))
    for number, look in enumerate(looks):
        signals.sense(Sample(t=5.0 * number, neighbours=beside(*look)))
    assert gather(signals).groups["neighbours"] == NeighbourFacts(devices=3, idle=idle, looks=3)
    assert "neighbours" not in gather(signals, lockstep=True).groups


def test_the_newest_look_counts_and_the_first_is_remembered() -> None:
    facts = gather(told(started(), looked_at(rms=0.3), looked_at(100, rms=2.0))).groups["outputs"]
    assert isinstance(facts, OutputFacts)
    assert (facts.step, facts.first_rms, facts.rms) == (100, 0.3, 2.0)


def test_a_loss_that_was_known_once_stays_known() -> None:
    unknown = looked_at(100, loss_kind="", loss_factor=nan)
    facts = gather(told(started(), looked_at(loss_kind="squared", loss_factor=-1.0), unknown)).groups["outputs"]
    assert isinstance(facts, OutputFacts)
    assert (facts.loss_kind, facts.loss_factor) == ("squared", -1.0)


def test_after_a_turn_of_the_loss_its_own_guess_and_evaluations_count() -> None:
    begun = started()
    begun = begun.model_copy(update={"task": begun.task.model_copy(update={"baseline_standard_loss": 2.3})})
    turned = KnobsTurned(step=100, changes=(Change(knob="loss", old="own", new="standard"),), probation=False)
    signals = told(begun, *beats(100), evaluated(100), turned)
    facts = gather(signals).groups
    assert facts["task"].baseline_loss == 2.3  # type: ignore[attr-defined]
    assert not {"loss", "validation"} & set(facts)


@pytest.mark.parametrize(
    ("sum_factor", "share"), [pytest.param(2.0, 32 / 640, id="a sum"), pytest.param(1.0, 1.0, id="a mean")]
)
def test_guessing_loses_as_much_of_a_batch_as_it_has_of_the_examples_where_they_are_added_up(
    sum_factor: float, share: float
) -> None:
    begun = started()
    told_so = {"train_examples": 640, "val_examples": 600, "baseline_train_loss": 640 * 2.3}
    begun = begun.model_copy(update={"task": begun.task.model_copy(update=told_so)})
    whole = _task(begun).baseline_loss
    looked = looked_at(1, sum_factor=sum_factor)
    assert _task(begun, looked).baseline_loss == pytest.approx(share * whole)
    seen = gather(told(begun, looked, evaluated(10, loss=1.0, train_loss=1.0))).groups["validation"]
    assert isinstance(seen, ValidationFacts)
    held_out, sample = (32 * 600 / (512**2 + 88**2), 32 / 512) if share < 1 else (1.0, 1.0)
    assert (seen.evaluations[0].loss, seen.evaluations[0].train_loss) == pytest.approx((held_out, sample))


def test_a_run_that_was_first_looked_at_later_has_no_first_size() -> None:
    facts = gather(told(started(), looked_at(100))).groups["outputs"]
    assert isinstance(facts, OutputFacts)
    assert isnan(facts.first_rms)


def test_in_lockstep_no_fact_depends_on_wall_time() -> None:
    signals = told(started(in_memory=False, lockstep=True), *beats(200), beat(210, peak_bytes=1 << 20))
    groups = gather(signals, lockstep=True).groups
    assert not OF_WALL_TIME & set(groups)
    assert "memory" not in groups


def test_layers_are_medians_over_three_checks() -> None:
    def check(step: int, norm: float) -> LayersMeasured:
        layer = Layer(name="0", kind="Linear", grad_norm=norm, weight_norm=1.0, update_ratio=1e-3, dead_share=0.5)
        return LayersMeasured(step=step, layers=(layer,))

    layers = gather(told(started(), *[check(step, float(step)) for step in (1, 2, 3, 9)])).groups["layers"]
    assert layers.checks == 3  # type: ignore[attr-defined]
    assert layers.layers[0].grad_norm == 3.0  # type: ignore[attr-defined]
    assert isnan(layers.layers[0].saturated_share)  # type: ignore[attr-defined]


def test_the_way_of_the_weights_adds_up_from_look_to_look_and_shrinks_with_a_rollback() -> None:
    def look(step: int, *ratios: float) -> LayersMeasured:
        def layer(at: int, ratio: float) -> Layer:
            return Layer(name=f"{at}", kind="Linear", grad_norm=float(ratio > 0), weight_norm=1.0, update_ratio=ratio)

        return LayersMeasured(step=step, layers=tuple(layer(at, one) for at, one in enumerate(ratios)))

    def walked(*events: Event) -> float:
        run = gather(told(started(), *events)).groups["run"]
        assert isinstance(run, RunFacts)
        return run.walked

    looks = [look(1, 1e-3, 0.5, 9.0), look(11, 1e-4, 1e-2, 0.9), look(21, 1e-2, 1e-2, inf)]
    assert isnan(walked())
    assert walked(looks[0]) == pytest.approx(0.5)
    assert walked(*looks) == pytest.approx(0.5 + 0.1 + 0.1), "of the middle layer; what is no number does not count"
    back = RolledBack(step=7, from_step=21, skipped_batches=0, trial="t1")
    assert walked(*looks, back) == pytest.approx(0.7 / 3)
    assert isnan(walked(*looks, back.model_copy(update={"step": 0})))
    killed = [look(1, 0.01, 0.01, 0.0), look(101, 0.0, 0.0, 0.0), look(201, 0.0, 0.0, 0.0)]
    assert walked(*killed) == pytest.approx(0.01 + 1.0), "what killed a net came before the look that finds it dead"


def test_the_ring_holds_three_snapshots_and_the_start() -> None:
    signals = told(started(), *[SnapshotTaken(step=step, seconds=0, bytes=1) for step in (100, 200, 300, 400)])
    assert signals.snapshots == [0, 200, 300, 400]


def test_a_resumed_run_forgets_what_came_after_its_checkpoint() -> None:
    signals = told(started(), *beats(100, 1.0), *beats(200, 9.0, since=100), started(step=100, resumed=True, t=50.0))
    run = gather(signals).groups["run"]
    assert isinstance(run, RunFacts)
    assert run.step == 100
    assert "loss" not in gather(signals).groups
    assert signals.loss.best == 1.0
    assert signals.elapsed_s == pytest.approx(2.0)


def test_a_knob_that_is_unavailable_or_needs_a_restart_cannot_be_turned() -> None:
    facts = gather(told(started(knobs=knobs({"amp": "no such device"})))).groups["knobs"]
    assert not facts.can("amp")  # type: ignore[attr-defined]
    assert facts.can("lr", "workers")  # type: ignore[attr-defined]


@settings(max_examples=30)
@given(st.lists(st.one_of(st.floats(), st.just(nan)), min_size=1, max_size=64), st.integers(1, 500))
def test_whatever_a_beat_holds_facts_can_be_gathered(losses: list[float], steps: int) -> None:
    signals = told(
        started(), beat(steps, steps=steps, loss=tuple(losses)), beat(2 * steps, steps=steps, loss=tuple(losses))
    )
    gather(signals)
    assert signals.loss.non_finite_steps >= sum(not -inf < loss < inf for loss in losses)
