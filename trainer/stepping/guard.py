"""The trainer's own guard: the first rungs of the rescue ladder, in the very step in which something goes wrong.

A non-finite loss or gradient → the step is skipped. A single outlier, of the loss or of the gradient's norm → it is told,
and where it is so large that the step would do harm, its gradient is clipped to the norm that is usual. On a device that
works asynchronously the decision is made there, by limits that the host computed one beat before.

The guard is also what keeps states of a bad time out of the ring: after an outlier, and while the smoothed loss stands
high over where it has been, no snapshot is taken.
"""

from collections import deque
from dataclasses import dataclass
from math import inf, isfinite
from statistics import median
from typing import Literal

import torch

WINDOW = 128
"""Steps over which «usual» is taken."""

FEWEST = 32
"""Fewer values than that say nothing about what is usual."""

SPREADS = 8.0
"""One-sided median + 8·MAD: the limit of an outlier."""

LEAST_RATIO = 4.0
"""A value under four times the median is no outlier, however narrow the spread: a converged run has next to none."""

TAIL_SHARE = 0.03
"""Of the values known: where so many lie far out, the next one that does is no outlier."""

TAIL_RATIO = 2.0
"""Times the value that this share lies above. In 55 healthy runs on small data 2.0 of 10,000 steps are called outliers; at
twice the median and 1.5 times the tail it was 16, in 22 of the runs, and nine of eleven broken streams were seen no sooner
(tests/bench/RESULTS.md, «The guard»)."""

HARM_RATIO = 10.0
"""Times the usual norm from which a step whose loss stands out too is clipped. What the guard does is not tried against
anything, so it is left to steps that would undo many others; a healthy run of which one is clipped is another run from there
on, better or worse by chance."""
GROSS_RATIO = 100.0
"""Times the usual norm from which it is clipped whatever its loss. A net that comes off a plateau has gradients of up to ninety
times those of the plateau, at a loss that is none too high: of 134 healthy runs seven had steps of ten times the usual, and one
of these high losses with them; of twelve runs whose inputs or rate broke in the middle, all had (tests/bench/RESULTS.md)."""

LOSS_FLOOR_SHARE = 0.25
"""Of the run's first losses: what a loss must stand out by. In a net that knows nearly all, the loss is next to nothing,
and every hard example would stand out."""

FIRST_STEPS = 8
"""Steps whose median is where the run began."""

SMOOTHED = 20
"""Steps of a smoothed loss, as the advisor's detector has it."""

CLIMB = 1.5
"""Times the least smoothed loss in the window: the detector of divergence is armed."""

CLIMB_FLOOR_SHARE = 0.02
"""Of the first losses: a loss near zero may double without anything being wrong."""

Outlier = Literal["", "loss_outlier", "gradient_outlier"]


@dataclass(frozen=True)
class GuardState:
    """What a guard knows, for a snapshot."""

    norms: tuple[float, ...]
    losses: tuple[float, ...]
    first: tuple[float, ...]
    acted_step: int


class Guard:
    """Knows which losses and gradient norms are usual, and says which step is not to be taken as it is."""

    def __init__(self, active: bool) -> None:
        self.active = active
        """Off in watch mode: what it would have done is reported, nothing is done."""
        self._first: list[float] = []
        """The run's first losses, whatever is forgotten since."""
        self.acted_step = -WINDOW
        self.forget()

    def armed(self, step: int) -> bool:
        """Tell whether something goes or went wrong lately: no state of such a time is one to go back to."""
        return step - self.acted_step < FEWEST or self.climbing

    def outlier(self, loss: float, norm: float) -> Outlier:
        """Tell what of a step stands far out of what is usual; nothing for a step like the others.

        Args:
            loss: Of the step.
            norm: Of its gradient, as the run's own clipping leaves it: what that tames moves the weights no further than
                other steps do.
        """
        if norm > self.limit:
            return "gradient_outlier"
        return "loss_outlier" if loss > self.loss_limit else ""

    def clips(self, outlier: Outlier, loss: float, norm: float) -> bool:
        """Tell whether an outlier with such a loss and gradient is clipped to the usual norm, or taken as it is."""
        harms = norm > self.gross or (norm > self.harmful and loss > self.loss_limit)
        return self.active and bool(outlier) and harms

    @property
    def harmful(self) -> float:
        """The norm over which a step of a high loss is clipped; infinity while nobody knows what is usual, or that is nothing."""
        return HARM_RATIO * self.usual or inf

    @property
    def gross(self) -> float:
        """The norm over which any step is."""
        return GROSS_RATIO * self.usual or inf

    def learn(self, norms: list[float], losses: list[float]) -> None:
        """Take in the finite norms and losses of the last beat and renew the limits."""
        self._norms.extend(norm for norm in norms if isfinite(norm))
        self._losses.extend(loss for loss in losses if isfinite(loss))
        self._first.extend(list(self._losses)[: FIRST_STEPS - len(self._first)])
        began = abs(median(self._first)) if self._first else 0.0
        self.limit = _limit(self._norms, 0.0)
        self.loss_limit = _limit(self._losses, LOSS_FLOOR_SHARE * began)
        self.usual = median(self._norms) if len(self._norms) >= FEWEST else inf
        self.climbing = self._climbs(CLIMB_FLOOR_SHARE * began)

    def forget(self) -> None:
        """Begin anew: after a rollback or a turn, other losses and norms are usual."""
        self._norms: deque[float] = deque(maxlen=WINDOW)
        self._losses: deque[float] = deque(maxlen=WINDOW)
        self.limit = self.loss_limit = inf
        self.usual = inf
        """Median of the norms known, infinity when they are too few."""
        self.climbing = False
        """The smoothed loss stands at over 1.5 times its least within the window."""

    def state(self) -> GuardState:
        """Return what is known."""
        return GuardState(tuple(self._norms), tuple(self._losses), tuple(self._first), self.acted_step)

    def restore(self, state: GuardState) -> None:
        """Know what was known then."""
        self._norms = deque(state.norms, maxlen=WINDOW)
        self._losses = deque(state.losses, maxlen=WINDOW)
        self._first, self.acted_step = list(state.first), state.acted_step
        self.learn([], [])

    def _climbs(self, floor: float) -> bool:
        losses = list(self._losses)
        smoothed = [median(losses[max(end - SMOOTHED, 0) : end]) for end in range(len(losses), SMOOTHED - 1, -SMOOTHED)]
        if len(smoothed) < 2:
            return False
        least = min(smoothed)
        return smoothed[0] > least + max((CLIMB - 1) * abs(least), floor)


def _limit(values: deque[float], floor: float) -> float:
    """Return what stands out of values: median + 8·MAD; at least four times the median, median + floor and twice its tail."""
    if len(values) < FEWEST:
        return inf
    middle = median(values)
    spread = median(abs(value - middle) for value in values)
    tail = TAIL_RATIO * sorted(values)[-1 - round(TAIL_SHARE * len(values))]
    return max(middle + max(SPREADS * spread, floor), LEAST_RATIO * middle, tail)


def total_norm(gradients: list[torch.Tensor]) -> torch.Tensor:
    """Return the norm of the whole gradient, a scalar on its device."""
    if not gradients:
        return torch.zeros(())
    norms: tuple[torch.Tensor, ...] = torch._foreach_norm(gradients)
    if any(norm.dtype is not torch.float32 for norm in norms):
        norms = tuple(norm.float() for norm in norms)
    whole: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return whole
