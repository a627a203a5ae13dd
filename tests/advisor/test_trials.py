from math import nan

import pytest

from advisor.deciding.options import Try
from advisor.trials.trial import Circumstances, abandon, advance, open_trial
from rules.vocabulary import Deed, Effect, Fix
from tests.advisor.literal import beat, compressed, ended, fix, followed, opened, rounds, scored, setting, started
from trainer.commands import Alternate, Command, Confirm, Decide, Fork, Rollback, Stop, Turn
from trainer.wire import (
    AgreementMeasured,
    CommandRefused,
    Event,
    GuardActed,
    KnobsConfirmed,
    RolledBack,
    RunEnded,
    TrainingEnded,
)

SPEED, ROUNDING = fix(Effect.SAME_MATHEMATICS), fix(Effect.OTHER_ROUNDING)


def test_rounds_ask_for_six_and_turn_and_confirm_what_is_kept() -> None:
    trial = opened(SPEED, "rounds")
    (asked,) = trial.begin()
    assert isinstance(asked, Alternate)
    assert (asked.rounds, asked.stretch_steps, asked.agreement_passes) == (6, 20, 0)
    verdict, commands, heard, _ = followed(trial, *rounds(0.1), ended("t1", seconds=0.7))
    assert verdict is not None
    assert (verdict.outcome, verdict.cost_s) == ("kept", 0.7)
    assert len(heard) == 6
    assert heard[0].numbers["gain"] == pytest.approx(0.1)
    assert isinstance(commands[0], Turn)
    assert commands[0].trial == "t1"
    assert commands[0].turns[0].to == 2
    assert isinstance(commands[1], Confirm)


def test_rounds_that_lose_leave_the_knobs_alone() -> None:
    verdict, commands, _, _ = followed(opened(SPEED, "rounds"), *rounds(-0.1), ended("t1"))
    assert verdict is not None
    assert verdict.outcome == "rolled_back"
    assert commands == []


AGREES = AgreementMeasured(trial="t1", passes=20, loss_difference=0.001, gradient_cosine=0.999)
DIFFERS = AgreementMeasured(trial="t1", passes=20, loss_difference=0.5, gradient_cosine=0.999)


@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        pytest.param([AGREES], "kept", id="the arms agree"),
        pytest.param([DIFFERS], "rolled_back", id="they do not"),
        pytest.param([], "undecided", id="nobody measured it"),
    ],
)
def test_other_rounding_is_kept_only_when_it_agrees(first: list[Event], outcome: str) -> None:
    verdict, _, _, _ = followed(opened(ROUNDING, "rounds", passes=20), *first, *rounds(0.3), ended("t1"))
    assert verdict is not None
    assert verdict.outcome == outcome


def test_rounds_that_ended_early_are_undecided() -> None:
    verdict, _, _, _ = followed(opened(SPEED, "rounds"), *rounds(0.3)[:7], ended("t1", why="the run was stopped"))
    assert verdict is not None
    assert verdict.outcome == "undecided"
    assert "stopped" in verdict.why


def arms(control: float, candidate: float, null: float) -> list[Event]:
    return [scored("t1", "control", control), scored("t1", "candidate", candidate), scored("t1", "null", null)]


@pytest.mark.parametrize(
    ("losses", "arm", "outcome"),
    [
        pytest.param((1.0, 0.5, 1.01), "candidate", "kept", id="a gain above the noise"),
        pytest.param((1.0, 0.9, 1.1), "control", "undecided", id="a gain within the noise"),
        pytest.param((1.0, 1.2, 1.01), "control", "rolled_back", id="worse"),
    ],
)
def test_a_fork_decides_when_all_arms_are_heard(losses: tuple[float, float, float], arm: str, outcome: str) -> None:
    trial = opened(fix(), "fork")
    asked = Fork(trial="t1", turns=setting(fix()).turns, steps=40, nulls=1, score="tail_loss", least_gain=0.005)
    assert trial.begin() == (asked,)
    _, commands, _, _ = followed(trial, *arms(*losses)[:2])
    assert commands == []
    verdict, commands, heard, _ = followed(trial, *arms(*losses), ended("t1", arm, seconds=0.9))
    assert commands == [Decide(trial="t1", arm=arm)]
    assert verdict is not None
    assert (verdict.outcome, verdict.cost_s) == (outcome, 0.9)
    assert [one.what for one in heard] == ["control", "candidate", "null"]
    assert heard[0].numbers["steps"] == 40


PAIRS = [
    scored("t1", "control", 1.0), scored("t1", "candidate", 0.9),
    scored("t1", "null", 1.02, replicate=1), scored("t1", "candidate", 0.92, replicate=1),
]  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_two_candidates_beside_two_controls_decide_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    trial = opened(fix(), "fork", replicates=2)
    assert followed(trial, *[PAIRS[place] for place in order[:3]])[1] == []
    verdict, commands, heard, _ = followed(trial, *[PAIRS[place] for place in order], ended("t1", "candidate"))
    assert commands == [Decide(trial="t1", arm="candidate")]
    assert verdict is not None
    assert verdict.outcome == "kept"
    assert "2 arms with it and 2 without" in verdict.why
    assert sorted(one.numbers["replicate"] for one in heard) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("loss", "outcome"),
    [pytest.param(1.1, "rolled_back", id="worse"), pytest.param(0.999, "undecided", id="too little")],
)
def test_a_fork_that_its_first_pair_ended_is_judged_by_that_pair(loss: float, outcome: str) -> None:
    trial = opened(fix(), "fork", replicates=2)
    pair = [scored("t1", "control", 1.0), scored("t1", "candidate", loss)]
    verdict, commands, _, _ = followed(
        trial, *pair, ended("t1", why="the first pair of arms shows no gain worth keeping")
    )
    assert commands == []
    assert verdict is not None
    assert verdict.outcome == outcome


def test_a_second_candidate_at_a_rate_of_its_own_takes_the_place_of_the_first() -> None:
    chosen = Try("OPT900", fix(turns={"dropout": 0.0}), "fork", 1.0, steps=40, nulls=1, replicates=2, own_rate=True)
    trial = open_trial(chosen, setting(chosen.fix), Circumstances())
    (asked,) = trial.begin()
    assert isinstance(asked, Fork)
    assert asked.own_rate
    arms = [
        scored("t1", "control", 1.0),
        scored("t1", "candidate", 1.1),
        scored("t1", "candidate", 0.5).model_copy(update={"rate": 0.05}),
        scored("t1", "null", 1.01),
    ]
    rated = [one if one.rate == one.rate else one.model_copy(update={"rate": 0.1}) for one in arms]
    verdict, commands, heard, _ = followed(trial, *rated, ended("t1", "candidate"))
    assert commands == [Decide(trial="t1", arm="candidate")]
    assert len(heard) == 4
    assert verdict is not None
    assert verdict.outcome == "kept"
    assert "with it a sweep picks lr 0.05 in place of 0.1" in verdict.why
    assert "helped here, not proved" in verdict.why, "a cut of the rate flatters itself in a short fork"


def test_rounds_that_do_not_pay_back_what_turning_costs_are_not_kept() -> None:
    def outcome(set_up_s: float, crowded_share: float = 0.0) -> str:
        end = ended("t1").model_copy(update={"set_up_s": set_up_s, "crowded_share": crowded_share})
        verdict, _, _, _ = followed(opened(SPEED, "rounds"), *rounds(0.1), end)
        assert verdict is not None
        return verdict.outcome

    assert outcome(0.19) == "kept", "a tenth of a fifth of the 10 s that are left"
    assert outcome(0.21) == "rolled_back"
    assert outcome(0.0, crowded_share=0.4) == "undecided"
    assert outcome(0.0, crowded_share=nan) == "kept", "nobody can tell"


def test_the_same_mathematics_must_give_the_same_losses() -> None:
    near = AgreementMeasured(trial="t1", passes=3, loss_difference=1e-3, gradient_cosine=0.9999)
    for one, outcome in ((SPEED, "rolled_back"), (ROUNDING, "kept")):
        verdict, _, _, _ = followed(opened(one, "rounds", passes=3), near, *rounds(0.3), ended("t1"))
        assert verdict is not None
        assert verdict.outcome == outcome


def test_a_rate_is_judged_by_averaged_weights() -> None:
    better = scored("t1", "candidate", 0.5, tail_loss=2.0)
    verdict, _, _, _ = followed(
        opened(fix(), "fork"), arms(1.0, 0.5, 1.01)[0], better, scored("t1", "null", 1.01), ended("t1")
    )
    assert verdict is not None
    assert verdict.outcome == "rolled_back"
    assert verdict.measured is not None
    assert verdict.measured.unit == "relative tail_loss"


def test_a_fork_with_pooled_nulls_needs_none_of_its_own() -> None:
    trial = opened(fix(), "fork", about=Circumstances(pool=(0.01, -0.01, 0.01)), nulls=0)
    verdict, _, _, _ = followed(trial, *arms(1.0, 0.9, 0)[:2], ended("t1", "candidate"))
    assert verdict is not None
    assert verdict.outcome == "kept"
    assert "3 null arms" in verdict.why


def test_a_verdict_that_came_too_late_is_void() -> None:
    verdict, _, _, _ = followed(opened(fix(), "fork"), *arms(1.0, 0.5, 1.01), ended("t1", "control"))
    assert verdict is not None
    assert verdict.outcome == "undecided"
    assert "too late" in verdict.why


def test_events_of_another_trial_say_nothing() -> None:
    trial = opened(fix(), "fork")
    verdict, commands, heard, now = followed(trial, scored("t9", "control", 1.0), ended("t9"))
    assert (verdict, commands, heard, now) == (None, [], [], trial)


@pytest.mark.parametrize("how", ["fork", "rounds", "compression"])
def test_a_vetoed_trial_is_not_kept(how: str) -> None:
    one = fix(Effect.FREE, deed=Deed.COMPRESS, method="int8") if how == "compression" else SPEED
    trial = opened(one, how).vetoed()
    copy = compressed(400, 0.9)
    verdict, commands, _, _ = followed(trial, *rounds(0.3), *arms(1.0, 0.5, 1.01), copy, ended("t1", "control"))
    assert not any(isinstance(command, Turn) or command == Decide(trial="t1", arm="candidate") for command in commands)
    assert verdict is None or verdict.outcome == "undecided"


ROLLED = RolledBack(step=100, from_step=180, trial="t1", skipped_batches=3)


@pytest.mark.parametrize(
    ("one", "about", "asked"),
    [
        pytest.param(
            fix(Effect.RESCUE, deed=Deed.START_OVER), Circumstances(onset=10),
            Rollback(trial="t1", to_step=0, turns=setting(fix()).turns), id="over from the start",
        ),
        pytest.param(
            fix(Effect.RESCUE), Circumstances(onset=200),
            Rollback(trial="t1", to_step=150, turns=setting(fix()).turns), id="to well before the onset",
        ),
        pytest.param(
            fix(Effect.RESCUE), Circumstances(onset=200, rescued=True),
            Rollback(trial="t1", to_step=150, turns=setting(fix()).turns, rewarm_steps=100), id="the second time, slowly",
        ),
        pytest.param(
            fix(Effect.RESCUE, deed=Deed.START_OVER), Circumstances(onset=10, rescued=True),
            Rollback(trial="t1", to_step=0, turns=setting(fix()).turns, rewarm_steps=100), id="over again, slowly",
        ),
        pytest.param(
            fix(Effect.RESCUE, deed=Deed.STOP, turns={}), Circumstances(), Stop(trial="t1", why="hopeless"), id="stop"
        ),
    ],
)  # fmt: skip
def test_a_rescue_goes_its_rung(one: Fix, about: Circumstances, asked: Command) -> None:
    assert opened(one, "rescue", about=about).begin() == (asked,)


def test_a_rescue_shows_its_recovery_and_what_it_lost() -> None:
    trial = opened(fix(Effect.RESCUE), "rescue", about=Circumstances(onset=170, loss_now=nan))
    good = [beat(step, loss=0.8) for step in range(110, 160, 10)]
    verdict, _, _, _ = followed(trial, beat(180, loss=nan), ROLLED, *good)
    assert verdict is not None
    assert verdict.outcome == "applied_untried"
    assert "0.8 after 50 steps" in verdict.why
    assert verdict.cost_s == pytest.approx(80 * 0.01)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(beat(120, loss=(1.0,) * 9 + (nan,)), id="a loss that is no number"),
        pytest.param(GuardActed(step=115, why="non_finite_gradient", deed="skipped", value=nan), id="a skipped step"),
    ],
)
def test_a_rescue_that_does_not_hold_says_so(again: Event) -> None:
    verdict, _, _, _ = followed(opened(fix(Effect.RESCUE), "rescue"), ROLLED, beat(110, loss=0.8), again)
    assert verdict is not None
    assert verdict.outcome == "applied_untried"
    assert "did not recover" in verdict.why


STOP = fix(Effect.FREE, turns={})


@pytest.mark.parametrize(
    ("best_step", "outcome"),
    [pytest.param(300, "kept", id="the best is as before"), pytest.param(400, "applied_untried", id="a newer best")],
)
def test_an_early_stop_is_kept_when_the_best_is_unchanged(best_step: int, outcome: str) -> None:
    trial = opened(STOP, "free", about=Circumstances(best_step=300))
    assert trial.begin() == (Stop(trial="t1", why="early_stop"),)
    verdict, _, _, _ = followed(trial, beat(310), TrainingEnded(step=400, why="early_stop", best_step=best_step))
    assert verdict is not None
    assert verdict.outcome == outcome
    assert verdict.measured is not None
    assert (verdict.measured.median, verdict.measured.unit) == (10.0, "seconds")


def test_a_turn_that_no_trial_can_measure_is_applied_untried() -> None:
    trial = opened(fix(Effect.SAME_MATHEMATICS, improves="time", turns={"eval_every": 2.0}), "untried")
    assert [type(command) for command in trial.begin()] == [Turn, Confirm]
    verdict, _, _, _ = followed(trial, KnobsConfirmed(trial="t1", changes=()))
    assert verdict is not None
    assert verdict.outcome == "applied_untried"


KINDS = [
    pytest.param(fix(), "fork", id="fork"),
    pytest.param(SPEED, "rounds", id="rounds"),
    pytest.param(fix(Effect.RESCUE), "rescue", id="rescue"),
    pytest.param(STOP, "free", id="stop"),
    pytest.param(fix(Effect.FREE, deed=Deed.COMPRESS, method="prune"), "compression", id="compression"),
    pytest.param(SPEED, "untried", id="untried"),
]


@pytest.mark.parametrize(("one", "how"), KINDS)
def test_every_kind_ends_when_the_trainer_refuses_restarts_or_ends(one: Fix, how: str) -> None:
    ends: list[tuple[Event, str]] = [
        (CommandRefused(command="x", trial="t1", why="no room"), "refused"),
        (RunEnded(why="failed", seconds=1.0), "undecided"),
        (started(resumed=True), "undecided"),
    ]
    for event, outcome in ends:
        verdict, _, _, now = followed(opened(one, how), event)
        assert verdict is not None
        assert (verdict.outcome, now) == (outcome, None)
    assert abandon(opened(one, how), "the driver died").entries[0].outcome == "undecided"  # type: ignore[union-attr]


def test_a_rescue_that_was_done_stays_when_the_trainer_is_started_again() -> None:
    one = fix(Effect.RESCUE, deed=Deed.ROLLBACK)
    asked = opened(one, "rescue")
    done = advance(asked, RolledBack(trial=asked.setting.trial, from_step=9, skipped_batches=0)).trial
    assert done is not None
    assert advance(asked, started()).entries[0].outcome == "undecided"  # type: ignore[union-attr]
    assert advance(done, started()).entries[0].outcome == "applied_untried"  # type: ignore[union-attr]
