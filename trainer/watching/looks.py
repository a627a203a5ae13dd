"""Looks: which steps are looked at from inside, and what is told of them: the layers, and what went into the net."""

import torch

from trainer.data.batch import Batch
from trainer.training import Training
from trainer.watching.layers import LayerProbe
from trainer.watching.stream_watch import StreamWatch

EVERY_SHARE = 0.01
EVERY_STEPS_LEAST = 5
"""A look for every hundredth of the run, at most every five steps."""

RARER_TIMES = 4
"""Where looks cost too much."""

STEPS_AFTER = 3
"""Steps behind one that the guard acted on, which are looked at too: was it what went in? At most once between two looks."""


class Looks:
    """Looks at some steps of a run."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._stream = StreamWatch(training.setup, training.batch_size, training.progress.samples_total)
        self._next = self._next_after = training.progress.step
        self._last = training.progress.step
        self._acted = training.guard.acted_step
        self._left = 0
        """Steps still to be looked at because of the guard."""

    def at(self, batch: Batch) -> LayerProbe | None:
        """Return what looks at the step to come, if that one is looked at."""
        self._stream.take(batch)
        step = self._training.progress.step
        if step < self._last:  # the run was turned back
            self._next = self._next_after = step
        self._last = step
        if self._training.bare:
            if step >= self._next:  # lapses: looks behind bare stretches would fall into the watched ones beside them
                self._next = step + 1 + self._every()
            return None
        if self._left == 0 and step < self._next:
            return None
        return LayerProbe(self._training.model)

    def tell(self, layers: LayerProbe | None, batch: Batch) -> None:
        """Tell what the step was like that was just taken, unless memory is too short to look."""
        training = self._training
        step = training.progress.step
        if layers is not None:
            self._left = max(self._left - 1, 0)
            self._next = step + self._every() if step > self._next else self._next
            self._say(layers, batch)
        if training.guard.acted_step > self._acted and step >= self._next_after:
            self._left, self._next_after = STEPS_AFTER, step + self._every()
        self._acted = training.guard.acted_step

    def _every(self) -> int:
        every = max(EVERY_STEPS_LEAST, round(self._training.steps_total * EVERY_SHARE))
        return every * RARER_TIMES if "layers" in self._training.shed else every

    def _say(self, layers: LayerProbe, batch: Batch) -> None:
        training = self._training
        try:
            if not layers.given_up:
                told = layers.report(training.optimizer)
                stream = self._stream.look(layers.entrance.inputs, batch)
                training.link.say(told.model_copy(update={**training.progress.where(), "stream": stream}))
        except torch.OutOfMemoryError:
            layers.give_up()
