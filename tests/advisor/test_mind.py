from collections.abc import Sequence
from math import nan

import pytest

from advisor.deciding.mind import Mind, Settings
from advisor.ledger import Entry, Judged, Wished
from rules.vocabulary import Deed, Effect, Rule, Severity
from tests.advisor.literal import (
    beat,
    ended,
    evaluated,
    fix,
    probing_rule,
    rule_from,
    scored,
    started,
    stretch,
    survey,
)
from trainer.commands import (
    Alternate,
    Command,
    Confirm,
    Decide,
    Finish,
    Fork,
    Pause,
    Probe,
    Revert,
    Rollback,
    Stop,
    Turn,
)
from trainer.config import parse
from trainer.wire import (
    AgreementMeasured,
    CommandRefused,
    Event,
    KnobsConfirmed,
    KnobsTurned,
    Probed,
    RolledBack,
    RunEnded,
    Surveyed,
    TrainingEnded,
)
from trainer.words import Change

LEARNS = rule_from("OPT900", fix(), since=50)
SPEEDS = rule_from("INP900", fix(Effect.SAME_MATHEMATICS), since=50)


class Run:
    """A mind, what it wrote and what it told."""

    def __init__(self, *rules: Rule, **settings: object) -> None:
        self.entries: list[Entry] = []
        self.mind = Mind(Settings(**settings), self.entries.append, rules)  # type: ignore[arg-type]

    def hear(self, *events: Event) -> list[Command]:
        return [command for event in events for command in self.mind.hear(event)]

    def wish(self, wish: str, target: str = "") -> list[Command]:
        return self.mind.wish(Wished(wish=wish, target=target, viewer="test"))

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries if entry.kind != "assessed"]

    def verdicts(self) -> list[str]:
        return [entry.outcome for entry in self.entries if isinstance(entry, Judged)]


def steps(since: int, until: int) -> list[Event]:
    return [beat(step) for step in range(since + 10, until + 1, 10)]


def fork_of(loss: float, trial: str = "t1") -> list[Event]:
    """Two candidates, each beside a control of its own."""
    return [
        scored(trial, "control", 1.0),
        scored(trial, "candidate", loss),
        scored(trial, "null", 1.01, replicate=1),
        scored(trial, "candidate", loss, replicate=1),
    ]


AGREES = AgreementMeasured(trial="t1", passes=3, loss_difference=0.0, gradient_cosine=1.0)


@pytest.fixture
def forking() -> Run:
    run = Run(LEARNS, budget=0.5)
    commands = run.hear(started(), *steps(0, 70))
    assert [type(command) for command in commands] == [Fork]
    return run


def test_a_finding_is_tried_and_what_helped_is_kept(forking: Run) -> None:
    decided = forking.hear(*fork_of(0.5))
    assert decided == [Decide(trial="t1", arm="candidate")]
    forking.hear(ended("t1", "candidate"))
    assert forking.kinds == ["found", "trial_started", *["trial_heard"] * 4, "judged"]
    assert forking.verdicts() == ["kept"]
    (judged,) = [entry for entry in forking.entries if isinstance(entry, Judged)]
    assert judged.bill_s == judged.cost_s == 0.5
    assert judged.bill_share == pytest.approx(0.5 / 20, rel=0.1), "of the 20 s that the run takes"


def test_entries_bear_the_time_and_step_of_what_led_to_them(forking: Run) -> None:
    assert [(entry.t, entry.step) for entry in forking.entries if entry.kind == "found"] == [(0.6, 60)]


def test_a_finding_waits_for_its_second_look_and_stands_once() -> None:
    run = Run(LEARNS, mode="watch")
    run.hear(started(), *steps(0, 50))
    assert run.kinds == []
    run.hear(*steps(50, 300))
    assert run.kinds == ["found"]


def test_watching_finds_and_tells_the_trainer_nothing_but_to_finish() -> None:
    run = Run(LEARNS, SPEEDS, rule_from("NUM900", fix(Effect.RESCUE), severity=Severity.ERROR), mode="watch")
    commands = run.hear(
        started(), *steps(0, 200), evaluated(200), TrainingEnded(step=200, why="finished", best_step=200)
    )
    assert commands == [Finish()]
    assert set(run.kinds) == {"found"}


def test_one_change_is_open_at_a_time() -> None:
    run = Run(LEARNS, SPEEDS, budget=0.5)
    commands = run.hear(started(eta_s=20.0), *steps(0, 200))
    assert [type(command) for command in commands] == [Alternate]
    rounds = [one for n in range(6) for one in (stretch("t1", n, "control", 1.0), stretch("t1", n, "candidate", 0.8))]
    assert [type(one) for one in run.hear(AGREES, *rounds, ended("t1"))] == [Turn, Confirm]
    change = (Change(knob="workers", old=0, new=2),)
    turned = KnobsTurned(step=150, changes=change, trial="t1", probation=True)
    commands = run.hear(turned, KnobsConfirmed(step=150, changes=change, trial="t1"), *steps(200, 300))
    assert [type(command) for command in commands] == [Fork]


def test_a_turn_that_the_trainer_refuses_after_the_verdict_is_undone() -> None:
    run = Run(SPEEDS, budget=0.5)
    run.hear(started(), *steps(0, 200))
    rounds = [one for n in range(6) for one in (stretch("t1", n, "control", 1.0), stretch("t1", n, "candidate", 0.8))]
    run.hear(AGREES, *rounds, ended("t1"), CommandRefused(command="turn", trial="t1", why="no room in /dev/shm"))
    assert run.kinds[-2:] == ["judged", "undone"]


def test_a_probe_is_awaited_before_the_fix_that_needs_it() -> None:
    run = Run(probing_rule("OPT900"), budget=0.5)
    commands = run.hear(started(), *steps(0, 100))
    assert commands == [Probe(probe="lr_sweep")]
    commands = run.hear(Probed(step=100, probe="lr_sweep", seconds=1.0, result={"pick": 0.01, "spread": 2.0}))
    assert [type(command) for command in commands] == [Fork]
    assert commands[0].turns[0].to == 0.01  # type: ignore[union-attr]


def test_a_probe_that_the_trainer_refuses_is_not_asked_again() -> None:
    run = Run(probing_rule("OPT900"), budget=0.5)
    run.hear(started(), *steps(0, 20), CommandRefused(step=20, command="probe", why="no memory"))
    assert run.hear(*steps(20, 200)) == []


def test_a_rescue_is_applied_shows_its_recovery_and_asks_findings_to_be_seen_anew() -> None:
    rescue = fix(Effect.RESCUE, deed=Deed.START_OVER)
    run = Run(rule_from("NUM900", rescue, since=50, severity=Severity.ERROR))
    (command,) = run.hear(started(), *steps(0, 50))
    assert isinstance(command, Rollback)
    assert command.to_step == 0
    assert run.hear(RolledBack(step=0, from_step=50, trial="t1", skipped_batches=0), *steps(0, 40)) == []
    run.hear(beat(50), beat(60))
    assert run.verdicts() == ["applied_untried"]


def test_a_refused_rollback_ends_its_trial() -> None:
    run = Run(rule_from("NUM900", fix(Effect.RESCUE), since=50, until=60, severity=Severity.ERROR))
    run.hear(started(), *steps(0, 50), CommandRefused(step=50, command="rollback", trial="t1", why="no such knob"))
    assert run.verdicts() == ["refused"]


def test_a_refusal_is_written_once_whatever_its_numbers() -> None:
    run = Run(LEARNS, budget=0.0)
    run.hear(started(), *steps(0, 400))
    assert run.kinds == ["found", "refused"]


def test_advice_waits_for_a_person_and_is_tried_when_accepted() -> None:
    run = Run(LEARNS, mode="advise", budget=0.5)
    assert run.hear(started(), *steps(0, 200)) == []
    assert run.kinds == ["found", "proposed"]
    commands = run.wish("accept", "p1")
    assert [type(command) for command in commands] == [Fork]
    run.hear(*fork_of(0.5), ended("t1", "candidate"), *steps(200, 300))
    assert run.verdicts() == ["kept"]
    assert run.kinds.count("proposed") == 1


def test_advice_that_no_longer_stands_is_refused_when_accepted() -> None:
    run = Run(rule_from("OPT900", fix(), since=50, until=150), mode="advise")
    run.hear(started(), *steps(0, 300))
    assert run.wish("accept", "OPT900") == []
    assert run.kinds[-2:] == ["wished", "refused"]
    assert run.entries[-1].why.startswith("no longer stands")  # type: ignore[union-attr]


def test_what_is_vetoed_is_not_proposed_again_nor_tried() -> None:
    run = Run(LEARNS, mode="advise")
    run.hear(started(), *steps(0, 100))
    run.wish("veto", "p1")
    run.hear(*steps(100, 300))
    assert run.kinds == ["found", "proposed", "wished", "refused"]


def test_a_trial_that_is_vetoed_while_it_runs_goes_on_from_the_control(forking: Run) -> None:
    forking.wish("veto", "t1")
    assert forking.hear(*fork_of(0.1)) == [Decide(trial="t1", arm="control")]


def test_a_kept_fix_can_be_undone_by_a_person(forking: Run) -> None:
    forking.hear(*fork_of(0.5), ended("t1", "candidate"))
    assert forking.wish("undo", "t1") == [Revert(trial="t1", why="a person took it back")]
    assert forking.kinds[-2:] == ["wished", "undone"]
    assert forking.wish("undo", "t1") == []
    forking.hear(*steps(70, 1900))
    assert forking.kinds.count("trial_started") == 1


def test_wishes_for_the_run_itself_are_passed_on() -> None:
    run = Run()
    run.hear(started())
    assert run.wish("pause") == [Pause()]
    assert run.wish("stop") == [Stop(why="stopped")]
    turned = run.mind.wish(Wished(wish="turn", turns=({"knob": "lr", "to": 0.5},)))
    assert [type(command) for command in turned] == [Turn, Confirm]
    assert turned[0].by == "user"  # type: ignore[union-attr]


def test_while_paused_or_frozen_nothing_is_begun() -> None:
    for wish in ("pause", "freeze"):
        run = Run(LEARNS, budget=0.5)
        run.hear(started())
        run.wish(wish)
        assert run.hear(*steps(0, 200)) == []


def test_a_kept_fix_is_taken_back_when_the_run_gets_worse_twice() -> None:
    run = Run(LEARNS, budget=0.5)
    run.hear(started(), evaluated(10, 0.9), *steps(10, 80), *fork_of(0.5), ended("t1", "candidate"))
    assert run.verdicts() == ["kept"]
    assert not any(isinstance(one, Revert) for one in run.hear(evaluated(200, 0.7)))
    taken = [one for one in run.hear(evaluated(300, 0.7)) if isinstance(one, Revert)]
    assert [(one.trial, one.back) for one in taken] == [("t1", True)]
    assert "undone" in run.kinds
    phase, spent = run.mind.history.phase(90), run.mind.history.spent_steps
    run.hear(RolledBack(step=90, from_step=300, trial="t1", skipped_batches=0, by="guard"))
    assert run.mind.history.phase(90) == phase, "what was muted or lost before stays so"
    assert run.mind.history.spent_steps == spent + 210, "the steps that are given up are on the bill"
    assert run.mind.signals.rollbacks == 0, "no rung of the rescue ladder"


def test_a_finished_run_is_compressed_and_then_let_go() -> None:
    small = fix(Effect.FREE, deed=Deed.COMPRESS, method="int8", turns={})
    run = Run(rule_from("SIZ900", small, since=2000))
    events = [started(), *steps(0, 100), TrainingEnded(step=2000, why="finished", best_step=100)]
    commands = run.hear(*events[:-1], beat(2000), events[-1])
    assert [command.kind for command in commands] == ["compress"]
    assert run.hear(ended("t1", why="it could not be compressed", step=2000)) == [Finish()]
    assert run.verdicts() == ["refused"]


@pytest.mark.parametrize("why", ["stopped", "hopeless"])
def test_a_training_that_was_broken_off_is_let_go_at_once(why: str) -> None:
    small = fix(Effect.FREE, deed=Deed.COMPRESS, method="int8", turns={})
    run = Run(rule_from("SIZ900", small))
    ending = TrainingEnded(step=100, why=why, best_step=100)  # type: ignore[arg-type]
    assert run.hear(started(), *steps(0, 100), ending) == [Finish()]
    assert "trial_started" not in run.kinds


def test_a_training_that_ends_before_a_verdict_is_let_go(forking: Run) -> None:
    commands = forking.hear(TrainingEnded(step=70, why="stopped", best_step=70))
    assert commands == [Finish()]
    assert forking.verdicts() == ["undecided"]


def test_a_run_that_ends_in_a_trial_leaves_it_undecided(forking: Run) -> None:
    assert forking.hear(RunEnded(step=70, why="failed", seconds=1.0)) == []
    assert forking.verdicts() == ["undecided"]


def test_last_words_end_what_is_open_and_tell_the_state_of_every_rule() -> None:
    run = Run(LEARNS, budget=0.5)
    run.hear(started(), *steps(0, 70))
    run.mind.close()
    assert run.verdicts() == ["undecided"]
    assert "assessed" in [entry.kind for entry in run.entries]


def test_the_state_of_the_rules_is_written_when_it_changes_only() -> None:
    run = Run(LEARNS, rule_from("OPT901", since=10**6), mode="watch")
    run.hear(started(), Surveyed(survey=survey()), *steps(0, 1000))
    assessed = [entry for entry in run.entries if entry.kind == "assessed"]
    assert [entry.passed for entry in assessed] == [("OPT900", "OPT901"), ("OPT901",)]


# ---------------------------------------------------------------- a driver that died


def restored(
    run: Run, events: Sequence[Event], *, live: bool, rules: Sequence[Rule] = (LEARNS,)
) -> tuple[Run, list[Command]]:
    second = Run(*rules, budget=0.5)
    before = list(run.entries)
    commands = second.mind.restore(iter(events), before, live)
    return second, commands


def test_a_new_driver_ends_the_trial_that_the_dead_one_left_open(forking: Run) -> None:
    second, commands = restored(forking, [started(), *steps(0, 70)], live=True)
    assert [(entry.outcome, entry.why) for entry in second.entries if isinstance(entry, Judged)] == [
        ("undecided", "the driver died before there was a verdict")
    ]
    assert commands == [Revert(trial="t1", why="the driver died before there was a verdict")]


def test_a_new_driver_of_a_dead_run_tells_it_nothing(forking: Run) -> None:
    second, commands = restored(forking, [started(), *steps(0, 70)], live=False)
    assert commands == []
    assert second.verdicts() == ["undecided"]


def test_a_new_driver_knows_what_the_old_one_knew(forking: Run) -> None:
    events = [*fork_of(0.5), ended("t1", "candidate")]
    forking.hear(*events)
    second, _ = restored(forking, [started(), *steps(0, 70), *events], live=True)
    assert second.entries == []
    old, new = forking.mind, second.mind
    assert new.history.attempts == old.history.attempts
    assert new.history.spent_s == old.history.spent_s
    assert set(new.diagnosis.standings) == set(old.diagnosis.standings)
    assert new.signals.loss.curve == old.signals.loss.curve
    later = [*steps(70, 400), evaluated(400)]
    assert [one.kind for one in second.hear(*later)] == [one.kind for one in forking.hear(*later)]


def test_a_finished_run_is_let_go_by_a_new_driver() -> None:
    run = Run()
    events = [started(), *steps(0, 100), TrainingEnded(step=100, why="finished", best_step=50)]
    _, commands = restored(run, events, live=True, rules=())
    assert commands == [Finish()]


# ---------------------------------------------------------------- lockstep


def test_in_lockstep_the_clock_changes_nothing_but_times() -> None:
    def ledger(slow: float) -> list[Entry]:
        run = Run(LEARNS, SPEEDS, lockstep=True, budget=0.3)
        events: list[Event] = [started(lockstep=True), *steps(0, 70), *fork_of(0.5), ended("t1", "candidate", slow)]
        events += [*steps(140, 600), evaluated(600, loss=nan), *steps(600, 900)]
        for event in events:
            timed = {"t": event.t * slow, **({"seconds": slow} if hasattr(event, "seconds") else {})}
            run.mind.hear(event.model_copy(update=timed))
        return [entry.model_copy(update={"t": 0.0}) for entry in run.entries]

    def told(entries: list[Entry]) -> list[dict[str, object]]:
        return [entry.model_dump(exclude={"cost_s", "expected_cost_s", "bill_s"}) for entry in entries]

    quick, slow = ledger(1.0), ledger(37.0)
    assert told(quick) == told(slow)
    assert any(entry.kind == "refused" and entry.why.startswith("lockstep") for entry in quick)


def test_settings_come_from_the_configuration_and_how_it_is_run() -> None:
    config = parse({"data": {"source": "sklearn:digits"}, "advisor": {"budget": 0.2, "mute": ["OPT900"]}}, "literal")
    settings = Settings.from_config(config, "advise", lockstep=True)
    assert (settings.mode, settings.budget, settings.mute, settings.lockstep) == ("advise", 0.2, ("OPT900",), True)
    told = parse({"data": {"source": "sklearn:digits"}, "advisor": {"mode": "watch"}}, "literal")
    assert Settings.from_config(told, "auto", lockstep=False).mode == "watch"
