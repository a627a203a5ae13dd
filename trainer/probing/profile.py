"""A profile: hardware, data and the speed of a step, without training."""

from time import perf_counter

from trainer.commands import Probe
from trainer.probing import probes
from trainer.start import announce
from trainer.state.snapshot import take
from trainer.training import Training
from trainer.watching.beat import last_words
from trainer.wire import RunEnded


def profile(training: Training) -> RunEnded:
    """Tell what is there, measure a step that does not wait for input and one that does, and end."""
    begun = perf_counter()
    announce(training, resumed=False)
    start = take(training)
    training.model.train()
    training.clocks.stop()
    for probe in ("cached_batch", "fetched_batch", "loss_at_init"):
        probes.run(training, Probe(probe=probe), start)
    words = last_words(training, "finished", "profile", perf_counter() - begun)
    training.link.say(words)
    training.supply.close()
    return words
