"""The fold of events and entries into a story."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor import ledger
from advisor.story.story import Story, fold
from advisor.story.thinned import Thinned
from tests.report import literal_runs
from trainer import wire
from trainer.words import Change


def story_of(run: literal_runs.Recorder) -> Story:
    return fold(run.events, run.entries)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("troubled", "finished"),
        ("healthy", "finished"),
        ("crashed", "failed"),
        ("never_started", "failed"),
        ("all_nan", "finished"),
    ],
)
def test_the_word_says_how_a_run_ended(name: str, word: str) -> None:
    assert story_of(literal_runs.ALL[name]()).word == word


def test_a_run_nobody_has_heard_of_waits() -> None:
    assert Story().word == "waiting"


def test_words_follow_the_run() -> None:
    run = literal_runs.Recorder()
    run.start()
    assert story_of(run).word == "warming up"
    run.learn(40)
    assert story_of(run).word == "training"
    run.try_out("t1", "DEV101", literal_runs.amp_fix(), "rounds")
    assert story_of(run).word == "trying a fix"
    run.judge("t1", "DEV101", "undecided", "the driver died", 0.1)
    run.enter(ledger.Wished, wish="pause")
    assert story_of(run).word == "paused"
    run.enter(ledger.Wished, wish="resume")
    run.step = 20
    run.say(wire.RolledBack, from_step=40, skipped_batches=0)
    assert story_of(run).word == "recovering"
    run.learn(48)
    run.say(wire.TrainingEnded, why="finished", best_step=48)
    assert story_of(run).word == "finishing"


def test_a_silent_run_is_stalled_but_a_finished_one_is_not() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(40)
    story = story_of(run)
    assert story.word_at(run.t + 1) == "training"
    assert story.word_at(run.t + 60) == "stalled"
    run.end()
    assert story_of(run).word_at(run.t + 60) == "finished"


def test_a_rollback_takes_its_steps_out_of_what_counts() -> None:
    story = story_of(literal_runs.troubled())
    assert story.lost_steps == 8
    assert story.rollbacks == 1
    assert not any(isnan(value) for value in story.series.loss.values)
    [branch] = story.abandoned
    assert (branch.from_step, branch.to_step) == (8, 0)
    assert any(isnan(loss) for _, loss in branch.loss)
    assert story.seconds["lost"] == pytest.approx(8 * 0.06 * 0.996)


def test_evaluations_after_a_rollback_target_do_not_count() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(32)
    run.evaluate(0.9)
    run.step = 16
    run.say(wire.RolledBack, from_step=32, skipped_batches=4)
    story = story_of(run)
    assert story.evaluations == []
    assert story.best is None


def test_interventions_carry_their_verdict_and_numbers() -> None:
    story = story_of(literal_runs.troubled())
    outcomes = {one.trial or one.fix.name: one.outcome for one in story.interventions}
    assert outcomes == {
        "t1": "applied_untried",
        "t2": "kept",
        "t3": "rolled_back",
        "t4": "kept",
        "t5": "kept",
        "look at the 12 suspect labels": "refused",
        "raise workers to 2": "refused",
    }
    weights = next(one for one in story.interventions if one.trial == "t4")
    assert weights.measured is not None
    assert weights.measured.median == 0.056
    assert weights.old == {"class_weights": "none"}
    assert weights.arms == ("control", "candidate", "null")
    cache = next(one for one in story.interventions if one.trial == "t2")
    assert (cache.stretches, len(cache.heard), cache.trial_s) == (12, 6, 0.7)


def test_a_refusal_is_forgotten_when_the_fix_is_tried_after_all() -> None:
    run = literal_runs.Recorder()
    run.start()
    fix = literal_runs.amp_fix()
    run.enter(ledger.Refused, code="DEV101", fix=fix, why="cool-down")
    run.try_out("t1", "DEV101", fix, "rounds")
    assert [one.outcome for one in story_of(run).interventions] == [None]


def test_proposals_are_waiting_until_a_person_answers() -> None:
    run = literal_runs.Recorder()
    fix = literal_runs.cache_fix()
    run.enter(ledger.Proposed, proposal="p1", code="INP101", fix=fix, how="rounds", expected_cost_s=1.0)
    assert [one.proposal for one in story_of(run).waiting] == ["p1"]
    run.enter(ledger.Wished, wish="accept", target="p1")
    assert story_of(run).proposals["p1"].state == "accepted"
    run.enter(ledger.Refused, code="INP101", fix=fix, why="the finding no longer stands")
    assert story_of(run).proposals["p1"].state == "lapsed"


def test_a_standing_finding_says_what_is_true_now() -> None:
    story = story_of(literal_runs.troubled())
    code, before = next((code, state) for code, state in story.findings.items() if state.standing)
    now = before.finding.model_copy(update={"message": "2 of 10 classes are rare"})
    story.enter(ledger.Restated(finding=now, step=10_000))
    assert story.findings[code].finding.message == "2 of 10 classes are rare"
    assert story.findings[code].step == before.step, "it stands since it was found"


def test_findings_are_cleared_and_found_again() -> None:
    story = story_of(literal_runs.troubled())
    assert story.findings["OPT101"].mended
    assert [one.finding.code for one in story.standing] == ["DAT104", "DEV101", "SIZ101"]
    run = literal_runs.Recorder()
    for _ in range(2):
        run.found(literal_runs.finding("GEN101", "overfit", "it overfits"), "cause")
        run.enter(ledger.Cleared, code="GEN101", mended=False)
    run.found(literal_runs.finding("GEN101", "overfit", "it overfits"), "cause")
    state = story_of(run).findings["GEN101"]
    assert state.standing
    assert state.times == 3


def test_a_turn_on_probation_is_not_confirmed_until_it_is() -> None:
    story = story_of(literal_runs.crashed())
    assert story.knobs["amp"] == "bf16"
    assert story.confirmed["amp"] == "off"


@pytest.mark.parametrize("as_way_back", [False, True])
def test_a_reverted_knob_holds_its_old_value_however_the_event_tells_it(as_way_back: bool) -> None:
    run = literal_runs.Recorder()
    run.start()
    run.turn(literal_runs.amp_fix(), "t1", probation=True)
    told = Change(knob="amp", old="bf16", new="off") if as_way_back else Change(knob="amp", old="off", new="bf16")
    run.say(wire.KnobsReverted, changes=(told,), trial="t1", why="slower")
    story = story_of(run)
    assert (story.knobs["amp"], story.confirmed["amp"]) == ("off", "off")


def test_running_out_of_memory_turns_the_micro_batch_for_good() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.say(wire.MemoryRanOut, micro_batch_before=64, micro_batch_after=32)
    story = story_of(run)
    assert story.confirmed["micro_batch"] == 32
    assert [(one.by, one.new) for one in story.knob_history] == [("trainer", 32)]


def test_a_turn_that_is_told_as_confirmed_twice_is_one_turn() -> None:
    run = literal_runs.Recorder()
    run.start()
    change = Change(knob="cache", old=False, new=True)
    run.say(wire.KnobsTurned, changes=(change,), trial="t1", probation=False)
    run.say(wire.KnobsConfirmed, changes=(change,), trial="t1")
    assert [one.state for one in story_of(run).knob_history] == ["confirmed"]


def test_steps_inside_rounds_say_nothing_about_the_pace() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(40)
    pace = story_of(run).step_s
    run.step += 4
    run.samples += 256
    run.say(
        wire.BeatTaken, steps=4, seconds=9.0, epoch=3, lr=0.1, loss=(1.0,), grad_norm=(1.0,), phases={}, trial="t1",
    )  # fmt: skip
    story = story_of(run)
    assert story.step_s == pace
    assert story.step == 44


def test_a_restart_counts_its_lost_steps_and_comes_to_life_again() -> None:
    run = literal_runs.crashed()
    died_at, elapsed_s = run.step, story_of(run).elapsed_s
    run.t += 3
    run.enter(ledger.TrainerStarted, pid=5, restart=1)
    run.step = 16
    run.start(resumed=True)
    story = story_of(run)
    assert story.lost_steps == died_at - 16
    assert story.restarts == 1
    assert story.word != "failed"
    assert story.elapsed_s == pytest.approx(elapsed_s, abs=0.01)


def test_seconds_by_part_stay_within_the_elapsed_time() -> None:
    story = story_of(literal_runs.troubled())
    assert 0 < sum(story.seconds.values()) <= story.elapsed_s


def test_the_newest_loss_may_be_nan() -> None:
    story = story_of(literal_runs.all_nan())
    assert story.loss is not None
    assert isnan(story.loss)
    assert story.best is None


def test_memory_stays_bounded_in_a_very_long_run() -> None:
    run = literal_runs.Recorder()
    run.start()
    story = fold(run.events, [])
    for beat in range(1, 4000):
        story.hear(
            wire.BeatTaken(
                step=beat * 16, samples=beat * 1024, steps=16, seconds=1.0, epoch=beat, lr=0.1,
                loss=(1.0,) * 16, grad_norm=(1.0,) * 16, phases={"forward": 1.0},
            )
        )  # fmt: skip
        story.hear(
            wire.Evaluated(
                step=beat * 16,
                split="val",
                epoch=beat,
                loss=1.0,
                metrics={"accuracy": beat / 4000},
                standard_error=0.1,
                seconds=0.1,
                examples=9,
            )
        )
    assert all(len(series) <= 500 for series in story.series.all().values())
    assert len(story.evaluations) <= 500
    assert story.best is not None
    assert story.best.step == 3999 * 16


@given(st.lists(st.floats(allow_subnormal=False) | st.just(nan), max_size=400), st.integers(2, 30))
def test_a_thinned_series_keeps_its_limit_its_order_and_its_range(values: list[float], limit: int) -> None:
    series = Thinned(limit)
    for step, value in enumerate(values):
        series.add(step, value)
    finite = [value for value in values if abs(value) < float("inf")]
    assert len(series) <= limit
    assert series.steps == sorted(set(series.steps))
    kept = [value for value in series.values if not isnan(value)]
    assert all(
        min(finite) - 1e-6 * abs(min(finite)) <= value <= max(finite) + 1e-6 * abs(max(finite)) for value in kept
    )


def test_a_thinned_series_shows_a_gap_as_nan() -> None:
    series = Thinned(4)
    series.spread(4, 4, (1.0, nan, float("inf"), 2.0))
    assert [isnan(value) for value in series.values] == [False, True, True, False]


@given(st.integers(0, 60))
def test_hearing_in_two_parts_gives_the_same_story(cut: int) -> None:
    run = literal_runs.troubled()
    whole, parts = Story(), Story()
    for event in run.events:
        whole.hear(event)
    for event in run.events[:cut]:
        parts.hear(event)
    for event in run.events[cut:]:
        parts.hear(event)
    assert (whole.step, whole.seconds, whole.series.loss.steps) == (parts.step, parts.seconds, parts.series.loss.steps)
