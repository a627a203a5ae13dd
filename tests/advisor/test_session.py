"""The driver's core: counting, answering, stopping, and going on when the judgement fails."""

import pytest

from advisor.deciding.mind import Mind, Settings
from advisor.driving.session import Session
from advisor.ledger import Entry, Judged, Noted, TrainerExited, TrialStarted, Undone, Wished
from rules.vocabulary import Effect, Fix, Turned
from trainer import wire
from trainer import words as wire_words
from trainer.commands import Answer, Command, Compress, Confirm, Decide, Finish, Revert, Stop, Turn
from trainer.knobs import Knob
from trainer.wire import Event, write
from trainer.words import Change, DeviceInfo, ModelInfo, TaskInfo


def started(lockstep: bool = False) -> wire.RunStarted:
    return wire.RunStarted(
        t=1.0, pid=1, pid_started=1.0, steps_total=100, samples_total=6400, epochs=1.0, steps_per_epoch=100, seed=0,
        lockstep=lockstep, resumed=False, versions={}, knobs=(),
        task=TaskInfo(
            kind="classification", classes=("a", "b"), inputs="table", input_shape=(4,), train_examples=100,
            val_examples=50, test_examples=50, metric="accuracy", higher_is_better=True, baseline_metric=0.5,
            baseline_loss=0.69, in_memory=True, source="sklearn:iris",
        ),
        model=ModelInfo(
            name="mlp", parameters=10, trainable=10, layers=("a",), has_conv=False, has_norm=False, has_dropout=False
        ),
        device=DeviceInfo(type="cpu", name="cpu", memory_bytes=1, amp_dtypes=(), threads=1),
    )  # fmt: skip


def beat(step: int) -> wire.BeatTaken:
    return wire.BeatTaken(
        t=1.0 + step, step=step, samples=step, steps=1, seconds=0.1, epoch=0.0, lr=0.1, loss=(1.0,), grad_norm=(1.0,),
        phases={},
    )  # fmt: skip


def evaluated(step: int) -> wire.Evaluated:
    return wire.Evaluated(
        t=1.0 + step, step=step, split="val", epoch=1.0, loss=1.0, metrics={"accuracy": 0.5}, standard_error=0.1,
        seconds=0.1, examples=50,
    )  # fmt: skip


def session(**settings: object) -> tuple[Session, list[Entry]]:
    entries: list[Entry] = []
    return Session(Settings(**{"mode": "watch", **settings}), entries.append), entries  # type: ignore[arg-type]


def hear(of: Session, *events: Event | str) -> list[Command]:
    return of.hear_lines([event if isinstance(event, str) else write(event) for event in events])


def test_every_line_counts_whoever_wrote_it() -> None:
    core, _ = session()
    commands = hear(core, started(), '{"kind": "of a later version"}', "nonsense", evaluated(3))
    assert core.heard == 4
    assert commands[-1] == Answer(heard=4)


def test_a_free_trainer_is_answered_where_it_may_wait_only() -> None:
    core, _ = session()
    hear(core, started(), beat(1))
    assert hear(core, beat(2)) == []
    assert hear(core, beat(3), evaluated(3), beat(4)) == [Answer(heard=6)]


def test_a_trainer_that_keeps_pace_is_answered_until_it_goes_on_by_itself() -> None:
    core, _ = session()
    hear(core, started())
    assert core.awaited, "every run may be a short one until its first beat"
    assert hear(core, wire.Told(text="one")) == [Answer(heard=2)]
    assert hear(core, beat(1).model_copy(update={"paced": True})) == [Answer(heard=3)]
    assert hear(core, beat(2)) == []
    assert not core.awaited


def test_a_trainer_in_lockstep_is_answered_always() -> None:
    core, _ = session()
    hear(core, started(lockstep=True))
    assert core.awaited
    assert hear(core, beat(1)) == [Answer(heard=2)]


def test_a_wish_to_stop_becomes_one_command_and_one_entry() -> None:
    core, entries = session()
    hear(core, started())
    assert core.wish(Wished(wish="stop", viewer="me")) == [Stop(why="stopped")]
    assert [entry.kind for entry in entries] == ["wished"]


def test_a_wish_to_stop_a_training_that_is_over_lets_it_go() -> None:
    core, _ = session()
    hear(core, started(), wire.TrainingEnded(step=9, why="finished", best_step=9))
    assert Finish() in core.wish(Wished(wish="stop", viewer="me"))


def test_a_stopped_training_is_not_compressed() -> None:
    core, _ = session(mode="auto")
    commands = hear(core, started(), wire.TrainingEnded(t=5.0, step=50, why="stopped", best_step=50))
    assert not any(isinstance(command, Compress) for command in commands)
    assert Finish() in commands


def test_rounds_are_timed_between_their_beginning_and_their_end() -> None:
    core, _ = session()
    hear(core, started(), wire.TrialBegan(trial="t1", how="rounds", steps=20))
    assert core.timing
    hear(core, wire.TrialEnded(trial="t1", went_on_from="control", seconds=1.0))
    assert not core.timing
    hear(core, wire.TrialBegan(trial="t2", how="fork", steps=20))
    assert not core.timing


FIX = Fix(
    name="use bf16", effect=Effect.OTHER_ROUNDING, turns=(Turned(knob="amp", to="bf16"),), improves="step_s",
    expected=0.1, estimated_by="a guess",
)  # fmt: skip
TRIAL = TrialStarted(trial="t1", code="DEV101", fix=FIX, how="rounds", old={"amp": "off"}, expected_cost_s=1.0)


def test_a_trial_that_a_dead_driver_left_open_is_taken_back() -> None:
    core, entries = session(mode="auto")
    commands = core.restore([write(started())], [TRIAL], live=True)
    assert any(isinstance(command, Revert) for command in commands)
    assert [(one.trial, one.outcome) for one in entries if isinstance(one, Judged)] == [("t1", "undecided")]
    assert core.suspect == ""


def test_the_knob_on_trial_is_the_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(mind: Mind, *past: object) -> list[Command]:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr(Mind, "restore", fail)
    core, _ = session(mode="auto")
    assert core.restore([write(started()), write(beat(1))], [TRIAL], live=True) == [Answer(heard=2)]
    assert core.suspect == "amp"


def test_a_run_outlives_a_judgement_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    core, entries = session()
    hear(core, started(), beat(1))

    def fail(mind: Mind, event: Event) -> list[Command]:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr(Mind, "hear", fail)
    scored = wire.ArmScored(trial="t1", arm="candidate", steps=4, seconds=1.0, scores={}, standard_errors={})
    assert hear(core, evaluated(1)) == [Answer(heard=3)]
    assert hear(core, scored) == [Decide(trial="t1", arm="control")]
    assert core.wish(Wished(wish="stop", viewer="me")) == [Stop(why="stopped")]
    assert Finish() in hear(core, wire.TrainingEnded(step=9, why="finished", best_step=9))
    (note,) = (entry for entry in entries if isinstance(entry, Noted))
    assert note.level == "error"
    assert "ZeroDivisionError: deliberate" in note.text


def test_a_bench_wants_to_see_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(mind: Mind, event: Event) -> list[Command]:
        raise ZeroDivisionError("deliberate")

    monkeypatch.setattr(Mind, "hear", fail)
    with pytest.raises(ZeroDivisionError):
        Session(Settings(), lambda entry: None, strict=True).hear(started())


def test_a_new_driver_counts_on_from_the_files() -> None:
    core, _ = session()
    lines = [write(started()), write(beat(1)), "torn", write(evaluated(2))]
    assert core.restore(iter(lines), [], live=True)[-1] == Answer(heard=4)
    assert hear(core, evaluated(3))[-1] == Answer(heard=5)


def test_a_new_trainer_is_not_taken_for_the_old_one() -> None:
    core, _ = session()
    hear(core, started(), wire.RunEnded(why="failed", seconds=1.0))
    core.expect_start()
    assert core.started is None
    assert core.ended is None
    assert core.began


def turn(knob: str, old: float, new: float, trial: str) -> list[Event]:
    changes = (Change(knob=knob, old=old, new=new),)
    return [
        wire.KnobsTurned(changes=changes, trial=trial, probation=True),
        wire.KnobsConfirmed(changes=changes, trial=trial),
    ]


def test_a_trainer_that_is_started_again_has_to_begin_with_what_was_confirmed() -> None:
    core, _ = session()
    knobs = tuple(Knob(name=name, value=0.1, turns="live", effect="changes_learning") for name in ("lr", "clip", "ema"))
    doubtful, *_ = turn("ema", 0.1, 0.9, "t3")
    taken_back = wire.KnobsReverted(changes=(Change(knob="clip", old=5.0, new=0.1),), trial="t2", why="worse")
    begun = started().model_copy(update={"knobs": knobs})
    hear(core, begun, *turn("lr", 0.1, 0.01, "t1"), *turn("clip", 0.1, 5.0, "t2"), taken_back, doubtful)
    assert core.confirmed == {"lr": 0.01, "clip": 0.1}, "its checkpoint may be older than the way back"


def test_a_driver_that_saw_the_trainer_die_knows_the_suspect() -> None:
    core, _ = session(mode="auto")
    core.learn(TrainerExited(code=-9, why="killed", suspect="amp, lr"))
    assert core._mind.history.suspects == {"amp", "lr"}


ROUNDS_KEPT = Judged(trial="t1", code="DEV101", outcome="kept", why="all six agree", cost_s=1.0)
TOLD_AGAIN = [Turn(trial="t1", turns=(wire_words.Turned(knob="amp", to="bf16"),)), Confirm(trial="t1")]
CONFIRMED = wire.KnobsConfirmed(changes=(Change(knob="amp", old="off", new="bf16"),), trial="t1")
REFUSED = wire.CommandRefused(command="turn", trial="t1", why="no room")


@pytest.mark.parametrize(
    ("said", "entries", "told"),
    [
        pytest.param([], [TRIAL, ROUNDS_KEPT], TOLD_AGAIN, id="kept, not yet told"),
        pytest.param([CONFIRMED], [TRIAL, ROUNDS_KEPT], [], id="kept and told"),
        pytest.param([REFUSED], [TRIAL, ROUNDS_KEPT], [], id="kept and refused"),
        pytest.param(
            [CONFIRMED], [TRIAL, ROUNDS_KEPT, Undone(trial="t1", why="worse")], [Revert], id="undone, not told"
        ),
    ],
)
def test_a_new_driver_tells_what_the_dead_one_had_decided(
    said: list[Event], entries: list[Entry], told: list[object]
) -> None:
    core, _ = session(mode="auto")
    *commands, _ = core.restore([write(one) for one in (started(), *said)], entries, live=True)
    assert [type(one) if told == [Revert] else one for one in commands] == told


TURN_BACK = [
    Turn(trial="t1-back", turns=(wire_words.Turned(knob="amp", to="off"),)), Confirm(trial="t1-back"),
]  # fmt: skip
AGAIN = started().model_copy(
    update={"resumed": True, "knobs": (Knob(name="amp", value="bf16", turns="live", effect="other_rounding"),)}
)
FORGOTTEN = wire.CommandRefused(command="revert", trial="t1", why="nothing of this trial stands")
FORKED = TRIAL.model_copy(update={"how": "fork"})


@pytest.mark.parametrize("driver", ["a new driver", "the old driver"])
@pytest.mark.parametrize(
    ("said", "entries", "told"),
    [
        pytest.param([], [TRIAL, ROUNDS_KEPT], TOLD_AGAIN, id="kept, not yet told"),
        pytest.param([], [FORKED, ROUNDS_KEPT], TOLD_AGAIN, id="a fork that was won, not yet told"),
        pytest.param([CONFIRMED], [TRIAL, ROUNDS_KEPT], [], id="kept and told"),
        pytest.param(
            [CONFIRMED],
            [TRIAL, ROUNDS_KEPT, Undone(trial="t1", why="worse")],
            [Revert(trial="t1", why="it was taken back before the driver died")],
            id="undone, not told",
        ),
    ],
)
def test_a_trainer_that_is_started_again_is_told_what_the_dead_one_had_no_time_for(
    said: list[Event], entries: list[Entry], told: list[Command], driver: str
) -> None:
    core, _ = session(mode="auto")
    lines = [write(one) for one in (started(), *said)]
    if driver == "a new driver":
        assert core.restore(lines, entries, live=False) == []
    else:
        core.restore(lines, entries, live=True)
    core.expect_start()
    *commands, _ = hear(core, AGAIN)
    assert commands == told


def test_a_turn_that_the_trainer_has_forgotten_is_taken_back_by_turning_it_the_other_way() -> None:
    core, _ = session(mode="auto")
    core.restore([write(started()), write(CONFIRMED)], [TRIAL, ROUNDS_KEPT], live=False)
    hear(core, AGAIN, beat(3))
    (revert,) = core.wish(Wished(wish="undo", target="t1", viewer="me"))
    assert isinstance(revert, Revert)
    assert hear(core, FORGOTTEN) == TURN_BACK
    assert hear(core, FORGOTTEN) == [], "once is enough"


def test_a_turn_that_the_trainer_dies_of_twice_is_given_up() -> None:
    core, entries = session(mode="auto")
    core.restore([write(started())], [TRIAL, ROUNDS_KEPT], live=False)
    assert hear(core, AGAIN)[:2] == TOLD_AGAIN
    core.expect_start()
    assert not any(isinstance(one, Turn) for one in hear(core, AGAIN))
    assert ["died twice" in one.why for one in entries if isinstance(one, Undone)] == [True]


def test_a_rescue_that_was_never_done_is_not_called_applied() -> None:
    rescue = TRIAL.model_copy(update={"how": "rescue", "t": 2.0})
    for said, outcome in (
        ([], "undecided"),
        ([wire.RolledBack(t=3.0, trial="t1", from_step=9, skipped_batches=0)], "applied_untried"),
    ):
        core, entries = session(mode="auto")
        core.restore([write(one) for one in (started(), *said)], [rescue], live=True)
        assert [one.outcome for one in entries if isinstance(one, Judged)] == [outcome]


def test_a_trainer_that_dies_between_turning_back_and_its_knobs_is_told_them_when_it_is_started_again() -> None:
    rescue = TRIAL.model_copy(update={"how": "rescue", "t": 2.0})
    back = wire.RolledBack(t=3.0, trial="t1", from_step=9, skipped_batches=0)
    core, _ = session(mode="auto")
    core.restore([write(one) for one in (started(), back)], [rescue], live=False)
    told = [one for one in hear(core, AGAIN) if isinstance(one, Turn)]
    assert [one.trial for one in told] == ["t1"]
    assert [turn.knob for turn in told[0].turns] == ["amp"]
