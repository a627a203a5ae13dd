"""What is known of a run that began anew within a trial."""

from advisor.gathering.gather import gather
from rules.facts import LossFacts, RunFacts, TaskFacts
from rules.learning import creeps
from tests.advisor.literal import beats, started, told
from trainer.wire import LayersMeasured, RolledBack, TrialBegan, TrialEnded


def test_a_run_that_began_anew_has_another_history() -> None:
    began = TrialBegan(step=100, trial="t1", how="fork", steps=400, from_start=True)
    seen = [started(), *beats(100, 50.0), LayersMeasured(step=90, layers=()), began]
    ended = {"step": 100, "trial": "t1", "seconds": 1.0}
    lost = told(*seen, TrialEnded(**ended, went_on_from="control"), *beats(200, 2.0, since=100))
    won = told(*seen, TrialEnded(**ended, went_on_from="candidate"), *beats(200, 2.0, since=100))
    assert (lost.loss.at_start, won.loss.at_start) == (50.0, 2.0)
    assert won.loss.best_step > 100
    assert won.step == 200
    assert not won.layers.checks


def test_a_run_that_goes_on_from_an_arm_began_where_guessing_is_and_not_where_it_was_first_seen() -> None:
    began = TrialBegan(step=100, trial="t1", how="fork", steps=400, from_start=True)
    won = TrialEnded(step=100, trial="t1", seconds=1.0, went_on_from="candidate")
    signals = told(started(), *beats(100, 50.0), began, won, *beats(200, 0.3, since=100))
    groups = gather(signals, lockstep=True).groups
    loss, run, task = groups["loss"], groups["run"], groups["task"]
    assert isinstance(loss, LossFacts)
    assert isinstance(run, RunFacts)
    assert isinstance(task, TaskFacts)
    assert loss.at_start == task.baseline_loss
    assert not creeps(run, task, loss), "it has fallen by more than a half in so many steps as the run has done"
    signals.hear(RolledBack(step=0, trial="t2", from_step=200, skipped_batches=0))
    for event in beats(30, 3.0):
        signals.hear(event)
    again = gather(signals, lockstep=True).groups["loss"]
    assert isinstance(again, LossFacts)
    assert again.at_start == 3.0
