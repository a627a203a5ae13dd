"""What goes into the net, as the looks of the trainer tell it: the first epoch, and the newest."""

from collections import deque
from math import isfinite, nan
from statistics import median

from rules.facts import StreamCheck
from trainer.wire import LayersMeasured

FIRST_MOST = 40
"""Looks of the first epoch: more tell its spread no better."""
LATER_MOST = 20
"""The newest looks behind it."""
FIRST_LEAST = 8
"""Looks before a spread is known."""
FIRST_SHARE = 0.1
"""Of the run: an epoch may be all of it."""
KNOWN_LEAST = 4
"""Looks with an agreement among the first, where there is one: it comes late in the first epoch."""


class StreamSignal:
    """The looks at what goes into the net."""

    def __init__(self, steps_total: int = 1, examples: int = 0) -> None:
        self.steps_total = steps_total
        self.examples = examples
        """Of the training split."""
        self.asked = self.distinct = 0
        self._left_out = nan
        self.first: deque[StreamCheck] = deque(maxlen=FIRST_MOST)
        self.later: deque[StreamCheck] = deque(maxlen=LATER_MOST)
        self._since_step = self._since_samples = 0
        self.gathered = False
        """The first looks are complete."""

    def push(self, event: LayersMeasured) -> None:
        """Take a look."""
        told = event.stream
        if told is None:
            return
        self.asked, self.distinct = told.asked, told.distinct
        self._left_out = self._left_out if told.left_out is None else told.left_out
        agreement = float("nan") if told.agreement is None else told.agreement
        check = StreamCheck(event.step, told.mean, told.std, told.broken_share, told.alike, agreement, told.examples)
        self.gathered = self.gathered or self._complete(event, agreement)
        (self.later if self.gathered else self.first).append(check)

    @property
    def agreement(self) -> float:
        """How the targets go with the inputs by a linear model; NaN before there is one.

        Told by examples that it was not fitted to; of an older recording, by the batches, most of which it was.
        """
        if isfinite(self._left_out):
            return self._left_out
        known = [check.agreement for check in (*self.first, *self.later) if check.agreement == check.agreement]
        return median(known) if len(known) >= KNOWN_LEAST else nan

    def _complete(self, event: LayersMeasured, agreement: float) -> bool:
        """Tell whether the first looks were complete before this one."""
        epoch = event.samples - self._since_samples > self.examples
        tenth = event.step - self._since_step > FIRST_SHARE * self.steps_total
        known = sum(check.agreement == check.agreement for check in self.first)
        return (epoch or tenth) and len(self.first) >= FIRST_LEAST and (agreement != agreement or known >= KNOWN_LEAST)

    def begin_anew(self, step: int, samples: int) -> None:
        """Gather first looks anew: what goes into the net was changed on purpose."""
        self.first.clear()
        self.later.clear()
        self._since_step, self._since_samples, self.gathered = step, samples, False

    def cut(self, step: int) -> None:
        """Forget everything after `step`."""
        self.first = deque((check for check in self.first if check.step <= step), maxlen=FIRST_MOST)
        self.later = deque((check for check in self.later if check.step <= step), maxlen=LATER_MOST)
        self.gathered = self.gathered and bool(self.first)
