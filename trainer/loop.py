"""The training loop, to be read from top to bottom.

A step boundary is the only place where anything but a step happens: commands are obeyed there, knobs turn there,
evaluations, snapshots, beats and trials begin there.
"""

from time import perf_counter

from trainer.evaluate import Examiner
from trainer.finish import finish
from trainer.obey import Orders
from trainer.start import announce
from trainer.state.keeping import Keeper, evaluation
from trainer.state.snapshot import Ring, take
from trainer.stepping.recovery import MemoryExhausted, UpdateTorn
from trainer.stepping.step import take_step
from trainer.supply import before
from trainer.training import Training
from trainer.trials.restart import Order
from trainer.watching.beat import Beats, last_words
from trainer.watching.cost import Cost
from trainer.watching.looks import Looks
from trainer.watching.outputs import OutputLooks
from trainer.wire import Evaluated, RunEnded


def train(training: Training, *, resumed: bool = False, order: Order | None = None) -> RunEnded:
    """Train to the end of the run, or until it is told to stop; return the last words, which were said.

    Raises:
        StartAnew: when the run has to be built anew to go on; all is written, nothing is left open.
    """
    begun = perf_counter()
    announce(training, resumed=resumed, trial=order.trial if order else "")
    ring = Ring(take(training, on_host=True), training.steps_total)
    beats, examiner, keeper = Beats(training), Examiner(training), Keeper(training)
    orders = Orders(training, beats, examiner, ring, keeper)
    looks, outputs, batch = Looks(training), OutputLooks(training), None
    cost = Cost(training)
    training.model.train()
    training.clocks.start()
    orders.go_on(order)

    while training.progress.samples < training.progress.samples_total:
        if orders.obey():
            beats.resume()
            cost.spoil()
        if training.ending or training.progress.samples >= training.progress.samples_total:
            break  # rounds and forks train, too
        training.clocks.mark("advisor")

        batch = training.supply.take()
        training.clocks.mark("input_wait")
        if outputs.due() and not training.bare:
            outputs.take(batch)
            training.clocks.mark("advisor")

        layers = looks.at(batch)
        try:
            beats.step(take_step(training, batch, layers), batch, looked=layers is not None)
        except UpdateTorn:
            orders.fall_back()
            continue
        except MemoryExhausted:
            training.supply.go_to(before(batch.ticket))
            keeper.write_last()
            raise

        looks.tell(layers, batch)
        cost.step(looked=layers is not None)
        if beats.due():
            beats.take(batch)
        training.clocks.mark("advisor")

        if training.progress.evaluation_due:
            beats.take(batch)
            with cost.apart():
                keeper.judge(evaluate(training, examiner))
                tell_labels(training)
            if keeper.exhausted():
                training.ending = "early_stop"
            beats.resume("evaluation")
        if ring.due(training.progress.step) and not training.guard.armed(training.progress.step):
            with cost.apart():
                orders.snapshot()
            beats.resume()
        if keeper.due():
            with cost.apart():
                keeper.write_due()
            beats.resume("checkpoint")

    beats.flush(batch)
    orders.board.revert_all("the run has ended")
    finish(training, examiner, keeper, beats)
    words = last_words(training, training.ending or "finished", "", perf_counter() - begun)
    training.link.say(words)
    training.supply.close()
    examiner.close()
    return words


def tell_labels(training: Training) -> None:
    """Tell what the run thinks of its own labels, as soon as it is a sound witness."""
    if training.labels is not None and (suspected := training.labels.news()) is not None:
        training.link.say(suspected.model_copy(update=training.progress.where()))


def evaluate(training: Training, examiner: Examiner) -> Evaluated:
    """Evaluate, tell it, and give the driver a moment to hear it before the run moves on."""
    event = evaluation(training, examiner)
    training.seconds["evaluation"] += event.seconds
    training.link.say(event)
    training.tempo.wait_behind_evaluation()
    return event
