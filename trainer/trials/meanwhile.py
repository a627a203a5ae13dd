"""Evaluations that come due while the control of a fork trains are the run's own, wherever it goes on from there.

So a trial that is not kept leaves no trace: the same steps are evaluated, and the same model is the best one, as if nothing
had been tried.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from trainer.evaluate import Examiner
from trainer.state.keeping import Keeper, evaluation
from trainer.training import Best, Training
from trainer.wire import Evaluated


class Meanwhile:
    """Evaluates the control's arm where the run would have been evaluated."""

    def __init__(self, training: Training, examiner: Examiner, keeper: Keeper, *, due: bool) -> None:
        self._training, self._examiner, self._keeper = training, examiner, keeper
        self._due = due
        """Else the arms begin before the first step, and the run has been through all this."""
        self._after = replace(training.best)
        self._evaluated: list[Evaluated] = []

    @contextmanager
    def evaluating(self) -> Iterator[Callable[[], float]]:
        """Yield what is called after each step of the control; the best model is again that of before afterwards."""
        before = replace(self._training.best)
        try:
            yield self._step
        finally:
            self._after = replace(self._training.best)
            self._have(before)

    def take_over(self) -> float:
        """Let the run, which goes on from the control's end, have what was found; return the seconds that it took."""
        seconds = sum(event.seconds for event in self._evaluated)
        self._training.seconds["evaluation"] += seconds
        if self._evaluated:
            self._have(self._after)
        return seconds

    @property
    def evaluated(self) -> tuple[Evaluated, ...]:
        """The evaluations, each as it was at its step; nothing is told of them yet."""
        return tuple(self._evaluated)

    def tell(self) -> None:
        """Tell the evaluations."""
        for event in self._evaluated:
            self._training.link.say(event)

    def _step(self) -> float:
        if not (self._due and self._training.progress.evaluation_due):
            return 0.0
        event = evaluation(self._training, self._examiner)
        self._keeper.judge(event)
        self._evaluated.append(event)
        return event.seconds

    def _have(self, best: Best) -> None:
        held = self._training.best
        held.weights, held.written_step = best.weights, best.written_step
