"""The verdict of a report: what became of the run, why, and what to do next."""

from math import nan

import pytest

from advisor import ledger
from advisor.report.view import figures
from rules.vocabulary import Deed, Effect, Fix, Severity
from tests.report import literal_runs
from tests.report.literal_runs import report_of
from trainer import wire


def test_a_mended_fault_names_the_fix_of_another_finding_that_mended_it() -> None:
    run = literal_runs.troubled()
    other = literal_runs.finding("NUM103", "diverged", "the loss left its minimum", severity=Severity.ERROR)
    run.entries = [entry for entry in run.entries if getattr(entry, "code", "") != "OPT101" or entry.kind != "cleared"]
    run.entries = [entry for entry in run.entries if entry.kind != "found" or entry.finding.code != "OPT101"]
    run.found(other, "cause")
    run.enter(ledger.Cleared, code="NUM103", mended=True)
    assert report_of(run).why.endswith("mended by «start over at a rate of 0.031».")


def test_learning_nothing_is_said() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(128)
    run.evaluate(0.11)
    run.end()
    assert "learned nothing" in report_of(run).verdict


def test_a_score_that_no_guess_could_be_held_against_is_told_alone() -> None:
    run = literal_runs.Recorder()
    run.start(task=literal_runs.task(baseline_metric=nan))
    run.learn(128)
    run.evaluate(0.94)
    run.end()
    report = report_of(run)
    assert report.verdict == "The training finished: accuracy 0.940 on validation."
    assert "constant guess" not in {name for name, *_ in figures(report)}


@pytest.mark.parametrize(("cleared_at", "told"), [(90, True), (14, False)])
def test_a_warning_that_stood_for_long_is_told_though_it_went_by_itself(cleared_at: int, told: bool) -> None:
    run = literal_runs.Recorder()
    run.start()
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    run.learn(12)
    brake = literal_runs.finding("OPT107", "over_regularised", "the weight decay 0.1 pulls", severity=Severity.WARNING)
    run.found(brake, "cause")
    run.learn(cleared_at)
    run.enter(ledger.Cleared, code="OPT107", mended=False)
    run.learn(128)
    run.evaluate(0.9)
    run.end()
    why = report_of(run).why
    assert why.startswith("OPT107 stood from step 12 to ") is told
    assert ("went by itself: the weight decay 0.1 pulls." in why) is told


def test_the_best_of_several_guesses_is_no_learning_and_what_stood_last_is_the_reason() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.enter(ledger.DriverStarted, pid=1, mode="watch", budget=0.1)
    dead = literal_runs.finding("ARC103", "dead_units", "100% of the units never fire", severity=Severity.WARNING)
    early = literal_runs.finding("NUM102", "divergence", "the loss is 9", severity=Severity.ERROR)
    run.found(early, "cause")
    run.enter(ledger.Cleared, code="NUM102", mended=False)
    run.learn(128)
    run.evaluate(0.12)  # less than two standard errors above a guess
    run.found(dead, "cause")
    run.enter(ledger.Cleared, code="ARC103", mended=False)
    run.end()
    report = report_of(run)
    assert "learned nothing" in report.verdict
    assert report.why == "ARC103: 100% of the units never fire."
    assert "--mode auto" in report.next


def test_a_fault_that_stands_is_in_the_first_sentence_beside_what_was_mended() -> None:
    run = literal_runs.troubled()
    assert report_of(run).verdict.startswith(
        "The training finished, with 3 faults mended on the way and 1 that stands: "
    )
    fault = literal_runs.finding("DAT113", "examples_change", "other labels since step 9", severity=Severity.ERROR)
    run.found(fault, "cause")
    run.found(literal_runs.finding("NUM102", "divergence", "the loss is 9", severity=Severity.ERROR), "symptom")
    assert " and 2 that stand: " in report_of(run).verdict
    assert "with" not in report_of(literal_runs.healthy()).verdict


def test_an_error_that_is_a_symptom_is_told_by_its_cause() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(128)
    run.evaluate(0.11)
    labels = literal_runs.finding("DAT112", "labels", "shuffled labels would do as well", severity=Severity.WARNING)
    stuck = literal_runs.finding("OPT103", "stuck", "the loss is that of guessing", severity=Severity.ERROR)
    run.found(labels, "cause")
    run.found(stuck, "symptom", "DAT112")
    run.end()
    assert report_of(run).why == "DAT112: shuffled labels would do as well."
    run.enter(ledger.Cleared, code="DAT112", mended=False)
    assert report_of(run).why == "OPT103: the loss is that of guessing."


def test_a_run_that_was_given_up_says_what_for() -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(128)
    run.evaluate(0.5)
    climb = literal_runs.finding("NUM102", "divergence", "the loss is 9, up from 2", severity=Severity.ERROR)
    run.found(climb, "cause")
    stop = Fix(
        name="stop", effect=Effect.RESCUE, deed=Deed.STOP, improves="finite", expected=0.0, estimated_by="nothing helps"
    )
    run.try_out("t1", "NUM102", stop, "rescue")
    run.say(wire.TrainingEnded, why="hopeless", best_step=64)
    run.judge("t1", "NUM102", "applied_untried", "the run was stopped", 0.0)
    run.enter(ledger.Cleared, code="NUM102", mended=False)
    run.end("hopeless")
    run.enter(ledger.TrainerExited, code=3, why="the trainer failed with code 3", last_lines=())
    report = report_of(run)
    assert report.verdict.startswith("The training was given up at step")
    assert report.why == "NUM102: the loss is 9, up from 2."


@pytest.mark.parametrize(("best", "told"), [(16, True), (128, False)])
def test_what_was_kept_after_the_best_evaluation_is_not_in_what_is_delivered(best: int, told: bool) -> None:
    run = literal_runs.Recorder()
    run.start()
    run.learn(64)
    run.evaluate(0.9)
    fix = Fix(
        name="weigh the loss by class",
        effect=Effect.CHANGES_LEARNING,
        improves="loss",
        expected=0.1,
        estimated_by="a guess",
    )
    run.try_out("t1", "DAT101", fix, "fork")
    run.judge("t1", "DAT101", "kept", "loss 1 → 0.5", 0.5)
    run.learn(64)
    run.say(wire.TrainingEnded, why="finished", best_step=best)
    run.end()
    said = [one for one in report_of(run).unsure if "weigh the loss by class" in one]
    assert bool(said) is told
    assert not told or said == [
        "The best accuracy was that of step 16, and its weights are delivered; what was kept later is not in them: "
        "weigh the loss by class."
    ]
